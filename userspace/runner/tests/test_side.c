/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of agents and the administrator's templates, before anything is touched. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask/message.h"
#include "ask/varlink.h"
#include "ask/wrapper.h"
#include "side/serve.h"
#include "side/template.h"
#include "tap.h"

#define ID "0123456789abcdef0123456789abcdef"
#define BEGIN "{\"version\":1,\"id\":\"" ID "\",\"action\":\"start\",\"template\":\"dnsmasq\",\"key\":\"k\""

static int parse_len(const char *text, size_t len, struct shift_error *err)
{
	struct side_request q;
	int r = side_request_parse(&q, text, len, err);

	side_request_clear(&q);
	return r;
}

static int parse(const char *text)
{
	return parse_len(text, strlen(text), NULL);
}

static const char *const good[] = {
	BEGIN "}",
	BEGIN ",\"args\":[]}",
	BEGIN ",\"args\":[\"--pid-file=/a b\",\"\",\"\xc3\xa9\"]}\n",
	BEGIN ",\"netns\":\"qdhcp-0a1b.2:3@4\"}",
	"{\"version\":1,\"id\":\"" ID "\",\"action\":\"signal\",\"template\":\"a\",\"key\":\"/var/lib/x.pid\",\"signal\":1}",
	"{\"version\":1,\"id\":\"" ID "\",\"action\":\"remove\",\"template\":\"0-9\",\"key\":\"k\"}",
};

/* Each with a part of the reason that the asker gets. */
static const struct { const char *text, *why; } bad[] = {
	{ "", "no JSON" }, { "x", "no JSON" }, { "{", "no JSON" },
	{ "[]", "no JSON object" }, { "null", "no JSON" },
	{ "1", "no JSON" },
	{ BEGIN "} x", "no JSON" }, { BEGIN "}{}", "no JSON" },
	{ BEGIN ",}", "no JSON" }, { BEGIN ",'a':1}", "no member" },
	{ BEGIN ",\"args\":[[[[[[[[[[\"x\"]]]]]]]]]]}", "no JSON" },
	{ BEGIN ",\"args\":[\"\xff\"]}", "no JSON" },
	{ "{}", "no version" },
	{ "{\"version\":2}", "version" }, { "{\"version\":\"1\"}", "version" },
	{ "{\"version\":1}", "no action" },
	{ BEGIN ",\"privileged\":true}", "no member of that name" },
	{ BEGIN ",\"image\":\"x\"}", "no member of that name" },
	{ BEGIN ",\"action\":\"exec\"}", "no such action" },
	{ BEGIN ",\"action\":[]}", "no such action" },
	{ BEGIN ",\"id\":\"../../../../../etc/passwd000000000\"}", "hexadecimal" },
	{ BEGIN ",\"id\":\"0123456789ABCDEF0123456789abcdef\"}", "hexadecimal" },
	{ BEGIN ",\"id\":7}", "hexadecimal" },
	{ BEGIN ",\"template\":\"\"}", "template" },
	{ BEGIN ",\"template\":\"../x\"}", "template" },
	{ BEGIN ",\"template\":\"a/b\"}", "template" },
	{ BEGIN ",\"template\":\".\"}", "template" },
	{ BEGIN ",\"template\":\"-x\"}", "template" },
	{ BEGIN ",\"template\":\"a\\nb\"}", "template" },
	{ BEGIN ",\"template\":\"a\\u0000b\"}", "NUL" },
	{ BEGIN ",\"template\":\"abcdefghijklmnopqrstuvwxy\"}", "template" },
	{ BEGIN ",\"template\":1}", "template" },
	{ BEGIN ",\"key\":\"\"}", "key" }, { BEGIN ",\"key\":\"a b\"}", "key" },
	{ BEGIN ",\"key\":\"\\u001b[2J\"}", "key" },
	{ BEGIN ",\"key\":\"\xc3\xa9\"}", "key" },
	{ BEGIN ",\"netns\":\"..\"}", "network namespace" },
	{ BEGIN ",\"netns\":\".\"}", "network namespace" },
	{ BEGIN ",\"netns\":\"a/b\"}", "network namespace" },
	{ BEGIN ",\"netns\":\"\"}", "network namespace" },
	{ BEGIN ",\"netns\":\"a\\u0000\"}", "NUL" },
	{ BEGIN ",\"args\":\"x\"}", "not a list" },
	{ BEGIN ",\"args\":{\"0\":\"x\"}}", "not a list" },
	{ BEGIN ",\"args\":[1]}", "argument 1" },
	{ BEGIN ",\"args\":[\"a\",null]}", "argument 2" },
	{ BEGIN ",\"args\":[\"a\\u0000b\"]}", "argument 1" },
	{ BEGIN ",\"args\":[\"ok\",\"a\\nb\"]}", "argument 2 has a control character" },
	{ BEGIN ",\"args\":[\"\\u001b\"]}", "control character" },
	{ BEGIN ",\"args\":[\"\\u007f\"]}", "control character" },
	{ BEGIN ",\"signal\":9}", "signal" },
	{ BEGIN ",\"action\":\"signal\"}", "signal" },
	{ BEGIN ",\"action\":\"signal\",\"signal\":0}", "signal" },
	{ BEGIN ",\"action\":\"signal\",\"signal\":-1}", "signal" },
	{ BEGIN ",\"action\":\"signal\",\"signal\":1000}", "signal" },
	{ BEGIN ",\"action\":\"signal\",\"signal\":9.5}", "signal" },
	{ BEGIN ",\"action\":\"stop\",\"args\":[\"x\"]}", "belong to start" },
	{ BEGIN ",\"action\":\"stop\",\"netns\":\"x\"}", "belong to start" },
};

