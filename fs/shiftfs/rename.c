// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rename, with all flags.
 */
#include <linux/namei.h>
#include "shiftfs.h"

/*
 * One end of a rename: the upper dentry and what it stood for when we came. A
 * target of which ->lookup kept no lower dentry has none until the directories
 * are locked.
 */
struct shiftfs_rename_end {
	struct dentry *upper;
	struct dentry *lower;
	struct dentry *dir;	/* lower directory */
	bool found;		/* @lower was looked up with @dir locked */
};

/*
 * Is the lower dentry in the directory where the upper one says, with the same
 * inode or none? The VFS has checked the caller against the upper inode, a
 * target that appeared meanwhile must not be replaced unchecked.
 */
static bool shiftfs_rename_is_there(const struct shiftfs_rename_end *end)
{
	struct inode *inode = d_inode(end->upper);

	if (d_inode(end->lower) != (inode ? shiftfs_lower_inode(inode) : NULL))
		return false;
	return end->found || (end->lower->d_parent == end->dir &&
			      !d_unhashed(end->lower));
}

/* And under its name? With the lower directories locked. */
static bool shiftfs_rename_holds(const struct shiftfs_rename_end *end)
{
	return shiftfs_rename_is_there(end) &&
	       (end->found || shiftfs_leads_to(end->upper->d_sb, end->dir,
					       &end->upper->d_name, end->lower));
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
				   struct shiftfs_rename_end *new,
				   unsigned int flags)
{
	struct qstr name = QSTR_INIT(new->upper->d_name.name,
				     new->upper->d_name.len);
	struct renamedata rd;
	int err;

	shiftfs_fill_renamedata(&rd, shiftfs_lower_mnt(sb), old->dir, NULL,
				new->dir, NULL, flags);
	if (new->lower) {
		err = start_renaming_two_dentries(&rd, old->lower, new->lower);
	} else {
		err = start_renaming_dentry(&rd, 0, old->lower, &name);
		new->found = !err;
		new->lower = err ? NULL : rd.new_dentry;
	}
	if (err) {
		/* -EINVAL stands for both "moved" and "one is in the other". */
		if (!shiftfs_rename_is_there(old) ||
		    (new->lower && !shiftfs_rename_is_there(new)))
			err = -ESTALE;
		return err;
	}

	err = -ESTALE;
	if (shiftfs_rename_holds(old) && shiftfs_rename_holds(new)) {
		/*
		 * NFS takes a target with more references than need be for a
		 * file in use, and moves that out of the way first: the upper
		 * dentry's has to do, and of a new target there is only the one
		 * of @rd.
		 */
		if (!new->found)
			dput(new->lower);
		err = vfs_rename(&rd);
		if (!new->found)
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
				   struct shiftfs_rename_end *new,
				   unsigned int flags)
{
	struct dentry *trap = lock_rename(old->dir, new->dir);
	struct renamedata rd;
	int err = 0;

	if (IS_ERR(trap))
		return PTR_ERR(trap);

	if (!new->lower) {
		new->lower = shiftfs_lookup_target(new->dir,
						   &new->upper->d_name);
		if (IS_ERR(new->lower))
			err = PTR_ERR(new->lower);
		else
			new->found = true;
	}

	if (err) {
		;
	} else if (!shiftfs_rename_holds(old) || !shiftfs_rename_holds(new)) {
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
	if (new->found)
		dput(new->lower);
	return err;
}
#endif

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
		.lower = shiftfs_lower_dentry(new),
		.dir = shiftfs_lower_dentry(new->d_parent),
	};
	int err;

	/* As in shiftfs_remove(). */
	if (shiftfs_is_automount(from.lower) ||
	    (to.lower && shiftfs_is_automount(to.lower)))
		return -EBUSY;

	if (d_really_is_negative(new)) {
		err = shiftfs_may_create(idmap, new_dir);
		if (err)
			return err;
	}

	/* The whiteout is a new file, which belongs to who made it. */
	if (flags & RENAME_WHITEOUT)
		cred = shiftfs_create_cred(idmap, old_dir, NULL);
	else
		cred = shiftfs_name_cred(old_dir->i_sb);
	if (IS_ERR(cred))
		return PTR_ERR(cred);

	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;

	/* Names known not to be in what is replaced pin the lower directory. */
	if (d_is_dir(new) && !(flags & RENAME_EXCHANGE))
		shrink_dcache_parent(new);
	saved = override_creds(cred ?: ss->cred);
	err = shiftfs_lock_and_rename(old_dir->i_sb, &from, &to, flags);
	if (!err) {
		if (d_really_is_positive(new))
			shiftfs_copy_attr(d_inode(new));
		shiftfs_copy_attr(d_inode(old));
		shiftfs_copy_attr(old_dir);
		if (new_dir != old_dir)
			shiftfs_copy_attr(new_dir);
	}
	revert_creds(saved);
	mnt_drop_write(mnt);
out_cred:
	put_cred(cred);
	return err;
}
