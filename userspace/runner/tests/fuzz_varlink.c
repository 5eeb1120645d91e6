/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on calls at an agent's socket: a call is taken or has a reply that says why. */
#include <stdlib.h>
#include <string.h>

#include "ask/varlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct varlink_call *c)
{
	struct varlink_call again;
	char *text = NULL, *reply = NULL;

	if (c->kind != VARLINK_REQUEST && c->kind != VARLINK_WAIT) {
		if (varlink_about(c, &text, NULL) < 0)
			abort();
		free(text);
		return;
	}
	if (side_request_check(&c->q, NULL) < 0 ||
	    varlink_call_format(&c->q, c->kind == VARLINK_WAIT, &text, NULL) < 0 ||
	    varlink_call_parse(&again, text, strlen(text), &reply, NULL) < 0 ||
	    again.kind != c->kind || again.q.action != c->q.action ||
	    again.q.args.n != c->q.args.n || strcmp(again.q.key, c->q.key))
		abort();
	varlink_call_clear(&again);
	free(reply);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct varlink_call c;
	struct side_answer a;
	char *reply;

	if (varlink_call_parse(&c, (const char *)data, size, &reply, NULL) >= 0)
		check(&c);
	else if (!reply)
		abort();
	varlink_call_clear(&c);
	free(reply);
	varlink_reply_parse(&a, (const char *)data, size, NULL);
	side_answer_clear(&a);
	return 0;
}
