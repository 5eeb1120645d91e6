// SPDX-License-Identifier: GPL-2.0-or-later
#include "foreign.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "userns.h"

#define PVE "pve:"
#define PASSTHROUGH "passthrough"

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

bool foreign_is(const char *value)
{
	return starts(value, "uids=") || starts(value, "gids=") ||
	       starts(value, PVE) || !strcmp(value, PASSTHROUGH);
}

/* A decimal number at *@p, which is moved behind it. */
static int number(const char **p, uint32_t *ret)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	errno = 0;
	value = strtoul(*p, &end, 10);
	if (errno || value > UINT32_MAX)
		return -EINVAL;
	*p = end;
	*ret = (uint32_t)value;
	return 0;
}

/* Three numbers with @sep between them; @p is moved behind the last. */
static int triple(const char **p, char sep, uint32_t ret[3])
{
	for (int i = 0; i < 3; i++) {
		if (i && *(*p)++ != sep)
			return -EINVAL;
		if (number(p, &ret[i]))
			return -EINVAL;
	}
	return 0;
}

static int bad_crun(const char *value, struct shift_error *err)
{
	return shift_err_set(err, 0, "\"%s\" is not of the form uids=[@]STORED-SEEN-COUNT#...;gids=...",
			     value);
}

static int parse_crun(struct request *req, const char *value, struct shift_error *err)
{
	const char *p = value;

	do {
		enum shift_id_type type = *p == 'u' ? SHIFT_UID : SHIFT_GID;

		if (!starts(p, "uids=") && !starts(p, "gids="))
			return bad_crun(value, err);
		p += strlen("uids=");
		do {
			bool relative = *p == '@';
			uint32_t n[3];
			int r;

			p += relative;
			if (triple(&p, '-', n) || (*p && !strchr("#;", *p)))
				return bad_crun(value, err);
			r = shift_idmap_add(relative ? &req->relative : &req->map, type,
					    n[0], n[1], n[2], err);
			if (r < 0)
				return r;
		} while (*p == '#' && p++);
	} while (*p == ';' && *++p);
	return 0;
}

static int parse_pve(struct request *req, const char *value, struct shift_error *err)
{
	for (const char *p = value + strlen(PVE);;) {
		enum shift_id_type type = *p == 'u' ? SHIFT_UID : SHIFT_GID;
		uint32_t n[3];
		int r;

		if ((*p != 'u' && *p != 'g') || *++p != ':' || (p++, triple(&p, ':', n)) ||
		    (*p && *p != ';'))
			return shift_err_set(err, 0, "\"%s\" is not of the form pve:TYPE:CONTAINER:DISK:COUNT;..., where TYPE is u or g",
					     value);
		r = shift_idmap_add(&req->relative, type, n[1], n[0], n[2], err);
		if (r < 0)
			return r;
		if (!*p || !*++p)
			return 0;
	}
}

int foreign_parse(struct request *req, const char *value, struct shift_error *err)
{
	if (!strcmp(value, PASSTHROUGH)) {
		req->passthrough = true;
		return 0;
	}
	if (!starts(value, PVE))
		return parse_crun(req, value, err);
	req->fall_back = true;
	return parse_pve(req, value, err);
}

/* The ids [from, from + count) of the container, stored as @stored and so on. */
static int add_relative(struct request *req, enum shift_id_type type,
			const struct shift_idmap_table *ns,
			const struct shift_idmap_extent *e, struct shift_error *err)
{
	uint32_t done = 0;

	while (done < e->count) {
		uint32_t id = e->seen + done, len = 0;

		for (size_t i = 0; i < ns->n && !len; i++) {
			const struct shift_idmap_extent *x = &ns->extents[i];
			uint32_t off = id - x->stored;
			int r;

			if (id < x->stored || off >= x->count)
				continue;
			len = x->count - off < e->count - done ? x->count - off : e->count - done;
			r = shift_idmap_add(&req->map, type, e->stored + done, x->seen + off,
					    len, err);
			if (r < 0)
				return r;
		}
		if (!len)
			return shift_err_set(err, 0, "the %s %" PRIu32 " of the container is not in the map of %s",
					     type == SHIFT_UID ? "user id" : "group id", id,
					     req->userns_path);
		done += len;
	}
	return 0;
}

