/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

static int open_at(int root, const char *path, int flags,
		   enum inroot_links links)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
			   (links == INROOT_NONE ? RESOLVE_NO_SYMLINKS : 0),
	};
	int fd;

	/* EAGAIN: something was renamed meanwhile, perhaps by the pod. */
	for (int tries = 0; tries < 64; tries++) {
		fd = sys_openat2(root, path, &how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : fd;
}

static int open_root(void)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int inroot_open(const char *path, int flags, enum inroot_links links)
{
	_cleanup_close_ int root = open_root();

	return root < 0 ? root : open_at(root, path, flags, links);
}

/* Makes the last part of @path in its directory, which is there. */
static int make_last(int root, const char *path, bool file,
		     enum inroot_links links)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int dir = -1, fd = -1;
	char *name = copy ? strrchr(copy, '/') : NULL;

	if (!copy || !name)
		return -ENOMEM;
	*name++ = '\0';
	dir = open_at(root, *copy ? copy : "/", O_PATH | O_DIRECTORY, links);
	if (dir < 0)
		return dir;
	if (file)
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			    O_NOFOLLOW, 0644);
	if (file ? fd < 0 : mkdirat(dir, name, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

int inroot_make(const char *path, bool file, enum inroot_links links,
		struct shift_error *err)
{
	_cleanup_close_ int root = open_root();
	char part[PATH_MAX];
	size_t len = strlen(path);
	int r = root < 0 ? root : open_at(root, path, O_PATH, links);

	if (r >= 0 && !file) {
		close(r);
		r = open_at(root, path, O_PATH | O_DIRECTORY, links);
	}
	if (r != -ENOENT)
		return r < 0 ? shift_err_set(err, -r, "%s", path) : r;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(part))
		return shift_err_set(err, ENAMETOOLONG, "%s", path);
	for (size_t i = 1; i <= len; i++) {
		int fd;

		if (i < len && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (part[i - 1] == '/')
			continue;
		fd = open_at(root, part, O_PATH, links);
		if (fd >= 0)
			close(fd);
		else if (fd != -ENOENT)
			return shift_err_set(err, -fd, "%s", part);
		else if ((r = make_last(root, part, file && i == len,
					links)) < 0)
			return shift_err_set(err, -r, "cannot make %s", part);
	}
	r = open_at(root, path, O_PATH | (file ? 0 : O_DIRECTORY), links);
	if (r == -ENOENT) {
		shift_err_set(err, -r, "%s", path);
		shift_err_hint(err, "a symbolic link in it leads to what does not exist");
		return r;
	}
	return r < 0 ? shift_err_set(err, -r, "%s", path) : r;
}

int inroot_make_owned(const char *path, uid_t uid, gid_t gid,
		      struct shift_error *err)
{
	_cleanup_close_ int was = inroot_open(path, O_PATH, INROOT_FOLLOW), fd = -1;

	fd = inroot_make(path, false, INROOT_FOLLOW, err);
	if (fd >= 0 && was == -ENOENT && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "cannot give %s to the pod's user", path);
	return steal_fd(&fd);
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

bool inroot_is_kernels(const char *path)
{
	return is_below(path, "/proc") || is_below(path, "/sys") ||
	       is_below(path, "/dev");
}

int inroot_target(const char *path, bool file, struct shift_error *err)
{
	enum inroot_links links = inroot_is_kernels(path) ? INROOT_NONE :
							    INROOT_FOLLOW;
	_cleanup_close_ int fd = inroot_make(path, file, links, err);
	struct statfs fs;

	if (fd == -ELOOP && links == INROOT_NONE)
		shift_err_hint(err, "the image has a symbolic link there, which a pod's /proc, /sys and /dev must not follow");
	else if (fd == -ELOOP || fd == -EXDEV)
		shift_err_hint(err, "a link leads to /proc/PID/fd or the like, out of the pod's root");
	if (fd < 0)
		return fd;
	if (links == INROOT_FOLLOW &&
	    (fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC ||
	     fs.f_type == SYSFS_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC)) {
		shift_err_set(err, 0, "%s leads into the pod's /proc or /sys",
			      path);
		shift_err_hint(err, "the image has a symbolic link there: nothing is mounted over what the kernel shows");
		return -ELOOP;
	}
	return steal_fd(&fd);
}

int inroot_chdir(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = inroot_open(path, O_PATH | O_DIRECTORY,
					     INROOT_FOLLOW);
	char cwd[PATH_MAX] = "";

	if (fd < 0 || fchdir(fd) < 0) {
		int r = shift_err_set(err, fd < 0 ? -fd : errno,
				      "cannot change to the directory %s in the pod",
				      path);

		if (fd == -ELOOP || fd == -EXDEV)
			shift_err_hint(err, "a link leads to /proc/PID/fd or the like, out of the pod's root");
		return r;
	}
	/* By the system call: it says "(unreachable)" of what is outside. */
	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0 ? errno != ERANGE :
	    cwd[0] != '/')
		return shift_err_set(err, 0, "the directory %s is not in the pod's root",
				     path);
	return 0;
}
