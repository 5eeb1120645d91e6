/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask/message.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* Far more than a request has; json-c's own limit is 32. */
#define DEPTH 8

static const char *const actions[SIDE_N_ACTIONS] = {
	"start", "status", "signal", "stop", "remove",
};

static const char *const results[] = {
	"running", "ended", "none", "refused", "failed",
};

const char *side_action_name(enum side_action action)
{
	return actions[action];
}

const char *side_result_name(enum side_result result)
{
	return results[result];
}

int side_id_valid(const char *text)
{
	return strlen(text) == SIDE_ID &&
	       strspn(text, "0123456789abcdef") == SIDE_ID;
}

int side_template_valid(const char *text)
{
	size_t len = strlen(text);

	return len && len <= SIDE_TEMPLATE_MAX && *text != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool key_valid(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-";
	size_t len = strlen(text);

	return len && len <= SIDE_KEY_MAX && strspn(text, allowed) == len;
}

/* One name in a directory. */
static bool netns_valid(const char *text)
{
	return key_valid(text) && !strchr(text, '/') && strcmp(text, ".") &&
	       strcmp(text, "..");
}

static int check_args(const struct strv *args, struct shift_error *err)
{
	if (args->n > SIDE_ARGS_MAX)
		return shift_err_set(err, 0, "%zu arguments: there may be %d",
				     args->n, SIDE_ARGS_MAX);
	for (size_t i = 0; i < args->n; i++) {
		const char *p = args->v[i];

		if (strlen(p) > SIDE_ARG_MAX)
			return shift_err_set(err, 0, "argument %zu is longer than %d bytes",
					     i + 1, SIDE_ARG_MAX);
		for (; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				return shift_err_set(err, 0, "argument %zu has a control character",
						     i + 1);
	}
	return 0;
}

int side_request_check(const struct side_request *q, struct shift_error *err)
{
	if (!side_id_valid(q->id))
		return shift_err_set(err, 0, "the id is not %d hexadecimal digits",
				     SIDE_ID);
	if (!q->template || !side_template_valid(q->template))
		return shift_err_set(err, 0, "the template's name is not 1 to %d of [a-z0-9-]",
				     SIDE_TEMPLATE_MAX);
	if (!q->key || !key_valid(q->key))
		return shift_err_set(err, 0, "the key is not 1 to %d of [A-Za-z0-9._:/@+-]",
				     SIDE_KEY_MAX);
	if (q->netns && !netns_valid(q->netns))
		return shift_err_set(err, 0, "the name of the network namespace is not 1 to %d of [A-Za-z0-9._:@+-]",
				     SIDE_NETNS_MAX);
	if (q->action != SIDE_START && (q->args.n || q->netns))
		return shift_err_set(err, 0, "args and netns belong to start, not to %s",
				     actions[q->action]);
	if ((q->action == SIDE_SIGNAL) != (q->signal != 0) || q->signal < 0 ||
	    q->signal > SIGRTMAX)
		return shift_err_set(err, 0, "signal needs the number of one, and nothing else does");
	return check_args(&q->args, err);
}

/* A string without NUL; "" when it is none. */
static const char *text_of(struct json_object *o)
{
	const char *text = json_object_get_string(o);

	if (!json_object_is_type(o, json_type_string) ||
	    strlen(text) != (size_t)json_object_get_string_len(o))
		return NULL;
	return text;
}

static int take_text(struct json_object *value, char **to, const char *key,
		     struct shift_error *err)
{
	const char *text = text_of(value);

	return text ? str_replace(to, text, err) :
		shift_err_set(err, 0, "%s is not a string without a NUL", key);
}

static int take_number(struct json_object *value, int64_t min, int64_t max,
		       int *to, const char *key, struct shift_error *err)
{
	int64_t n = json_object_get_int64(value);

	if (!json_object_is_type(value, json_type_int) || n < min || n > max)
		return shift_err_set(err, 0, "%s is not a number from %lld to %lld",
				     key, (long long)min, (long long)max);
	*to = (int)n;
	return 0;
}

static int take_args(struct side_request *q, struct json_object *value,
		     struct shift_error *err)
{
	int r = 0;

	if (!json_object_is_type(value, json_type_array))
		return shift_err_set(err, 0, "args is not a list");
	/* Said twice: the last word counts, as for the other members. */
	strv_clear(&q->args);
	if (json_object_array_length(value) > SIDE_ARGS_MAX)
		return shift_err_set(err, 0, "%zu arguments: there may be %d",
				     json_object_array_length(value),
				     SIDE_ARGS_MAX);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(value); i++) {
		const char *text = text_of(json_object_array_get_idx(value, i));

		r = text ? strv_add(&q->args, text, err) :
			shift_err_set(err, 0, "argument %zu is not a string without a NUL",
				      i + 1);
	}
	return r;
}

static int take_action(struct json_object *value, enum side_action *to,
		       struct shift_error *err)
{
	const char *text = text_of(value);

	for (int i = 0; text && i < SIDE_N_ACTIONS; i++)
		if (!strcmp(text, actions[i])) {
			*to = (enum side_action)i;
			return 0;
		}
	return shift_err_set(err, 0, "there is no such action: start, status, signal, stop and remove");
}

static int take_id(struct json_object *value, char to[SIDE_ID + 1],
		   struct shift_error *err)
{
	const char *text = text_of(value);

	if (!text || !side_id_valid(text))
		return shift_err_set(err, 0, "the id is not %d hexadecimal digits",
				     SIDE_ID);
	memcpy(to, text, SIDE_ID + 1);
	return 0;
}

struct json_object *side_json_parse(const char *text, size_t len, size_t max,
				    struct shift_error *err)
{
	struct json_tokener *tok;
	struct json_object *o = NULL;
	size_t end;

	if (len > max) {
		shift_err_set(err, EFBIG, "%zu bytes: there may be %zu", len,
			      max);
		return NULL;
	}
	tok = json_tokener_new_ex(DEPTH);
	if (!tok) {
		shift_err_set(err, ENOMEM, "cannot allocate memory");
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
			       JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	end = json_tokener_get_parse_end(tok);
	while (end < len && strchr(" \n", text[end]) && text[end])
		end++;
	if (json_tokener_get_error(tok) != json_tokener_success || end != len)
		shift_err_set(err, 0, "it is no JSON: %s",
			      json_tokener_error_desc(json_tokener_get_error(tok)));
	else if (!json_object_is_type(o, json_type_object))
		shift_err_set(err, 0, "it is no JSON object");
	else {
		json_tokener_free(tok);
		return o;
	}
	json_object_put(o);
	json_tokener_free(tok);
	return NULL;
}

static int take_member(struct side_request *q, const char *key,
		       struct json_object *value, bool *action,
		       struct shift_error *err)
{
	int version;

	if (!strcmp(key, "version"))
		return take_number(value, 1, 1, &version, key, err);
	if (!strcmp(key, "id"))
		return take_id(value, q->id, err);
	if (!strcmp(key, "action")) {
		*action = true;
		return take_action(value, &q->action, err);
	}
	if (!strcmp(key, "template"))
		return take_text(value, &q->template, key, err);
	if (!strcmp(key, "key"))
		return take_text(value, &q->key, key, err);
	if (!strcmp(key, "netns"))
		return take_text(value, &q->netns, key, err);
	if (!strcmp(key, "args"))
		return take_args(q, value, err);
	if (!strcmp(key, "signal"))
		return take_number(value, 1, SIGRTMAX, &q->signal, key, err);
	return shift_err_set(err, 0, "a request has no member of that name: %.40s",
			     key);
}

int side_request_take(struct side_request *q, enum side_action action,
		      struct json_object *parameters, struct shift_error *err)
{
	bool other = false;
	int r = 0;

	memset(q, 0, sizeof(*q));
	q->action = action;
	if (!json_object_is_type(parameters, json_type_object))
		return shift_err_set(err, 0, "the parameters are no object");
	json_object_object_foreach(parameters, key, value)
		if (r >= 0)
			r = !strcmp(key, "version") || !strcmp(key, "action") ?
				shift_err_set(err, 0, "%s is no parameter", key) :
				take_member(q, key, value, &other, err);
	return r;
}

int side_request_parse(struct side_request *q, const char *text, size_t len,
		       struct shift_error *err)
{
	struct json_object *o;
	bool action = false;
	int r = 0;

	memset(q, 0, sizeof(*q));
	o = side_json_parse(text, len, SIDE_REQUEST_MAX, err);
	if (!o)
		return -EINVAL;
	json_object_object_foreach(o, key, value)
		if (r >= 0)
			r = take_member(q, key, value, &action, err);
	if (r >= 0 && !json_object_object_get_ex(o, "version", NULL))
		r = shift_err_set(err, 0, "it says no version");
	if (r >= 0 && !action)
		r = shift_err_set(err, 0, "it says no action");
	json_object_put(o);
	return r < 0 ? r : side_request_check(q, err);
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *key, int n)
{
	json_object_object_add(o, key, json_object_new_int(n));
}

void side_request_add(const struct side_request *q, struct json_object *o)
{
	struct json_object *args;

	add_text(o, "id", q->id);
	add_text(o, "template", q->template);
	add_text(o, "key", q->key);
	add_text(o, "netns", q->netns);
	if (q->action == SIDE_START) {
		args = json_object_new_array();
		for (size_t i = 0; i < q->args.n; i++)
			json_object_array_add(args,
				json_object_new_string(q->args.v[i]));
		json_object_object_add(o, "args", args);
	}
	if (q->signal)
		add_number(o, "signal", q->signal);
}

static int to_text(struct json_object *o, char **ret, struct shift_error *err)
{
	const char *text = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int r = text ? strf(ret, err, "%s\n", text) :
		shift_err_set(err, ENOMEM, "cannot allocate memory");

	json_object_put(o);
	return r;
}

int side_request_format(const struct side_request *q, char **ret,
			struct shift_error *err)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "version", 1);
	add_text(o, "action", actions[q->action]);
	side_request_add(q, o);
	return to_text(o, ret, err);
}

