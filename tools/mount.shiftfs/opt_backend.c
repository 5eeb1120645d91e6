// SPDX-License-Identifier: GPL-2.0-or-later
/* backend=shiftfs|idmap|delegate|auto: what makes the mount, see backend.c. */
#include <string.h>

#include "options.h"

static int parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err)
{
	static const char *const words[] = {
		[BACKEND_SHIFTFS] = "shiftfs",
		[BACKEND_IDMAP] = "idmap",
		[BACKEND_DELEGATE] = "delegate",
		[BACKEND_AUTO] = "auto",
	};

	for (size_t i = 0; value && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(value, words[i])) {
			req->backend = (enum backend)i;
			return 0;
		}
	return shift_err_set(err, 0, "option %s=%s: it must be shiftfs, idmap, delegate or auto",
			     name, value ? value : "");
}

static const char *const names[] = { "backend", NULL };

const struct option_handler option_backend = {
	.names = names,
	.parse = parse,
};
