/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blockdev/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/util.h"
#include "blockdev/node.h"
#include "cleanup.h"

/* Descriptors looked at before giving up: it is for a message only. */
#define LOOKED_AT_MAX 200000

/* For how long a use by nobody may go on until it is refused. */
#define UNNAMED_MS 2000
#define RELATIVES 256

static void comm_of(pid_t pid, char *comm, size_t size)
{
	char path[64];
	_cleanup_file_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (!f || !fgets(comm, (int)size, f))
		snprintf(comm, size, "?");
	comm[strcspn(comm, "\n")] = '\0';
}

/* The next process in @proc, 0 after the last. */
static pid_t next_process(DIR *proc)
{
	struct dirent *e;

	while ((e = readdir(proc)))
		if (isdigit((unsigned char)*e->d_name))
			return atoi(e->d_name);
	return 0;
}

/*
 * Whether the line of mountinfo is of @dev.  btrfs has numbers of its own, and
 * there the source, which the kernel writes, is the device.
 */
static bool is_mount_of(const char *line, dev_t dev, char *point, size_t size)
{
	const char *more = strstr(line, " - btrfs /dev/");
	unsigned int maj, min;
	char source[256];
	struct stat st;
	int at = 0;

	if (sscanf(line, "%*d %*d %u:%u %*s %n", &maj, &min, &at) != 2 || !at)
		return false;
	snprintf(point, size, "%.*s", (int)strcspn(line + at, " "), line + at);
	if (makedev(maj, min) == dev)
		return true;
	return more && sscanf(more, " - btrfs %255s", source) == 1 &&
	       stat(source, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == dev;
}

static bool mounted_in(const char *mountinfo, dev_t dev, char *point,
		       size_t size)
{
	_cleanup_file_ FILE *f = fopen(mountinfo, "re");
	_cleanup_free_ char *line = NULL;
	size_t len = 0;

	while (f && getline(&line, &len, f) > 0)
		if (is_mount_of(line, dev, point, size))
			return true;
	return false;
}

/* Each mount namespace once, as far as neighbours in /proc tell. */
static bool mounted_elsewhere(dev_t dev, char *point, size_t size, pid_t *pid)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	char path[64], ns[64], last[64] = "";
	ssize_t n;

	while (proc && (*pid = next_process(proc))) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)*pid);
		n = readlink(path, ns, sizeof(ns) - 1);
		if (n < 0)
			continue;
		ns[n] = '\0';
		if (!strcmp(ns, last))
			continue;
		memcpy(last, ns, sizeof(last));
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)*pid);
		if (mounted_in(path, dev, point, size))
			return true;
	}
	return false;
}

static bool is_swap(dev_t dev)
{
	_cleanup_file_ FILE *f = fopen("/proc/swaps", "re");
	_cleanup_free_ char *line = NULL;
	char path[256], type[32];
	size_t len = 0;
	struct stat st;

	while (f && getline(&line, &len, f) > 0)
		if (sscanf(line, "%255s %31s", path, type) == 2 &&
		    !strcmp(type, "partition") && stat(path, &st) == 0 &&
		    S_ISBLK(st.st_mode) && st.st_rdev == dev)
			return true;
	return false;
}

/* A device that is made of @dev: of device mapper, md, bcache. */
static bool is_part_of(dev_t dev, char *name, size_t size)
{
	char path[64], attr[BLOCKDEV_NAME + 32], mapper[BLOCKDEV_NAME] = "";
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(dev),
		 minor(dev));
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		snprintf(attr, sizeof(attr), "holders/%s/dm/name", e->d_name);
		blockdev_attr(dev, attr, mapper, sizeof(mapper));
		snprintf(name, size, "%s%s%s", e->d_name,
			 *mapper ? ", /dev/mapper/" : "", mapper);
		return true;
	}
	return false;
}

int holders_mount(dev_t dev, char *point, size_t size)
{
	return mounted_in("/proc/self/mountinfo", dev, point, size);
}

int holders_mapping(dev_t dev, dev_t *mapping, char name[BLOCKDEV_NAME])
{
	char path[64], attr[BLOCKDEV_NAME + 32], text[32];
	_cleanup_dir_ DIR *dir = NULL;
	unsigned int maj, min;
	struct dirent *e;
	int n = 0;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(dev),
		 minor(dev));
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		snprintf(attr, sizeof(attr), "holders/%s/dev", e->d_name);
		if (*e->d_name == '.' ||
		    blockdev_attr(dev, attr, text, sizeof(text)) < 0 ||
		    sscanf(text, "%u:%u", &maj, &min) != 2)
			continue;
		*mapping = makedev(maj, min);
		n += blockdev_mapper_name(*mapping, name);
	}
	return n;
}

