// SPDX-License-Identifier: GPL-2.0-or-later
#include "mounttree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "fscontext.h"
#include "lower.h"
#include "syscalls.h"
#include "userns.h"

int shift_set_source(int fsfd, const char *source, int *ret_pinned,
		     struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	char proc[64];
	int r;

	if (strlen(source) < SHIFT_FSCONFIG_VALUE_MAX) {
		*ret_pinned = -1;
		return shift_fsctx_string(fsfd, "source", source, err);
	}

	/* Longer than fsconfig(2) takes: name it by an fd of this process. */
	fd = open(source, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return shift_err_set(err, errno, "%s", source);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	r = shift_fsctx_string(fsfd, "source", proc, err);
	if (r < 0)
		return r;
	*ret_pinned = steal_fd(&fd);
	return 0;
}

int shift_mount_tree(const char *source, const struct shift_idmap *map,
		     unsigned int attr_flags, struct shift_error *err)
{
	_cleanup_close_ int fsfd = -1, pinned = -1;
	int r;

	r = shift_fsctx_open("shiftfs", err);
	if (r < 0)
		return shift_err_prefix(err, "%s", source);
	fsfd = r;

	r = shift_set_source(fsfd, source, &pinned, err);
	if (r >= 0)
		r = shift_fsctx_idmap(fsfd, map, err);
	if (r >= 0 && (attr_flags & MOUNT_ATTR_RDONLY))
		r = shift_fsctx_flag(fsfd, "ro", err);
	if (r >= 0)
		r = shift_fsctx_create(fsfd, err);
	if (r >= 0)
		r = shift_fsctx_mount(fsfd, attr_flags, err);
	if (r < 0) {
		shift_err_prefix(err, "shiftfs of %s", source);
		return shift_lower_explain(r, source, err);
	}
	return r;
}

int shift_idmap_tree(const char *source, const struct shift_idmap *map,
		     unsigned int attr_flags, struct shift_error *err)
{
	_cleanup_close_ int userns = -1, fd = -1;
	struct mount_attr attr = { 0 };
	int r;

	fd = sys_open_tree(AT_FDCWD, source,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0) {
		r = shift_err_set(err, errno, "idmapped mount of %s", source);
		return shift_lower_explain(r, source, err);
	}

	userns = shift_userns_create(map, err);
	if (userns < 0) {
		shift_err_prefix(err, "idmapped mount of %s", source);
		return userns;
	}

	attr.attr_set = attr_flags | MOUNT_ATTR_IDMAP;
	if (attr_flags & MOUNT_ATTR__ATIME)
		attr.attr_clr = MOUNT_ATTR__ATIME;
	attr.userns_fd = (uint64_t)userns;
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
		int saved = errno;

		r = shift_err_set(err, saved, "idmapped mount of %s", source);
		shift_lower_explain(r, source, err);
		if (saved == EINVAL)
			shift_err_hint(err, "that filesystem does not support idmapped mounts on this kernel; shiftfs does not need it to");
		else if (saved == EPERM)
			shift_err_hint(err, "a mount that is idmapped already, or a filesystem mounted by another user namespace, cannot be idmapped; shiftfs can stand on it");
		return r;
	}
	return steal_fd(&fd);
}

int shift_attach(int fd, const char *target, struct shift_error *err)
{
	struct stat from, to;
	int r;

	if (stat(target, &to) < 0) {
		r = shift_err_set(err, errno, "target %s", target);
		if (r == -ENOENT)
			shift_err_hint(err, "make it first, a directory for a directory and a file for a file");
		return r;
	}
	if (fstat(fd, &from) < 0)
		return shift_err_set(err, errno, "%s", target);
	/* The kernel says no more than EINVAL about these two. */
	if (S_ISDIR(from.st_mode) && !S_ISDIR(to.st_mode))
		return shift_err_set(err, ENOTDIR,
				     "the source is a directory, but the target %s is not", target);
	if (!S_ISDIR(from.st_mode) && S_ISDIR(to.st_mode))
		return shift_err_set(err, EISDIR,
				     "the source is a file, but the target is the directory %s", target);

	if (sys_move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "attaching the mount at %s", target);
	return 0;
}
