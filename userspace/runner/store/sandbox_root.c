/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/sandbox_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

/* From the working directory, which becomes the root. */
static int leave(void)
{
	if (sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return -1;
	return chdir("/");
}

/* What is mounted at @path and below, with these attributes, attached nowhere. */
static int clone_tree(const char *path, uint64_t attributes)
{
	struct mount_attr attr = {
		.attr_set = attributes | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
	};
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE |
					       OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
					&attr, sizeof(attr)) < 0)
		return -1;
	return steal_fd(&fd);
}

static int attach(int fd, const char *name)
{
	return sys_move_mount(fd, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);
}

/* The host's /@name under the same name here: a link as one, if it is there. */
static int show(const char *name)
{
	_cleanup_close_ int fd = -1, file = -1;
	char path[64], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/%s", name);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		return n < 0 ? -1 : symlink(target, name);
	}
	if (S_ISDIR(st.st_mode) ? mkdir(name, 0755) < 0 :
	    (file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return -1;
	fd = clone_tree(path, MOUNT_ATTR_RDONLY);
	return fd < 0 ? -1 : attach(fd, name);
}

static int make_program_root(const struct sandbox *s)
{
	static const char *const shown[] = {
		"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32",
		"etc/ld.so.cache",
	};
	struct mount_attr closed = { .attr_set = MOUNT_ATTR_RDONLY };
	bool device = s->role == SANDBOX_CHECK;
	_cleanup_close_ int out = device ? -1 :
				  clone_tree(s->root, MOUNT_ATTR_NOEXEC);
	_cleanup_close_ int in = s->in ? clone_tree(s->in, MOUNT_ATTR_NOEXEC |
						    MOUNT_ATTR_RDONLY) : -1;
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if ((!device && out < 0) || (s->in && in < 0) ||
	    mount("programs", s->root, "tmpfs",
		  MS_NOSUID | (device ? 0 : MS_NODEV), "size=64k,mode=0755") < 0 ||
	    chdir(s->root) < 0 || mkdir("etc", 0755) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		if (show(shown[i]) < 0)
			return -1;
	/*
	 * The node belongs to root and has mode 0444, so the checker, which is not root
	 * and has no capability, can only read the device.  xfs_repair reads the list of
	 * mounts from /etc/mtab: /proc/mounts is not there.
	 */
	if (device ? mknod("device", S_IFBLK | 0444, s->device) < 0 ||
		     symlink("/proc/self/mounts", "etc/mtab") < 0 :
		     mkdir("out", 0700) < 0 || attach(out, "out") < 0 ||
		     mkdir("in", 0700) < 0 || (in >= 0 && attach(in, "in") < 0))
		return -1;
	if (mkdir("proc", 0755) < 0 ||
	    (mount("proc", "proc", "proc", flags, "subset=pid") < 0 &&
	     mount("proc", "proc", "proc", flags, NULL) < 0))
		return -1;
	return sys_mount_setattr(AT_FDCWD, ".", 0, &closed, sizeof(closed));
}

int sandbox_enter_root(const struct sandbox *s)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	};

	if (s->role != SANDBOX_UNPACK)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (s->role == SANDBOX_SKOPEO || s->role == SANDBOX_CHECK)
		return make_program_root(s) < 0 ? -1 : leave();
	if (s->role == SANDBOX_READ) {
		if (mount("empty", s->root, "tmpfs", 0, "size=4k,mode=0555") < 0)
			return -1;
	} else if (mount(s->root, s->root, NULL,
			 MS_BIND | (s->mounts ? MS_REC : 0), NULL) < 0) {
		return -1;
	}
	if (chdir(s->root) < 0 ||
	    sys_mount_setattr(AT_FDCWD, ".", s->mounts ? AT_RECURSIVE : 0, &attr,
			      sizeof(attr)) < 0)
		return -1;
	return leave();
}