static void test_requests(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(!parse(good[i]), "taken: %s", good[i] + 40);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct shift_error err = SHIFT_ERROR_INIT;
		int r = parse_len(bad[i].text, strlen(bad[i].text), &err);

		ok(r < 0 && strstr(shift_err_text(&err), bad[i].why),
		   "refused, %s: %s", bad[i].why, shift_err_text(&err));
		shift_err_clear(&err);
	}
	ok(parse_len(BEGIN "}\0", sizeof(BEGIN) + 1, NULL) < 0,
	   "a NUL behind it");
}

/* @n arguments of @len bytes. */
static int many(size_t n, size_t len)
{
	size_t room = sizeof(BEGIN) + n * (len + 3) + 32;
	char *text = malloc(room), *p = text;
	int r;

	p += sprintf(p, BEGIN ",\"args\":[");
	for (size_t i = 0; i < n; i++) {
		p += sprintf(p, "%s\"", i ? "," : "");
		memset(p, 'x', len);
		p += len;
		*p++ = '"';
	}
	p += sprintf(p, "]}");
	r = parse_len(text, (size_t)(p - text), NULL);
	free(text);
	return r;
}

static void test_sizes(void)
{
	ok(!many(256, 100), "256 arguments");
	ok(many(257, 1) < 0, "257 arguments");
	ok(!many(1, 4096), "one of 4096 bytes");
	ok(many(1, 4097) < 0, "of 4097");
	ok(many(2560, 4096) < 0, "10 MB of arguments");
	ok(many(32, 4096) < 0, "more than a request's size");
}

static void test_round_trip(void)
{
	struct side_request q = { .action = SIDE_START }, back;
	struct side_answer a = { .result = SIDE_ENDED, .status = 7 }, again;
	char *text = NULL;

	strcpy(q.id, ID);
	str_replace(&q.template, "haproxy", NULL);
	str_replace(&q.key, "/x/y.pid", NULL);
	str_replace(&q.netns, "qdhcp-1", NULL);
	strv_add(&q.args, "-f", NULL);
	strv_add(&q.args, "/a \"b\" \\c", NULL);
	ok(!side_request_format(&q, &text, NULL) &&
	   !side_request_parse(&back, text, strlen(text), NULL), "a request");
	ok(back.args.n == 2 && !strcmp(back.args.v[1], q.args.v[1]) &&
	   !strcmp(back.netns, q.netns), "says the same again");
	side_request_clear(&q);
	side_request_clear(&back);
	free(text);
	text = NULL;
	strcpy(a.id, ID);
	str_replace(&a.output, "line\nline\n", NULL);
	ok(!side_answer_format(&a, &text, NULL) &&
	   !side_answer_parse(&again, text, strlen(text), NULL), "an answer");
	ok(again.status == 7 && again.result == SIDE_ENDED &&
	   !strcmp(again.output, a.output), "says the same again");
	side_answer_clear(&a);
	side_answer_clear(&again);
	free(text);
}

