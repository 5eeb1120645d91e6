// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pure id arithmetic: parse, check, sort, translate and compose id maps.
 */
#include "idmap.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#endif

const char *shiftfs_idmap_strerror(enum shiftfs_idmap_error err)
{
	switch (err) {
	case SHIFTFS_IDMAP_OK:
		return "no error";
	case SHIFTFS_IDMAP_NOMEM:
		return "out of memory";
	case SHIFTFS_IDMAP_TOO_MANY:
		return "more than 340 extents";
	case SHIFTFS_IDMAP_EMPTY:
		return "an extent of 0 ids";
	case SHIFTFS_IDMAP_OVERFLOW:
		return "an id beyond 4294967294";
	case SHIFTFS_IDMAP_STORED:
		return "two extents overlap in the stored ids";
	case SHIFTFS_IDMAP_SEEN:
		return "two extents overlap in the seen ids";
	case SHIFTFS_IDMAP_SYNTAX:
		return "not of the form STORED:SEEN:COUNT in decimal";
	case SHIFTFS_IDMAP_TYPE:
		return "id type must be u, g or b";
	}
	return "unknown error";
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == ';';
}

/*
 * Neither kstrtou32(), which wants the end of the string behind the number,
 * nor simple_strtoul(), which overflows silently, fits here.
 */
static enum shiftfs_idmap_error parse_id(const char **str, u32 *id)
{
	const char *s = *str;
	u64 val = 0;

	if (*s < '0' || *s > '9')
		return SHIFTFS_IDMAP_SYNTAX;

	for (; *s >= '0' && *s <= '9'; s++) {
		val = val * 10 + (*s - '0');
		if (val > (u32)-1)
			return SHIFTFS_IDMAP_OVERFLOW;
	}
	*id = val;
	*str = s;
	return SHIFTFS_IDMAP_OK;
}

enum shiftfs_idmap_error shiftfs_idmap_parse(const char **str, bool typed,
					     struct shiftfs_extent *ext,
					     unsigned int *which)
{
	u32 *part[] = { &ext->stored, &ext->seen, &ext->count };
	enum shiftfs_idmap_error err;
	const char *s = *str;
	unsigned int i;

	*which = SHIFTFS_MAP_UID | SHIFTFS_MAP_GID;
	while (is_separator(*s))
		s++;

	if (typed) {
		switch (*s) {
		case 'u':
			*which = SHIFTFS_MAP_UID;
			break;
		case 'g':
			*which = SHIFTFS_MAP_GID;
			break;
		case 'b':
			break;
		default:
			return SHIFTFS_IDMAP_TYPE;
		}
		if (*++s != ':')
			return SHIFTFS_IDMAP_SYNTAX;
		s++;
	}

	for (i = 0; i < 3; i++) {
		if (i && *s++ != ':')
			return SHIFTFS_IDMAP_SYNTAX;
		err = parse_id(&s, part[i]);
		if (err)
			return err;
	}

	if (*s && !is_separator(*s))
		return SHIFTFS_IDMAP_SYNTAX;
	while (is_separator(*s))
		s++;

	*str = s;
	return SHIFTFS_IDMAP_OK;
}

enum shiftfs_idmap_error shiftfs_idmap_add(struct shiftfs_idmap *map,
					   const struct shiftfs_extent *ext)
{
	struct shiftfs_extent *tab;

	if (!ext->count)
		return SHIFTFS_IDMAP_EMPTY;
	/* The sum may be (u32)-1, then the last id is one below it. */
	if ((u32)(ext->stored + ext->count) < ext->stored ||
	    (u32)(ext->seen + ext->count) < ext->seen)
		return SHIFTFS_IDMAP_OVERFLOW;
	if (map->nr >= SHIFTFS_MAX_EXTENTS)
		return SHIFTFS_IDMAP_TOO_MANY;

	/* Grow by powers of two: full whenever nr is one. */
	if (!(map->nr & (map->nr - 1))) {
		unsigned int room = map->nr ? map->nr * 2 : 1;

		tab = krealloc(map->by_stored, room * sizeof(*tab), GFP_KERNEL);
		if (!tab)
			return SHIFTFS_IDMAP_NOMEM;
		map->by_stored = tab;
	}
	map->by_stored[map->nr++] = *ext;
	return SHIFTFS_IDMAP_OK;
}

enum shiftfs_idmap_error shiftfs_id_pair_parse(const char *str, char sep,
					       u32 *first, u32 *second,
					       bool *has_second)
{
	enum shiftfs_idmap_error err;

	*has_second = false;
	err = parse_id(&str, first);
	if (err)
		return err;
	if (*str == sep) {
		*has_second = true;
		str++;
		err = parse_id(&str, second);
		if (err)
			return err;
	}
	if (*str)
		return SHIFTFS_IDMAP_SYNTAX;
	if (*first == SHIFTFS_INVALID_ID ||
	    (*has_second && *second == SHIFTFS_INVALID_ID))
		return SHIFTFS_IDMAP_OVERFLOW;
	return SHIFTFS_IDMAP_OK;
}

