/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User namespaces as holders of a map. */
#ifndef SHIFT_USERNS_H
#define SHIFT_USERNS_H

#include "error.h"
#include "idmap.h"

/*
 * Opens @path (/proc/PID/ns/user or a file on which a namespace is bound) and
 * checks that it is a user namespace.  Returns an fd with O_CLOEXEC, the
 * caller's to close.
 */
int shift_userns_open(const char *path, struct shift_error *err);

/*
 * Adds the map of the namespace @fd to @map: ids inside it are what is stored,
 * the ids outside, in the caller's user namespace, are what is seen.  Forks a
 * child which enters the namespace, hence needs CAP_SYS_ADMIN there.  A
 * namespace without a map gives -ENODATA, the caller's own -EINVAL.
 */
int shift_userns_read(int fd, struct shift_idmap *map, struct shift_error *err);

/*
 * Makes a user namespace that holds @map: the stored ids are those inside, the
 * seen ids those outside.  Both types of id need a map, as shiftfs and idmapped
 * mounts do.  The kernel takes a map of one type as a single write of less than
 * a page, so that many extents with long numbers are refused with -E2BIG.
 * Returns an fd with O_CLOEXEC, the caller's to close.  No process stays behind.
 */
int shift_userns_create(const struct shift_idmap *map, struct shift_error *err);

/*
 * fsopen(2) of @fstype by a process inside the user namespace @userns, which the
 * filesystem will belong to.  Needs CAP_SYS_ADMIN there.  Returns an fd with
 * O_CLOEXEC, the caller's to close.  No process stays behind.
 */
int shift_userns_fsopen(int userns, const char *fstype, struct shift_error *err);

#endif
