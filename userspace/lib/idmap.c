// SPDX-License-Identifier: GPL-2.0-or-later
#include "idmap.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define SEPARATORS " \t\n;"

/* (uid_t)-1 means "no id" to the kernel, so no extent may reach it. */
#define ID_END UINT32_MAX

static struct shift_idmap_table *table_of(struct shift_idmap *map,
					  enum shift_id_type type)
{
	return type == SHIFT_GID ? &map->gids : &map->uids;
}

static const struct shift_idmap_table *
const_table_of(const struct shift_idmap *map, enum shift_id_type type)
{
	return type == SHIFT_GID ? &map->gids : &map->uids;
}

static const char *type_name(enum shift_id_type type)
{
	return type == SHIFT_GID ? "gid" : "uid";
}

bool shift_idmap_empty(const struct shift_idmap *map)
{
	return !map->uids.n && !map->gids.n;
}

static bool ranges_overlap(uint32_t a, uint32_t a_count, uint32_t b,
			   uint32_t b_count)
{
	return (uint64_t)a < (uint64_t)b + b_count &&
	       (uint64_t)b < (uint64_t)a + a_count;
}

static int check_extent(const struct shift_idmap_table *table,
			enum shift_id_type type,
			const struct shift_idmap_extent *new,
			struct shift_error *err)
{
	const char *what = type_name(type);

	if (!new->count)
		return shift_err_set(err, 0,
				     "%s extent %" PRIu32 ":%" PRIu32 ":0 is empty",
				     what, new->stored, new->seen);
	if ((uint64_t)new->stored + new->count > ID_END ||
	    (uint64_t)new->seen + new->count > ID_END)
		return shift_err_set(err, 0,
				     "%s extent %" PRIu32 ":%" PRIu32 ":%" PRIu32 " goes past the largest id, %" PRIu32,
				     what, new->stored, new->seen, new->count,
				     ID_END - 1);

	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *old = &table->extents[i];
		const char *side;

		if (ranges_overlap(old->stored, old->count, new->stored,
				   new->count))
			side = "stored";
		else if (ranges_overlap(old->seen, old->count, new->seen,
					new->count))
			side = "seen";
		else
			continue;
		return shift_err_set(err, 0,
				     "%s extents %" PRIu32 ":%" PRIu32 ":%" PRIu32 " and %" PRIu32 ":%" PRIu32 ":%" PRIu32 " overlap in the %s ids",
				     what, old->stored, old->seen, old->count,
				     new->stored, new->seen, new->count, side);
	}

	if (table->n == SHIFT_IDMAP_MAX)
		return shift_err_set(err, 0,
				     "more than %d %s extents",
				     SHIFT_IDMAP_MAX, what);
	return 0;
}

int shift_idmap_add(struct shift_idmap *map, enum shift_id_type types,
		    uint32_t stored, uint32_t seen, uint32_t count,
		    struct shift_error *err)
{
	const struct shift_idmap_extent new = { stored, seen, count };
	static const enum shift_id_type each[] = { SHIFT_UID, SHIFT_GID };

	for (size_t i = 0; i < 2; i++) {
		int r;

		if (!(types & each[i]))
			continue;
		r = check_extent(const_table_of(map, each[i]), each[i], &new,
				 err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < 2; i++) {
		struct shift_idmap_table *table = table_of(map, each[i]);

		if (types & each[i])
			table->extents[table->n++] = new;
	}
	return 0;
}

/*
 * One decimal number ended by @end; moves *@text behind that.  strtoul() alone
 * would let blanks and signs through.
 */
static int parse_number(const char **text, char end, uint32_t *ret)
{
	unsigned long value;
	char *rest;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	errno = 0;
	value = strtoul(*text, &rest, 10);
	if (errno || value > UINT32_MAX)
		return -ERANGE;
	if (*rest != end)
		return -EINVAL;
	*text = end ? rest + 1 : rest;
	*ret = (uint32_t)value;
	return 0;
}

static int parse_extent(struct shift_idmap *map, enum shift_id_type types,
			const char *extent, bool with_type,
			struct shift_error *err)
{
	uint32_t stored, seen, count;
	const char *p = extent;
	int r;