#define LEAST "\"image\":\"i\",\"askers\":[\"agent\"],\"command\":[\"c\"]"

static int template(struct side_template *t, const char *text)
{
	return side_template_parse(t, "t", text, strlen(text), NULL);
}

static int takes(const char *text)
{
	struct side_template t;
	int r = template(&t, text);

	side_template_clear(&t);
	return r;
}

static void test_templates(void)
{
	static const char *const wrong[] = {
		"", "{}", "[]", "x", "{" LEAST "}", "{" LEAST ",\"args\":\"x\"}",
		"{" LEAST ",\"args\":[\"(\"]}", "{" LEAST ",\"args\":[[]]}",
		"{" LEAST ",\"args\":[1]}", "{" LEAST ",\"args\":[[\"a\",\"[\"]]}",
		"{" LEAST ",\"args\":[],\"priviledged\":true}",
		"{" LEAST ",\"args\":[],\"network\":\"host\"}",
		"{" LEAST ",\"args\":[],\"userns\":\"host\"}",
		"{" LEAST ",\"args\":[],\"memory\":\"64m\"}",
		"{" LEAST ",\"args\":[],\"memory\":0}",
		"{" LEAST ",\"args\":[],\"max\":-1}",
		"{" LEAST ",\"args\":[],\"read_only\":1}",
		"{" LEAST ",\"args\":[],\"signals\":[64]}",
		"{" LEAST ",\"args\":[],\"cpus\":0}",
		"{" LEAST ",\"args\":[],\"image\":\"\"}",
		"{" LEAST ",\"args\":[],\"askers\":[]}",
		"{" LEAST ",\"args\":[],\"volumes\":[\"a\\u0000b\"]}",
		"{" LEAST ",\"args\":[]} trailing",
		"{\"image\":\"i\",\"askers\":[\"a\"],\"args\":[]}",
	};

	ok(!takes("{" LEAST ",\"args\":[]}"), "the least");
	ok(!takes("{" LEAST ",\"args\":[\"a\",[\"-f\",\".*\"]],\"max\":2,\"cpus\":0.5,\"network\":\"named\",\"userns\":\"agent\",\"signals\":[1,9],\"restart\":\"always\"}\n"), "more");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ok(takes(wrong[i]) < 0, "refused: %s", wrong[i]);
}

static int match(const struct side_template *t, const char *a, const char *b,
		 const char *c)
{
	struct strv args = { NULL, 0 };
	const char *all[] = { a, b, c };
	int r;

	for (int i = 0; i < 3 && all[i]; i++)
		strv_add(&args, all[i], NULL);
	r = side_template_match(t, &args, NULL);
	strv_clear(&args);
	return r;
}

static void test_match(void)
{
	struct strv args = { NULL, 0 }, command = { NULL, 0 };
	struct side_template t;

	ok(!template(&t, "{\"image\":\"i\",\"askers\":[\"agent\"],\"command\":[\"c\",\"{args}\",\"-k\"],"
		     "\"args\":[\"--no|-v\",[\"-f\",\"/etc/[a-z]+\"],\"-x=[0-9]{1,3}\"]}"),
	   "a template");
	ok(!match(&t, NULL, NULL, NULL), "nothing");
	ok(!match(&t, "--no", "-v", "-x=123"), "each word");
	ok(!match(&t, "-f", "/etc/passwd", "--no"), "two words");
	ok(match(&t, "-f", NULL, NULL) < 0, "the first of two");
	ok(match(&t, "/etc/passwd", NULL, NULL) < 0, "the second of two");
	ok(match(&t, "-f", "-f", "/etc/a") < 0, "one in the place of the other");
	ok(match(&t, "--no-more", NULL, NULL) < 0, "only the beginning of an alternative");
	ok(match(&t, "a-v", NULL, NULL) < 0, "only its end");
	ok(match(&t, "-x=1234", NULL, NULL) < 0, "too long");
	ok(match(&t, "-f", "/etc/../x", NULL) < 0, "another path");
	ok(match(&t, "-f", "/etc/a\nb", NULL) < 0, "a line more");
	ok(match(&t, "", NULL, NULL) < 0, "an empty word");
	ok(side_template_allows(&t, "agent") && !side_template_allows(&t, "agen") &&
	   !side_template_allows(&t, ""), "askers");
	strv_add(&args, "-v", NULL);
	ok(!side_template_command(&t, &args, &command, NULL) && command.n == 3 &&
	   !strcmp(command.v[1], "-v") && !strcmp(command.v[2], "-k"),
	   "the arguments are where {args} is");
	strv_clear(&args);
	strv_clear(&command);
	side_template_clear(&t);
}

