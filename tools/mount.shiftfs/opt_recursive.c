// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recursive: one more mount for each mount below the source, at the same place,
 * with the same map and options. Each keeps what its own source's mount forbids.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "below.h"
#include "cleanup.h"
#include "mount.h"
#include "options.h"

static int parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err)
{
	if (value)
		return shift_err_set(err, 0, "option %s=%s: it takes no value", name, value);
	req->recursive = true;
	return 0;
}

static int mount_below(const struct request *req, int top, const struct below_mount *below,
		       struct shift_error *err)
{
	struct request one = *req;
	_cleanup_close_ int target = below_open(top, below->path);
	char source[64];
	int r;

	if (target < 0)
		return shift_err_set(err, -target, "%s/%s", req->target, below->path);
	/* Use the descriptor: somebody may have put a link into the path. */
	snprintf(source, sizeof(source), "/proc/self/fd/%d", below->fd);
	one.source = source;
	one.target_fd = target;
	one.recursive = false;
	verbose("below the source: %s/%s", req->source, below->path);
	r = mount_new(&one, err);
	if (r < 0)
		shift_err_hint(err, "%s/%s is a mount below the source: umount it, or do without the option recursive",
			       req->source, below->path);
	return r;
}

static int attached(const struct request *req, int mntfd, struct shift_error *err)
{
	_cleanup_below_ struct below below = BELOW_INIT;
	struct statx own;
	char path[64];
	int r;

	if (!req->recursive)
		return 0;
	r = below_list(req->source, true, &below, err);
	if (r >= 0 && statx(mntfd, "", AT_EMPTY_PATH, STATX_MNT_ID, &own) < 0)
		r = shift_err_set(err, errno, "target %s", req->target);
	for (size_t i = 0; r >= 0 && i < below.n; i++)
		/* The target may be below the source. */
		if (below.mounts[i].id != own.stx_mnt_id)
			r = mount_below(req, mntfd, &below.mounts[i], err);
	if (r >= 0)
		return 0;

	/* All or nothing. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mntfd);
	if (umount2(path, MNT_DETACH) < 0)
		warn("%s stays mounted: %s", req->target, strerror(errno));
	return r;
}

static const char *const names[] = { "recursive", NULL };

const struct option_handler option_recursive = {
	.names = names,
	.parse = parse,
	.attached = attached,
};
