/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ps, inspect: what is known of pods. */
#include "cli/commands.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/words.h"
#include "escape.h"
#include "pod/pod.h"
#include "pod/poddir.h"
#include "pod/state.h"

#define FAILED POD_STATUS_FAILED

enum { OPT_JSON = 256, OPT_FORMAT, OPT_NOHEADING };

static const struct words_option ps_options[] = {
	{ 'a', "all", 0, NULL, "those that have ended as well", NULL },
	{ 'q', "quiet", 0, NULL, "the names only", NULL },
	{ 'f', "filter", 0, "KEY=VALUE", "name=PART, status=, label=KEY[=VALUE], image=, exited=STATUS", NULL },
	{ 0, "format", OPT_FORMAT, "TEXT", "json, or text with {{.Names}}, {{.Status}}, ...: below", NULL },
	{ 0, "json", OPT_JSON, NULL, "the same as --format json", NULL },
	{ 0, "noheading", OPT_NOHEADING, NULL, "without the first line", NULL },
	{ 0, "no-trunc", 'N', NULL, "nothing: nothing is cut", NULL },
	{ 'n', "last", 0, "N", NULL, "runner ps -a has all" },
	{ 0, "external", 0, NULL, NULL, "other tools' containers are theirs" },
	{ 0, "ns", 0, NULL, NULL, "runner inspect has the namespaces" },
	{ 'p', "pod", 0, NULL, NULL, "runner inspect has it: runner.pod" },
	{ 's', "size", 0, NULL, NULL, "du -s /var/lib/runner/pods/NAME/layer has it" },
	{ 0, "sort", 0, "HOW", NULL, "pods are listed by name" },
	{ 0, "sync", 0, NULL, NULL, "what is shown is always read anew" },
	{ 'w', "watch", 0, "SECONDS", NULL, "watch -n SECONDS runner ps" },
	WORDS_END,
};
static const struct words_command ps_words = {
	"ps", "", "List the pods.", 0, 0, false, ps_options,
	"--format knows {{.Names}} {{.ID}} {{.Status}} {{.State}} {{.Pid}} {{.Image}}\n"
	"{{.Command}} {{.ExitCode}} {{.HostBase}} {{.Labels}} {{.Created}}, \\t and \\n.\n",
};
static const struct words_option inspect_options[] = {
	{ 'f', "format", 0, "TEXT", NULL, "it is JSON: runner inspect POD | jq" },
	{ 's', "size", 0, NULL, NULL, "du -s /var/lib/runner/pods/NAME/layer has it" },
	{ 't', "type", 0, "TYPE", NULL, "runner inspect has pods, runner image inspect images" },
	WORDS_END,
};
static const struct words_command inspect_words = {
	"inspect", "POD", "Print all that is known of a pod, as JSON.",
	1, 1, false, inspect_options, NULL,
};

static const char *status_of(const struct state *st)
{
	return state_is_up(st) && cgroup_is_frozen(st->cgroup) ? "paused" :
		state_status_name(st->status);
}

static void print_since(int64_t t)
{
	int64_t s = time(NULL) - t;
	char text[32] = "-";

	if (t && s < 120)
		snprintf(text, sizeof(text), "%llds", (long long)s);
	else if (t && s < 7200)
		snprintf(text, sizeof(text), "%lldm", (long long)s / 60);
	else if (t && s < 172800)
		snprintf(text, sizeof(text), "%lldh", (long long)s / 3600);
	else if (t)
		snprintf(text, sizeof(text), "%lldd", (long long)s / 86400);
	printf("%-6s ", text);
}

/* Both: what others chose does nothing to a terminal. */
static void print_text(const char *text)
{
	shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_ALL);
}

static void print_json(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);

	shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_JSON);
	putchar('\n');
}

static void describe_status(const struct state *st, char *text, size_t size)
{
	if (st->status == STATUS_EXITED)
		snprintf(text, size, "exited %d%s", st->exit_status,
			 st->oom ? " oom" : "");
	else
		snprintf(text, size, "%s", status_of(st));
}

static void print_row(const struct state *st)
{
	char status[32];

	describe_status(st, status, sizeof(status));
	printf("%-20s %-14s ", st->name, status);
	if (st->pid)
		printf("%7d ", (int)st->pid);
	else
		printf("%7s ", "-");
	printf("%10u ", st->base);
	print_since(state_is_up(st) ? st->started : st->finished);
	print_text(st->command ?: "-");
	putchar('\n');
}

