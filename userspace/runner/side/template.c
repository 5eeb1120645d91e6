/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/template.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask/message.h"
#include "base/regular.h"
#include "cleanup.h"

#define FILE_MAX (256 << 10)
#define ARGS_WORD "{args}"

/* Each pattern is compiled once; a request has so many arguments at most. */
#define PATTERNS_MAX 256

static const char *text_of(struct json_object *o)
{
	const char *text = json_object_get_string(o);

	return json_object_is_type(o, json_type_string) && *text &&
	       strlen(text) == (size_t)json_object_get_string_len(o) ? text :
								       NULL;
}

static int take_text(struct json_object *v, char **to, struct shift_error *err)
{
	const char *text = text_of(v);

	return text ? str_replace(to, text, err) :
		shift_err_set(err, 0, "it is no string, or an empty one");
}

static int take_list(struct json_object *v, struct strv *to,
		     struct shift_error *err)
{
	int r = 0;

	strv_clear(to);
	if (!json_object_is_type(v, json_type_array))
		return shift_err_set(err, 0, "it is no list of strings");
	for (size_t i = 0; r >= 0 && i < json_object_array_length(v); i++) {
		const char *text = text_of(json_object_array_get_idx(v, i));

		r = text ? strv_add(to, text, err) :
			shift_err_set(err, 0, "it is no list of strings");
	}
	return r;
}

static int take_bool(struct json_object *v, bool *to, struct shift_error *err)
{
	if (!json_object_is_type(v, json_type_boolean))
		return shift_err_set(err, 0, "it is neither true nor false");
	*to = json_object_get_boolean(v);
	return 0;
}

static int take_number(struct json_object *v, int64_t min, int64_t max,
		       int64_t *to, struct shift_error *err)
{
	int64_t n = json_object_get_int64(v);

	if (!json_object_is_type(v, json_type_int) || n < min || n > max)
		return shift_err_set(err, 0, "it is no number from %lld to %lld",
				     (long long)min, (long long)max);
	*to = n;
	return 0;
}

static int take_int(struct json_object *v, int min, int max, int *to,
		    struct shift_error *err)
{
	int64_t n = 0;
	int r = take_number(v, min, max, &n, err);

	if (r >= 0)
		*to = (int)n;
	return r;
}

static int take_cpus(struct json_object *v, double *to,
		     struct shift_error *err)
{
	double n = json_object_get_double(v);

	if ((!json_object_is_type(v, json_type_double) &&
	     !json_object_is_type(v, json_type_int)) || !(n >= 0.01) ||
	    n > 10000)
		return shift_err_set(err, 0, "it is no number from 0.01 to 10000");
	*to = n;
	return 0;
}

static int take_word(struct json_object *v, const char *const *words,
		     int *to, struct shift_error *err)
{
	const char *text = text_of(v);

	for (int i = 0; text && words[i]; i++)
		if (!strcmp(text, words[i])) {
			*to = i;
			return 0;
		}
	return shift_err_set(err, 0, "there are %s and %s%s%s", words[0],
			     words[1], words[2] ? " and " : "",
			     words[2] ?: "");
}

static int take_signals(struct json_object *v, uint64_t *to,
			struct shift_error *err)
{
	int r = 0, n;

	*to = 0;
	if (!json_object_is_type(v, json_type_array))
		return shift_err_set(err, 0, "it is no list of numbers");
	for (size_t i = 0; r >= 0 && i < json_object_array_length(v); i++) {
		r = take_int(json_object_array_get_idx(v, i), 1, 63, &n, err);
		if (r >= 0)
			*to |= 1ULL << n;
	}
	return r;
}

/* Anchored: "a|b" shall not match what begins with a or ends with b. */
static int compile(regex_t *to, const char *text, struct shift_error *err)
{
	_cleanup_free_ char *whole = NULL;
	char why[128];
	int r = strf(&whole, err, "^(%s)$", text), e;

	if (r < 0)
		return r;
	e = regcomp(to, whole, REG_EXTENDED | REG_NOSUB);
	if (!e)
		return 0;
	regerror(e, to, why, sizeof(why));
	return shift_err_set(err, 0, "'%s' is no regular expression: %s", text,
			     why);
}

static int add_pattern(struct side_template *t, struct json_object *v,
		       struct shift_error *err)
{
	struct side_pattern *p = &t->args[t->n_args++];
	regex_t *compiled;
	int r;

