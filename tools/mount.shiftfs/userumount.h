/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a delegated mount: /run/mount/utab says whose it is, and
 * umount(8), run by that user, calls umount.shiftfs-user, another name of this
 * program.
 */
#ifndef MOUNT_SHIFTFS_USERUMOUNT_H
#define MOUNT_SHIFTFS_USERUMOUNT_H

#include <stdbool.h>

/* Started under the name umount.shiftfs-user? */
bool user_umount_is_asked(void);

/* Privilege is put away when this begins.  An exit status of umount(8). */
int user_umount_main(int argc, char *argv[]);

/* How many delegated mounts @user has. */
int user_mounts(const char *user);

/* Writes utab.  @mflags is MS_BIND for an idmapped mount.  0, or an error. */
int user_mount_note(const char *source, const char *target,
		    unsigned long mflags, const char *options);

#endif
