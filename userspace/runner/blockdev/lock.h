/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks on the host's nodes of block devices. */
#ifndef RUNNER_BLOCKDEV_LOCK_H
#define RUNNER_BLOCKDEV_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

struct blockdev_use {
	dev_t dev;
	bool write;		/* or only read: others may read as well */
};

struct blockdev_lock {
	int fd;			/* of a node, with its locks; the caller's */
	dev_t dev;		/* the device of the use that it is for */
};

/*
 * Locks what the @n of @uses need, all or nothing: the nodes of the devices, of
 * their partitions and, against a user of the whole, of the disk that one is a
 * partition of.  A use that another one of @uses covers needs nothing.  Fills at
 * most @max of @ret and returns how many.  -EBUSY: somebody uses one; *holder is
 * the process that has the lock, 0 when it is no lock or is not known.
 */
int blockdev_lock(const struct blockdev_use *uses, size_t n,
		  struct blockdev_lock *ret, size_t max, pid_t *holder,
		  struct shift_error *err);

/* Whether @want is @have or one of its partitions. */
bool blockdev_covers(dev_t have, dev_t want);

void blockdev_unlock(struct blockdev_lock *locks, size_t n);

#endif
