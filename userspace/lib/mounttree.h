/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shifted views of a tree, as detached mounts. */
#ifndef SHIFT_MOUNTTREE_H
#define SHIFT_MOUNTTREE_H

#include "error.h"
#include "idmap.h"

/*
 * A shiftfs mount of @source (a directory or a single file) with @map, not
 * attached anywhere: attach it with shift_attach() or close it to be rid of it.
 * @attr_flags are MOUNT_ATTR_* bits.  Returns an fd with O_CLOEXEC, the
 * caller's to close.
 */
int shift_mount_tree(const char *source, const struct shift_idmap *map,
		     unsigned int attr_flags, struct shift_error *err);

/*
 * The same by an idmapped mount: a clone of the mount at @source, without the
 * mounts beneath it.  Needs a lower filesystem which supports that, and a lower
 * which is not idmapped already.
 */
int shift_idmap_tree(const char *source, const struct shift_idmap *map,
		     unsigned int attr_flags, struct shift_error *err);

/*
 * The two halves of that, for a caller with a user namespace of its own.
 * shift_clone() returns an fd of a detached clone of the mount at @source, the
 * caller's; shift_clone_idmap() gives it the map which the namespace @userns
 * holds, together with MOUNT_ATTR_* bits to set and to clear.
 */
int shift_clone(const char *source, struct shift_error *err);
int shift_clone_idmap(int fd, const char *source, int userns,
		      unsigned int set, unsigned int clr,
		      struct shift_error *err);

/*
 * Sets the source of the context @fsfd.  *ret_pinned is -1 or an fd which the
 * caller keeps open until the superblock is made.
 */
int shift_set_source(int fsfd, const char *source, int *ret_pinned,
		     struct shift_error *err);

/* Attaches the detached mount @fd at @target. */
int shift_attach(int fd, const char *target, struct shift_error *err);

/* The same at the O_PATH descriptor @dir, which @target only names in messages. */
int shift_attach_at(int fd, int dir, const char *target,
		    struct shift_error *err);

#endif