static void test_names(void)
{
	char a[64], b[64], c[64];

	ok(!side_pod_name("agent", "abcdefghijklmnopqrstuvwx", "k", a, NULL) &&
	   strlen(a) <= 63, "the longest: %s", a);
	ok(!side_pod_name("agent", "t", "k", a, NULL) &&
	   !side_pod_name("agent2", "t", "k", b, NULL) &&
	   !side_pod_name("agent", "t", "k2", c, NULL) && strcmp(a, b) &&
	   strcmp(a, c), "asker and key make the name");
}

/* What the wrapper makes of a helper's words: "PIDFILE fg" or "PIDFILE bg". */
static const struct { const char *words[8], *reads; } helpers[] = {
	{ { "dnsmasq", "--no-hosts", "--pid-file=/v/p" }, "/v/p bg" },
	{ { "dnsmasq", "-k", "-x", "/v/p" }, "/v/p fg" },
	{ { "dnsmasq", "-x" }, "- bg" },
	{ { "haproxy", "-f", "CONFIG" }, "/v/h.pid bg" },
	{ { "haproxy", "-db", "-f", "CONFIG" }, "/v/h.pid fg" },
	{ { "haproxy", "-p", "/v/q", "-f", "CONFIG" }, "/v/q bg" },
	{ { "haproxy", "-D", "-p", "/v/q" }, "/v/q bg" },
	{ { "haproxy", "-p", "/v/q" }, "/v/q fg" },
	{ { "keepalived", "-P", "-f", "/c", "-p", "/v/k", "-r", "/v/k-vrrp" }, "/v/k bg" },
	{ { "keepalived", "--pid=/v/k", "-n" }, "/v/k fg" },
	{ { "radvd", "-C", "/c", "-p", "/v/r", "-m", "syslog" }, "/v/r bg" },
};

static void test_helpers(void)
{
	char config[] = "/tmp/test_side.XXXXXX", text[256];
	FILE *f = fdopen(mkstemp(config), "w");

	fputs("global\n    log /dev/log local0\n    pidfile  /v/h.pid\n    daemon\nlisten x\n", f);
	fclose(f);
	for (size_t i = 0; i < sizeof(helpers) / sizeof(*helpers); i++) {
		char *argv[9] = { NULL }, *pidfile = NULL;
		bool foreground = false;
		int n = 0, r;

		for (; n < 8 && helpers[i].words[n]; n++)
			argv[n] = strcmp(helpers[i].words[n], "CONFIG") ?
				(char *)helpers[i].words[n] : config;
		r = wrapper_read(argv[0], n, argv, &pidfile, &foreground, NULL);
		snprintf(text, sizeof(text), "%s %s", pidfile ?: "-",
			 foreground ? "fg" : "bg");
		ok(!r && !strcmp(text, helpers[i].reads), "%s, %zu: %s",
		   argv[0], i, text);
		free(pidfile);
	}
	ok(wrapper_knows("radvd") && !wrapper_knows("runner-side") &&
	   wrapper_is_kill("dnsmasq-kill") && !wrapper_is_kill("-kill"), "names");
	ok(wrapper_looks("dnsmasq", 2, (char *[]){ "dnsmasq", "--version" }) &&
	   wrapper_looks("dnsmasq", 3, (char *[]){ "dnsmasq", "--test", "--dhcp-host=tag:foo" }) &&
	   wrapper_looks("haproxy", 2, (char *[]){ "haproxy", "-vv" }) &&
	   !wrapper_looks("haproxy", 3, (char *[]){ "haproxy", "-f", config }) &&
	   !wrapper_looks("keepalived", 1, (char *[]){ "keepalived" }),
	   "calls that start nothing");
	unlink(config);
}

