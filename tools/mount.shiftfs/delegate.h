/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts by users whom the administrator listed, if mount.shiftfs is installed
 * setuid root.  Only this file decides about the rights of a user: a setuid program
 * takes no other way into the mount.
 */
#ifndef MOUNT_SHIFTFS_DELEGATE_H
#define MOUNT_SHIFTFS_DELEGATE_H

/* umount(8) runs umount.NAME for a mount which utab marks with uhelper=NAME. */
#define DELEGATE_UHELPER "shiftfs-user"

/*
 * The whole program when it runs setuid: an exit status of mount(8), or -1 when
 * all privilege is gone for good and the rest of main() may go on: the program
 * is not setuid, or was asked for nothing but --probe, --help or --version.
 */
int delegate_main(int argc, char *argv[]);

#endif
