// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles (name_to_handle_at, nfsd): the lower handle is used as it is.
 * A handle is looked up in the lower filesystem as a whole, so it is refused
 * where it leads to a file outside of what is mounted.
 */
#include <linux/exportfs.h>
#include "shiftfs.h"

/*
 * Where a part of a filesystem is mounted, the handle of a file has to say in
 * which directory it is: otherwise nothing tells, once the file is not cached
 * any more, whether it belongs to that part.
 */
static int shiftfs_encode_fh(struct inode *inode, u32 *fh, int *max_len,
			     struct inode *parent)
{
	struct dentry *root = shiftfs_sb(inode->i_sb)->lower.dentry;
	struct inode *lower = shiftfs_lower_inode(inode);
	struct inode *lower_parent = NULL;
	struct dentry *alias = NULL, *dir = NULL;
	int type;

	if (parent) {
		lower_parent = shiftfs_lower_inode(parent);
	} else if (root != root->d_sb->s_root && !S_ISDIR(lower->i_mode)) {
		alias = d_find_alias(lower);
		if (alias && alias != root) {
			dir = dget_parent(alias);
			lower_parent = d_inode(dir);
		}
	}

#ifdef SHIFTFS_HAVE_ENCODE_INODE_FH_FLAGS
	type = exportfs_encode_inode_fh(lower, (struct fid *)fh, max_len,
					lower_parent, 0);
#else
	type = exportfs_encode_inode_fh(lower, (struct fid *)fh, max_len,
					lower_parent);
#endif
	dput(dir);
	dput(alias);
	return type;
}

/*
 * Is the lower @dentry within the tree that the mount shows? If the mount shows
 * the whole filesystem, the file need not be found in a directory. The same
 * holds for a file that was seen here and is still cached, although it may have
 * lost that name or all names: the dentry of a removed name still has its
 * parent.
 */
static int shiftfs_acceptable(void *context, struct dentry *dentry)
{
	struct shiftfs_sb *ss = context;
	struct dentry *root = ss->lower.dentry;

	return root == root->d_sb->s_root || is_subdir(dentry, root) ||
	       (IS_ROOT(dentry) && !d_is_dir(dentry) &&
		shiftfs_is_cached(ss->sb, d_inode(dentry)));
}

/*
 * A file that is known by its inode alone: it has been unlinked, or its handle
 * does not say in which directory it was.
 */
static struct dentry *shiftfs_obtain_alias(struct super_block *sb,
					   struct dentry *lower)
{
	struct dentry *dentry;
	struct inode *inode;

	inode = shiftfs_iget(sb, d_inode(lower));
	if (IS_ERR(inode))
		return ERR_CAST(inode);

	dentry = d_obtain_alias(inode);
	if (IS_ERR(dentry))
		return dentry;

	/* One that was there already has its lower dentry. */
	if (!cmpxchg(&dentry->d_fsdata, NULL, dget(lower)))
		shiftfs_sample(dentry, lower);
	else
		dput(lower);
	return dentry;
}

/* The ancestor of @lower, or itself, whose parent is @dir; NULL if none. */
static struct dentry *shiftfs_step_towards(struct dentry *lower,
					   struct dentry *dir)
{
	struct dentry *this = dget(lower);

	for (;;) {
		struct dentry *parent = dget_parent(this);

		if (parent == dir) {
			dput(parent);
			return this;
		}
		dput(this);
		if (parent == this || IS_ROOT(parent)) {
			dput(parent);
			return NULL;
		}
		this = parent;
	}
}

/*
 * The upper dentry at the path that @lower has now. It is looked up name by
 * name from the root: an upper dentry that is cached may stand at the path
 * which the file had before it was renamed beneath.
 */
static struct dentry *shiftfs_obtain(struct super_block *sb,
				     struct dentry *lower)
{
	struct dentry *dentry = dget(sb->s_root);

	while (shiftfs_lower_dentry(dentry) != lower) {
		struct name_snapshot name;
		struct dentry *step, *next;
		bool arrived;

		step = shiftfs_step_towards(lower, shiftfs_lower_dentry(dentry));
		if (!step)
			goto stale;

		take_dentry_name_snapshot(&name, step);
		next = shiftfs_lookup_noperm(dentry, &name.name);
		release_dentry_name_snapshot(&name);
		dput(dentry);
		if (IS_ERR(next)) {
			dput(step);
			return next;
		}
		dentry = next;
		arrived = shiftfs_lower_dentry(dentry) == step &&
			  d_really_is_positive(dentry);
		dput(step);
		if (!arrived)
			goto stale;
	}
	return dentry;

stale:
	dput(dentry);
	return ERR_PTR(-ESTALE);
}

/*
 * Only processes that have it open can use a file without a name. Drop cached
 * dentries that nobody uses first.
 */
static bool shiftfs_is_gone(struct super_block *sb, struct dentry *lower)
{
	if (d_inode(lower)->i_nlink)
		return false;
	shiftfs_settle(sb, d_inode(lower));
	return !shiftfs_is_cached(sb, d_inode(lower));
}

static struct dentry *shiftfs_from_lower(struct super_block *sb,
					 struct dentry *lower)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct dentry *dentry;

	if (IS_ERR_OR_NULL(lower))
		return lower ?: ERR_PTR(-ESTALE);

	if (d_is_negative(lower) || shiftfs_is_gone(sb, lower))
		dentry = ERR_PTR(-ESTALE);
	else if (!d_unhashed(lower) && is_subdir(lower, ss->lower.dentry))
		dentry = shiftfs_obtain(sb, lower);
	else if (!d_is_dir(lower) && shiftfs_acceptable(ss, lower))
		dentry = shiftfs_obtain_alias(sb, lower);
	else
		dentry = ERR_PTR(-ESTALE);
	dput(lower);
	return dentry;
}

static struct dentry *shiftfs_fh_to_dentry(struct super_block *sb,
					   struct fid *fid, int len, int type)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	const struct cred *old;
	struct dentry *lower;

	old = shiftfs_override(sb);
	lower = exportfs_decode_fh(ss->lower.mnt, fid, len, type,
				   shiftfs_acceptable, ss);
	shiftfs_revert(old);
	return shiftfs_from_lower(sb, lower);
}

static struct dentry *shiftfs_fh_to_parent(struct super_block *sb,
					   struct fid *fid, int len, int type)
{
	struct super_block *lower_sb = shiftfs_lower_mnt(sb)->mnt_sb;
	const struct cred *old;
	struct dentry *lower;

	if (!lower_sb->s_export_op->fh_to_parent)
		return ERR_PTR(-EACCES);

	old = shiftfs_override(sb);
	lower = lower_sb->s_export_op->fh_to_parent(lower_sb, fid, len, type);
	shiftfs_revert(old);
	return shiftfs_from_lower(sb, lower);
}

static struct dentry *shiftfs_get_parent(struct dentry *child)
{
	struct dentry *lower = shiftfs_lower_dentry(child);

	if (!lower)
		return ERR_PTR(-ESTALE);
	return shiftfs_from_lower(child->d_sb, dget_parent(lower));
}

const struct export_operations shiftfs_export_ops = {
	.encode_fh	= shiftfs_encode_fh,
	.fh_to_dentry	= shiftfs_fh_to_dentry,
	.fh_to_parent	= shiftfs_fh_to_parent,
	.get_parent	= shiftfs_get_parent,
};
