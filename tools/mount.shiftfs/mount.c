// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "advice.h"
#include "backend.h"
#include "cleanup.h"
#include "flags.h"
#include "fscontext.h"
#include "lower.h"
#include "mounttree.h"
#include "options.h"
#include "syscalls.h"

int preflight(const struct request *req, struct shift_error *err)
{
	struct stat source, target;
	int r;

	if (backend_mounts_export(req)) {
		source.st_mode = S_IFDIR;	/* nearly always; the server says more */
	} else if (!(req->mflags & MS_REMOUNT) && stat(req->source, &source) < 0) {
		r = shift_err_set(err, errno, "source %s", req->source);
		if (r == -ENOENT && shift_is_nfs_source(req->source))
			shift_err_hint(err, "this is an NFS server's export: mount it and shift the path where it is mounted, or give backend=delegate");
		else if (r == -ENOENT)
			shift_err_hint(err, "the source is the directory or file whose ids are to be shifted; see that it exists and that its own filesystem is mounted");
		return r;
	}
	if (stat(req->target, &target) < 0) {
		r = shift_err_set(err, errno, "target %s", req->target);
		if (r == -ENOENT)
			shift_err_hint(err, "make it first, with mkdir or touch, or give the option X-mount.mkdir");
		return r;
	}
	if (req->mflags & MS_REMOUNT)
		return 0;
	if (S_ISDIR(source.st_mode) && !S_ISDIR(target.st_mode))
		return shift_err_set(err, ENOTDIR,
				     "the source %s is a directory, but the target %s is not",
				     req->source, req->target);
	if (!S_ISDIR(source.st_mode) && S_ISDIR(target.st_mode))
		return shift_err_set(err, EISDIR,
				     "the source %s is a single file, but the target %s is a directory; a file is mounted on a file",
				     req->source, req->target);
	return 0;
}

/* nosuid and the like, which shiftfs does not take over from its source. */
static unsigned int source_attrs(const struct request *req)
{
	_cleanup_lower_ struct shift_lower lower = SHIFT_LOWER_INIT;

	if (shift_lower_probe(req->source, &lower, NULL) < 0)
		return 0;
	if (lower.attrs)
		verbose("the mount at %s is%s%s%s%s, so this one is too", lower.root,
			lower.attrs & MOUNT_ATTR_RDONLY ? " ro" : "",
			lower.attrs & MOUNT_ATTR_NOSUID ? " nosuid" : "",
			lower.attrs & MOUNT_ATTR_NODEV ? " nodev" : "",
			lower.attrs & MOUNT_ATTR_NOEXEC ? " noexec" : "");
	return lower.attrs;
}

static int build(const struct request *req, int fsfd, struct shift_error *err)
{
	_cleanup_close_ int pinned = -1;
	int r;

	r = shift_set_source(fsfd, req->source, &pinned, err);
	if (r < 0)
		return r;
	r = flags_to_fsctx(req->mflags, fsfd, false, err);
	if (r < 0)
		return r;
	r = options_configure(req, fsfd, err);
	if (r < 0)
		return r;
	r = shift_fsctx_create(fsfd, err);
	if (r < 0)
		return r;
	return shift_fsctx_mount(fsfd,
				 flags_to_attr(req->mflags) | source_attrs(req),
				 err);
}

static int new_shiftfs(const struct request *req, struct shift_error *err)
{
	_cleanup_close_ int fsfd = -1;
	int r;

	fsfd = shift_fsctx_open(MOUNT_FSTYPE, err);
	if (fsfd < 0)
		return shift_err_prefix(err, "%s on %s", req->source, req->target);
	r = build(req, fsfd, err);
	if (r < 0) {
		shift_err_prefix(err, "%s on %s", req->source, req->target);
		if (strstr(shift_err_text(err), "no map given"))
			advice_no_map(err);
		return shift_lower_explain(r, req->source, err);
	}
	return r;
}

int mount_new(struct request *req, struct shift_error *err)
{
	_cleanup_close_ int mntfd = -1;
	struct statvfs sv;
	int r;

	r = backend_resolve(req, err);
	if (r < 0)
		return r;
	if (req->netns_fd >= 0 && req->backend != BACKEND_DELEGATE)
		return shift_err_set(err, 0, "option netns goes with backend=delegate");
	if (req->recursive && req->backend == BACKEND_DELEGATE)
		return shift_err_set(err, 0, "option recursive does not go with backend=delegate, whose mount is one of its own; use backend=shiftfs");
	mntfd = req->backend == BACKEND_IDMAP ? backend_idmap(req, err) :
		req->backend == BACKEND_DELEGATE ? backend_delegate(req, err) :
						   new_shiftfs(req, err);
	if (mntfd < 0)
		return mntfd;

	if (req->target_fd >= 0)
		r = shift_attach_at(mntfd, req->target_fd, req->target, err);
	else
		r = shift_attach(mntfd, req->target, err);
	if (r < 0)
		return shift_err_prefix(err, "%s on %s", req->source, req->target);
	verbose("move_mount(%s): ok", req->target);
	if (!backend_mounts_export(req))
		advice_swapped(req);
	if (!(req->mflags & MS_RDONLY) && !fstatvfs(mntfd, &sv) &&
	    (sv.f_flag & ST_RDONLY))
		warn("%s is on a read-only filesystem or mount, so %s is read-only too",
		     req->source, req->target);

	return options_attached(req, mntfd, err);
}
