/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of message.h as calls of Varlink, for both ends of a socket: each is a
 * JSON object with a NUL behind it, https://varlink.org/Method-Call.  Nothing here
 * touches a socket.
 */
#ifndef RUNNER_VARLINK_H
#define RUNNER_VARLINK_H

#include <stdbool.h>
#include <stddef.h>

#include "ask/message.h"
#include "error.h"

#define VARLINK_INTERFACE "org.shiftfs.Side"

/* Bytes of a call and of a reply, without the NUL. */
#define VARLINK_CALL_MAX (SIDE_REQUEST_MAX + 1024)
#define VARLINK_REPLY_MAX (SIDE_ANSWER_MAX + 1024)

enum varlink_kind {
	VARLINK_REQUEST,	/* one of enum side_action */
	VARLINK_WAIT,		/* status, answered at the end of the side container */
	VARLINK_INFO,		/* org.varlink.service.GetInfo */
	VARLINK_DESCRIPTION,	/* org.varlink.service.GetInterfaceDescription */
};

struct varlink_call {
	enum varlink_kind kind;
	bool oneway;			/* no reply is wanted */
	struct side_request q;		/* REQUEST and WAIT; it always has an id */
	const char *description;	/* DESCRIPTION */
};

/*
 * Reads a call and checks all of it that can be checked without the template.
 * *ret is cleared by varlink_call_clear(), also after an error.  When the call
 * is refused, *reply is the reply that says why, the caller's, and *err the same
 * for a log.
 */
int varlink_call_parse(struct varlink_call *ret, const char *text, size_t len,
		       char **reply, struct shift_error *err);
void varlink_call_clear(struct varlink_call *call);

/* The call for a request, or, with @wait, for waiting for the end; the caller's. */
int varlink_call_format(const struct side_request *q, bool wait, char **ret,
			struct shift_error *err);

/* The reply to INFO or DESCRIPTION, the caller's. */
int varlink_about(const struct varlink_call *call, char **ret,
		  struct shift_error *err);

/*
 * The reply for an answer, and back.  "refused" and "failed" are the errors Refused
 * and Failed; any other error is read as "refused".
 */
int varlink_reply_format(const struct side_answer *a, char **ret,
			 struct shift_error *err);
int varlink_reply_parse(struct side_answer *ret, const char *text, size_t len,
			struct shift_error *err);

/* The reply to a caller that may not ask, or too many of them; the caller's. */
int varlink_denied(const char *reason, char **ret, struct shift_error *err);

#endif
