// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libmount/libmount.h>
#include <sched.h>
#include <string.h>

#include "cleanup.h"
#include "fscontext.h"
#include "syscalls.h"

#ifndef MOVE_MOUNT_SET_GROUP
# define MOVE_MOUNT_SET_GROUP 0x00000100
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
# define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

void anchor_clear(struct anchor *anchor)
{
	free(anchor->path);
	if (anchor->root >= 0)
		close(anchor->root);
	if (anchor->mountinfo)
		fclose(anchor->mountinfo);
	*anchor = (struct anchor)ANCHOR_INIT;
}

static int look(int fd, const char *path, struct statx *ret, struct shift_error *err)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO | STATX_MNT_ID, ret) < 0)
		return shift_err_set(err, errno, "%s", path);
	if (!(ret->stx_mask & STATX_MNT_ID) ||
	    !(ret->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return shift_err_set(err, EOPNOTSUPP, "%s: statx(2) does not say on which mount it is: Linux 5.8 or newer is needed", path);
	return 0;
}

/* O_PATH of the directory with the file @path. */
static int open_parent(const char *path, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	int fd;

	if (!copy)
		return shift_err_set(err, ENOMEM, "%s", path);
	fd = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? shift_err_set(err, errno, "%s", path) : fd;
}

/* The root of the mount on which @path, open as @fd, lies: an fd with O_PATH. */
static int mount_root(int fd, const char *path, uint64_t *ret_id, struct shift_error *err)
{
	_cleanup_close_ int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct statx stx, up;
	int r;

	if (at < 0)
		return shift_err_set(err, errno, "%s", path);
	r = look(at, path, &stx, err);
	while (r >= 0 && !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
		int next = S_ISDIR(stx.stx_mode) ?
			openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC) : open_parent(path, err);

		if (next < 0)
			return shift_err_set(err, errno, "%s", path);
		close(at);
		at = next;
		r = look(at, path, &up, err);
		if (r >= 0 && (up.stx_mnt_id != stx.stx_mnt_id ||
			       (up.stx_ino == stx.stx_ino && S_ISDIR(stx.stx_mode))))
			return shift_err_set(err, EXDEV, "%s: the root of its mount is out of reach, as in a chroot(2)", path);
		stx = up;
	}
	if (r < 0)
		return r;
	*ret_id = stx.stx_mnt_id;
	return steal_fd(&at);
}

int anchor_open(const char *path, struct anchor *ret, struct shift_error *err)
{
	_cleanup_anchor_ struct anchor anchor = ANCHOR_INIT;
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	int r;

	if (fd < 0)
		return shift_err_set(err, errno, "%s", path);
	r = anchor.root = mount_root(fd, path, &anchor.id, err);
	if (r < 0)
		return r;
	if (fstat(anchor.root, &anchor.root_stat) < 0)
		return shift_err_set(err, errno, "%s", path);
	/* By its true path: the last link of it may be a symbolic one. */
	anchor.path = realpath(path, NULL);
	anchor.mountinfo = fopen("/proc/self/mountinfo", "re");
	if (!anchor.path || !anchor.mountinfo)
		return shift_err_set(err, errno, "%s", path);
	*ret = anchor;
	anchor = (struct anchor)ANCHOR_INIT;
	return 0;
}

int anchor_open_place(struct anchor *ret, struct shift_error *err)
{
	struct stat st;

	if (mkdir(PLACE, 0700) < 0 && errno != EEXIST)
		return shift_err_set(err, errno, "making the directory %s", PLACE);
	if (lstat(PLACE, &st) < 0)
		return shift_err_set(err, errno, "%s", PLACE);
	if (!S_ISDIR(st.st_mode) || st.st_uid)
		return shift_err_set(err, ENOTDIR, "%s must be a directory of root", PLACE);
	return anchor_open(PLACE, ret, err);
}

int place_enter(struct shift_error *err)
{
	int r;

	if (!unshare(CLONE_NEWNS))
		return 0;
	r = shift_err_set(err, errno, "making a mount namespace");
	if (r == -ENOSPC)
		shift_err_hint(err, "see user.max_mnt_namespaces and fs.mount-max in sysctl");
	return r;
}

static int set_propagation(int fd, unsigned long how, const char *path, struct shift_error *err)
{
	struct mount_attr attr = { .propagation = how };

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return shift_err_set(err, errno, "%s: changing how mounts propagate", path);
	return 0;
}

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void cleanup_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