/* In words, or false: nothing of these. */
static bool say_use(dev_t dev, struct shift_error *err)
{
	char path[BLOCKDEV_NAME], text[512], comm[64];
	pid_t pid;

	if (blockdev_path(dev, path, NULL) < 0)
		return false;
	if (mounted_in("/proc/self/mountinfo", dev, text, sizeof(text))) {
		shift_err_set(err, EBUSY, "%s is mounted at %s", path, text);
	} else if (is_swap(dev)) {
		shift_err_set(err, EBUSY, "%s is swap", path);
	} else if (is_part_of(dev, text, sizeof(text))) {
		shift_err_set(err, EBUSY, "%s is in use by %s", path, text);
	} else if (mounted_elsewhere(dev, text, sizeof(text), &pid)) {
		comm_of(pid, comm, sizeof(comm));
		shift_err_set(err, EBUSY, "%s is mounted at %s in the mount namespace of process %d (%s)",
			      path, text, (int)pid, comm);
	} else {
		return false;
	}
	return true;
}

/* A process that has the node @path open, 0: none. */
static pid_t opened_by(const char *node)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	size_t left = LOOKED_AT_MAX;
	pid_t pid;

	while (proc && left && (pid = next_process(proc))) {
		_cleanup_dir_ DIR *fds = NULL;
		char path[320], text[BLOCKDEV_NAME];
		struct dirent *e;
		ssize_t n;

		if (pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
		fds = opendir(path);
		while (fds && left && (e = readdir(fds))) {
			left--;
			n = readlinkat(dirfd(fds), e->d_name, text,
				       sizeof(text) - 1);
			if (n <= 0)
				continue;
			text[n] = '\0';
			if (!strcmp(text, node))
				return pid;
		}
	}
	return 0;
}

/* *unnamed: it is in use, and no user of it was found. */
static int check_claim(dev_t dev, bool *unnamed, struct shift_error *err)
{
	dev_t relatives[RELATIVES];
	char path[BLOCKDEV_NAME], comm[64];
	_cleanup_close_ int fd = -1;
	size_t n = 1;
	pid_t pid;
	int r = blockdev_path(dev, path, err);

	if (r < 0)
		return r;
	fd = blockdev_open(path, dev, O_RDONLY | O_EXCL, err);
	if (fd >= 0)
		return 0;
	if (fd != -EBUSY)
		return fd;
	relatives[0] = dev;
	if (blockdev_disk(dev, &relatives[1]))
		n++;
	else
		n += blockdev_partitions(dev, relatives + 1, RELATIVES - 1);
	for (size_t i = 0; i < n; i++)
		if (say_use(relatives[i], err))
			return -EBUSY;
	for (size_t i = 0; i < n; i++) {
		if (blockdev_path(relatives[i], path, NULL) < 0 ||
		    !(pid = opened_by(path)))
			continue;
		comm_of(pid, comm, sizeof(comm));
		return shift_err_set(err, EBUSY, "somebody opened %s for himself, process %d (%s) perhaps",
				     path, (int)pid, comm);
	}
	*unnamed = true;
	return shift_err_set(err, EBUSY, "somebody has %s for himself", path);
}

/*
 * The kernel unmounts what was in the mount namespace of an ended process when that is
 * gone from /proc already; for this it gets some time.
 */
int holders_check_claim(dev_t dev, struct shift_error *err)
{
	int64_t end = util_now_ms() + UNNAMED_MS;
	bool unnamed = false;
	int r = check_claim(dev, &unnamed, err);

	while (r < 0 && unnamed && util_now_ms() < end) {
		usleep(20000);
		unnamed = false;
		r = check_claim(dev, &unnamed, err);
	}
	if (r >= 0 && err)
		shift_err_clear(err);
	return r;
}

/*
 * A descriptor with a lock on @inode, "MAJ:MIN:INO" as the kernel writes it.
 * fdinfo tells whose an OFD lock is, which /proc/locks does not; the files of
 * others are not touched by reading it.
 */
static bool has_lock(pid_t pid, const char *inode, size_t *left)
{
	_cleanup_dir_ DIR *fds = NULL;
	char path[320], text[2048];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
	fds = opendir(path);
	while (fds && *left && (e = readdir(fds))) {
		_cleanup_close_ int fd = -1;
		char *lock;
		ssize_t n;

		if (*e->d_name == '.')
			continue;
		(*left)--;
		fd = openat(dirfd(fds), e->d_name, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (n <= 0)
			continue;
		text[n] = '\0';
		lock = strstr(text, "lock:\t");
		if (lock && strstr(lock, inode))
			return true;
	}
	return false;
}

int holders_of_lock(const char *path, int fd, pid_t *ret, struct shift_error *err)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	size_t left = LOOKED_AT_MAX;
	char inode[64], comm[64];
	struct stat st;
	pid_t pid;

	*ret = 0;
	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "%s", path);
	snprintf(inode, sizeof(inode), " %02x:%02x:%lu ", major(st.st_dev),
		 minor(st.st_dev), (unsigned long)st.st_ino);
	while (proc && left && (pid = next_process(proc)))
		if (pid != getpid() && has_lock(pid, inode, &left)) {
			*ret = pid;
			comm_of(pid, comm, sizeof(comm));
			return shift_err_set(err, EBUSY, "process %d (%s) has a lock on %s",
					     (int)pid, comm, path);
		}
	return shift_err_set(err, EBUSY, "a process has a lock on %s", path);
}