	if (json_object_is_type(v, json_type_array))
		r = take_list(v, &p->words, err);
	else
		r = text_of(v) ? strv_add(&p->words, text_of(v), err) :
			shift_err_set(err, 0, "a pattern is a string that is not empty, or a list of such; \"()\" stands for an empty argument");
	if (r >= 0 && !p->words.n)
		r = shift_err_set(err, 0, "a list of no patterns matches nothing");
	if (r < 0)
		return r;
	compiled = calloc(p->words.n, sizeof(*compiled));
	if (!compiled)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; i < p->words.n; i++) {
		r = compile(&compiled[i], p->words.v[i], err);
		if (r < 0) {
			while (i--)
				regfree(&compiled[i]);
			free(compiled);
			return r;
		}
	}
	p->compiled = compiled;
	return 0;
}

static int take_patterns(struct side_template *t, struct json_object *v,
			 struct shift_error *err)
{
	size_t n;
	int r = 0;

	if (!json_object_is_type(v, json_type_array) || t->args)
		return shift_err_set(err, 0, "it is no list, or given twice");
	n = json_object_array_length(v);
	if (n > PATTERNS_MAX)
		return shift_err_set(err, 0, "there may be %d patterns",
				     PATTERNS_MAX);
	t->args = calloc(n + 1, sizeof(*t->args));
	if (!t->args)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = add_pattern(t, json_object_array_get_idx(v, i), err);
	return r;
}

static int take(struct side_template *t, const char *key,
		struct json_object *v, struct shift_error *err)
{
	static const char *const networks[] = { "none", "agent", "named", NULL };
	static const char *const ranges[] = { "auto", "agent", NULL };
	const struct { const char *key; struct strv *to; } lists[] = {
		{ "command", &t->command }, { "askers", &t->askers },
		{ "volumes", &t->volumes }, { "tmpfs", &t->tmpfs },
		{ "env", &t->env }, { "cap_add", &t->cap_add },
		{ "cap_drop", &t->cap_drop },
	};
	const struct { const char *key; char **to; } texts[] = {
		{ "image", &t->image }, { "user", &t->user },
		{ "restart", &t->restart },
	};
	const struct { const char *key; int64_t min; int64_t *to; } numbers[] = {
		{ "memory", 1, &t->memory }, { "pids", 1, &t->pids },
		{ "log_size", 65536, &t->log_size },
	};
	const struct { const char *key; int max; int *to; } ints[] = {
		{ "max", 10000, &t->max }, { "settle_ms", 30000, &t->settle_ms },
		{ "stop_seconds", 3600, &t->stop_seconds },
		{ "orphan_seconds", INT_MAX, &t->orphan_seconds },
	};
	const struct { const char *key; bool *to; } flags[] = {
		{ "read_only", &t->read_only }, { "replace", &t->replace },
	};
	int n = 0, r;

#define EACH(table, call)						\
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)	\
		if (!strcmp(key, table[i].key))				\
			return call
	EACH(lists, take_list(v, lists[i].to, err));
	EACH(texts, take_text(v, texts[i].to, err));
	EACH(numbers, take_number(v, numbers[i].min, INT64_MAX / 2,
				  numbers[i].to, err));
	EACH(ints, take_int(v, 0, ints[i].max, ints[i].to, err));
	EACH(flags, take_bool(v, flags[i].to, err));
#undef EACH
	if (!strcmp(key, "args"))
		return take_patterns(t, v, err);
	if (!strcmp(key, "cpus"))
		return take_cpus(v, &t->cpus, err);
	if (!strcmp(key, "signals"))
		return take_signals(v, &t->signals, err);
	if (!strcmp(key, "network")) {
		r = take_word(v, networks, &n, err);
		t->network = (enum side_network)n;
		return r;
	}
	if (!strcmp(key, "userns")) {
		r = take_word(v, ranges, &n, err);
		t->userns_agent = n == 1;
		return r;
	}
	return shift_err_set(err, 0, "a template has no such member");
}

static int take_all(struct side_template *t, struct json_object *o,
		    struct shift_error *err)
{
	int r = 0;

	json_object_object_foreach(o, key, value)
		if (r >= 0 && (r = take(t, key, value, err)) < 0)
			shift_err_prefix(err, "%s", key);
	return r;
}

static int check(const struct side_template *t, struct shift_error *err)
{
	if (!t->image || !t->command.n || !t->askers.n || !t->args)
		return shift_err_set(err, 0, "image, command, askers and args have to be there");
	return 0;
}

