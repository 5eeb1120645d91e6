// SPDX-License-Identifier: GPL-2.0-only
/*
 * Create, link and remove. The VFS has checked the caller against the upper
 * directory, which it holds locked; the lower directory is locked below it.
 */
#include <linux/namei.h>
#include "shiftfs.h"

/* What ->create, ->mknod, ->symlink, ->mkdir and ->link have in common. */
struct shiftfs_new {
	struct dentry *dir;	/* lower directory, locked from start to end */
	struct dentry *lower;	/* lower dentry to be made, referenced */
	shiftfs_mnt_idmap_t *idmap;
	const struct cred *cred; /* put at the end; NULL: the mounter's */
	struct shiftfs_gift gift;
	const struct cred *old;
};

/*
 * Lock the lower directory and get a negative lower dentry; switch to the
 * credentials with which the new file gets its owner, for ->link (@idmap NULL)
 * to those used for everything else.
 */
static int shiftfs_begin(struct shiftfs_new *new, struct inode *dir,
			 struct dentry *dentry,
			 shiftfs_mnt_idmap_t *idmap)
{
	const struct shiftfs_sb *ss = shiftfs_sb(dir->i_sb);
	struct vfsmount *mnt = shiftfs_lower_mnt(dir->i_sb);
	int err;

	new->dir = shiftfs_lower_dentry(dentry->d_parent);
	new->idmap = shiftfs_idmap_of(mnt);
	new->gift.due = false;
	if (idmap)
		new->cred = shiftfs_create_cred(idmap, dir, &new->gift);
	else
		new->cred = shiftfs_name_cred(dir->i_sb);
	if (IS_ERR(new->cred))
		return PTR_ERR(new->cred);

	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;

	new->old = override_creds(new->cred ?: ss->cred);
	if (unlikely(d_inode(new->dir)->i_op->atomic_open) &&
	    !shiftfs_lower_dentry(dentry) && shiftfs_is_comparable(new->dir))
		new->lower = shiftfs_start_excl(new->dir, &dentry->d_name);
	else
		new->lower = shiftfs_start_create(mnt, new->dir,
						  shiftfs_lower_dentry(dentry),
						  &dentry->d_name);
	if (IS_ERR(new->lower)) {
		err = PTR_ERR(new->lower);
		goto out_revert;
	}
	if (d_is_positive(new->lower)) {
		shiftfs_end_create(new->dir, new->lower);
		err = -EEXIST;
		goto out_revert;
	}
	return 0;

out_revert:
	revert_creds(new->old);
	mnt_drop_write(mnt);
out_cred:
	put_cred(new->cred);
	return err;
}

/* After a failed mkdir the lower directory is unlocked already. */
static void shiftfs_end(struct shiftfs_new *new, struct dentry *dentry,
			bool locked)
{
	if (locked)
		shiftfs_end_create(new->dir, new->lower);
	revert_creds(new->old);
	mnt_drop_write(shiftfs_lower_mnt(dentry->d_sb));
	put_cred(new->cred);
}

/* Let @dentry stand for @lower from now on. Both directories are locked. */
void shiftfs_set_lower(struct dentry *dentry, struct dentry *lower)
{
	struct dentry *old = shiftfs_lower_dentry(dentry);

	if (old != lower) {
		/* RCU-walk sees one or the other; both are safe to read. */
		smp_store_release(&dentry->d_fsdata, dget(lower));
		dput(old);
	}
	shiftfs_sample(dentry, lower);
}

/* A file that its owner cannot be given does not stay. */
static noinline int shiftfs_give_new(struct shiftfs_new *new, struct inode *dir,
				     struct dentry *lower)
{
	int err = shiftfs_give(dir->i_sb, new->dir, lower, &new->gift);

	if (!err)
		return 0;
	if (d_is_dir(lower))
		shiftfs_vfs_rmdir(new->idmap, d_inode(new->dir), lower);
	else
		vfs_unlink(new->idmap, d_inode(new->dir), lower, NULL);
	return err;
}

/*
 * The lower file is made: give the upper dentry its inode, @inode for ->link
 * or a new one. Some filesystems leave the dentry they were given negative
 * and hash another one.
 */
static int shiftfs_instantiate(struct shiftfs_new *new, struct inode *dir,
			       struct dentry *dentry, struct inode *inode)
{
	struct dentry *lower = new->lower;
	struct dentry *other = NULL;
	int err = 0;

	if (d_really_is_negative(lower) || d_unhashed(lower)) {
		other = shiftfs_lookup_lower_locked(shiftfs_lower_mnt(dir->i_sb),
						    new->dir, &dentry->d_name);
		if (IS_ERR(other))
			return PTR_ERR(other);
		lower = other;
	}

