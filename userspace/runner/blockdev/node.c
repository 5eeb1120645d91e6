/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blockdev/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"

#define SYSFS "/sys/dev/block/%u:%u/%s"

int blockdev_attr(dev_t dev, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[64 + BLOCKDEV_NAME];
	ssize_t n;

	snprintf(path, sizeof(path), SYSFS, major(dev), minor(dev), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return 0;
}

int blockdev_path(dev_t dev, char path[BLOCKDEV_NAME], struct shift_error *err)
{
	char text[1024], *line, *rest = text;
	int r = blockdev_attr(dev, "uevent", text, sizeof(text));

	if (r < 0)
		return shift_err_set(err, -r, "the host has no block device %u:%u",
				     major(dev), minor(dev));
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, "DEVNAME=", strlen("DEVNAME=")) &&
		    snprintf(path, BLOCKDEV_NAME, "/dev/%s",
			     line + strlen("DEVNAME=")) < BLOCKDEV_NAME)
			return 0;
	return shift_err_set(err, ENODEV, "/sys/dev/block/%u:%u/uevent names no node",
			     major(dev), minor(dev));
}

int blockdev_mapper_name(dev_t dev, char name[BLOCKDEV_NAME])
{
	return blockdev_attr(dev, "dm/name", name, BLOCKDEV_NAME) == 0 && *name;
}

int blockdev_mapper_path(dev_t dev, char path[BLOCKDEV_NAME])
{
	char name[BLOCKDEV_NAME];
	struct stat st;

	return blockdev_mapper_name(dev, name) && !strchr(name, '/') &&
	       snprintf(path, BLOCKDEV_NAME, "/dev/mapper/%s", name) <
		       BLOCKDEV_NAME &&
	       lstat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == dev;
}

static int number(const char *text, dev_t *ret)
{
	unsigned int maj, min;

	if (sscanf(text, "%u:%u", &maj, &min) != 2)
		return 0;
	*ret = makedev(maj, min);
	return 1;
}

int blockdev_disk(dev_t dev, dev_t *ret)
{
	char text[32];

	/* A partition's folder lies in that of its disk. */
	return blockdev_attr(dev, "partition", text, sizeof(text)) == 0 &&
	       blockdev_attr(dev, "../dev", text, sizeof(text)) == 0 &&
	       number(text, ret);
}

size_t blockdev_partitions(dev_t dev, dev_t *ret, size_t max)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[64], text[32];
	struct dirent *e;
	size_t n = 0;

	snprintf(path, sizeof(path), SYSFS, major(dev), minor(dev), "");
	dir = opendir(path);
	while (dir && n < max && (e = readdir(dir))) {
		char attr[BLOCKDEV_NAME + 32];

		snprintf(attr, sizeof(attr), "%s/partition", e->d_name);
		if (*e->d_name == '.' ||
		    blockdev_attr(dev, attr, text, sizeof(text)) < 0)
			continue;
		snprintf(attr, sizeof(attr), "%s/dev", e->d_name);
		if (blockdev_attr(dev, attr, text, sizeof(text)) == 0 &&
		    number(text, &ret[n]))
			n++;
	}
	return n;
}

int blockdev_open(const char *path, dev_t dev, int flags,
		  struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, flags | O_NONBLOCK | O_NOFOLLOW |
					    O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != dev)
		return shift_err_set(err, ENODEV, "%s is not the node of the block device %u:%u",
				     path, major(dev), minor(dev));
	return steal_fd(&fd);
}
