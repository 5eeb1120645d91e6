/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pure id arithmetic of shiftfs: no VFS in here, so that the same source is
 * unit tested and fuzzed in userspace.
 *
 * An extent is three numbers in the order of /proc/PID/uid_map,
 * X-mount.idmap and MOUNT_ATTR_IDMAP: the first id as the lower filesystem
 * stores it, the first id as the mount shows it, and how many ids follow.
 */
#ifndef _SHIFTFS_IDMAP_H
#define _SHIFTFS_IDMAP_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include "idmap_shim.h"
#endif

/* The limit of user namespaces (UID_GID_MAP_MAX_EXTENTS), which is 340. */
#define SHIFTFS_MAX_EXTENTS	340

/* Never a valid id; what a lookup of an unmapped id returns. */
#define SHIFTFS_INVALID_ID	((u32)-1)

struct shiftfs_extent {
	u32 stored;
	u32 seen;
	u32 count;
};

/**
 * struct shiftfs_idmap - a one-to-one map between stored and seen ids
 * @nr:		number of extents
 * @by_stored:	the extents in ascending order of @stored
 * @by_seen:	the same extents in ascending order of @seen
 *
 * An empty map (@nr == 0) maps nothing.
 */
struct shiftfs_idmap {
	unsigned int nr;
	struct shiftfs_extent *by_stored;
	struct shiftfs_extent *by_seen;
};

enum shiftfs_idmap_error {
	SHIFTFS_IDMAP_OK = 0,
	SHIFTFS_IDMAP_NOMEM,
	SHIFTFS_IDMAP_TOO_MANY,	 /* more than SHIFTFS_MAX_EXTENTS */
	SHIFTFS_IDMAP_EMPTY,	 /* an extent of no ids */
	SHIFTFS_IDMAP_OVERFLOW,	 /* an extent reaches (u32)-1 or beyond */
	SHIFTFS_IDMAP_STORED,	 /* two extents share a stored id */
	SHIFTFS_IDMAP_SEEN,	 /* two extents share a seen id */
	SHIFTFS_IDMAP_SYNTAX,	 /* not numbers separated by colons */
	SHIFTFS_IDMAP_TYPE,	 /* the id type is none of u, g, b */
};

/* The kinds of ids that one extent of an idmap= option maps. */
#define SHIFTFS_MAP_UID		0x1
#define SHIFTFS_MAP_GID		0x2

const char *shiftfs_idmap_strerror(enum shiftfs_idmap_error err);

/*
 * Parse the next extent of @str, "[TYPE:]STORED:SEEN:COUNT" with TYPE only
 * where @which says so, and advance @str behind it and behind separators
 * (blanks or semicolons).
 *
 * @str:   in: the rest of the option; out: what follows the extent
 * @typed: the extent starts with u:, g: or b:
 * @which: out: SHIFTFS_MAP_UID, SHIFTFS_MAP_GID or both (both if not @typed)
 */
enum shiftfs_idmap_error shiftfs_idmap_parse(const char **str, bool typed,
					     struct shiftfs_extent *ext,
					     unsigned int *which);

/* Add one extent; all checks but those between extents are made here. */
enum shiftfs_idmap_error shiftfs_idmap_add(struct shiftfs_idmap *map,
					   const struct shiftfs_extent *ext);

/*
 * Sort both tables and refuse overlaps. To be called once after the last
 * shiftfs_idmap_add() and before the first translation.
 */
enum shiftfs_idmap_error shiftfs_idmap_finish(struct shiftfs_idmap *map);

/*
 * Translate what @inner shows through @outer: the ids that @inner stores
 * become the ids that @outer shows. Ids which either does not map are not in
 * the result. @out must be empty; free it on any result.
 */
enum shiftfs_idmap_error shiftfs_idmap_compose(struct shiftfs_idmap *out,
					const struct shiftfs_idmap *inner,
					const struct shiftfs_idmap *outer);

bool shiftfs_idmap_equal(const struct shiftfs_idmap *a,
			 const struct shiftfs_idmap *b);
void shiftfs_idmap_free(struct shiftfs_idmap *map);

/*
 * Parse "FIRST" or "FIRST<sep>SECOND", with nothing behind it. @second is left
 * alone where there is none. (u32)-1 is no id and refused.
 */
enum shiftfs_idmap_error shiftfs_id_pair_parse(const char *str, char sep,
					       u32 *first, u32 *second,
					       bool *has_second);

/* Both return SHIFTFS_INVALID_ID for an id that is not mapped. */
u32 shiftfs_idmap_up_slow(const struct shiftfs_idmap *map, u32 stored);
u32 shiftfs_idmap_down_slow(const struct shiftfs_idmap *map, u32 seen);

static inline u32 shiftfs_idmap_up(const struct shiftfs_idmap *map, u32 stored)
{
	const struct shiftfs_extent *e = map->by_stored;

	if (map->nr == 1) {
		u32 off = stored - e->stored;

		return off < e->count ? e->seen + off : SHIFTFS_INVALID_ID;
	}
	return shiftfs_idmap_up_slow(map, stored);
}

static inline u32 shiftfs_idmap_down(const struct shiftfs_idmap *map, u32 seen)
{
	const struct shiftfs_extent *e = map->by_seen;

	if (map->nr == 1) {
		u32 off = seen - e->seen;

		return off < e->count ? e->stored + off : SHIFTFS_INVALID_ID;
	}
	return shiftfs_idmap_down_slow(map, seen);
}

#endif /* _SHIFTFS_IDMAP_H */
