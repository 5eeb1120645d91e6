// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "json.h"

#define DEPTH 8

/* One object and nothing behind it. */
static int parse_object(const char *text, size_t len, const char *name,
			struct json_object **ret, struct shift_error *err)
{
	if (len > SHIFT_CONFIG_MAX)
		return shift_err_set(err, EFBIG, "%s: more than %d bytes", name,
				     SHIFT_CONFIG_MAX);
	return shift_json_parse(text, len, DEPTH, name, ret, err);
}

int shift_config_parse(const char *text, size_t len, const char *name,
		       struct shift_config *ret, struct shift_error *err)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct shift_config config = *ret;
	int r = parse_object(text, len, name, &root, err);

	if (r < 0)
		return r;
	json_object_object_foreach(root, key, value) {
		const char *s = shift_json_string(value);

		if (strcmp(key, "prefer"))
			return shift_err_set(err, 0, "%s: unknown key \"%s\", there is \"prefer\"",
					     name, key);
		if (s && !strcmp(s, "idmap"))
			config.prefer = SHIFT_BY_IDMAP;
		else if (s && !strcmp(s, "shiftfs"))
			config.prefer = SHIFT_BY_SHIFTFS;
		else
			return shift_err_set(err, 0, "%s: \"prefer\" must be \"idmap\" or \"shiftfs\"",
					     name);
	}
	*ret = config;
	return 0;
}

int shift_config_read(const char *path, struct shift_config *ret,
		      struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = shift_read_file(path, &text, err);

	if (r == -ENOENT) {
		shift_err_clear(err);
		return 0;
	}
	return r < 0 ? r : shift_config_parse(text, strlen(text), path, ret, err);
}

static void clear_grant(struct shift_grant *grant)
{
	free(grant->path);
	free(grant->user);
	grant->path = NULL;
	grant->user = NULL;
}

/* A path which is its own shortest form, so that comparing strings is enough. */
static bool is_plain_path(const char *path)
{
	if (path[0] != '/' || !path[1])
		return false;
	for (const char *p = path; *p; p += strcspn(p, "/")) {
		size_t len = strcspn(++p, "/");

		if (!len || (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return true;
}

static int take_key(struct shift_grant *grant, const char *key,
		    struct json_object *value, struct shift_error *err)
{
	const char *s = shift_json_string(value);
	char **to = !strcmp(key, "path") ? &grant->path :
		    !strcmp(key, "user") ? &grant->user : NULL;

	if (!strcmp(key, "write")) {
		if (!json_object_is_type(value, json_type_boolean))
			return shift_err_set(err, 0, "\"write\" must be true or false");
		grant->write = json_object_get_boolean(value);
		return 0;
	}
	if (!to && strcmp(key, "idmap"))
		return shift_err_set(err, 0, "unknown key \"%s\", there are \"path\", \"user\", \"idmap\" and \"write\"",
				     key);
	if (!s || !*s)
		return shift_err_set(err, 0, "\"%s\" must be a string, and not empty", key);
	if (!to)
		return shift_idmap_parse(&grant->map, s, err);
	if (to == &grant->path && !is_plain_path(s))
		return shift_err_set(err, 0, "path \"%s\": it must be absolute, other than /, without \".\", \"..\" and a slash too many", s);
	*to = strdup(s);
	return *to ? 0 : shift_err_set(err, ENOMEM, "\"%s\"", key);
}

static int parse_grant(struct json_object *object, struct shift_grant *ret,
		       struct shift_error *err)
{
	int r;

	if (!json_object_is_type(object, json_type_object))
		return shift_err_set(err, 0, "it must be an object, { ... }");
	json_object_object_foreach(object, key, value) {
		r = take_key(ret, key, value, err);
		if (r < 0)
			return r;
	}
	if (!ret->path || !ret->user)
		return shift_err_set(err, 0, "\"%s\" is missing",
				     ret->path ? "user" : "path");
	if (!ret->map.uids.n || !ret->map.gids.n)
		return shift_err_set(err, 0, "\"idmap\" must have user and group ids");
	return 0;
}

int shift_grants_parse(const char *text, size_t len, const char *name,
		       struct shift_grants *ret, struct shift_error *err)
{
	_cleanup_grants_ struct shift_grants grants = SHIFT_GRANTS_INIT;
	_cleanup_json_ struct json_object *root = NULL;
	struct json_object *allow = NULL;
	int r = parse_object(text, len, name, &root, err);
	size_t n;

	if (r < 0)
		return r;
	json_object_object_foreach(root, key, value) {
		if (strcmp(key, "allow"))
			return shift_err_set(err, 0, "%s: unknown key \"%s\", there is \"allow\"",
					     name, key);
		allow = value;
	}
	if (!json_object_is_type(allow, json_type_array))
		return shift_err_set(err, 0, "%s: \"allow\" must be a list, [ ... ]", name);

	n = json_object_array_length(allow);
	grants.list = calloc(n ? n : 1, sizeof(*grants.list));
	if (!grants.list)
		return shift_err_set(err, ENOMEM, "%s", name);
	for (; grants.n < n; grants.n++) {
		struct shift_grant *grant = &grants.list[grants.n];

		r = parse_grant(json_object_array_get_idx(allow, grants.n),
				grant, err);
		if (r < 0) {
			clear_grant(grant);
			return shift_err_prefix(err, "%s: entry %zu of \"allow\"",
						name, grants.n + 1);
		}
	}
	*ret = grants;
	grants = (struct shift_grants)SHIFT_GRANTS_INIT;
	return 0;
}

void shift_grants_clear(struct shift_grants *grants)
{
	for (size_t i = 0; i < grants->n; i++)
		clear_grant(&grants->list[i]);
	free(grants->list);
	grants->list = NULL;
	grants->n = 0;
}

/* Each extent must lie within the granted ones, which may be cut otherwise. */
static bool covers(const struct shift_grant *grant, enum shift_id_type type,
		   const struct shift_idmap_table *table)
{
	const struct shift_idmap_table *granted = type == SHIFT_GID ?
		&grant->map.gids : &grant->map.uids;

	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];
		uint64_t at = e->stored, end = at + e->count;

		while (at < end) {
			uint64_t next = at;

			for (size_t k = 0; k < granted->n; k++) {
				const struct shift_idmap_extent *g = &granted->extents[k];

				if (at >= g->stored && at < (uint64_t)g->stored + g->count &&
				    at - g->stored + g->seen == at - e->stored + e->seen)
					next = (uint64_t)g->stored + g->count;
			}
			if (next == at)
				return false;
			at = next;
		}
	}
	return true;
}

bool shift_grant_covers(const struct shift_grant *grant,
			const struct shift_idmap *map)
{
	return covers(grant, SHIFT_UID, &map->uids) &&
	       covers(grant, SHIFT_GID, &map->gids);
}
