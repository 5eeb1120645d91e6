// SPDX-License-Identifier: GPL-2.0-or-later
#include "maps.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "userns.h"

static bool member(struct json_object *object, const char *key, uint32_t *ret)
{
	struct json_object *value;
	int64_t v;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	v = json_object_get_int64(value);
	if (v < 0 || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

int maps_add_list(struct shift_idmap *map, enum shift_id_type type,
		  struct json_object *list, struct shift_error *err)
{
	const char *what = type == SHIFT_UID ? "uidMappings" : "gidMappings";
	size_t n;
	int r;

	if (!list)
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return shift_err_set(err, 0, "%s must be a list", what);
	n = json_object_array_length(list);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		uint32_t inside, outside, count;

		if (!member(e, "containerID", &inside) || !member(e, "hostID", &outside) ||
		    !member(e, "size", &count))
			return shift_err_set(err, 0, "%s: entry %zu must have containerID, hostID and size, numbers below 4294967296",
					     what, i + 1);
		r = shift_idmap_add(map, type, inside, outside, count, err);
		if (r < 0)
			return shift_err_prefix(err, "%s", what);
	}
	return 0;
}

/* Moves *text behind a number, to a character of @end: strchr(3) finds the NUL as well. */
static bool number(const char **text, const char *end, uint32_t *ret)
{
	unsigned long long v;
	char *p;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	v = strtoull(*text, &p, 10);
	if (errno || v > UINT32_MAX || !strchr(end, *p))
		return false;
	*ret = (uint32_t)v;
	*text = p;
	return true;
}

/* An extent whose second number is the container's, cut where the container's map is. */
static int add_of_container(struct shift_idmap *map, enum shift_id_type type, uint32_t stored,
			    uint32_t inside, uint32_t count,
			    const struct shift_idmap *container, struct shift_error *err)
{
	const struct shift_idmap_table *table = type == SHIFT_UID ? &container->uids :
								    &container->gids;
	const uint64_t end = (uint64_t)inside + count;
	bool any = false;
	int r;

	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];
		uint64_t from = e->stored > inside ? e->stored : inside;
		uint64_t to = (uint64_t)e->stored + e->count;

		if (to > end)
			to = end;
		if (from >= to)
			continue;
		r = shift_idmap_add(map, type, (uint32_t)(stored + (from - inside)),
				    (uint32_t)(e->seen + (from - e->stored)),
				    (uint32_t)(to - from), err);
		if (r < 0)
			return r;
		any = true;
	}
	return any ? 0 : shift_err_set(err, 0, "the container has no ids %u to %llu",
				       inside, (unsigned long long)end - 1);
}

int maps_add_option(struct shift_idmap *map, const char *text,
		    const struct shift_idmap *container, struct shift_error *err)
{
	for (const char *p = text; *p;) {
		enum shift_id_type type = *p == 'u' ? SHIFT_UID : SHIFT_GID;
		uint32_t stored, seen, count;
		bool relative;
		int r;

		if (strncmp(p, "uids=", 5) && strncmp(p, "gids=", 5))
			goto bad;
		p += 5;
		do {
			relative = *p == '@';
			p += relative;
			if (!number(&p, "-", &stored) || *p++ != '-' ||
			    !number(&p, "-", &seen) || *p++ != '-' ||
			    !number(&p, "#;", &count) || !count)
				goto bad;
			r = relative ? add_of_container(map, type, stored, seen, count, container, err) :
				       shift_idmap_add(map, type, stored, seen, count, err);
			if (r < 0)
				return shift_err_prefix(err, "idmap=%s", text);
		} while (*p == '#' && p++);
		if (*p == ';' && !*++p)
			goto bad;
	}
	return 0;
bad:
	return shift_err_set(err, 0, "idmap=%s: it must be uids=STORED-HOST-COUNT#...;gids=..., with '@' before STORED if HOST is an id of the container",
			     text);
}

static int read_namespace(const char *path, struct shift_idmap *map, struct shift_error *err)
{
	_cleanup_close_ int fd = shift_userns_open(path, err);

	return fd < 0 ? fd : shift_userns_read(fd, map, err);
}

int maps_of_container(struct json_object *linux_part, struct shift_idmap *map,
		      bool *ret_any, struct shift_error *err)
{
	struct json_object *list = json_object_object_get(linux_part, "namespaces");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	const char *path = NULL;
	bool any = false;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *type;

		if (!json_object_is_type(e, json_type_object))
			continue;
		type = shift_json_string(json_object_object_get(e, "type"));
		if (!type || strcmp(type, "user"))
			continue;
		any = true;
		path = shift_json_string(json_object_object_get(e, "path"));
	}
	*ret_any = any;
	if (!any)
		return 0;
	r = maps_add_list(map, SHIFT_UID, json_object_object_get(linux_part, "uidMappings"), err);
	if (r >= 0)
		r = maps_add_list(map, SHIFT_GID, json_object_object_get(linux_part, "gidMappings"), err);
	if (r >= 0 && path && *path && shift_idmap_empty(map))
		r = read_namespace(path, map, err);
	return r < 0 ? shift_err_prefix(err, "the container's user namespace") : 0;
}