/* A mount without peers and master has no group to give. */
static bool was_private(const struct anchor *anchor)
{
	__attribute__((cleanup(cleanup_table))) struct libmnt_table *table = mnt_new_table();
	__attribute__((cleanup(cleanup_iter))) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	unsigned long flags = 0;
	struct libmnt_fs *fs;

	if (!table || !iter ||
	    mnt_table_parse_stream(table, anchor->mountinfo, "/proc/self/mountinfo"))
		return false;
	while (!mnt_table_next_fs(table, iter, &fs))
		if ((uint64_t)mnt_fs_get_id(fs) == anchor->id)
			return !mnt_fs_get_propagation(fs, &flags) && !(flags & (MS_SHARED | MS_SLAVE));
	return false;
}

int anchor_attach(const struct anchor *anchor, int mnt, struct shift_error *err)
{
	_cleanup_close_ int fd = open(anchor->path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int root = -1;
	struct stat st;
	uint64_t id;
	int r;

	if (fd < 0)
		return shift_err_set(err, errno, "%s", anchor->path);
	r = root = mount_root(fd, anchor->path, &id, err);
	if (r < 0)
		return r;
	if (fstat(root, &st) < 0 || st.st_dev != anchor->root_stat.st_dev ||
	    st.st_ino != anchor->root_stat.st_ino)
		return shift_err_set(err, EAGAIN, "%s: something was mounted there meanwhile", anchor->path);

	/* What is attached to a mount that is shared appears on the host. */
	r = set_propagation(root, MS_PRIVATE, anchor->path, err);
	if (r < 0)
		return r;
	if (sys_move_mount(mnt, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "mounting at %s", anchor->path);
	if (sys_move_mount(anchor->root, "", root, "", MOVE_MOUNT_SET_GROUP |
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 &&
	    (errno != EINVAL || !was_private(anchor)))
		return shift_err_set(err, EINVAL, "%s: giving its mount the peers back (Linux 5.15 or newer is needed)", anchor->path);
	return 0;
}

int place_tmpfs(struct shift_error *err)
{
	_cleanup_close_ int ctx = shift_fsctx_open("tmpfs", err);
	int r = ctx;

	if (r >= 0)
		r = shift_fsctx_string(ctx, "source", "shiftfs-runtime", err);
	/* The root of a container walks through, and is nobody here. */
	if (r >= 0)
		r = shift_fsctx_string(ctx, "mode", "0711", err);
	if (r >= 0)
		r = shift_fsctx_string(ctx, "size", "64m", err);
	if (r >= 0)
		r = shift_fsctx_create(ctx, err);
	if (r >= 0)
		r = shift_fsctx_mount(ctx, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	return r < 0 ? shift_err_prefix(err, "a tmpfs for %s", PLACE) : r;
}

int place_add(int dir, const char *name, int mnt, struct shift_error *err)
{
	_cleanup_close_ int target = -1;
	struct stat st;

	if (fstat(mnt, &st) < 0)
		return shift_err_set(err, errno, "%s/%s", PLACE, name);
	if (S_ISDIR(st.st_mode) ? mkdirat(dir, name, 0711) : mknodat(dir, name, S_IFREG | 0600, 0))
		return shift_err_set(err, errno, "%s/%s", PLACE, name);
	target = openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (target < 0 || sys_move_mount(mnt, "", target, "",
					 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "mounting at %s/%s", PLACE, name);
	return 0;
}

int place_file(int dir, const char *name, const char *text, size_t len,
	       const struct stat *like, struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int mnt;

	while (fd >= 0 && len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "%s/%s", PLACE, name);
		text += n;
		len -= (size_t)n;
	}
	if (fd < 0 || fchown(fd, like->st_uid, like->st_gid) < 0 ||
	    fchmod(fd, like->st_mode & 0777) < 0)
		return shift_err_set(err, errno, "%s/%s", PLACE, name);
	mnt = sys_open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return mnt < 0 ? shift_err_set(err, errno, "%s/%s", PLACE, name) : mnt;
}

int place_part(int fd, const char *name, struct shift_error *err)
{
	return set_propagation(fd, MS_PRIVATE, name, err);
}

void place_rejoin(int fd, int like)
{
	uint64_t id;
	_cleanup_close_ int root = mount_root(like, "", &id, NULL);

	/* One of another filesystem, such as shiftfs, has no peers there. */
	if (root >= 0)
		sys_move_mount(root, "", fd, "", MOVE_MOUNT_SET_GROUP |
			       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int place_hide(int fd, struct shift_error *err)
{
	return set_propagation(fd, MS_UNBINDABLE, PLACE, err);
}
