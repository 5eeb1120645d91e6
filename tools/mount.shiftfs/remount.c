// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mount(8) hands a remount every option that the mount has, read back from
 * mountinfo, with the new ones behind.  The kernel is told what differs only: a
 * map cannot change under open files, and is refused even when it is the same.
 */
#include <errno.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "flags.h"
#include "fscontext.h"
#include "lower.h"
#include "mount.h"
#include "options.h"
#include "syscalls.h"

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

/* The superblock options of the topmost mount at @target, as a request. */
static int read_current(const char *target, struct request *ret,
			struct shift_error *err)
{
	__attribute__((cleanup(cleanup_table))) struct libmnt_table *table =
		mnt_new_table_from_file("/proc/self/mountinfo");
	_cleanup_free_ char *rest = NULL;
	struct libmnt_fs *fs;
	const char *options;
	int r;

	if (!table)
		return shift_err_set(err, errno, "/proc/self/mountinfo");
	fs = mnt_table_find_target(table, target, MNT_ITER_BACKWARD);
	if (!fs) {
		r = shift_err_set(err, EINVAL, "%s is not a mount point", target);
		shift_err_hint(err, "only what is mounted can be remounted, see findmnt(8)");
		return r;
	}
	if (strcmp(mnt_fs_get_fstype(fs), MOUNT_FSTYPE)) {
		r = shift_err_set(err, EINVAL, "%s is a mount of %s, not of %s",
				  target, mnt_fs_get_fstype(fs), MOUNT_FSTYPE);
		shift_err_hint(err, "a mount that backend=idmap made is changed by \"mount -o remount,bind\"");
		return r;
	}
	options = mnt_fs_get_fs_options(fs);
	if (!options)
		return 0;
	r = options_parse(ret, options, &rest, err);
	if (r < 0)
		return shift_err_prefix(err, "present options of %s", target);
	return options_to_params(ret, rest, err);
}

static bool has_param(const struct request *req, const struct param *p)
{
	for (size_t i = 0; i < req->n_params; i++) {
		const struct param *q = &req->params[i];

		if (!strcmp(p->name, q->name) && !p->value == !q->value &&
		    (!p->value || !strcmp(p->value, q->value)))
			return true;
	}
	return false;
}

static int refuse_map(const struct request *req, struct shift_error *err)
{
	shift_err_set(err, EINVAL, "%s: the map cannot be changed by a remount", req->target);
	shift_err_hint(err, "umount it and mount it with the new map, or mount the source a second time elsewhere");
	return -EINVAL;
}

static bool names_map(const struct request *req)
{
	return req->userns_fd >= 0 || !shift_idmap_empty(&req->map);
}

static int check_map(const struct request *req, const struct request *current,
		     struct shift_error *err)
{
	if (!names_map(req) ||
	    (req->userns_fd < 0 && shift_idmap_equal(&req->map, &current->map)))
		return 0;
	return refuse_map(req, err);
}

/*
 * No call tells the map of an idmapped mount before Linux 6.15, so the one that
 * is given is compared by what the mount shows of the source itself.
 */
static int check_map_idmapped(const struct request *req, struct shift_error *err)
{
	struct stat source, target;
	uint32_t uid, gid;

	if (!names_map(req))
		return 0;
	if (req->userns_fd >= 0 || !req->source || stat(req->source, &source) < 0 ||
	    stat(req->target, &target) < 0 || source.st_dev != target.st_dev ||
	    source.st_ino != target.st_ino) {
		warn("%s keeps the map that it has: a remount cannot change it", req->target);
		return 0;
	}
	if (!shift_idmap_seen(&req->map, SHIFT_UID, source.st_uid, &uid))
		uid = target.st_uid;
	if (!shift_idmap_seen(&req->map, SHIFT_GID, source.st_gid, &gid))
		gid = target.st_gid;
	return uid == target.st_uid && gid == target.st_gid ? 0 : refuse_map(req, err);
}

/* With remount,bind only the map is compared. */
static int remount_sb(const struct request *req, struct shift_error *err)
{
	struct request current __attribute__((cleanup(request_clear))) =
		REQUEST_INIT;
	struct request changed __attribute__((cleanup(request_clear))) =
		REQUEST_INIT;
	_cleanup_close_ int fsfd = -1;
	int r;

	r = read_current(req->target, &current, err);
	if (r < 0)
		return r;
	r = check_map(req, &current, err);
	if (r < 0 || (req->mflags & MS_BIND))
		return r;

	changed.sloppy = req->sloppy;
	for (size_t i = 0; i < req->n_params; i++) {
		const struct param *p = &req->params[i];

		if (has_param(&current, p))
			continue;
		r = request_add_param(&changed, p->name, strlen(p->name),
				      p->value, p->value ? strlen(p->value) : 0,
				      err);
		if (r < 0)
			return r;
	}

	fsfd = shift_fsctx_pick(req->target, err);
	if (fsfd < 0)
		return fsfd;
	r = flags_to_fsctx(req->mflags, fsfd, true, err);
	if (r >= 0)
		r = options_configure(&changed, fsfd, err);
	if (r >= 0)
		r = shift_fsctx_reconfigure(fsfd, err);
	return r;
}

/* The topmost mount at the target was made by backend=idmap. */
static bool is_idmapped(const struct request *req)
{
	_cleanup_lower_ struct shift_lower at = SHIFT_LOWER_INIT;

	return req->backend != BACKEND_SHIFTFS &&
	       !shift_lower_probe(req->target, &at, NULL) && at.idmapped &&
	       !strcmp(at.root, req->target);
}

int mount_again(const struct request *req, struct shift_error *err)
{
	struct mount_attr attr = { 0 };
	uint64_t set, clr;
	int r = 0;

	/*
	 * remount,bind changes this mount and leaves the superblock alone, and
	 * an idmapped mount has none of its own: that of the source would change.
	 */
	if (is_idmapped(req))
		r = check_map_idmapped(req, err);
	else if (!(req->mflags & MS_BIND) || names_map(req))
		r = remount_sb(req, err);
	if (r < 0)
		return shift_err_prefix(err, "remounting %s", req->target);

	flags_to_remount_attr(req->mflags, &set, &clr);
	attr.attr_set = set;
	attr.attr_clr = clr;
	if (sys_mount_setattr(AT_FDCWD, req->target, 0, &attr, sizeof(attr)) < 0) {
		int saved = errno;

		r = shift_err_set(err, saved, "remounting %s", req->target);
		if (saved == EPERM)
			shift_err_hint(err, "CAP_SYS_ADMIN is needed, and flags which another user namespace locked cannot be cleared");
		return r;
	}
	verbose("mount_setattr(set %#llx, clear %#llx): ok",
		(unsigned long long)attr.attr_set,
		(unsigned long long)attr.attr_clr);
	return 0;
}
