/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The users of a block device of this host, in words. */
#ifndef RUNNER_BLOCKDEV_HOLDERS_H
#define RUNNER_BLOCKDEV_HOLDERS_H

#include <stddef.h>
#include <sys/types.h>

#include "blockdev/node.h"
#include "error.h"

/*
 * Whether the kernel has lent @dev, its disk or one of its partitions out: to a
 * mount, swap, device mapper or md of any namespace, or to a program that opened
 * it with O_EXCL.  -EBUSY with a text that says to whom.
 */
int holders_check_claim(dev_t dev, struct shift_error *err);

/*
 * Why a lock on @path, a node of the host that is open as @fd, was refused:
 * fills @err and returns -EBUSY.  *pid is a process with a lock, or 0 when none
 * was found.
 */
int holders_of_lock(const char *path, int fd, pid_t *pid,
		    struct shift_error *err);

/* Whether @dev is mounted in the caller's mount namespace; where, in @point. */
int holders_mount(dev_t dev, char *point, size_t size);

/* How many mappings device mapper has made of @dev; the number and name of one. */
int holders_mapping(dev_t dev, dev_t *mapping, char name[BLOCKDEV_NAME]);

#endif