int side_template_parse(struct side_template *t, const char *name,
			const char *text, size_t len, struct shift_error *err)
{
	static const int signals[] = {
		SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTERM, SIGKILL,
	};
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o = NULL;
	int r;

	memset(t, 0, sizeof(*t));
	t->read_only = true;
	t->max = 16;
	t->settle_ms = 300;
	t->stop_seconds = 10;
	t->log_size = 1 << 20;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		t->signals |= 1ULL << signals[i];
	if (!tok)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
			       JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	r = json_tokener_get_error(tok) == json_tokener_success ? 0 :
		shift_err_set(err, 0, "it is no JSON: %s",
			      json_tokener_error_desc(json_tokener_get_error(tok)));
	for (size_t i = json_tokener_get_parse_end(tok); r >= 0 && i < len; i++)
		if (!text[i] || !strchr(" \t\r\n", text[i]))
			r = shift_err_set(err, 0, "it is no JSON: there is more behind its end");
	if (r >= 0 && !json_object_is_type(o, json_type_object))
		r = shift_err_set(err, 0, "it is no JSON object");
	if (r >= 0)
		r = str_replace(&t->name, name, err);
	if (r >= 0)
		r = take_all(t, o, err);
	if (r >= 0)
		r = check(t, err);
	json_object_put(o);
	json_tokener_free(tok);
	return r;
}

/* What others can write is not the administrator's word. */
static int check_owner(const char *path, struct shift_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return shift_err_set(err, errno, "%s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return shift_err_set(err, EPERM, "%s is not root's alone to write",
				     path);
	return 0;
}

int side_template_load(struct side_template *t, const char *dir,
		       const char *name, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len = 0;
	int r;

	memset(t, 0, sizeof(*t));
	if (!side_template_valid(name))
		return shift_err_set(err, 0, "that is no name of a template");
	if ((r = strf(&path, err, "%s/%s.json", dir, name)) < 0)
		return r;
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		shift_err_set(err, 0, "there is no template %s", name);
		return -ENOENT;
	}
	if ((r = check_owner(dir, err)) < 0 ||
	    (r = check_owner(path, err)) < 0 ||
	    (r = regular_read(AT_FDCWD, path, REGULAR_ANYWHERE, FILE_MAX,
			      &text, &len, err)) < 0)
		return r;
	r = side_template_parse(t, name, text, len, err);
	return r < 0 ? shift_err_prefix(err, "the template %s", path) : r;
}

void side_template_clear(struct side_template *t)
{
	struct strv *const lists[] = {
		&t->command, &t->askers, &t->volumes, &t->tmpfs, &t->env,
		&t->cap_add, &t->cap_drop,
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		strv_clear(lists[i]);
	for (size_t i = 0; i < t->n_args; i++) {
		regex_t *compiled = t->args[i].compiled;

		for (size_t k = 0; compiled && k < t->args[i].words.n; k++)
			regfree(&compiled[k]);
		free(compiled);
		strv_clear(&t->args[i].words);
	}
	free(t->args);
	free(t->name);
	free(t->image);
	free(t->user);
	free(t->restart);
	memset(t, 0, sizeof(*t));
}

bool side_template_allows(const struct side_template *t, const char *asker)
{
	for (size_t i = 0; i < t->askers.n; i++)
		if (!strcmp(t->askers.v[i], asker))
			return true;
	return false;
}

static bool fits(const struct side_pattern *p, const struct strv *args,
		 size_t at)
{
	const regex_t *compiled = p->compiled;

	if (args->n - at < p->words.n)
		return false;
	for (size_t i = 0; i < p->words.n; i++)
		if (regexec(&compiled[i], args->v[at + i], 0, NULL, 0))
			return false;
	return true;
}

/* So many bytes of @text, which end where a character does. */
static int shown(const char *text)
{
	size_t n = strnlen(text, 200);

	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

int side_template_match(const struct side_template *t, const struct strv *args,
			struct shift_error *err)
{
	size_t at = 0, i;

	while (at < args->n) {
		for (i = 0; i < t->n_args; i++)
			if (fits(&t->args[i], args, at))
				break;
		if (i == t->n_args)
			return shift_err_set(err, 0, "the template %s does not allow argument %zu, '%.*s'",
					     t->name, at + 1,
					     shown(args->v[at]), args->v[at]);
		at += t->args[i].words.n;
	}
	return 0;
}

int side_template_command(const struct side_template *t,
			  const struct strv *args, struct strv *ret,
			  struct shift_error *err)
{
	bool there = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i <= t->command.n; i++) {
		bool end = i == t->command.n;

		if (!end && strcmp(t->command.v[i], ARGS_WORD)) {
			r = strv_add(ret, t->command.v[i], err);
			continue;
		}
		if (there)
			continue;
		there = true;
		for (size_t k = 0; r >= 0 && k < args->n; k++)
			r = strv_add(ret, args->v[k], err);
	}
	return r;
}
