/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of an agent in a pod to the host, and the answers: JSON, and the
 * names of files in a spool.  A request is hostile; an answer is read by the agent.
 *
 * A request:
 *
 *	version		1
 *	id		32 hexadecimal digits, of the asker's invention
 *	action		"start", "status", "signal", "stop" or "remove"
 *	template	NAME of /etc/runner/side.d/NAME.json
 *	key		which of the asker's side containers of that template:
 *			1 to 255 of [A-Za-z0-9._:/@+-]
 *	args		start: list of strings, the helper's arguments
 *	netns		start, may be missing: a name below /run/netns of the agent's
 *	signal		signal: its number
 *
 * An answer:
 *
 *	version		1
 *	id		the request's
 *	result		"running", "ended", "none" (there is no such side container),
 *			"refused" (it will be next time) or "failed" (of the host's own)
 *	error		refused and failed: why
 *	pod		the side container's name on the host
 *	pid		running: the first process's pid, on the host
 *	status		ended: the exit status, 128+N for signal N
 *	output		ended: the end of what it wrote
 */
#ifndef RUNNER_MESSAGE_H
#define RUNNER_MESSAGE_H

#include <stddef.h>

#include "base/util.h"
#include "error.h"

#define SIDE_ID 32
#define SIDE_REQUEST_MAX (128 << 10)	/* bytes of JSON */
#define SIDE_ANSWER_MAX (64 << 10)
#define SIDE_TEMPLATE_MAX 24
#define SIDE_KEY_MAX 255
#define SIDE_NETNS_MAX 255
#define SIDE_ARGS_MAX 256
#define SIDE_ARG_MAX 4096

enum side_action {
	SIDE_START,
	SIDE_STATUS,
	SIDE_SIGNAL,
	SIDE_STOP,
	SIDE_REMOVE,
};
#define SIDE_N_ACTIONS 5

struct side_request {
	char id[SIDE_ID + 1];
	enum side_action action;
	char *template;
	char *key;
	char *netns;		/* NULL: none */
	struct strv args;
	int signal;
};

enum side_result {
	SIDE_RUNNING,
	SIDE_ENDED,
	SIDE_NONE,
	SIDE_REFUSED,
	SIDE_FAILED,
};

struct side_answer {
	char id[SIDE_ID + 1];
	enum side_result result;
	char *error, *pod, *output;	/* NULL: none */
	int pid, status;
};

struct json_object;

/*
 * The JSON object that the @len bytes of @text are, at most @max, the caller's:
 * json_object_put().  NULL with *err: it is none, it is nested deeper than anything
 * here, or something else follows.
 */
struct json_object *side_json_parse(const char *text, size_t len, size_t max,
				    struct shift_error *err);

/* Whether @text is a request's id. */
int side_id_valid(const char *text);

/* Whether @text can be the name of a template: [a-z0-9][a-z0-9-]*, not too long. */
int side_template_valid(const char *text);

const char *side_action_name(enum side_action action);
const char *side_result_name(enum side_result result);

/*
 * Reads a request and checks all of it that can be checked without the template.
 * *ret is cleared by side_request_clear(), also after an error: then its id is
 * set where there was one.
 */
int side_request_parse(struct side_request *ret, const char *text, size_t len,
		       struct shift_error *err);
int side_request_format(const struct side_request *request, char **ret,
			struct shift_error *err);
void side_request_clear(struct side_request *request);

/*
 * The same members but version and action, from the parameters of a call.  An id
 * may be missing, and nothing is checked that concerns two members:
 * side_request_check() has to follow.  *q is cleared as after a parse.
 */
int side_request_take(struct side_request *q, enum side_action action,
		      struct json_object *parameters, struct shift_error *err);

/* Adds the members but version and action to @o. */
void side_request_add(const struct side_request *q, struct json_object *o);

/* The same checks, of a request that was not parsed but made. */
int side_request_check(const struct side_request *request,
		       struct shift_error *err);

int side_answer_parse(struct side_answer *ret, const char *text, size_t len,
		      struct shift_error *err);
int side_answer_format(const struct side_answer *answer, char **ret,
		       struct shift_error *err);

/* The members but version and id, from and to an object. */
int side_answer_take(struct side_answer *a, struct json_object *o,
		     struct shift_error *err);
void side_answer_add(const struct side_answer *a, struct json_object *o);
void side_answer_clear(struct side_answer *answer);

#endif
