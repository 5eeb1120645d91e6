/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "base/util.h"

int lockfile_dir(const char *path, mode_t mode, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = mkdir_parents(path, mode, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	if (st.st_uid != geteuid()) {
		shift_err_set(err, 0, "%s belongs to uid %u, not to runner's",
			      path, st.st_uid);
		shift_err_hint(err, "runner keeps what its pods depend on there: look who made it, and remove it");
		return -EPERM;
	}
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return shift_err_set(err, errno, "cannot close %s to other users",
				     path);
	return steal_fd(&fd);
}

int lockfile_open(int dir, const char *name, int flags,
		  struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir < 0 ? AT_FDCWD : dir, name,
					flags | O_NOFOLLOW | O_NONBLOCK |
					O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot open %s", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return shift_err_set(err, EPERM, "%s is no file of runner's own",
				     name);
	if ((st.st_mode & 0077) && fchmod(fd, 0600) < 0)
		return shift_err_set(err, errno, "cannot close %s to other users",
				     name);
	return steal_fd(&fd);
}

/* The command of @pid for a message, from what it says itself. */
static void name_of(int pid, char text[32])
{
	_cleanup_free_ char *comm = NULL;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	snprintf(text, 32, "?");
	if (read_file(path, 256, &comm, NULL, NULL) < 0)
		return;
	for (char *p = comm; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = *p == '\n' ? '\0' : '?';
	snprintf(text, 32, "%.16s", comm);
}

/* Adds to the error who holds a lock on @fd. */
static void name_holders(int fd, struct shift_error *err)
{
	_cleanup_file_ FILE *f = fopen("/proc/locks", "re");
	char line[256], file[64], holders[256] = "";
	struct stat st;
	size_t len = 0;

	if (!f || fstat(fd, &st) < 0)
		return;
	snprintf(file, sizeof(file), " %02x:%02x:%" PRIu64 " ",
		 major(st.st_dev), minor(st.st_dev), (uint64_t)st.st_ino);
	while (fgets(line, sizeof(line), f) && len < sizeof(holders)) {
		char name[32];
		int pid;

		if (!strstr(line, file) || strstr(line, "->") ||
		    sscanf(line, "%*s FLOCK %*s %*s %d", &pid) != 1 ||
		    pid == (int)getpid())
			continue;
		name_of(pid, name);
		len += (size_t)snprintf(holders + len, sizeof(holders) - len,
					"%s%d (%s)", len ? ", " : "", pid, name);
	}
	if (*holders)
		shift_err_hint(err, "held by process %s", holders);
	else
		shift_err_hint(err, "/proc/locks does not say by whom");
}

int lockfile_wait(int fd, int operation, const char *path,
		  struct shift_error *err)
{
	struct timespec t = { .tv_nsec = 500000 };
	int64_t end = 0;

	while (flock(fd, operation | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return shift_err_set(err, errno, "cannot lock %s", path);
		if (!end)
			end = util_now_ms() + LOCKFILE_WAIT_MS;
		if (util_now_ms() > end) {
			shift_err_set(err, ETIMEDOUT, "%s has been locked for %d seconds",
				      path, LOCKFILE_WAIT_MS / 1000);
			name_holders(fd, err);
			return -ETIMEDOUT;
		}
		nanosleep(&t, NULL);
		if (t.tv_nsec < 10000000)
			t.tv_nsec *= 2;
	}
	return 0;
}
