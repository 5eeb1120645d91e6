/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on what an agent asks: what is taken says the same when written again. */
#include <stdlib.h>
#include <string.h>

#include "ask/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct side_request *q)
{
	struct side_request again;
	char *text = NULL;

	if (side_request_check(q, NULL) < 0 || !side_id_valid(q->id) ||
	    !side_template_valid(q->template) || !q->key ||
	    (q->netns && strchr(q->netns, '/')))
		abort();
	for (size_t i = 0; i < q->args.n; i++)
		if (strpbrk(q->args.v[i], "\n\r\t\033\177"))
			abort();
	if (side_request_format(q, &text, NULL) < 0 ||
	    side_request_parse(&again, text, strlen(text), NULL) < 0 ||
	    again.args.n != q->args.n || again.action != q->action ||
	    strcmp(again.key, q->key))
		abort();
	side_request_clear(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct side_request q;
	struct side_answer a;

	if (side_request_parse(&q, (const char *)data, size, NULL) >= 0)
		check(&q);
	side_request_clear(&q);
	side_answer_parse(&a, (const char *)data, size, NULL);
	side_answer_clear(&a);
	return 0;
}