void side_request_clear(struct side_request *q)
{
	free(q->template);
	free(q->key);
	free(q->netns);
	strv_clear(&q->args);
	memset(q, 0, sizeof(*q));
}

static int take_result(struct json_object *value, enum side_result *to,
		       struct shift_error *err)
{
	const char *text = text_of(value);

	for (size_t i = 0; text && i < sizeof(results) / sizeof(*results); i++)
		if (!strcmp(text, results[i])) {
			*to = (enum side_result)i;
			return 0;
		}
	return shift_err_set(err, 0, "the answer says no result");
}

int side_answer_take(struct side_answer *a, struct json_object *o,
		     struct shift_error *err)
{
	const struct { const char *key; char **to; } texts[] = {
		{ "error", &a->error }, { "pod", &a->pod },
		{ "output", &a->output },
	};
	const struct { const char *key; int *to; } numbers[] = {
		{ "pid", &a->pid }, { "status", &a->status },
	};
	struct json_object *v;
	int r;

	memset(a, 0, sizeof(*a));
	r = take_result(json_object_object_get(o, "result"), &a->result, err);
	for (size_t i = 0; r >= 0 && i < sizeof(texts) / sizeof(*texts); i++)
		if (json_object_object_get_ex(o, texts[i].key, &v))
			r = take_text(v, texts[i].to, texts[i].key, err);
	for (size_t i = 0; r >= 0 && i < sizeof(numbers) / sizeof(*numbers); i++)
		if (json_object_object_get_ex(o, numbers[i].key, &v))
			r = take_number(v, 0, INT32_MAX, numbers[i].to,
					numbers[i].key, err);
	return r;
}

