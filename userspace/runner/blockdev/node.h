/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices by number.  The kernel says in sysfs how it calls a device, and
 * devtmpfs has the node of that name; it is the one that other programs of the
 * host open, whatever name or link they use.
 */
#ifndef RUNNER_BLOCKDEV_NODE_H
#define RUNNER_BLOCKDEV_NODE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define BLOCKDEV_NAME 256	/* bytes of a path of a node, NUL included */

/* The path of the node, /dev/NAME.  A negative errno: no such device. */
int blockdev_path(dev_t dev, char path[BLOCKDEV_NAME], struct shift_error *err);

/*
 * The node /dev/mapper/NAME of a device-mapper device, if that is a node of its
 * own and not udev's link.  Returns 1 with *path, or 0.
 */
int blockdev_mapper_path(dev_t dev, char path[BLOCKDEV_NAME]);

/* Its name in dmsetup(8), and 1; or 0: no device of device mapper. */
int blockdev_mapper_name(dev_t dev, char name[BLOCKDEV_NAME]);

/* The disk that @dev is a partition of: 1 with *ret, or 0. */
int blockdev_disk(dev_t dev, dev_t *ret);

/* The partitions of the disk @dev, at most @max; returns how many. */
size_t blockdev_partitions(dev_t dev, dev_t *ret, size_t max);

/* A file of at most @size bytes below /sys/dev/block/MAJ:MIN, without its newline. */
int blockdev_attr(dev_t dev, const char *name, char *text, size_t size);

/* Opens @path with @flags if it is the node of @dev; the fd is the caller's. */
int blockdev_open(const char *path, dev_t dev, int flags,
		  struct shift_error *err);

#endif
