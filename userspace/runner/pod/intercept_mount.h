/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounting a pod's block device for it.  Each returns 0 or a negative errno. */
#ifndef RUNNER_INTERCEPT_MOUNT_H
#define RUNNER_INTERCEPT_MOUNT_H

#include <stdint.h>
#include <sys/types.h>

struct intercept_mount {
	const char *type;	/* "xfs" or "ext4" */
	dev_t dev;
	unsigned long flags;	/* MS_* */
	char *options;		/* by commas; it is taken apart */
	int userns, mntns;	/* the pod's */
	int target;		/* an O_PATH fd of a directory in there */
};

/*
 * The filesystem's own checker, which changes nothing, in a sandbox and as the user @id:
 * -EUCLEAN when it complains.  -ENOPKG when there is none and -EIO when there is no
 * sandbox; then text for people is in @size bytes of @why, which is empty otherwise.
 */
int intercept_check(const char *type, dev_t dev, uid_t id, char *why,
		    size_t size);

/*
 * Makes the mount, nosuid, nodev and with the pod's ids, in a mount namespace of the
 * caller's own.
 */
int intercept_make(const struct intercept_mount *m);

/* Puts it on the target, so that the pod cannot take nosuid and nodev away. */
int intercept_attach(const struct intercept_mount *m);

#endif