	if (d_really_is_negative(lower)) {
		/* Removed again, on a server say: look it up next time. */
		d_drop(dentry);
		goto out;
	}

	if (unlikely(new->gift.due)) {
		err = shiftfs_give_new(new, dir, lower);
		if (err) {
			d_drop(dentry);
			goto out;
		}
	}

	if (inode) {
		if (d_inode(lower) == shiftfs_lower_inode(inode))
			ihold(inode);
		else
			inode = shiftfs_iget(dir->i_sb, d_inode(lower));
	} else {
		inode = shiftfs_iget(dir->i_sb, d_inode(lower));
	}
	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
		d_drop(dentry);
		goto out;
	}

	shiftfs_set_lower(dentry, lower);
	shiftfs_keep_cached(dentry, S_ISDIR(inode->i_mode));
	shiftfs_copy_attr(inode);
	d_instantiate(dentry, inode);
	/* ->lookup does not hash the "no" of every directory. */
	if (d_unhashed(dentry))
		d_rehash(dentry);
out:
	shiftfs_copy_attr(dir);
	dput(other);
	return err;
}

static int shiftfs_create(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
			  struct dentry *dentry, SHIFTFS_CREATE_ARGS)
{
	struct shiftfs_new new;
	int err;

	err = shiftfs_begin(&new, dir, dentry, idmap);
	if (!err) {
		mode = shiftfs_storable_mode(shiftfs_sb(dir->i_sb), mode, false);
		err = shiftfs_vfs_create(new.idmap, d_inode(new.dir), new.lower,
					 mode);
		if (!err)
			err = shiftfs_instantiate(&new, dir, dentry, NULL);
		shiftfs_end(&new, dentry, true);
	}

	/*
	 * Somebody made it beneath since it was looked up, which open(2)
	 * without O_EXCL must not fail for: -ESTALE has it looked up again,
	 * once, and with O_EXCL the VFS then says -EEXIST.
	 */
	return err == -EEXIST && !SHIFTFS_CREATE_EXCL ? -ESTALE : err;
}

static int shiftfs_mknod(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
			 struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct shiftfs_new new;
	int err;

	err = shiftfs_begin(&new, dir, dentry, idmap);
	if (err)
		return err;
	mode = shiftfs_storable_mode(shiftfs_sb(dir->i_sb), mode, false);
	err = shiftfs_vfs_mknod(new.idmap, d_inode(new.dir), new.lower, mode,
				dev);
	if (!err)
		err = shiftfs_instantiate(&new, dir, dentry, NULL);
	shiftfs_end(&new, dentry, true);
	return err;
}

static int shiftfs_symlink(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
			   struct dentry *dentry, const char *target)
{
	struct shiftfs_new new;
	int err;

	err = shiftfs_begin(&new, dir, dentry, idmap);
	if (err)
		return err;
	err = shiftfs_vfs_symlink(new.idmap, d_inode(new.dir), new.lower,
				  target);
	if (!err)
		err = shiftfs_instantiate(&new, dir, dentry, NULL);
	shiftfs_end(&new, dentry, true);
	return err;
}

static int shiftfs_do_mkdir(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
			    struct dentry *dentry, umode_t mode)
{
	struct dentry *lower;
	struct shiftfs_new new;
	int err;

	err = shiftfs_begin(&new, dir, dentry, idmap);
	if (err)
		return err;
	lower = shiftfs_vfs_mkdir(new.idmap, new.dir, new.lower, mode);
	if (IS_ERR(lower)) {
		shiftfs_end(&new, dentry, false);
		return PTR_ERR(lower);
	}
	new.lower = lower;
	err = shiftfs_instantiate(&new, dir, dentry, NULL);
	shiftfs_end(&new, dentry, true);
	return err;
}

#ifdef SHIFTFS_HAVE_MKDIR_DENTRY
static struct dentry *shiftfs_mkdir(shiftfs_mnt_idmap_t *idmap,
				    struct inode *dir, struct dentry *dentry,
				    umode_t mode)
{
	return ERR_PTR(shiftfs_do_mkdir(idmap, dir, dentry, mode));
}
#else
static int shiftfs_mkdir(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
			 struct dentry *dentry, umode_t mode)
{
	return shiftfs_do_mkdir(idmap, dir, dentry, mode);
}
#endif

static int shiftfs_link(struct dentry *old, struct inode *dir,
			struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	struct shiftfs_new new;
	int err;

	if (shiftfs_is_stale(old))
		return -ESTALE;

	err = shiftfs_begin(&new, dir, dentry, NULL);
	if (err)
		return err;
	err = vfs_link(shiftfs_lower_dentry(old), new.idmap, d_inode(new.dir),
		       new.lower, NULL);
	if (!err)
		err = shiftfs_instantiate(&new, dir, dentry, inode);
	shiftfs_end(&new, dentry, true);
	return err;
}