	if (with_type && p[0] && p[1] == ':' && !isdigit((unsigned char)p[0])) {
		switch (p[0]) {
		case 'u':
			types = SHIFT_UID;
			break;
		case 'g':
			types = SHIFT_GID;
			break;
		case 'b':
			types = SHIFT_BOTH;
			break;
		default:
			return shift_err_set(err, 0,
					     "\"%s\": unknown type of id, use u, g or b",
					     extent);
		}
		p += 2;
	}

	r = parse_number(&p, ':', &stored);
	if (!r)
		r = parse_number(&p, ':', &seen);
	if (!r)
		r = parse_number(&p, '\0', &count);
	if (r == -ERANGE)
		return shift_err_set(err, 0,
				     "\"%s\": a number is larger than %" PRIu32,
				     extent, UINT32_MAX);
	if (r < 0)
		return shift_err_set(err, 0,
				     "\"%s\" is not of the form %sSTORED:SEEN:COUNT",
				     extent, with_type ? "[u:|g:|b:]" : "");
	return shift_idmap_add(map, types, stored, seen, count, err);
}

static int parse_list(struct shift_idmap *map, enum shift_id_type types,
		      const char *text, bool with_type,
		      struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	_cleanup_free_ struct shift_idmap *new = malloc(sizeof(*new));
	char *extent, *next;
	bool any = false;

	if (!copy || !new)
		return shift_err_set(err, ENOMEM, "idmap");

	/* Work on a copy: a bad third extent must not leave the first two. */
	*new = *map;
	for (extent = strtok_r(copy, SEPARATORS, &next); extent;
	     extent = strtok_r(NULL, SEPARATORS, &next)) {
		int r = parse_extent(new, types, extent, with_type, err);

		if (r < 0)
			return r;
		any = true;
	}
	if (!any)
		return shift_err_set(err, 0, "the map has no extent");
	*map = *new;
	return 0;
}

int shift_idmap_parse(struct shift_idmap *map, const char *text,
		      struct shift_error *err)
{
	return parse_list(map, SHIFT_BOTH, text, true, err);
}

int shift_idmap_parse_type(struct shift_idmap *map, enum shift_id_type types,
			   const char *text, struct shift_error *err)
{
	return parse_list(map, types, text, false, err);
}

int shift_idmap_parse_proc(struct shift_idmap *map, enum shift_id_type types,
			   const char *text, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *new = malloc(sizeof(*new));
	uint32_t field[3];
	int n = 0;

	if (!new)
		return shift_err_set(err, ENOMEM, "idmap");
	*new = *map;

	for (const char *p = text;;) {
		unsigned long value;
		char *rest;
		int r;

		p += strspn(p, " \t");
		if (!*p || *p == '\n') {
			if (n)
				break;
			if (!*p) {
				*map = *new;
				return 0;
			}
			p++;
			continue;
		}
		if (!isdigit((unsigned char)*p))
			break;
		errno = 0;
		value = strtoul(p, &rest, 10);
		if (errno || value > UINT32_MAX)
			break;
		p = rest;
		field[n++] = (uint32_t)value;
		if (n < 3)
			continue;
		p += strspn(p, " \t");
		if (*p && *p != '\n')
			break;
		r = shift_idmap_add(new, types, field[0], field[1], field[2],
				    err);
		if (r < 0)
			return r;
		n = 0;
	}
	return shift_err_set(err, 0,
			     "not a map as in /proc/PID/uid_map, three numbers a line");
}

static int by_stored(const void *a, const void *b)
{
	const struct shift_idmap_extent *x = a, *y = b;

	return (x->stored > y->stored) - (x->stored < y->stored);
}

static void normalize_table(struct shift_idmap_table *table)
{
	struct shift_idmap_extent *e = table->extents;
	size_t last = 0;

	if (!table->n)
		return;
	qsort(e, table->n, sizeof(*e), by_stored);
	for (size_t i = 1; i < table->n; i++) {
		/* No overlaps in a table, hence no overflow in these sums. */
		if (e[last].stored + e[last].count == e[i].stored &&
		    e[last].seen + e[last].count == e[i].seen)
			e[last].count += e[i].count;
		else
			e[++last] = e[i];
	}
	table->n = last + 1;
}

void shift_idmap_normalize(struct shift_idmap *map)
{
	normalize_table(&map->uids);
	normalize_table(&map->gids);
}

static bool same_table(const struct shift_idmap_table *a,
		       const struct shift_idmap_table *b)
{
	return a->n == b->n &&
	       !memcmp(a->extents, b->extents, a->n * sizeof(a->extents[0]));
}

bool shift_idmap_equal(const struct shift_idmap *a, const struct shift_idmap *b)
{
	struct shift_idmap x = *a, y = *b;

	shift_idmap_normalize(&x);
	shift_idmap_normalize(&y);
	return same_table(&x.uids, &y.uids) && same_table(&x.gids, &y.gids);
}

bool shift_idmap_is_identity(const struct shift_idmap *map)
{
	for (size_t i = 0; i < map->uids.n; i++)
		if (map->uids.extents[i].stored != map->uids.extents[i].seen)
			return false;
	for (size_t i = 0; i < map->gids.n; i++)
		if (map->gids.extents[i].stored != map->gids.extents[i].seen)
			return false;
	return true;
}

bool shift_idmap_seen(const struct shift_idmap *map, enum shift_id_type type,
		      uint32_t stored, uint32_t *ret)
{
	const struct shift_idmap_table *table = const_table_of(map, type);

	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];

