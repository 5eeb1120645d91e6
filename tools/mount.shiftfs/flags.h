/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generic options: which MS_* flags belong to the mount, which to the superblock. */
#ifndef MOUNT_SHIFTFS_FLAGS_H
#define MOUNT_SHIFTFS_FLAGS_H

#include <stdint.h>

#include "error.h"

/* MOUNT_ATTR_* of a new mount. */
unsigned int flags_to_attr(unsigned long mflags);

/*
 * The attributes that a remount sets and clears: those not named are cleared,
 * but the kind of atime stays as it is unless one is named, as in mount(2).
 */
void flags_to_remount_attr(unsigned long mflags, uint64_t *ret_set,
			   uint64_t *ret_clr);

/* ro, sync, dirsync, mand and lazytime; with @all also their opposites. */
int flags_to_fsctx(unsigned long mflags, int fsfd, int all,
		   struct shift_error *err);

#endif
