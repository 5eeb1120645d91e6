// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rename, with all flags.
 */
#include <linux/namei.h>
#include "shiftfs.h"

/* One end of a rename: the upper dentry and what it stood for when we came. */
struct shiftfs_rename_end {
	struct dentry *upper;
	struct dentry *lower;
	struct dentry *dir;	/* lower directory */
};

/*
 * Is the lower dentry still where the upper one says, with the same inode or
 * none? The VFS has checked the caller against the upper inode, a target that
 * appeared meanwhile must not be replaced unchecked.
 */
static bool shiftfs_rename_holds(const struct shiftfs_rename_end *end)
{
	struct inode *inode = d_inode(end->upper);

	return end->lower->d_parent == end->dir && !d_unhashed(end->lower) &&
	       d_inode(end->lower) ==
			(inode ? shiftfs_lower_inode(inode) : NULL);
}

/*
 * The VFS will move the upper dentries as the lower ones were. To be said with
 * the lower directories locked: whoever moves them next is to be noticed.
 */
static void shiftfs_rename_sample(const struct shiftfs_rename_end *old,
				  const struct shiftfs_rename_end *new)
{
	shiftfs_sample(old->upper, old->lower);
	shiftfs_sample(new->upper, new->lower);
}

/*
 * Both lower directories get locked. -ESTALE makes the VFS look both names up
 * again.
 */
#ifdef SHIFTFS_HAVE_START_CREATING
static int shiftfs_lock_and_rename(struct super_block *sb,
				   const struct shiftfs_rename_end *old,
				   const struct shiftfs_rename_end *new,
				   unsigned int flags)
{
	struct renamedata rd;
	int err;

	shiftfs_fill_renamedata(&rd, shiftfs_lower_mnt(sb), old->dir, NULL,
				new->dir, NULL, flags);
	err = start_renaming_two_dentries(&rd, old->lower, new->lower);
	if (err) {
		/* -EINVAL stands for both "moved" and "one is in the other". */
		if (!shiftfs_rename_holds(old) || !shiftfs_rename_holds(new))
			err = -ESTALE;
		return err;
	}

	err = -ESTALE;
	if (shiftfs_rename_holds(old) && shiftfs_rename_holds(new)) {
		/* @rd has one reference, see shiftfs_rename_target(). */
		dput(new->lower);
		err = vfs_rename(&rd);
		dget(new->lower);
	}
	if (!err)
		shiftfs_rename_sample(old, new);
	end_renaming(&rd);
	return err;
}
#else
static int shiftfs_lock_and_rename(struct super_block *sb,
				   const struct shiftfs_rename_end *old,
				   const struct shiftfs_rename_end *new,
				   unsigned int flags)
{
	struct dentry *trap = lock_rename(old->dir, new->dir);
	struct renamedata rd;
	int err;

	if (IS_ERR(trap))
		return PTR_ERR(trap);

	if (!shiftfs_rename_holds(old) || !shiftfs_rename_holds(new)) {
		err = -ESTALE;
	} else if (trap == old->lower) {
		err = -EINVAL;
	} else if (trap == new->lower) {
		err = flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	} else {
		shiftfs_fill_renamedata(&rd, shiftfs_lower_mnt(sb), old->dir,
					old->lower, new->dir, new->lower,
					flags);
		err = vfs_rename(&rd);
	}
	if (!err)
		shiftfs_rename_sample(old, new);
	unlock_rename(old->dir, new->dir);
	return err;
}
#endif

/*
 * The lower dentry of the target, referenced only if ->lookup did not keep it,
 * where one dentry has several names: NFS takes one with more references than
 * need be for a file in use, and moves that out of the way first.
 */
static struct dentry *shiftfs_rename_target(struct dentry *new)
{
	struct dentry *lower = shiftfs_lower_dentry(new);

	if (lower)
		return lower;
	return shiftfs_lookup_lower(shiftfs_lower_mnt(new->d_sb),
				    shiftfs_lower_dentry(new->d_parent),
				    &new->d_name, true);
}

int shiftfs_rename(shiftfs_mnt_idmap_t *idmap, struct inode *old_dir,
		   struct dentry *old, struct inode *new_dir,
		   struct dentry *new, unsigned int flags)
{
	struct vfsmount *mnt = shiftfs_lower_mnt(old_dir->i_sb);
	const struct shiftfs_sb *ss = shiftfs_sb(old_dir->i_sb);
	const struct cred *cred = NULL, *saved;
	struct shiftfs_rename_end from = {
		.upper = old,
		.lower = shiftfs_lower_dentry(old),
		.dir = shiftfs_lower_dentry(old->d_parent),
	};
	struct shiftfs_rename_end to = {
		.upper = new,
		.dir = shiftfs_lower_dentry(new->d_parent),
	};
	int err;

	if (d_really_is_negative(new)) {
		err = shiftfs_may_create(idmap, new_dir);
		if (err)
			return err;
	}

	/* The whiteout is a new file, which belongs to who made it. */
	if (flags & RENAME_WHITEOUT)
		cred = shiftfs_create_cred(idmap, old_dir);
	else if (unlikely(ss->conf.as_caller))
		cred = shiftfs_caller_cred(old_dir->i_sb);
	if (IS_ERR(cred))
		return PTR_ERR(cred);

	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;

	saved = override_creds(cred ?: ss->cred);
	to.lower = shiftfs_rename_target(new);
	if (IS_ERR(to.lower)) {
		err = PTR_ERR(to.lower);
		goto out_revert;
	}

	err = shiftfs_lock_and_rename(old_dir->i_sb, &from, &to, flags);
	if (!err) {
		if (d_really_is_positive(new))
			shiftfs_copy_attr(d_inode(new));
		shiftfs_copy_attr(d_inode(old));
		shiftfs_copy_attr(old_dir);
		if (new_dir != old_dir)
			shiftfs_copy_attr(new_dir);
	}
	if (to.lower != shiftfs_lower_dentry(new))
		dput(to.lower);

out_revert:
	revert_creds(saved);
	mnt_drop_write(mnt);
out_cred:
	put_cred(cred);
	return err;
}
