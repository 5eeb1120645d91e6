// SPDX-License-Identifier: GPL-2.0-or-later
#include "userlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define DIR_NAME "/run/mount.shiftfs"
#define UTAB_LOCK "/run/mount/utab.lock"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t userlock_deadline(void)
{
	return now_ms() + USERLOCK_WAIT_MS;
}

static int wait_for(int fd, int64_t deadline)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		const struct timespec t = { .tv_nsec = 10000000 };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&t, NULL);
	}
	return 0;
}

int userlock_take(uid_t uid, int64_t deadline, int *ret_unnoted, struct shift_error *err)
{
	_cleanup_close_ int dir = -1, fd = -1;
	char name[16], text[16] = "";
	struct stat st;
	int r;

	/* Nobody else can open what is in there, so nobody else can lock it. */
	if (mkdir(DIR_NAME, 0700) < 0 && errno != EEXIST)
		return shift_err_set(err, errno, "cannot make %s", DIR_NAME);
	dir = open(DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return shift_err_set(err, errno, "%s", DIR_NAME);
	if (st.st_uid || (st.st_mode & 077))
		return shift_err_set(err, EPERM, "%s is not closed to other users", DIR_NAME);
	snprintf(name, sizeof(name), "%u", uid);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "%s/%s", DIR_NAME, name);
	r = wait_for(fd, deadline);
	if (r < 0) {
		shift_err_set(err, -r, "%s/%s", DIR_NAME, name);
		shift_err_hint(err, "other mounts of this user are being made: try again");
		return r;
	}
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return shift_err_set(err, errno, "%s/%s", DIR_NAME, name);
	*ret_unnoted = atoi(text);
	return steal_fd(&fd);
}

int userlock_set_unnoted(int fd, int unnoted)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", unnoted);

	return ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n ? -EIO : 0;
}

int userlock_utab_is_free(int64_t deadline, struct shift_error *err)
{
	_cleanup_close_ int fd = open(UTAB_LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	/* libmount makes it when it is first needed. */
	if (fd < 0)
		return errno == ENOENT ? 0 : shift_err_set(err, errno, UTAB_LOCK);
	r = wait_for(fd, deadline);
	if (r < 0) {
		shift_err_set(err, -r, "%s is locked by somebody", UTAB_LOCK);
		shift_err_hint(err, "any user can do that: see /proc/locks for the process");
	}
	return r;
}
