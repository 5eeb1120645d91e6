/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "syscalls.h"

/*
 * Takes the options of a mount out of @options, comma-separated, and hands the
 * filesystem its own one by one.
 */
static int configure(int ctx, const char *options, unsigned int *attrs,
		     struct shift_error *err)
{
	static const struct {
		const char *name;
		unsigned int set, clear;
	} flags[] = {
		{ "ro", MOUNT_ATTR_RDONLY, 0 }, { "rw", 0, MOUNT_ATTR_RDONLY },
		{ "nosuid", MOUNT_ATTR_NOSUID, 0 }, { "suid", 0, MOUNT_ATTR_NOSUID },
		{ "nodev", MOUNT_ATTR_NODEV, 0 }, { "dev", 0, MOUNT_ATTR_NODEV },
		{ "noexec", MOUNT_ATTR_NOEXEC, 0 }, { "exec", 0, MOUNT_ATTR_NOEXEC },
		{ "defaults", 0, 0 },
	};
	enum { N_FLAGS = sizeof(flags) / sizeof(*flags) };
	_cleanup_free_ char *copy = strdup(options ? options : "");
	char *names[N_FLAGS + 1] = { NULL };
	char *rest = copy, *word;
	int r = 0;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; i < N_FLAGS; i++)
		names[i] = (char *)flags[i].name;
	while (r >= 0 && *rest) {
		int i = getsubopt(&rest, names, &word);
		char *value;

		if (i >= 0 && !word) {
			*attrs = (*attrs | flags[i].set) & ~flags[i].clear;
			continue;
		}
		if (i >= 0)
			return shift_err_set(err, EINVAL, "the option %s takes no value",
					     names[i]);
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		r = value ? shift_fsctx_string(ctx, word, value, err) :
			    shift_fsctx_flag(ctx, word, err);
	}
	return r;
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
		  const char *label, struct shift_error *err)
{
	_cleanup_close_ int ctx = -1;
	unsigned int attrs = 0;
	int r, fd;

	ctx = shift_fsctx_open(fstype, err);
	if (ctx < 0)
		return ctx;
	r = shift_fsctx_string(ctx, "source", source, err);
	if (r >= 0)
		r = configure(ctx, options, &attrs, err);
	if (r < 0)
		return shift_err_prefix(err, "mount options '%s'", options);
	if (label && (r = shift_fsctx_string(ctx, "context", label, err)) < 0)
		return r;
	r = shift_fsctx_create(ctx, err);
	if (r >= 0)
		r = shift_fsctx_mount(ctx, attrs, err);
	if (r == -EPERM && !strcmp(fstype, "sysfs")) {
		fd = clone_sysfs(attrs);
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
