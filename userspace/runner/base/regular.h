/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening files whose place was chosen, or whose folder was filled, by others:
 * an image, a pod, a layout from somewhere.  Only regular files are opened, so
 * that nothing waits for a FIFO, a terminal or a device.
 */
#ifndef RUNNER_REGULAR_H
#define RUNNER_REGULAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum regular_where {
	REGULAR_ANYWHERE,	/* links count: the path is the administrator's */
	REGULAR_BENEATH,	/* below the folder, through no symbolic link */
	REGULAR_IN_ROOT,	/* the folder is a root: links are followed in it */
};

/*
 * To be called when open(2) with O_NONBLOCK has failed with EAGAIN: a process has a lease
 * on the file (fcntl(2), F_SETLEASE), and the kernel has asked it to give that back.
 * Waits for a moment.  Returns whether to try again: only until this process has waited
 * for two seconds in all, since each pod and each user can have leases on his files.
 */
bool regular_lease_wait(void);

/* Says it in @err, with a hint about the lease if @error is EAGAIN; returns -@error. */
int regular_failed(int error, const char *path, struct shift_error *err);

/*
 * Opens the regular file @path, below the folder @dirfd or AT_FDCWD, for
 * reading.  Returns a descriptor, the caller's, whose reads do not wait; or a
 * negative errno: -EINVAL for what is no regular file, -EFBIG for more than
 * @max bytes (0: no limit), -EAGAIN for one with a lease.  A device is not even opened.
 */
int regular_open(int dirfd, const char *path, enum regular_where where,
		 uint64_t max, struct shift_error *err);

/*
 * For a process that is about to enter a pod: keeps the host's /proc/self/fd, so that
 * regular_open() with REGULAR_IN_ROOT opens the very file that it has looked at, though
 * /proc is the pod's by then.  It is a way to the host's /proc: regular_drop_proc() has to
 * close it before a path that the pod chose is entered or executed.
 */
int regular_keep_proc(struct shift_error *err);
void regular_drop_proc(void);

/*
 * Opens the regular file @name in the folder @dirfd with @flags, O_RDWR and the like:
 * the very file that was looked at, by the /proc of this process.  Returns a descriptor,
 * the caller's; or a negative errno: -EINVAL for what is no regular file, -EAGAIN for one with a
 * lease.
 */
int regular_reopen(int dirfd, const char *name, int flags);

/* Reads such a file of at most @max bytes, NUL-terminated, the caller's. */
int regular_read(int dirfd, const char *path, enum regular_where where,
		 size_t max, char **ret, size_t *ret_len,
		 struct shift_error *err);

#endif
