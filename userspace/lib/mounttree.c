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

int shift_clone(const char *source, struct shift_error *err)
{
	int fd = sys_open_tree(AT_FDCWD, source,
			       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (fd >= 0)
		return fd;
	r = shift_err_set(err, errno, "idmapped mount of %s", source);
	return shift_lower_explain(r, source, err);
}

int shift_clone_idmap(int fd, const char *source, int userns,
		      unsigned int set, unsigned int clr,
		      struct shift_error *err)
{
	struct mount_attr attr = {
		.attr_set = set | MOUNT_ATTR_IDMAP,
		.attr_clr = clr,
		.userns_fd = (uint64_t)userns,
	};
	int saved, r;

	/* The kernel takes the bits of atime as one value. */
	if (set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (!sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		return 0;
	saved = errno;
	r = shift_err_set(err, saved, "idmapped mount of %s", source);
	shift_lower_explain(r, source, err);
	if (saved == EINVAL)
		shift_err_hint(err, "that filesystem does not support idmapped mounts on this kernel; shiftfs does not need it to");
	else if (saved == EPERM)
		shift_err_hint(err, "a mount that is idmapped already, or a filesystem mounted by another user namespace, cannot be idmapped; shiftfs can stand on it");
	return r;
}

int shift_idmap_tree(const char *source, const struct shift_idmap *map,
		     unsigned int attr_flags, struct shift_error *err)
{
	_cleanup_close_ int userns = -1, fd = -1;
	int r;

	fd = shift_clone(source, err);
	if (fd < 0)
		return fd;
	userns = shift_userns_create(map, err);
	if (userns < 0) {
		shift_err_prefix(err, "idmapped mount of %s", source);
		return userns;
	}
	r = shift_clone_idmap(fd, source, userns, attr_flags, 0, err);
	return r < 0 ? r : steal_fd(&fd);
}

/*
 * The kernel says no more than EINVAL about these two. With creds=caller a server may
 * tell the administrator nothing: then it is left to the kernel.
 */
static int same_kind(int fd, const struct stat *to, const char *target,
		     struct shift_error *err)
{
	struct stat from;

	if (fstat(fd, &from) < 0)
		return 0;
	if (S_ISDIR(from.st_mode) && !S_ISDIR(to->st_mode))
		return shift_err_set(err, ENOTDIR,
				     "the source is a directory, but the target %s is not", target);
	if (!S_ISDIR(from.st_mode) && S_ISDIR(to->st_mode))
		return shift_err_set(err, EISDIR,
				     "the source is a file, but the target is the directory %s", target);
	return 0;
}

int shift_attach(int fd, const char *target, struct shift_error *err)
{
	struct stat to;
	int r;

	if (stat(target, &to) < 0) {
		r = shift_err_set(err, errno, "target %s", target);
		if (r == -ENOENT)
			shift_err_hint(err, "make it first, a directory for a directory and a file for a file");
		return r;
	}
	r = same_kind(fd, &to, target, err);
	if (r < 0)
		return r;
	if (sys_move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "attaching the mount at %s", target);
	return 0;
}

int shift_attach_at(int fd, int dir, const char *target,
		    struct shift_error *err)
{
	struct stat to;
	int r;

	if (fstat(dir, &to) < 0)
		return shift_err_set(err, errno, "target %s", target);
	r = same_kind(fd, &to, target, err);
	if (r < 0)
		return r;
	if (sys_move_mount(fd, "", dir, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "attaching the mount at %s", target);
	return 0;
}
