// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles (name_to_handle_at, nfsd): the lower handle is used as it is.
 * A handle is looked up in the lower filesystem as a whole, so it is refused
 * where it leads to a file outside of what is mounted.
 */
#include <linux/exportfs.h>
#include "shiftfs.h"

static int shiftfs_encode_fh(struct inode *inode, u32 *fh, int *max_len,
			     struct inode *parent)
{
	struct inode *lower_parent = parent ? shiftfs_lower_inode(parent) : NULL;
	struct inode *lower = shiftfs_lower_inode(inode);

#ifdef SHIFTFS_HAVE_ENCODE_INODE_FH_FLAGS
	return exportfs_encode_inode_fh(lower, (struct fid *)fh, max_len,
					lower_parent, 0);
#else
	return exportfs_encode_inode_fh(lower, (struct fid *)fh, max_len,
					lower_parent);
#endif
}

/* Is @dentry, of the lower filesystem, within what the mount shows? */
static int shiftfs_acceptable(void *context, struct dentry *dentry)
{
	struct shiftfs_sb *ss = context;

	return is_subdir(dentry, ss->lower.dentry);
}

/* The upper dentry for @lower, whose reference is consumed. */
static struct dentry *shiftfs_obtain(struct super_block *sb,
				     struct dentry *lower)
{
	struct dentry *dentry;
	struct inode *inode;

	if (lower == shiftfs_sb(sb)->lower.dentry) {
		dput(lower);
		return dget(sb->s_root);
	}
	if (d_is_negative(lower)) {
		dput(lower);
		return ERR_PTR(-ESTALE);
	}

	inode = shiftfs_iget(sb, d_inode(lower));
	if (IS_ERR(inode)) {
		dput(lower);
		return ERR_CAST(inode);
	}

	dentry = d_obtain_alias(inode);
	if (IS_ERR(dentry)) {
		dput(lower);
		return dentry;
	}

	/* One that was there already has its lower dentry. */
	if (cmpxchg(&dentry->d_fsdata, NULL, lower))
		dput(lower);
	else
		shiftfs_sample(dentry, lower);
	return dentry;
}

static struct dentry *shiftfs_decode(struct super_block *sb, struct fid *fid,
				     int len, int type)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	const struct cred *old;
	struct dentry *lower;

	old = shiftfs_override(sb);
	lower = exportfs_decode_fh(ss->lower.mnt, fid, len, type,
				   shiftfs_acceptable, ss);
	shiftfs_revert(old);
	if (IS_ERR_OR_NULL(lower))
		return lower ?: ERR_PTR(-ESTALE);
	return shiftfs_obtain(sb, lower);
}

static struct dentry *shiftfs_fh_to_dentry(struct super_block *sb,
					   struct fid *fid, int len, int type)
{
	return shiftfs_decode(sb, fid, len, type);
}

static struct dentry *shiftfs_fh_to_parent(struct super_block *sb,
					   struct fid *fid, int len, int type)
{
	struct super_block *lower_sb = shiftfs_lower_mnt(sb)->mnt_sb;
	struct dentry *lower;

	if (!lower_sb->s_export_op->fh_to_parent)
		return ERR_PTR(-EACCES);
	lower = lower_sb->s_export_op->fh_to_parent(lower_sb, fid, len, type);
	if (IS_ERR_OR_NULL(lower))
		return lower ?: ERR_PTR(-ESTALE);
	if (!is_subdir(lower, shiftfs_sb(sb)->lower.dentry)) {
		dput(lower);
		return ERR_PTR(-ESTALE);
	}
	return shiftfs_obtain(sb, lower);
}

static struct dentry *shiftfs_get_parent(struct dentry *child)
{
	struct dentry *lower = shiftfs_lower_dentry(child);

	if (!lower || lower == shiftfs_sb(child->d_sb)->lower.dentry)
		return ERR_PTR(-ESTALE);
	return shiftfs_obtain(child->d_sb, dget_parent(lower));
}

/* The lower dentry is connected, so it knows its name. */
static int shiftfs_get_name(struct dentry *parent, char *name,
			    struct dentry *child)
{
	struct dentry *lower = shiftfs_lower_dentry(child);
	struct name_snapshot snap;
	int err = 0;

	if (!lower)
		return -ESTALE;
	take_dentry_name_snapshot(&snap, lower);
	if (snap.name.len > NAME_MAX)
		err = -ENAMETOOLONG;
	else
		memcpy(name, snap.name.name, snap.name.len + 1);
	release_dentry_name_snapshot(&snap);
	return err;
}

const struct export_operations shiftfs_export_ops = {
	.encode_fh	= shiftfs_encode_fh,
	.fh_to_dentry	= shiftfs_fh_to_dentry,
	.fh_to_parent	= shiftfs_fh_to_parent,
	.get_name	= shiftfs_get_name,
	.get_parent	= shiftfs_get_parent,
};