int side_answer_parse(struct side_answer *a, const char *text, size_t len,
		      struct shift_error *err)
{
	struct json_object *o;
	int r;

	memset(a, 0, sizeof(*a));
	o = side_json_parse(text, len, SIDE_ANSWER_MAX, err);
	if (!o)
		return -EINVAL;
	r = side_answer_take(a, o, err);
	if (r >= 0)
		r = take_id(json_object_object_get(o, "id"), a->id, err);
	json_object_put(o);
	return r;
}

void side_answer_add(const struct side_answer *a, struct json_object *o)
{
	add_text(o, "result", results[a->result]);
	add_text(o, "error", a->error);
	add_text(o, "pod", a->pod);
	if (a->result == SIDE_RUNNING)
		add_number(o, "pid", a->pid);
	if (a->result == SIDE_ENDED)
		add_number(o, "status", a->status);
	add_text(o, "output", a->output);
}

int side_answer_format(const struct side_answer *a, char **ret,
		       struct shift_error *err)
{
	struct json_object *o = json_object_new_object();

	add_number(o, "version", 1);
	add_text(o, "id", a->id);
	side_answer_add(a, o);
	return to_text(o, ret, err);
}

void side_answer_clear(struct side_answer *a)
{
	free(a->error);
	free(a->pod);
	free(a->output);
	memset(a, 0, sizeof(*a));
}