/* A call, and the error that it gets, "": none. */
static const struct { const char *call, *error; } calls[] = {
	{ "{\"method\":\"org.varlink.service.GetInfo\"}", "" },
	{ "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{},\"more\":true}", "" },
	{ "{\"method\":\"org.shiftfs.Side.Wait\",\"parameters\":{\"template\":\"a\",\"key\":\"k\"}}", "" },
	{ "{\"method\":\"org.shiftfs.Side.Start\",\"parameters\":{\"template\":\"a\",\"key\":\"k\",\"args\":[\"x\"]}}", "" },
	{ "{\"method\":\"org.shiftfs.Side.Start\",\"parameters\":{\"template\":\"a\",\"key\":\"k\",\"version\":1}}", "Side.Refused" },
	{ "{\"method\":\"org.shiftfs.Side.Status\",\"parameters\":{\"template\":\"a\",\"key\":\"k\",\"args\":[\"x\"]}}", "Side.Refused" },
	{ "{\"method\":\"org.shiftfs.Side.Signal\",\"parameters\":{\"template\":\"a\",\"key\":\"k\"}}", "Side.Refused" },
	{ "{\"method\":\"org.shiftfs.Side.Start\"}", "Side.Refused" },
	{ "{\"method\":\"org.shiftfs.Side.Exec\",\"parameters\":{}}", "service.MethodNotFound" },
	{ "{\"method\":\"Exec\"}", "service.InterfaceNotFound" },
	{ "{\"method\":\"\"}", "service.InterfaceNotFound" },
	{ "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":null}", "" },
	{ "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":[]}", "service.InvalidParameter" },
	{ "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":1}", "service.InvalidParameter" },
	{ "{\"method\":\"org.varlink.service.GetInfo\",\"upgrade\":true}", "service.InvalidParameter" },
	{ "{\"method\":\"org.varlink.service.GetInfo\",\"fds\":3}", "service.InvalidParameter" },
	{ "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"x\"}}", "service.InterfaceNotFound" },
	{ "{\"method\":7}", "service.InvalidParameter" }, { "{}", "service.InvalidParameter" },
	{ "[]", "Side.Refused" }, { "", "Side.Refused" }, { "GET / HTTP/1.0", "Side.Refused" },
};

static void test_calls(void)
{
	struct side_answer a = { .result = SIDE_ENDED, .status = 7 }, b;
	char *text = NULL;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		struct varlink_call c;
		char *reply;
		int r = varlink_call_parse(&c, calls[i].call, strlen(calls[i].call),
					   &reply, NULL);

		ok(*calls[i].error ? r < 0 && reply && strstr(reply, calls[i].error) :
				     !r && !reply, "call %s: %s", calls[i].call,
		   *calls[i].error ? calls[i].error : "taken");
		varlink_call_clear(&c);
		free(reply);
	}
	a.pod = strdup("side-1");
	ok(!varlink_reply_format(&a, &text, NULL) &&
	   !varlink_reply_parse(&b, text, strlen(text), NULL) &&
	   b.result == SIDE_ENDED && b.status == 7 && !strcmp(b.pod, "side-1"),
	   "a reply says the same when read");
	free(text);
	side_answer_clear(&b);
	side_answer_clear(&a);
	a.result = SIDE_FAILED;
	a.error = strdup("no \"room\"");
	ok(!varlink_reply_format(&a, &text, NULL) &&
	   !varlink_reply_parse(&b, text, strlen(text), NULL) &&
	   b.result == SIDE_FAILED && !strcmp(b.error, a.error),
	   "an error as well");
	free(text);
	side_answer_clear(&b);
	side_answer_clear(&a);
}

int main(void)
{
	test_calls();
	test_helpers();
	test_requests();
	test_sizes();
	test_round_trip();
	test_templates();
	test_match();
	test_names();
	return tap_done();
}