/* The first id at or after @id that @table has on its seen side, or @end. */
static uint32_t next_seen(const struct shift_idmap_table *table, uint32_t id, uint32_t end,
			  uint32_t *ret_after)
{
	uint32_t first = end;

	*ret_after = end;
	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];

		if (e->seen + e->count <= id || e->seen >= first)
			continue;
		first = e->seen < id ? id : e->seen;
		*ret_after = e->seen + e->count < end ? e->seen + e->count : end;
	}
	return first;
}

/*
 * Proxmox's rule for ids of the container that the text does not name: the
 * mount leaves them as they are, so the host's id is what is stored.
 */
static int add_fall_back(struct request *req, enum shift_id_type type,
			 const struct shift_idmap_table *ns,
			 const struct shift_idmap_table *named, struct shift_error *err)
{
	for (size_t i = 0; i < ns->n; i++) {
		const struct shift_idmap_extent *x = &ns->extents[i];
		uint32_t id = x->stored, end = x->stored + x->count;

		while (id < end) {
			uint32_t after, until = next_seen(named, id, end, &after);
			uint32_t host = x->seen + (id - x->stored);

			if (until > id) {
				int r = shift_idmap_add(&req->map, type, host, host, until - id, err);

				if (r < 0)
					return r;
			}
			id = after > until ? after : until;
		}
	}
	return 0;
}

static int resolve_type(struct request *req, enum shift_id_type type,
			const struct shift_idmap_table *ns,
			const struct shift_idmap_table *named, struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < named->n; i++)
		r = add_relative(req, type, ns, &named->extents[i], err);
	if (r >= 0 && req->fall_back)
		r = add_fall_back(req, type, ns, named, err);
	return r;
}

int foreign_resolve(struct request *req, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *ns = calloc(1, sizeof(*ns));
	int r;

	if (!ns)
		return shift_err_set(err, ENOMEM, "idmap");
	if (shift_idmap_empty(&req->relative))
		return 0;
	r = shift_userns_read(req->userns_fd, ns, err);
	if (r >= 0)
		r = resolve_type(req, SHIFT_UID, &ns->uids, &req->relative.uids, err);
	if (r >= 0)
		r = resolve_type(req, SHIFT_GID, &ns->gids, &req->relative.gids, err);
	if (r < 0)
		return shift_err_prefix(err, "option idmap with userns=%s", req->userns_path);
	request_drop_userns(req);
	return 0;
}

static void print_crun(FILE *to, const struct shift_idmap_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		fprintf(to, "%s%" PRIu32 "-%" PRIu32 "-%" PRIu32, i ? "#" : "",
			table->extents[i].stored, table->extents[i].seen,
			table->extents[i].count);
}

/* Closes what open_memstream(3) opened; its text, the caller's, or NULL. */
static char *close_text(FILE *to, char **text)
{
	if (!fclose(to))
		return *text;
	free(*text);
	return NULL;
}

char *foreign_crun_text(const struct shift_idmap *map)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	if (map->uids.n)
		fputs("uids=", to);
	print_crun(to, &map->uids);
	if (map->gids.n)
		fputs(map->uids.n ? ";gids=" : "gids=", to);
	print_crun(to, &map->gids);
	return close_text(to, &text);
}

char *foreign_pve_text(const struct shift_idmap *map)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	for (int t = 0; t < 2; t++) {
		const struct shift_idmap_table *table = t ? &map->gids : &map->uids;

		for (size_t i = 0; i < table->n; i++)
			fprintf(to, "%s%c:%" PRIu32 ":%" PRIu32 ":%" PRIu32,
				i || (t && map->uids.n) ? ";" : "", t ? 'g' : 'u',
				table->extents[i].seen, table->extents[i].stored,
				table->extents[i].count);
	}
	return close_text(to, &text);
}
