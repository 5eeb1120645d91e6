/* SPDX-License-Identifier: GPL-2.0-or-later */
/* side: what pods asked for, and the host's end of their spools. */
#include "cli/commands.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "cli/words.h"
#include "escape.h"
#include "pod/pod.h"
#include "side/listen.h"
#include "side/reader.h"
#include "side/serve.h"
#include "side/start.h"
#include "side/template.h"

#define FAILED POD_STATUS_FAILED

static const struct words_option run_options[] = {
	{ 0, "templates", 'T', "DIR", "in place of " SIDE_TEMPLATES, NULL },
	{ 'f', "follow", 0, NULL, "go on: for a host without path units", NULL },
	WORDS_END,
};
static const struct words_option listen_options[] = {
	{ 0, "templates", 'T', "DIR", "in place of " SIDE_TEMPLATES, NULL },
	{ 0, "idle", 'I', "SECONDS", "end when nobody was connected for so long", NULL },
	WORDS_END,
};
static const struct words_option ls_options[] = {
	{ 'q', "quiet", 0, NULL, "names only", NULL },
	{ 0, "asker", 'A', "POD", "of this one only", NULL },
	WORDS_END,
};
static const struct words_option stop_options[] = {
	{ 0, "asker", 'A', "POD", "all of this one's", NULL },
	WORDS_END,
};
static const struct words_option none[] = { WORDS_END };

static const struct words_command run_words = {
	"side run", "POD", "Carry out what POD asks for in its spool.",
	1, 1, false, run_options, NULL,
};
static const struct words_command spool_words = {
	"side spool", "POD", "Make the spool of POD and print its path.",
	1, 1, false, none, NULL,
};
static const struct words_command listen_words = {
	"side listen", "POD", "Carry out what POD asks for at its socket, which a unit hands over, or else is made.",
	1, 1, false, listen_options, NULL,
};
static const struct words_command ls_words = {
	"side ls", "", "List the side containers.", 0, 0, false, ls_options, NULL,
};
static const struct words_command stop_words = {
	"side stop", "[NAME]...", "End side containers.",
	0, WORDS_MANY, false, stop_options, NULL,
};
static const struct words_command inspect_words = {
	"side inspect", "NAME", "Print what is known of a side container.",
	1, 1, false, none, NULL,
};

