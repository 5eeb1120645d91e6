/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mechanism shifts a tree for a pod: choose.h, as mount.shiftfs asks it. */
#ifndef RUNNER_SHIFT_H
#define RUNNER_SHIFT_H

#include "error.h"
#include "idmap.h"
#include "spec/spec.h"

/*
 * A detached mount of @source with @map and the MOUNT_ATTR_* bits @attrs, the
 * caller's.  @how is shiftfs, idmap, or auto: the first of both that works
 * there, the one that SHIFT_CONFIG_FILE prefers before the other.  @label, or
 * NULL, is the SELinux context of all files in one of shiftfs; an idmapped mount
 * has those of @source.
 */
int shift_tree(enum spec_shift how, const char *source,
	       const struct shift_idmap *map, unsigned int attrs,
	       const char *label, struct shift_error *err);

struct shift_option {
	const char *key, *value;
};

/* One of shiftfs, with its mount options as well, up to one without a key. */
int shift_by_shiftfs(const char *source, const struct shift_idmap *map,
		     unsigned int attrs, const struct shift_option *options,
		     struct shift_error *err);

/* The same by @userns, a user namespace with the map; it stays the caller's. */
int shift_by_userns(const char *source, int userns, unsigned int attrs,
		    struct shift_error *err);

#endif
