/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "setup/inroot.h"
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
	/* mount_too_revealing() in fs/namespace.c */
	if (r == -EPERM && !strcmp(fstype, "proc")) {
		shift_err_prefix(err, "a /proc for the pod");
		shift_err_hint(err, "something is mounted on a part of this host's /proc, in a container perhaps, and the kernel gives no new one that would show it: umount it, or mount a whole proc elsewhere; runner check tells");
	}
	return r;
}

void mounts_init(struct mounts *m)
{
	m->null_fd = m->empty_fd = -1;
}

void mounts_clear(struct mounts *m)
{
	if (m->null_fd >= 0)
		close(m->null_fd);
	if (m->empty_fd >= 0)
		close(m->empty_fd);
	mounts_init(m);
}

/*
 * The null of runner's own /dev, whatever will be mounted there: what is masked
 * shows it.
 */
static void keep_null(struct mounts *m, int dev_fd)
{
	_cleanup_close_ int fd = -1;
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_XDEV,
	};
	struct stat st;

	fd = sys_openat2(dev_fd, "null", &how);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(1, 3))
		m->null_fd = steal_fd(&fd);
}

int mounts_pivot(struct mounts *m, const char *root, const char *dev,
		 struct shift_error *err)
{
	_cleanup_close_ int root_fd = -1, dev_fd = -1, old_fd = -1;
	int r;

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
	r = mounts_attach(dev_fd, "/dev", err);
	if (r >= 0)
		keep_null(m, dev_fd);
	return r;
}

int mounts_clone(const char *path, struct shift_error *err)
{
	int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE |
					       OPEN_TREE_CLOEXEC);

	return fd < 0 ? shift_err_set(err, errno, "cannot clone the mount at %s", path) :
			fd;
}

int mounts_attach(int fd, const char *target, struct shift_error *err)
{
	_cleanup_close_ int at = -1;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "the mount for %s", target);
	r = at = inroot_target(target, !S_ISDIR(st.st_mode), err);
	if (r >= 0)
		r = shift_attach_at(fd, at, target, err);
	return r < 0 ? shift_err_prefix(err, "in the pod") : r;
}

int mounts_share(struct shift_error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return shift_err_set(err, errno,
				     "cannot share the pod's mounts within it");
	return 0;
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

/* What is to be covered at @target, or -ENOENT without a message. */
static int open_covered(const char *target, struct shift_error *err)
{
	int fd = inroot_open(target, O_PATH | O_NOFOLLOW,
			     inroot_is_kernels(target) ? INROOT_NONE :
							 INROOT_FOLLOW);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	return fd < 0 ? shift_err_set(err, -fd, "cannot open %s in the pod",
				      target) : fd;
}

/* One empty filesystem for all directories, @at being the first. */
static int mask_first(struct mounts *m, int at, const char *target,
		      struct shift_error *err)
{
	_cleanup_close_ int ctx = shift_fsctx_open("tmpfs", err), fd = -1;
	int r;

	if (ctx < 0)
		return ctx;
	if ((r = shift_fsctx_string(ctx, "source", "masked", err)) < 0 ||
	    (r = shift_fsctx_string(ctx, "size", "0", err)) < 0 ||
	    (r = shift_fsctx_create(ctx, err)) < 0)
		return r;
	r = fd = shift_fsctx_mount(ctx, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
				   MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	if (r >= 0)
		r = shift_attach_at(fd, at, target, err);
	if (r >= 0)
		m->empty_fd = steal_fd(&fd);
	return r;
}

int mounts_mask(struct mounts *m, const char *target, struct shift_error *err)
{
	_cleanup_close_ int at = open_covered(target, err), tree = -1;
	struct stat st;
	bool dir;
	int r;

	if (at < 0)
		return at == -ENOENT ? 0 : at;
	if (fstat(at, &st) < 0)
		return shift_err_set(err, errno, "cannot mask %s in the pod",
				     target);
	dir = S_ISDIR(st.st_mode);
	if (!dir && m->null_fd < 0) {
		r = shift_err_set(err, ENODEV, "the pod's description has no /dev/null to put over a file");
	} else if (dir && m->empty_fd < 0) {
		r = mask_first(m, at, target, err);
	} else {
		tree = sys_open_tree(dir ? m->empty_fd : m->null_fd, "",
				     AT_EMPTY_PATH | OPEN_TREE_CLONE |
				     OPEN_TREE_CLOEXEC);
		r = tree < 0 ? shift_err_set(err, errno, "what masks") :
			shift_attach_at(tree, at, target, err);
	}
	return r < 0 ? shift_err_prefix(err, "cannot mask %s in the pod",
					target) : 0;
}

int mounts_readonly(const char *target, struct shift_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int at = open_covered(target, err), fd = -1;

	if (at < 0)
		return at == -ENOENT ? 0 : at;
	fd = sys_open_tree(at, "", AT_EMPTY_PATH | OPEN_TREE_CLONE |
			   AT_RECURSIVE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
					&attr, sizeof(attr)) < 0)
		return shift_err_set(err, errno,
				     "cannot make %s read-only in the pod",
				     target);
	return shift_attach_at(fd, at, target, err);
}