/*
 * If only the caller uses @dentry, with @users references, take it out of the
 * hash, so that nobody else can get it: a lookup of the name waits for the
 * directory.
 */
static bool shiftfs_hide_unused(struct dentry *dentry, int users)
{
	bool unused;

	spin_lock(&dentry->d_lock);
	unused = dentry->d_lockref.count == users && !d_unhashed(dentry);
	if (unused)
		__d_drop(dentry);
	spin_unlock(&dentry->d_lock);
	return unused;
}

/*
 * A name that is in use: the lower dentry is removed while it is pinned, so it
 * is unhashed but keeps its inode, and open files go on with it.
 * The upper dentry is dropped likewise, and with its last user the file goes.
 *
 * A name that nobody uses is remembered as free: the lower dentry, unless it
 * is used beneath, becomes negative, and the VFS makes the upper one negative
 * when we return. It is hashed again before that, positive still, and
 * ->d_revalidate, seeing that the lower one has changed, does not let it pass.
 */
static int shiftfs_remove(struct inode *dir, struct dentry *dentry, bool is_dir)
{
	struct dentry *lower_dir = shiftfs_lower_dentry(dentry->d_parent);
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	struct vfsmount *mnt = shiftfs_lower_mnt(dir->i_sb);
	struct inode *inode = d_inode(dentry);
	const struct cred *old;
	bool hidden;
	int err;

	/* As a mount point, which it would be if it could be followed. */
	if (shiftfs_is_automount(lower))
		return -EBUSY;
	err = mnt_want_write(mnt);
	if (err)
		return err;
	/* Names known not to be there pin the lower directory. */
	if (is_dir)
		shrink_dcache_parent(dentry);
	old = shiftfs_override(dir->i_sb);
	/* vfs_rmdir() takes a reference of its own. */
	hidden = shiftfs_is_comparable(lower_dir) &&
		 shiftfs_hide_unused(dentry, is_dir ? 2 : 1);
	if (!hidden)
		dget(lower);
	inode_lock_nested(d_inode(lower_dir), I_MUTEX_PARENT);

	if (shiftfs_is_stale(dentry) ||
	    !shiftfs_leads_to(dir->i_sb, lower_dir, &dentry->d_name, lower))
		err = -ESTALE;
	else if (is_dir)
		err = shiftfs_vfs_rmdir(shiftfs_idmap_of(mnt),
					d_inode(lower_dir), lower);
	else
		err = vfs_unlink(shiftfs_idmap_of(mnt), d_inode(lower_dir),
				 lower, NULL);

	if (hidden && (err || (d_is_negative(lower) && !d_unhashed(lower))))
		d_rehash(dentry);
	inode_unlock(d_inode(lower_dir));
	if (!hidden)
		dput(lower);
	shiftfs_revert(old);
	mnt_drop_write(mnt);

	if (!err) {
		if (!hidden)
			d_drop(dentry);
		/* Other names may have been removed beneath before. */
		if (!shiftfs_lower_inode(inode)->i_nlink &&
		    inode->i_dentry.first && inode->i_dentry.first->next)
			d_prune_aliases(inode);
		shiftfs_copy_attr(inode);
		shiftfs_copy_attr(dir);
	}
	return err;
}

static int shiftfs_unlink(struct inode *dir, struct dentry *dentry)
{
	return shiftfs_remove(dir, dentry, false);
}

static int shiftfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	return shiftfs_remove(dir, dentry, true);
}

#define SHIFTFS_DIR_OPS				\
	.lookup		= shiftfs_lookup,	\
	.create		= shiftfs_create,	\
	.mknod		= shiftfs_mknod,	\
	.mkdir		= shiftfs_mkdir,	\
	.symlink	= shiftfs_symlink,	\
	.link		= shiftfs_link,		\
	.unlink		= shiftfs_unlink,	\
	.rmdir		= shiftfs_rmdir,	\
	.rename		= shiftfs_rename,	\
	.tmpfile	= shiftfs_tmpfile,	\
	SHIFTFS_ACL_OPS,			\
	SHIFTFS_ATTR_OPS

/*
 * By whether the lower filesystem has to be asked, inode.c, and from the third
 * on where it creates and opens in one step.
 */
const struct inode_operations shiftfs_dir_iops[] = {
	{ SHIFTFS_DIR_OPS, .permission = shiftfs_permission },
	{ SHIFTFS_DIR_OPS, .permission = shiftfs_permission_asking },
	{
		SHIFTFS_DIR_OPS,
		.permission = shiftfs_permission,
		.atomic_open = shiftfs_atomic_open,
	},
	{
		SHIFTFS_DIR_OPS,
		.permission = shiftfs_permission_asking,
		.atomic_open = shiftfs_atomic_open,
	},
};
