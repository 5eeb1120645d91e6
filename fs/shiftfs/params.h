/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIFTFS_PARAMS_H
#define _SHIFTFS_PARAMS_H

#include "idmap.h"

#include <linux/fs_parser.h>

struct fs_context;
struct shiftfs_sb;

/* Mount options while they are collected (fc->fs_private). */
struct shiftfs_fc {
	struct shiftfs_idmap uidmap;
	struct shiftfs_idmap gidmap;
	bool has_extents;	/* uidmap=, gidmap= or idmap= was given */
	bool has_userns;	/* userns= was given */
	bool finished;		/* both maps are sorted and checked */
};

extern const struct fs_parameter_spec shiftfs_params[];

int shiftfs_finish_idmaps(struct fs_context *fc, struct shiftfs_fc *opts);
int shiftfs_check_unchanged(struct fs_context *fc, struct shiftfs_fc *opts,
			    const struct shiftfs_sb *ss);

#endif /* _SHIFTFS_PARAMS_H */