static int cmp_stored(const void *a, const void *b)
{
	const struct shiftfs_extent *x = a, *y = b;

	return x->stored < y->stored ? -1 : x->stored > y->stored;
}

static int cmp_seen(const void *a, const void *b)
{
	const struct shiftfs_extent *x = a, *y = b;

	return x->seen < y->seen ? -1 : x->seen > y->seen;
}

/*
 * Join extents that continue each other, so that a map which was given in
 * pieces is as fast as one given in one, and prints the same.
 */
static void merge_extents(struct shiftfs_idmap *map)
{
	struct shiftfs_extent *e = map->by_stored;
	unsigned int i, n = 0;

	for (i = 1; i < map->nr; i++) {
		if (e[n].stored + e[n].count == e[i].stored &&
		    e[n].seen + e[n].count == e[i].seen)
			e[n].count += e[i].count;
		else
			e[++n] = e[i];
	}
	map->nr = n + 1;
}

enum shiftfs_idmap_error shiftfs_idmap_finish(struct shiftfs_idmap *map)
{
	struct shiftfs_extent *e;
	unsigned int i;

	if (!map->nr)
		return SHIFTFS_IDMAP_OK;

	e = map->by_stored;
	sort(e, map->nr, sizeof(*e), cmp_stored, NULL);
	for (i = 1; i < map->nr; i++)
		if (e[i].stored - e[i - 1].stored < e[i - 1].count)
			return SHIFTFS_IDMAP_STORED;
	merge_extents(map);

	kfree(map->by_seen);
	map->by_seen = kmemdup(e, map->nr * sizeof(*e), GFP_KERNEL);
	if (!map->by_seen)
		return SHIFTFS_IDMAP_NOMEM;

	e = map->by_seen;
	sort(e, map->nr, sizeof(*e), cmp_seen, NULL);
	for (i = 1; i < map->nr; i++)
		if (e[i].seen - e[i - 1].seen < e[i - 1].count)
			return SHIFTFS_IDMAP_SEEN;
	return SHIFTFS_IDMAP_OK;
}

u32 shiftfs_idmap_up_slow(const struct shiftfs_idmap *map, u32 stored)
{
	unsigned int lo = 0, hi = map->nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct shiftfs_extent *e = &map->by_stored[mid];

		if (stored >= e->stored && stored - e->stored < e->count)
			return e->seen + (stored - e->stored);
		if (stored < e->stored)
			hi = mid;
		else
			lo = mid + 1;
	}
	return SHIFTFS_INVALID_ID;
}

u32 shiftfs_idmap_down_slow(const struct shiftfs_idmap *map, u32 seen)
{
	unsigned int lo = 0, hi = map->nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct shiftfs_extent *e = &map->by_seen[mid];

		if (seen >= e->seen && seen - e->seen < e->count)
			return e->stored + (seen - e->seen);
		if (seen < e->seen)
			hi = mid;
		else
			lo = mid + 1;
	}
	return SHIFTFS_INVALID_ID;
}

enum shiftfs_idmap_error shiftfs_idmap_compose(struct shiftfs_idmap *out,
					const struct shiftfs_idmap *inner,
					const struct shiftfs_idmap *outer)
{
	enum shiftfs_idmap_error err;
	unsigned int i, j;

	for (i = 0; i < inner->nr; i++) {
		const struct shiftfs_extent *in = &inner->by_stored[i];

		for (j = 0; j < outer->nr; j++) {
			const struct shiftfs_extent *o = &outer->by_stored[j];
			u32 first = in->seen > o->stored ? in->seen : o->stored;
			u32 in_end = in->seen + in->count;
			u32 o_end = o->stored + o->count;
			u32 end = in_end < o_end ? in_end : o_end;
			struct shiftfs_extent ext;

			if (first >= end)
				continue;
			ext.stored = in->stored + (first - in->seen);
			ext.seen = o->seen + (first - o->stored);
			ext.count = end - first;
			err = shiftfs_idmap_add(out, &ext);
			if (err)
				return err;
		}
	}
	return shiftfs_idmap_finish(out);
}

bool shiftfs_idmap_equal(const struct shiftfs_idmap *a,
			 const struct shiftfs_idmap *b)
{
	return a->nr == b->nr &&
	       (!a->nr || !memcmp(a->by_stored, b->by_stored,
				  a->nr * sizeof(*a->by_stored)));
}

void shiftfs_idmap_free(struct shiftfs_idmap *map)
{
	kfree(map->by_stored);
	kfree(map->by_seen);
	map->by_stored = NULL;
	map->by_seen = NULL;
	map->nr = 0;
}
