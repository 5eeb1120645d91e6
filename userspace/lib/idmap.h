/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Maps of user and group ids, as text and as tables.  Nothing in here makes a
 * system call: see userns.h for maps that are held by a user namespace.
 *
 * The text is that of util-linux's X-mount.idmap:
 *
 *	[TYPE:]STORED:SEEN:COUNT ...
 *
 * TYPE is u, g or b (both, the default), the first number is what the lower
 * filesystem stores, the second what is seen through the mount; b:0:100000:65536
 * shows stored id 0 as 100000.  Extents are separated by blanks or by ';'.  In
 * uidmap= and gidmap= the type is left out.
 */
#ifndef SHIFT_IDMAP_H
#define SHIFT_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* UID_GID_MAP_MAX_EXTENTS of the kernel, for each type of id. */
#define SHIFT_IDMAP_MAX 340

/* Bits, so that "both" can be said. */
enum shift_id_type {
	SHIFT_UID = 1,
	SHIFT_GID = 2,
	SHIFT_BOTH = SHIFT_UID | SHIFT_GID,
};

struct shift_idmap_extent {
	uint32_t stored;	/* first id on the lower filesystem */
	uint32_t seen;		/* first id seen through the mount */
	uint32_t count;		/* how many ids, never 0 in a table */
};

struct shift_idmap_table {
	size_t n;
	struct shift_idmap_extent extents[SHIFT_IDMAP_MAX];
};

/* About 8 KiB and no pointers: copied by assignment, nothing to free. */
struct shift_idmap {
	struct shift_idmap_table uids;
	struct shift_idmap_table gids;
};

#define SHIFT_IDMAP_INIT { { 0, { { 0, 0, 0 } } }, { 0, { { 0, 0, 0 } } } }

/* True when neither type has an extent. */
bool shift_idmap_empty(const struct shift_idmap *map);

/*
 * Adds one extent to the tables named by @types.  Refuses empty and overflowing
 * extents (id 4294967295 is no id), overlaps on either side and more than
 * SHIFT_IDMAP_MAX extents; the map is unchanged then.
 */
int shift_idmap_add(struct shift_idmap *map, enum shift_id_type types,
		    uint32_t stored, uint32_t seen, uint32_t count,
		    struct shift_error *err);

/* Adds the extents of an idmap= or X-mount.idmap= value, at least one. */
int shift_idmap_parse(struct shift_idmap *map, const char *text,
		      struct shift_error *err);

/* Adds the extents of a uidmap= (SHIFT_UID) or gidmap= (SHIFT_GID) value. */
int shift_idmap_parse_type(struct shift_idmap *map, enum shift_id_type types,
			   const char *text, struct shift_error *err);

/*
 * Adds what /proc/PID/uid_map or gid_map says: lines of "inside outside count".
 * Inside is what is stored, outside what is seen.
 */
int shift_idmap_parse_proc(struct shift_idmap *map, enum shift_id_type types,
			   const char *text, struct shift_error *err);

/* Sorts by stored id and joins extents which continue each other. */
void shift_idmap_normalize(struct shift_idmap *map);

/* Same ids mapped to the same ids, however the extents are cut. */
bool shift_idmap_equal(const struct shift_idmap *a, const struct shift_idmap *b);

/* Every id seen as it is stored; true for an empty map as well. */
bool shift_idmap_is_identity(const struct shift_idmap *map);

/* @type is SHIFT_UID or SHIFT_GID.  False: not mapped, *ret untouched. */
bool shift_idmap_seen(const struct shift_idmap *map, enum shift_id_type type,
		      uint32_t stored, uint32_t *ret);
bool shift_idmap_stored(const struct shift_idmap *map, enum shift_id_type type,
			uint32_t seen, uint32_t *ret);

/*
 * Text that shift_idmap_parse() takes back, extents separated by @sep (' ' or
 * ';').  *ret is malloc()ed and the caller's.
 */
int shift_idmap_format(const struct shift_idmap *map, char sep, char **ret,
		       struct shift_error *err);

/*
 * Cuts shift_idmap_format()'s text into pieces of at most @max bytes with the
 * NUL, as fsconfig(2) takes no longer string, and hands each to @each; stops
 * at the first negative return and returns it.
 */
int shift_idmap_foreach_piece(const struct shift_idmap *map, size_t max,
			      int (*each)(const char *piece, void *data,
					  struct shift_error *err),
			      void *data, struct shift_error *err);

/* Text for /proc/PID/uid_map or gid_map; *ret is malloc()ed, the caller's. */
int shift_idmap_format_proc(const struct shift_idmap *map,
			    enum shift_id_type type, char **ret,
			    struct shift_error *err);

#endif
