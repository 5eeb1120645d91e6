/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "syscalls.h"
#include "util.h"

/* Filesystem options only, handed over one by one. */
static int configure(int ctx, const char *options, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(options ? options : "");
	size_t namesz, valuesz;
	char *rest, *name, *value;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	rest = copy;
	while (!mnt_optstr_next_option(&rest, &name, &namesz, &value,
				       &valuesz)) {
		_cleanup_free_ char *key = strndup(name, namesz);
		_cleanup_free_ char *text = value ? strndup(value, valuesz) :
						    NULL;

		if (!key || (value && !text))
			return shift_err_set(err, ENOMEM,
					     "cannot allocate memory");
		r = text ? shift_fsctx_string(ctx, key, text, err) :
			   shift_fsctx_flag(ctx, key, err);
		if (r < 0)
			return r;
	}
	return 0;
}

#define KNOWN_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

static unsigned int attrs_of(unsigned long flags)
{
	unsigned int attrs = 0;

	if (flags & MS_RDONLY)
		attrs |= MOUNT_ATTR_RDONLY;
	if (flags & MS_NOSUID)
		attrs |= MOUNT_ATTR_NOSUID;
	if (flags & MS_NODEV)
		attrs |= MOUNT_ATTR_NODEV;
	if (flags & MS_NOEXEC)
		attrs |= MOUNT_ATTR_NOEXEC;
	return attrs;
}

/*
 * In a container whose own sysfs is covered in parts the kernel refuses a new
 * one; then the pod gets what is there, read-only with everything below.
 */
static int clone_sysfs(unsigned int attrs)
{
	struct mount_attr attr = { .attr_set = attrs | MOUNT_ATTR_RDONLY };
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, "/sys",
					       OPEN_TREE_CLONE | AT_RECURSIVE |
					       OPEN_TREE_CLOEXEC);

	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
					&attr, sizeof(attr)) < 0)
		return -errno;
	return steal_fd(&fd);
}

int mounts_create(const char *fstype, const char *source, const char *options,
		  struct shift_error *err)
{
	_cleanup_free_ char *vfs = NULL, *fs = NULL;
	_cleanup_close_ int ctx = -1;
	unsigned long flags = 0;
	int r, fd;

	if (mnt_split_optstr(options, NULL, &vfs, &fs, 0, 0) ||
	    mnt_optstr_get_flags(vfs, &flags,
				 mnt_get_builtin_optmap(MNT_LINUX_MAP)) ||
	    (flags & ~(unsigned long)KNOWN_FLAGS))
		return shift_err_set(err, EINVAL,
				     "mount options '%s' for %s",
				     options, fstype);
	ctx = shift_fsctx_open(fstype, err);
	if (ctx < 0)
		return ctx;
	r = shift_fsctx_string(ctx, "source", source, err);
	if (r >= 0)
		r = configure(ctx, fs, err);
	if (r >= 0)
		r = shift_fsctx_create(ctx, err);
	if (r >= 0)
		r = shift_fsctx_mount(ctx, attrs_of(flags), err);
	if (r == -EPERM && !strcmp(fstype, "sysfs")) {
		fd = clone_sysfs(attrs_of(flags));
		if (fd >= 0)
			return fd;
	}
	return r;
}

int mounts_pivot(const char *root, const char *dev, struct shift_error *err)
{
	_cleanup_close_ int root_fd = -1, dev_fd = -1, old_fd = -1;

	/*
	 * Clones, since the mounts which came with the namespace are locked in
	 * place; their locked flags (nodev above all) stay with the clones.
	 */
	root_fd = sys_open_tree(AT_FDCWD, root,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	dev_fd = sys_open_tree(AT_FDCWD, dev, OPEN_TREE_CLONE | AT_RECURSIVE |
			       OPEN_TREE_CLOEXEC);
	old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || dev_fd < 0 || old_fd < 0)
		return shift_err_set(err, errno, "cannot open %s",
				     root_fd < 0 ? root :
				     dev_fd < 0 ? dev : "/");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return shift_err_set(err, errno,
				     "cannot make the pod's mounts private");
	if (sys_move_mount(root_fd, "", AT_FDCWD, root,
			   MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    chdir(root) < 0 || sys_pivot_root(".", ".") < 0)
		return shift_err_set(err, errno, "cannot pivot into %s", root);
	if (fchdir(old_fd) < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		return shift_err_set(err, errno,
				     "cannot detach the host's tree");
	return mounts_attach(dev_fd, "/dev", err);
}

int mounts_clone(const char *path, struct shift_error *err)
{
	int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE |
					       OPEN_TREE_CLOEXEC);

	return fd < 0 ? shift_err_set(err, errno, "cannot clone the mount at %s", path) :
			fd;
}

/* A mount of something that is no directory goes on a file. */
static int make_file(const char *target, struct shift_error *err)
{
	_cleanup_free_ char *parent = strdup(target);
	_cleanup_close_ int fd = -1;
	struct stat st;
	char *slash;
	int r;

	if (!stat(target, &st))
		return 0;
	if (!parent)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		r = mkdir_parents(parent, 0755, err);
		if (r < 0)
			return r;
	}
	fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot make %s", target);
	return 0;
}

int mounts_attach(int fd, const char *target, struct shift_error *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "the mount for %s", target);
	r = S_ISDIR(st.st_mode) ? mkdir_parents(target, 0755, err) :
				  make_file(target, err);
	if (r >= 0)
		r = shift_attach(fd, target, err);
	return r < 0 ? shift_err_prefix(err, "in the pod") : r;
}

int mounts_root_readonly(const char *target, struct shift_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (sys_mount_setattr(AT_FDCWD, target, 0, &attr, sizeof(attr)) < 0)
		return shift_err_set(err, errno,
				     "cannot make %s read-only in the pod",
				     target);
	return 0;
}

int mounts_mask(const char *target, struct shift_error *err)
{
	struct stat st;
	int r;

	if (lstat(target, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		r = mount("masked", target, "tmpfs",
			  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "size=0");
	else
		r = mount("/dev/null", target, NULL, MS_BIND, NULL);
	if (r < 0)
		return shift_err_set(err, errno, "cannot mask %s in the pod",
				     target);
	return 0;
}

int mounts_readonly(const char *target, struct shift_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, target,
					       OPEN_TREE_CLONE | AT_RECURSIVE |
					       OPEN_TREE_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
					&attr, sizeof(attr)) < 0 ||
	    sys_move_mount(fd, "", AT_FDCWD, target,
			   MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return shift_err_set(err, errno,
				     "cannot make %s read-only in the pod",
				     target);
	return 0;
}
