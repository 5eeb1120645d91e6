/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shifted mounts of a source that is open. */
#ifndef RUNTIME_TREE_H
#define RUNTIME_TREE_H

#include <stdbool.h>

#include "error.h"
#include "idmap.h"

enum tree_how { TREE_AUTO, TREE_IDMAP, TREE_SHIFTFS };

struct tree_want {
	const char *name;	/* for messages: the path in config.json */
	int source;		/* O_PATH, or any other descriptor of it */
	const struct shift_idmap *map;
	bool writable;		/* then a file is made in an idmapped mount, to see if it works */
	enum tree_how how;
	/* "UID" and "GID" as squash_uid= and squash_gid= take them, or NULL */
	const char *squash_uid, *squash_gid;
};

/*
 * A detached mount, the caller's, with the flags of the source's mount.  *ret_idmapped:
 * it is an idmapped mount, no shiftfs.  If neither can be made, the error says what is in
 * the way of each.
 */
int tree_mount(const struct tree_want *want, bool *ret_idmapped, struct shift_error *err);

#endif