static int side_run_cmd(int argc, char **argv, struct shift_error *err)
{
	const char *templates = SIDE_TEMPLATES;
	bool follow = false;
	struct words w;
	int r;

	words_begin(&w, &run_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		if (words_code(&w) == 'T')
			templates = w.value;
		else
			follow = w.on;
	return r < 0 ? r : side_run(w.operands[0], templates, follow, err);
}

static int side_listen_cmd(int argc, char **argv, struct shift_error *err)
{
	const char *templates = SIDE_TEMPLATES;
	long idle = 0;
	struct words w;
	int fd = -1, r;

	words_begin(&w, &listen_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		if (words_code(&w) == 'T')
			templates = w.value;
		else if ((r = numbers_integer(w.value, 1, 86400, &idle, err)) < 0) {
			r = shift_err_prefix(err, "--idle");
			break;
		}
	/* -1 is none; what is refused has a message. */
	if (r >= 0 && (fd = options_handed_fd(err)) < 0 && err->msg)
		r = fd;
	return r < 0 ? r : side_listen(w.operands[0], templates, fd, (int)idle,
				       err);
}

static int side_spool_cmd(int argc, char **argv, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct words w;
	int r = words_only(&w, &spool_words, argc, argv, err);

	if (r >= 0)
		r = side_spool_make(w.operands[0], err);
	if (r >= 0)
		r = side_spool_path(w.operands[0], &path, err);
	if (r >= 0)
		puts(path);
	return r;
}

static const char *said(const struct spec *spec, const char *key)
{
	return spec_annotation(spec, key) ?: "?";
}

/* A pod that is not ours, or that has just gone, is no error. */
static int each_side(const struct strv *names,
		     int (*act)(const struct state *st, const struct spec *spec,
				struct shift_error *err),
		     struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		struct state st = STATE_INIT;
		struct spec spec;

		memset(&spec, 0, sizeof(spec));
		r = side_pod_load(names->v[i], &st, &spec, err);
		if (r >= 0) {
			r = act(&st, &spec, err);
		} else if (r == -ENOENT || r == -EEXIST) {
			shift_err_clear(err);
			r = 0;
		}
		spec_clear(&spec);
		state_clear(&st);
	}
	return r;
}

static int print_one(const struct state *st, const struct spec *spec,
		     struct shift_error *err)
{
	(void)err;
	printf("%-50s %-16s %-16s %-8s %-8d %s\n", st->name,
	       said(spec, SIDE_ANNOTATION_ASKER),
	       said(spec, SIDE_ANNOTATION_TEMPLATE),
	       state_status_name(st->status),
	       st->status == STATUS_EXITED ? st->exit_status : (int)st->pid,
	       said(spec, SIDE_ANNOTATION_KEY));
	return 0;
}

static int side_ls_cmd(int argc, char **argv, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	const char *asker = NULL;
	bool quiet = false;
	struct words w;
	int r;

	words_begin(&w, &ls_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		if (words_code(&w) == 'A')
			asker = w.value;
		else
			quiet = w.on;
	if (r >= 0)
		r = side_pod_list(asker, &names, err);
	if (r >= 0 && !quiet) {
		printf("%-50s %-16s %-16s %-8s %-8s %s\n", "NAME", "ASKER",
		       "TEMPLATE", "STATUS", "PID/EXIT", "KEY");
		r = each_side(&names, print_one, err);
	}
	for (size_t i = 0; r >= 0 && quiet && i < names.n; i++)
		puts(names.v[i]);
	strv_clear(&names);
	return r;
}

static int stop_one(const struct state *st, const struct spec *spec,
		    struct shift_error *err)
{
	return st->status == STATUS_EXITED ? 0 : side_pod_stop(st, spec, err);
}

static int side_stop_cmd(int argc, char **argv, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	const char *asker = NULL;
	struct words w;
	int r;

	words_begin(&w, &stop_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		asker = w.value;
	if (r >= 0 && !asker == !w.n)
		r = shift_err_set(err, 0, "side stop takes names or --asker");
	if (r >= 0 && asker)
		r = side_pod_list(asker, &names, err);
	for (int i = 0; r >= 0 && i < w.n; i++)
		r = strv_add(&names, w.operands[i], err);
	if (r >= 0)
		r = each_side(&names, stop_one, err);
	strv_clear(&names);
	return r;
}

static void add(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static int side_inspect_cmd(int argc, char **argv, struct shift_error *err)
{
	struct state st = STATE_INIT;
	struct json_object *o;
	struct spec spec;
	struct words w;
	int r = words_only(&w, &inspect_words, argc, argv, err);

	memset(&spec, 0, sizeof(spec));
	if (r >= 0)
		r = side_pod_load(w.operands[0], &st, &spec, err);
	if (r >= 0) {
		o = json_object_new_object();
		add(o, "name", st.name);
		add(o, "asker", said(&spec, SIDE_ANNOTATION_ASKER));
		add(o, "template", said(&spec, SIDE_ANNOTATION_TEMPLATE));
		add(o, "key", said(&spec, SIDE_ANNOTATION_KEY));
		add(o, "request", said(&spec, SIDE_ANNOTATION_ID));
		add(o, "netns", said(&spec, SIDE_ANNOTATION_NETNS));
		add(o, "status", state_status_name(st.status));
		json_object_object_add(o, "pid", json_object_new_int(st.pid));
		json_object_object_add(o, "exitStatus",
				       json_object_new_int(st.exit_status));
		json_object_object_add(o, "restarts",
				       json_object_new_int((int)st.restarts));
		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(o);
	}
	spec_clear(&spec);
	state_clear(&st);
	return r;
}

int cmd_side(int argc, char **argv, struct shift_error *err)
{
	static const struct {
		const char *name;
		int (*fn)(int argc, char **argv, struct shift_error *err);
	} parts[] = {
		{ "run", side_run_cmd }, { "listen", side_listen_cmd },
		{ "spool", side_spool_cmd },
		{ "ls", side_ls_cmd }, { "stop", side_stop_cmd },
		{ "inspect", side_inspect_cmd },
	};
	_cleanup_free_ char *shown = argc > 1 ? shift_escaped(argv[1]) : NULL;

	for (size_t i = 0; argc > 1 && i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcmp(argv[1], parts[i].name))
			return parts[i].fn(argc - 1, argv + 1, err) < 0 ?
				FAILED : 0;
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		puts("Usage: runner side run|listen|spool|ls|stop|inspect [ARGUMENT]...\n"
		     "Pods that other pods ask for.\n\n"
		     "      --help                     this text, of each of them too");
		return 0;
	}
	if (argc > 1)
		shift_err_set(err, 0, "runner side has no '%s'%s", shown ?: "?",
			      words_suggest(argv[1], "", &parts->name,
					    sizeof(parts) / sizeof(*parts),
					    sizeof(*parts)));
	else
		shift_err_set(err, 0, "runner side needs a command: run, listen, spool, ls, stop or inspect");
	shift_err_hint(err, "runner side --help tells more");
	return FAILED;
}