		if (stored >= e->stored && stored - e->stored < e->count) {
			*ret = e->seen + (stored - e->stored);
			return true;
		}
	}
	return false;
}

bool shift_idmap_stored(const struct shift_idmap *map, enum shift_id_type type,
			uint32_t seen, uint32_t *ret)
{
	const struct shift_idmap_table *table = const_table_of(map, type);

	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];

		if (seen >= e->seen && seen - e->seen < e->count) {
			*ret = e->stored + (seen - e->seen);
			return true;
		}
	}
	return false;
}

static void print_table(FILE *to, const struct shift_idmap_table *table,
			char type, char sep, bool *first)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];

		if (!*first)
			fputc(sep, to);
		*first = false;
		fprintf(to, "%c:%" PRIu32 ":%" PRIu32 ":%" PRIu32, type,
			e->stored, e->seen, e->count);
	}
}

int shift_idmap_format(const struct shift_idmap *map, char sep, char **ret,
		       struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	bool first = true;
	size_t size;
	FILE *to;

	to = open_memstream(&text, &size);
	if (!to)
		return shift_err_set(err, errno, "idmap");
	if (same_table(&map->uids, &map->gids)) {
		print_table(to, &map->uids, 'b', sep, &first);
	} else {
		print_table(to, &map->uids, 'u', sep, &first);
		print_table(to, &map->gids, 'g', sep, &first);
	}
	if (fclose(to))
		return shift_err_set(err, errno, "idmap");
	*ret = steal_ptr(&text);
	return 0;
}

int shift_idmap_foreach_piece(const struct shift_idmap *map, size_t max,
			      int (*each)(const char *piece, void *data,
					  struct shift_error *err),
			      void *data, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char *start, *end;
	int r;

	r = shift_idmap_format(map, ';', &text, err);
	if (r < 0)
		return r;

	for (start = text; *start; start = end) {
		size_t len = strlen(start);

		if (len < max) {
			end = start + len;
		} else {
			/* The last separator at which the piece still fits. */
			end = memrchr(start, ';', max);
			if (!end || end == start)
				return shift_err_set(err, 0,
						     "an extent does not fit into %zu bytes",
						     max);
			*end++ = '\0';
		}
		r = each(start, data, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int shift_idmap_format_proc(const struct shift_idmap *map,
			    enum shift_id_type type, char **ret,
			    struct shift_error *err)
{
	const struct shift_idmap_table *table = const_table_of(map, type);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *to;

	to = open_memstream(&text, &size);
	if (!to)
		return shift_err_set(err, errno, "idmap");
	for (size_t i = 0; i < table->n; i++) {
		const struct shift_idmap_extent *e = &table->extents[i];

		fprintf(to, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", e->stored,
			e->seen, e->count);
	}
	if (fclose(to))
		return shift_err_set(err, errno, "idmap");
	*ret = steal_ptr(&text);
	return 0;
}
