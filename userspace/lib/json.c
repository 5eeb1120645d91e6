// SPDX-License-Identifier: GPL-2.0-or-later
#include "json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void cleanup_tokener(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

int shift_json_parse(const char *text, size_t len, int depth, const char *name,
		     struct json_object **ret, struct shift_error *err)
{
	__attribute__((cleanup(cleanup_tokener))) struct json_tokener *tokener =
		json_tokener_new_ex(depth);
	_cleanup_json_ struct json_object *root = NULL;
	enum json_tokener_error why;
	int r;

	if (!tokener)
		return shift_err_set(err, ENOMEM, "%s", name);
	if (len > INT_MAX)
		return shift_err_set(err, EFBIG, "%s", name);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, (int)len);
	why = json_tokener_get_error(tokener);
	if (why == json_tokener_continue)
		return shift_err_set(err, 0, "%s: not JSON: it ends too early", name);
	if (why != json_tokener_success) {
		r = shift_err_set(err, 0, "%s: not JSON at byte %zu: %s", name,
				  json_tokener_get_parse_end(tokener),
				  json_tokener_error_desc(why));
		return why == json_tokener_error_depth ? -E2BIG : r;
	}
	for (size_t i = json_tokener_get_parse_end(tokener); i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return shift_err_set(err, 0, "%s: something follows the JSON at byte %zu",
					     name, i);
	if (!json_object_is_type(root, json_type_object))
		return shift_err_set(err, 0, "%s: it must be one JSON object, { ... }", name);
	*ret = root;
	root = NULL;
	return 0;
}

const char *shift_json_string(struct json_object *value)
{
	const char *s;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	s = json_object_get_string(value);
	return strlen(s) == (size_t)json_object_get_string_len(value) ? s : NULL;
}
