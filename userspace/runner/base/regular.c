/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

static int open_at(int dirfd, const char *path, int flags,
		   enum regular_where where)
{
	static const uint64_t resolve[] = {
		[REGULAR_ANYWHERE] = 0,
		[REGULAR_BENEATH] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				    RESOLVE_NO_MAGICLINKS,
		[REGULAR_IN_ROOT] = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC, .resolve = resolve[where],
	};
	int fd;

	/* EAGAIN: something was renamed during the look-up. */
	for (int i = 0; i < 64; i++) {
		fd = sys_openat2(dirfd, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

/* For leases, in milliseconds, in all of this process's life. */
#define LEASE_MS 2000
#define LEASE_STEP_MS 10

bool regular_lease_wait(void)
{
	static int waited;

	if (waited >= LEASE_MS)
		return false;
	waited += LEASE_STEP_MS;
	nanosleep(&(struct timespec){ .tv_nsec = LEASE_STEP_MS * 1000000L },
		  NULL);
	return true;
}

int regular_failed(int error, const char *path, struct shift_error *err)
{
	int r = shift_err_set(err, error, "cannot read %s", path);

	if (error == EAGAIN)
		shift_err_hint(err, "a process has a lease on it, F_SETLEASE of fcntl(2), and does not give it back");
	return r;
}

/*
 * The file itself: its name can be another's by now.  Without O_NONBLOCK the kernel waits
 * until a lease on it is given back.
 */
static int open_again(int look, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", look);
	do {
		fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	} while (fd < 0 && errno == EAGAIN && regular_lease_wait());
	return fd;
}

/* /proc/self/fd of the host's /proc, in a process that has entered a pod; or -1. */
static int own_fds = -1;

int regular_keep_proc(struct shift_error *err)
{
	_cleanup_close_ int fd = open("/proc/self/fd",
				      O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return shift_err_set(err, errno, "cannot open /proc/self/fd");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return shift_err_set(err, EINVAL, "/proc is no procfs");
	own_fds = steal_fd(&fd);
	return 0;
}

void regular_drop_proc(void)
{
	if (own_fds >= 0)
		close(steal_fd(&own_fds));
}

/* @look again, for reading, by the descriptor; by the name where /proc is a pod's. */
static int open_looked_at(int look, int dirfd, const char *path,
			  enum regular_where where)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	char number[16];
	int fd;

	if (where == REGULAR_BENEATH)
		return open_again(look, O_RDONLY);
	snprintf(number, sizeof(number), "%d", look);
	do {
		if (where != REGULAR_IN_ROOT || own_fds < 0)
			fd = open_at(dirfd, path, flags, where);
		else
			fd = openat(own_fds, number, flags | O_CLOEXEC);
	} while (fd < 0 && errno == EAGAIN && regular_lease_wait());
	return fd;
}

int regular_reopen(int dirfd, const char *name, int flags)
{
	_cleanup_close_ int look = open_at(dirfd, name, O_PATH | O_NOFOLLOW,
					   REGULAR_BENEATH);
	struct stat st;
	int fd;

	if (look < 0 || fstat(look, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open_again(look, flags);
	return fd < 0 ? -errno : fd;
}

int regular_open(int dirfd, const char *path, enum regular_where where,
		 uint64_t max, struct shift_error *err)
{
	_cleanup_close_ int fd = -1, look = open_at(dirfd, path, O_PATH, where);
	struct stat st, now;

	if (look < 0 || fstat(look, &st) < 0) {
		if (errno == ELOOP || errno == EXDEV)
			return shift_err_set(err, errno, "%s leads elsewhere by a symbolic link",
					     path);
		return shift_err_set(err, errno, "cannot read %s", path);
	}
	if (!S_ISREG(st.st_mode))
		return shift_err_set(err, 0, "%s is %s, not a regular file",
				     path, kind_of(st.st_mode));
	/*
	 * Devices do things when they are opened: hence the look before.  A process
	 * in a pod has the pod's /proc, and others open files of /proc itself.
	 */
	fd = open_looked_at(look, dirfd, path, where);
	if (fd < 0 || fstat(fd, &now) < 0)
		return regular_failed(errno, path, err);
	if (!S_ISREG(now.st_mode))
		return shift_err_set(err, 0, "%s is %s, not a regular file",
				     path, kind_of(now.st_mode));
	if (max && now.st_size > 0 && (uint64_t)now.st_size > max)
		return shift_err_set(err, EFBIG,
				     "%s is larger than the %llu bytes expected of such a file",
				     path, (unsigned long long)max);
	return steal_fd(&fd);
}

int regular_read(int dirfd, const char *path, enum regular_where where,
		 size_t max, char **ret, size_t *ret_len,
		 struct shift_error *err)
{
	_cleanup_close_ int fd = regular_open(dirfd, path, where, max, err);
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, room = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n;

		if (len + 1 >= room) {
			char *p;

			room = room ? room * 2 : 4096;
			p = realloc(buf, room);
			if (!p)
				return shift_err_set(err, ENOMEM, "cannot allocate memory");
			buf = p;
		}
		n = read(fd, buf + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "cannot read %s", path);
		if (!n)
			break;
		len += (size_t)n;
		if (len > max)
			return shift_err_set(err, EFBIG,
					     "%s is larger than the %zu bytes expected of such a file",
					     path, max);
	}
	buf[len] = '\0';
	*ret = steal_ptr(&buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}
