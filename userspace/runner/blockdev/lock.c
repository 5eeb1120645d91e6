/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blockdev/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "blockdev/holders.h"
#include "blockdev/node.h"
#include "cleanup.h"

#define PARTITIONS 256

/* The list that is being filled. */
struct locks {
	struct blockdev_lock *v;
	size_t n, max;
	dev_t use;
	pid_t *holder;
};

/* A device that is read-only is opened like that: then nobody writes it. */
static int open_node(const char *path, dev_t dev, bool *write,
		     struct shift_error *err)
{
	int fd = blockdev_open(path, dev, *write ? O_RDWR : O_RDONLY, err);

	if (*write && (fd == -EROFS || fd == -EACCES)) {
		*write = false;
		fd = blockdev_open(path, dev, O_RDONLY, err);
	}
	return fd;
}

static int lock_node(struct locks *l, const char *path, dev_t dev, bool write,
		     struct shift_error *err)
{
	_cleanup_close_ int fd = open_node(path, dev, &write, err);
	struct flock range = { .l_whence = SEEK_SET };

	if (fd < 0)
		return fd;
	range.l_type = write ? F_WRLCK : F_RDLCK;
	/* Shared, because udev takes such a one whenever it looks at a disk. */
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 ||
	    fcntl(fd, F_OFD_SETLK, &range) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return shift_err_set(err, errno, "cannot lock %s", path);
		return holders_of_lock(path, fd, l->holder, err);
	}
	if (l->n == l->max)
		return shift_err_set(err, E2BIG, "cannot lock %s: runner holds %zu nodes of block devices already",
				     path, l->max);
	l->v[l->n++] = (struct blockdev_lock){ steal_fd(&fd), l->use };
	return 0;
}

static int lock_device(struct locks *l, dev_t dev, bool write,
		       struct shift_error *err)
{
	char path[BLOCKDEV_NAME];
	int r = blockdev_path(dev, path, err);

	if (r >= 0)
		r = lock_node(l, path, dev, write, err);
	if (r >= 0 && blockdev_mapper_path(dev, path))
		r = lock_node(l, path, dev, write, err);
	return r;
}

static int lock_use(struct locks *l, const struct blockdev_use *use,
		    struct shift_error *err)
{
	dev_t others[PARTITIONS];
	size_t n;
	int r;

	l->use = use->dev;
	r = lock_device(l, use->dev, use->write, err);
	if (r >= 0 && blockdev_disk(use->dev, others))
		r = lock_device(l, others[0], false, err);
	n = blockdev_partitions(use->dev, others, PARTITIONS);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = lock_device(l, others[i], use->write, err);
	/* After the locks, so that of two runners one only looks. */
	return r < 0 ? r : holders_check_claim(use->dev, err);
}

bool blockdev_covers(dev_t have, dev_t want)
{
	dev_t disk;

	return have == want || (blockdev_disk(want, &disk) && disk == have);
}

/*
 * Adds the disks to be locked for the use @i: none when a disk of @uses has it
 * already, and for writing when any use below it writes.
 */
static bool merge(const struct blockdev_use *uses, size_t n, size_t i,
		  struct blockdev_use *ret)
{
	*ret = uses[i];
	for (size_t k = 0; k < n; k++) {
		if (blockdev_covers(uses[k].dev, uses[i].dev) && k != i &&
		    (k < i || uses[k].dev != uses[i].dev))
			return false;
		if (blockdev_covers(uses[i].dev, uses[k].dev))
			ret->write |= uses[k].write;
	}
	return true;
}

int blockdev_lock(const struct blockdev_use *uses, size_t n,
		  struct blockdev_lock *ret, size_t max, pid_t *holder,
		  struct shift_error *err)
{
	struct locks l = { .v = ret, .max = max, .holder = holder };
	struct blockdev_use use;
	int r = 0;

	*holder = 0;
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (merge(uses, n, i, &use))
			r = lock_use(&l, &use, err);
	if (r < 0) {
		blockdev_unlock(ret, l.n);
		return r;
	}
	return (int)l.n;
}

void blockdev_unlock(struct blockdev_lock *locks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(locks[i].fd);
}