/* As in ps --json and inspect; *ret is the caller's. */
static int state_object(const struct state *st, struct json_object **ret,
			struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = state_to_json(st, &text, err);

	if (r < 0)
		return r;
	*ret = json_tokener_parse(text);
	json_object_object_add(*ret, "status",
			       json_object_new_string(status_of(st)));
	return 0;
}

/* "KEY=VALUE,..." of the labels; the caller's. */
static char *labels_of(const struct spec *spec)
{
	size_t len = strlen(SPEC_ANNOTATION_LABEL), size;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);
	bool first = true;

	for (size_t i = 0; to && i < spec->annotations.n; i++)
		if (!strncmp(spec->annotations.v[i], SPEC_ANNOTATION_LABEL,
			     len)) {
			fprintf(to, "%s%s", first ? "" : ",",
				spec->annotations.v[i] + len);
			first = false;
		}
	if (to)
		fclose(to);
	return text;
}

/* What {{.NAME}} stands for; *ret is the caller's.  -ENOENT: it is no field. */
static int field(const struct state *st, const struct spec *spec,
		 const char *name, size_t len, char **ret)
{
	const struct { const char *name, *text; } texts[] = {
		{ "Names", st->name }, { "Name", st->name },
		{ "ID", st->name }, { "State", status_of(st) },
		{ "Image", st->image ?: "" },
		{ "Command", st->command ?: "" },
	};
	const struct { const char *name; long long n; } numbers[] = {
		{ "Pid", st->pid }, { "ExitCode", st->exit_status },
		{ "HostBase", st->base }, { "Created", st->created },
		{ "Restarts", st->restarts },
	};
	char status[32];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strlen(texts[i].name) == len &&
		    !strncmp(texts[i].name, name, len))
			return strf(ret, NULL, "%s", texts[i].text);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strlen(numbers[i].name) == len &&
		    !strncmp(numbers[i].name, name, len))
			return strf(ret, NULL, "%lld", numbers[i].n);
	if (len == 6 && !strncmp(name, "Status", len)) {
		describe_status(st, status, sizeof(status));
		return strf(ret, NULL, "%s", status);
	}
	if (len == 6 && !strncmp(name, "Labels", len)) {
		*ret = labels_of(spec);
		return *ret ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static int print_format(const struct state *st, const struct spec *spec,
			const char *format, struct shift_error *err)
{
	for (const char *p = format; *p; p++) {
		_cleanup_free_ char *text = NULL;
		const char *name, *end;

		if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			putchar(*++p == 't' ? '\t' : '\n');
			continue;
		}
		if (strncmp(p, "{{", 2)) {
			putchar(*p);
			continue;
		}
		name = p + 2 + strspn(p + 2, " ");
		end = strstr(name, "}}");
		if (!end || *name++ != '.' ||
		    field(st, spec, name, strcspn(name, " }"), &text) < 0)
			return shift_err_set(err, 0, "ps --format '%s': '%.*s' is no field; runner ps --help has them",
					     format, end ? (int)(end + 2 - p) :
					     (int)strlen(p), p);
		print_text(text);
		p = end + 1;
	}
	putchar('\n');
	return 0;
}

static int check_filter(const char *filter, struct shift_error *err)
{
	static const char *const keys[] = {
		"name", "status", "image", "ancestor", "exited", "label",
	};
	static const char *const words[] = {
		"creating", "created", "running", "paused", "restarting",
		"exited",
	};
	size_t len = strcspn(filter, "=");
	bool known = strncmp(filter, "status=", 7);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		known = known || !strcmp(filter + 7, words[i]);
	if (!known)
		return shift_err_set(err, 0, "ps --filter '%s': a pod is creating, created, running, paused, restarting or exited",
				     filter);
	if (!filter[len])
		return shift_err_set(err, 0, "ps --filter '%s' is not KEY=VALUE",
				     filter);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strlen(keys[i]) == len && !strncmp(keys[i], filter, len))
			return 0;
	return shift_err_set(err, 0, "ps --filter '%s': there are name, status, label, image and exited",
			     filter);
}

/* 1: @st is wanted by what check_filter() has seen, 0: it is not. */
static int fits(const struct state *st, const struct spec *spec,
		const char *filter, struct shift_error *err)
{
	const char *value = strchr(filter, '=');
	size_t len = value ? (size_t)(value++ - filter) : 0;
	_cleanup_free_ char *key = NULL, *want = NULL;
	const char *label;
	char number[16];

	if (!value)
		return 0;
	if (strf(&key, err, "%.*s", (int)len, filter) < 0)
		return -ENOMEM;
	if (!strcmp(key, "name"))
		return strstr(st->name, value) != NULL;
	if (!strcmp(key, "status"))
		return !strcmp(status_of(st), value);
	if (!strcmp(key, "image") || !strcmp(key, "ancestor"))
		return st->image && !strcmp(st->image, value);
	if (!strcmp(key, "exited")) {
		snprintf(number, sizeof(number), "%d", st->exit_status);
		return st->status == STATUS_EXITED && !strcmp(number, value);
	}
	if (strf(&want, err, SPEC_ANNOTATION_LABEL "%.*s",
		 (int)strcspn(value, "="), value) < 0)
		return -ENOMEM;
	label = spec_annotation(spec, want);
	return label && (!strchr(value, '=') ||
			 !strcmp(label, strchr(value, '=') + 1));
}

