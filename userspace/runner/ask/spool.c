/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/regular.h"
#include "base/util.h"
#include "cleanup.h"

void spool_name(char to[128], const char *what, const char *suffix)
{
	snprintf(to, 128, "%.100s%s", what, suffix);
}

int spool_open(const char *path, struct shift_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOTDIR || errno == ELOOP)
		return shift_err_set(err, errno, "the spool %s is no directory, or a link",
				     path);
	return shift_err_set(err, errno, "cannot open the spool %s", path);
}

/* A new file, or the regular one that is there: nothing else is opened. */
static int open_own(int dir, const char *name, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;

	/* Removed, or made, in between: the next look tells. */
	for (int i = 0; i < 64 && fd < 0; i++) {
		fd = regular_reopen(dir, name, O_RDWR);
		if (fd == -EINVAL)
			return shift_err_set(err, 0, "%s in the spool is no regular file",
					     name);
		if (fd != -ENOENT)
			break;
		fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		fd = fd < 0 ? -errno : fd;
		if (fd != -EEXIST)
			break;
	}
	if (fd < 0)
		return shift_err_set(err, -fd, "cannot open %s in the spool",
				     name);
	return steal_fd(&fd);
}

int spool_lock(int dir, int ms, struct shift_error *err)
{
	_cleanup_close_ int fd = open_own(dir, SPOOL_LOCK, err);
	int64_t end = util_now_ms() + ms;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return shift_err_set(err, errno, "cannot lock the spool");
		if (util_now_ms() > end)
			return shift_err_set(err, ETIMEDOUT, "the spool has been locked for %d ms",
					     ms);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return steal_fd(&fd);
}

/* A file that nobody had before, under a name that nobody guesses. */
static int make_new(int dir, char name[32], struct shift_error *err)
{
	unsigned long long n;
	int fd;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return shift_err_set(err, errno, "cannot get random bytes");
	snprintf(name, 32, ".new-%016llx", n);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	return fd < 0 ? shift_err_set(err, errno, "cannot write into the spool") :
			fd;
}

int spool_write(int dir, const char *name, const char *text,
		struct shift_error *err)
{
	char new[32];
	_cleanup_close_ int fd = make_new(dir, new, err);
	int r;

	if (fd < 0)
		return fd;
	if (write_whole(fd, text, strlen(text)) == 0 &&
	    renameat(dir, new, dir, name) == 0)
		return 0;
	r = shift_err_set(err, errno, "cannot write %s into the spool", name);
	unlinkat(dir, new, 0);
	return r;
}

int spool_read(int dir, const char *name, size_t max, char **ret,
	       size_t *ret_len, struct shift_error *err)
{
	return regular_read(dir, name, REGULAR_BENEATH, max, ret, ret_len, err);
}

int spool_trigger(int dir, struct shift_error *err)
{
	_cleanup_close_ int fd = open_own(dir, SPOOL_TRIGGER, err);

	if (fd < 0)
		return fd;
	/* A path unit sees the close of a file that was open for writing. */
	if (pwrite(fd, "!", 1, 0) != 1)
		return shift_err_set(err, errno, "cannot write %s into the spool",
				     SPOOL_TRIGGER);
	return 0;
}

int spool_alive(int dir, const char *name, struct shift_error *err)
{
	char new[32];
	_cleanup_close_ int fd = make_new(dir, new, err);
	int r = 0;

	if (fd < 0)
		return fd;
	/* A process that holds the lock already has opened the file within this instant. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    renameat(dir, new, dir, name) < 0) {
		r = shift_err_set(err, errno, "cannot lock %s in the spool",
				  name);
		unlinkat(dir, new, 0);
	}
	return r < 0 ? r : steal_fd(&fd);
}

int spool_discard(int dir, const char *name, struct shift_error *err)
{
	unsigned long long n;
	char new[32];

	if (unlinkat(dir, name, 0) == 0 ||
	    (errno != ENOENT && unlinkat(dir, name, AT_REMOVEDIR) == 0))
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return shift_err_set(err, errno, "cannot get random bytes");
	snprintf(new, sizeof(new), ".refused-%016llx", n);
	return renameat(dir, name, dir, new) == 0 ? 0 :
		shift_err_set(err, errno, "%s cannot be removed", name);
}
