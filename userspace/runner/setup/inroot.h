/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths in a pod's root, which is the root of the calling process.  An image or
 * the pod chose what lies there, so a path is resolved once, within the root,
 * and what it leads to is used by its descriptor.  Links of procfs, which lead to
 * whatever some process has open, are not followed.
 */
#ifndef RUNNER_INROOT_H
#define RUNNER_INROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

enum inroot_links {
	INROOT_FOLLOW,		/* symbolic links lead where they say */
	INROOT_NONE,		/* there must be none in the path */
};

/*
 * Opens the absolute @path with @flags of open(2).  Returns a descriptor, the
 * caller's, or a negative errno without a message.
 */
int inroot_open(const char *path, int flags, enum inroot_links links);

/*
 * The same with O_PATH, and makes what is missing: a directory, or with @file an
 * empty file, in directories of mode 0755.
 */
int inroot_make(const char *path, bool file, enum inroot_links links,
		struct shift_error *err);

/*
 * The same of a directory, whose last component belongs to @uid and @gid when it was
 * missing.  For the first process of a pod: others in it could put something else in
 * its place meanwhile.
 */
int inroot_make_owned(const char *path, uid_t uid, gid_t gid,
		      struct shift_error *err);

/*
 * The place @path for a mount, made if need be, with O_PATH.  What the host's
 * kernel shows there decides about privileges: /proc, /sys, /dev and what is below
 * have no links in their path, and no link of another path leads into a procfs or
 * sysfs.
 */
int inroot_target(const char *path, bool file, struct shift_error *err);

/* Whether @path is /proc, /sys, /dev, or below one of these. */
bool inroot_is_kernels(const char *path);

/* Changes to the directory @path, which is still in the root afterwards. */
int inroot_chdir(const char *path, struct shift_error *err);

#endif
