/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _SHIFTFS_PARAMS_H
#define _SHIFTFS_PARAMS_H

#include "idmap.h"

#include <linux/fs_parser.h>

#include "shiftfs.h"

/* Mount options while they are collected (fc->fs_private). */
struct shiftfs_fc {
	struct shiftfs_idmap uidmap;
	struct shiftfs_idmap gidmap;
	bool has_extents;	/* uidmap=, gidmap= or idmap= was given */
	bool has_userns;	/* userns= was given */
	bool finished;		/* both maps are sorted and checked */
	unsigned int given;	/* of the options below, by number */
	struct shiftfs_config conf;
};

extern const struct fs_parameter_spec shiftfs_params[];

bool shiftfs_is_plain(const struct shiftfs_fc *opts);
int shiftfs_copy_ns_map(struct shiftfs_idmap *map, struct user_namespace *ns,
			bool gid, bool inverse);
int shiftfs_check_options(struct fs_context *fc, const struct shiftfs_fc *opts);
int shiftfs_finish_idmaps(struct fs_context *fc, struct shiftfs_fc *opts);
int shiftfs_check_unchanged(struct fs_context *fc, struct shiftfs_fc *opts,
			    const struct shiftfs_sb *ss);

#endif /* _SHIFTFS_PARAMS_H */
