/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts made by the pod's first process.
 *
 * New filesystems are made detached before the pod pivots, because the kernel
 * lets a user namespace have a proc or sysfs only while the host's is in sight,
 * and are attached after the host's tree is gone, so that no symbolic link of
 * an image can lead a mount or a new directory out of the pod.
 */
#ifndef RUNNER_MOUNTS_H
#define RUNNER_MOUNTS_H

#include "error.h"

/*
 * A new instance of @fstype with @options (comma-separated, as in fstab), not
 * attached.  @label, or NULL, is the SELinux context of its files.  Returns an fd, the caller's to close.
 */
int mounts_create(const char *fstype, const char *source, const char *options,
		  const char *label, struct shift_error *err);

/* The mount at @path and what is mounted below, detached.  Returns an fd. */
int mounts_clone(const char *path, struct shift_error *err);

/* What masks: runner's own, so that nothing of the pod's can take its place. */
struct mounts {
	int null_fd;		/* the device null, for files */
	int empty_fd;		/* a filesystem without files, once there is one */
};

void mounts_init(struct mounts *m);
void mounts_clear(struct mounts *m);

/*
 * Makes @root the pod's root with @dev on its /dev; the host's tree is gone.
 * @m gets the null of @dev.
 */
int mounts_pivot(struct mounts *m, const char *root, const char *dev,
		 struct shift_error *err);

/*
 * Attaches @fd at @target, which is made, of the same kind, if it is missing:
 * see inroot_target().
 */
int mounts_attach(int fd, const char *target, struct shift_error *err);

/* Both do nothing when @target does not exist. */
int mounts_mask(struct mounts *m, const char *target, struct shift_error *err);
int mounts_readonly(const char *target, struct shift_error *err);

/*
 * All mounts of the pod become shared, with nobody yet: mount namespaces that
 * are made in the pod see what is mounted later, as on a host.  What comes from
 * the host, if anything, still comes; nothing goes there.
 */
int mounts_share(struct shift_error *err);

/* The mount at @target cannot be written, those below stay as they are. */
int mounts_root_readonly(const char *target, struct shift_error *err);

#endif
