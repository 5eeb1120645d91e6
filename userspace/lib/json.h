/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON that others wrote, by json-c.  A program with these functions links -ljson-c. */
#ifndef SHIFT_JSON_H
#define SHIFT_JSON_H

#include <json-c/json.h>
#include <stddef.h>

#include "error.h"

static inline void shift_cleanup_json(struct json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(shift_cleanup_json)))

/*
 * One JSON object, strictly, and nothing behind it.  @name is what messages call
 * the text; arrays and objects may lie @depth deep, else -E2BIG.  *ret is the caller's
 * to put.
 */
int shift_json_parse(const char *text, size_t len, int depth, const char *name,
		     struct json_object **ret, struct shift_error *err);

/* A string without a NUL in it, borrowed from @value; NULL: it is none. */
const char *shift_json_string(struct json_object *value);

#endif