struct listing {
	bool all, json, quiet, heading;
	const char *format;
	struct strv filters;
	struct json_object *list;
};

static int list_pod(const struct listing *l, const struct state *st,
		    struct shift_error *err)
{
	struct json_object *o;
	struct spec spec;
	int r = 1;

	memset(&spec, 0, sizeof(spec));
	if (l->format || l->filters.n)
		state_load_spec(st, &spec, NULL);
	for (size_t i = 0; r > 0 && i < l->filters.n; i++)
		r = fits(st, &spec, l->filters.v[i], err);
	if (r > 0 && l->quiet) {
		puts(st->name);
	} else if (r > 0 && l->json) {
		r = state_object(st, &o, err);
		if (r >= 0)
			json_object_array_add(l->list, o);
	} else if (r > 0 && l->format) {
		r = print_format(st, &spec, l->format, err);
	} else if (r > 0) {
		print_row(st);
	}
	spec_clear(&spec);
	return r;
}

static int parse_ps(struct listing *l, int argc, char **argv,
		    struct shift_error *err)
{
	struct words w;
	int r;

	words_begin(&w, &ps_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		switch (words_code(&w)) {
		case 'a':
			l->all = w.on;
			break;
		case 'q':
			l->quiet = w.on;
			break;
		case OPT_JSON:
			l->json = w.on;
			break;
		case OPT_NOHEADING:
			l->heading = !w.on;
			break;
		case OPT_FORMAT:
			l->json = !strcmp(w.value, "json");
			l->format = l->json ? NULL : w.value;
			break;
		case 'f':
			if ((r = check_filter(w.value, err)) < 0)
				return r;
			/* Of one that has ended, too. */
			l->all = l->all || !strncmp(w.value, "status=", 7) ||
				 !strncmp(w.value, "exited=", 7);
			r = strv_add(&l->filters, w.value, err);
			if (r < 0)
				return r;
		}
	}
	/* "table TEXT" of others: its heading is not made. */
	if (l->format && !strncmp(l->format, "table ", 6))
		l->format += 6;
	return r;
}

int cmd_ps(int argc, char **argv, struct shift_error *err)
{
	struct listing l = { .heading = true };
	struct strv names = { NULL, 0 };
	int r = parse_ps(&l, argc, argv, err);

	l.list = json_object_new_array();
	if (r >= 0)
		r = poddir_prepare(err);
	if (r >= 0)
		r = state_sweep(0, err);
	if (r >= 0)
		r = poddir_sweep(err);
	if (r >= 0)
		r = state_list(&names, err);
	if (!l.json && !l.quiet && !l.format && l.heading && r >= 0)
		printf("%-20s %-14s %7s %10s %-6s %s\n", "NAME", "STATUS",
		       "PID", "HOST-BASE", "SINCE", "COMMAND");
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct state st = STATE_INIT;

		/* It may have gone meanwhile. */
		if (state_load(&st, names.v[i], NULL) >= 0 &&
		    (l.all || st.status != STATUS_EXITED))
			r = list_pod(&l, &st, err);
		state_clear(&st);
	}
	if (l.json && !l.quiet && r >= 0)
		print_json(l.list);
	json_object_put(l.list);
	strv_clear(&l.filters);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

int cmd_inspect(int argc, char **argv, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *config = NULL;
	struct json_object *top, *state = NULL;
	struct state st = STATE_INIT;
	struct words w;
	int r = words_only(&w, &inspect_words, argc, argv, err);

	if (r >= 0)
		r = state_load(&st, w.operands[0], err);
	if (r >= 0)
		r = state_object(&st, &state, err);
	if (r >= 0)
		r = strf(&path, err, "%s/config.json", st.dir);
	if (r >= 0)
		r = read_file(path, 16 << 20, &config, NULL, err);
	if (r >= 0) {
		top = json_object_new_object();
		json_object_object_add(top, "state", state);
		json_object_object_add(top, "config",
				       json_tokener_parse(config));
		print_json(top);
		json_object_put(top);
	} else {
		json_object_put(state);
	}
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}
