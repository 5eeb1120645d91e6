// SPDX-License-Identifier: GPL-2.0-only
/*
 * Create and open as one step, for lower filesystems which have ->atomic_open,
 * and for NFS 4 open without a lookup before.
 *
 * A server decides about an open by what is stored, so that a file which was
 * made with mode 0444 cannot be opened for writing afterwards: the file which
 * the creation has opened is the only one that there will be. It is kept as the
 * lower file of the one that is being opened here.
 *
 * Documentation/design/create.rst says how the lower ->atomic_open is reached,
 * and what a name that somebody else makes meanwhile can do.
 */
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include "shiftfs.h"

/* @q is @name as the lower directory hashes it. */
static int shiftfs_hash_lower(struct dentry *dir, const struct qstr *name,
			      struct qstr *q)
{
	*q = (struct qstr)QSTR_INIT(name->name, name->len);
	q->hash = full_name_hash(dir, q->name, q->len);
	return dir->d_flags & DCACHE_OP_HASH ? dir->d_op->d_hash(dir, q) : 0;
}

#ifdef SHIFTFS_HAVE_DENTRY_CREATE_ATOMIC
/* The server is asked about the name by the open itself. */
#define SHIFTFS_LOOKS_FIRST	false

/*
 * The lower dentry for a creation: one that is cached and good, or a new one
 * that nobody has looked up. The lower directory is locked.
 */
static struct dentry *shiftfs_lower_to_create(struct dentry *dir,
					      const struct qstr *name,
					      unsigned int flags)
{
	struct dentry *lower;
	struct qstr q;
	int ret;

	ret = shiftfs_hash_lower(dir, name, &q);
	if (ret < 0)
		return ERR_PTR(ret);

	for (;;) {
		lower = d_alloc_parallel(dir, &q);
		if (IS_ERR(lower) || d_in_lookup(lower) ||
		    !(lower->d_flags & DCACHE_OP_REVALIDATE))
			return lower;
		ret = shiftfs_revalidate_lower(lower, LOOKUP_OPEN | flags);
		if (ret > 0)
			return lower;
		dput(lower);
		if (ret)
			return ERR_PTR(ret);
	}
}

static struct dentry *shiftfs_lookup_excl(struct dentry *dir,
					  const struct qstr *name)
{
	struct dentry *lower, *found;

	lower = shiftfs_lower_to_create(dir, name, LOOKUP_CREATE | LOOKUP_EXCL);
	if (IS_ERR(lower) || !d_in_lookup(lower))
		return lower;
	found = d_inode(dir)->i_op->lookup(d_inode(dir), lower,
					   LOOKUP_CREATE | LOOKUP_EXCL);
	d_lookup_done(lower);
	if (!found)
		return lower;
	dput(lower);
	return found;
}

/*
 * Nothing but the lower ->atomic_open opens here, so that it is a regular file
 * or the file comes back without FMODE_OPENED.
 */
static struct file *shiftfs_create_lower(struct vfsmount *mnt,
					 struct dentry *dir,
					 const struct qstr *name, int flags,
					 umode_t mode)
{
	struct path path = { .mnt = mnt };
	bool create = flags & O_CREAT;
	struct file *lower;
	int err;

	err = create ? mnt_want_write(mnt) : 0;
	if (err)
		return ERR_PTR(err);
	inode_lock_nested(d_inode(dir), I_MUTEX_PARENT);
	if (unlikely(IS_DEADDIR(d_inode(dir)))) {
		lower = ERR_PTR(-ENOENT);
		goto out;
	}

	path.dentry = shiftfs_lower_to_create(dir, name,
					      (create ? LOOKUP_CREATE : 0) |
					      (flags & O_EXCL ? LOOKUP_EXCL : 0));
	if (IS_ERR(path.dentry)) {
		lower = ERR_CAST(path.dentry);
		goto out;
	}
	if (d_is_positive(path.dentry)) {
		lower = ERR_PTR(-EEXIST);
	} else {
		lower = dentry_create(&path, flags, mode, current_cred());
		/* Without memory it did not come that far. */
		if (IS_ERR(lower))
			d_lookup_done(path.dentry);
	}
	dput(path.dentry);
out:
	inode_unlock(d_inode(dir));
	if (create)
		mnt_drop_write(mnt);
	return lower;
}
#else
/* Looks first: file_open_root() would open whatever the name has already. */
#define SHIFTFS_LOOKS_FIRST	true

static struct dentry *shiftfs_lookup_flags(struct dentry *dir,
					   const struct qstr *name,
					   unsigned int flags)
{
	struct qstr q;
	int ret;

	ret = shiftfs_hash_lower(dir, name, &q);
	if (ret < 0)
		return ERR_PTR(ret);
	return lookup_one_qstr_excl(&q, dir, flags);
}

static struct dentry *shiftfs_lookup_excl(struct dentry *dir,
					  const struct qstr *name)
{
	return shiftfs_lookup_flags(dir, name, LOOKUP_CREATE | LOOKUP_EXCL);
}

/*
 * The lower dentry for the target of a rename, of which ->lookup kept none.
 * Where that asked nothing, this asks nothing either. The directory is locked.
 */
struct dentry *shiftfs_lookup_target(struct dentry *dir,
				     const struct qstr *name)
{
	return shiftfs_lookup_flags(dir, name,
				    LOOKUP_CREATE | LOOKUP_RENAME_TARGET);
}

/*
 * The name was free a moment ago, but another file may have taken it since. A
 * symlink is not followed, a FIFO does not block, and a device is not opened
 * because source.c has made the mount "nodev".
 */
static struct file *shiftfs_create_lower(struct vfsmount *mnt,
					 struct dentry *dir,
					 const struct qstr *name, int flags,
					 umode_t mode)
{
	struct path path = { .mnt = mnt, .dentry = dir };
	struct dentry *known;
	struct qstr q;
	bool taken;
	int ret;

	ret = shiftfs_hash_lower(dir, name, &q);
	if (ret < 0)
		return ERR_PTR(ret);
	/* The walk would enter what it finds, an automount point say. */
	known = d_lookup(dir, &q);
	taken = known && d_is_positive(known);
	dput(known);
	if (taken)
		return ERR_PTR(-EEXIST);
	return file_open_root(&path, name->name,
			      flags | O_NOFOLLOW | O_NONBLOCK, mode);
}
#endif

/*
 * Does the lower filesystem create without a lookup before? NFS does so for an
 * exclusive creation, for instance by mkdir(2): the server fails it if the name
 * is taken. For such a creation shiftfs does not look up the name either. If
 * the caller has no permission to create files, an existing name still fails
 * with EEXIST.
 *
 * Nor does it look up the target of a rename. In a sticky directory shiftfs
 * does: there the owner of a file may replace it, and the server would let the
 * mounter do so. LOOKUP_REVAL comes after an ESTALE.
 */
bool shiftfs_skips_lookup(struct inode *dir, unsigned int flags)
{
	const struct super_block *lower = shiftfs_lower_inode(dir)->i_sb;
	const unsigned int excl = LOOKUP_CREATE | LOOKUP_EXCL;

	if (flags & LOOKUP_RENAME_TARGET) {
		if (flags & (LOOKUP_EXCL | LOOKUP_REVAL) ||
		    dir->i_mode & S_ISVTX)
			return false;
	} else if ((flags & excl) != excl || !dir->i_op->atomic_open) {
		return false;
	}
	return lower->s_magic == NFS_SUPER_MAGIC &&
	       !sb_rdonly(dir->i_sb) &&
	       !inode_permission(shiftfs_nop_idmap, dir, MAY_WRITE | MAY_EXEC);
}

/*
 * Finds the lower dentry of a name whose lookup is left out in the lower cache, if
 * the name is taken and the dentry still good; else returns NULL. Otherwise the VFS
 * would check the caller's rights, for mknod(2) of a device say, before anybody
 * says that the name is taken.
 */
struct dentry *shiftfs_find_taken(struct dentry *dentry, struct dentry *dir,
				  unsigned int flags)
{
	struct dentry *lower;
	struct qstr q;
	int ret;

	ret = shiftfs_hash_lower(dir, &dentry->d_name, &q);
	if (ret < 0)
		return ERR_PTR(ret);
	lower = d_lookup(dir, &q);
	if (!lower)
		return NULL;
	ret = d_is_positive(lower);
	if (ret && lower->d_flags & DCACHE_OP_REVALIDATE)
		ret = shiftfs_revalidate_lower(lower, flags);
	if (ret > 0 && shiftfs_sample_named(dentry, lower, dir))
		return lower;
	dput(lower);
	return ret < 0 ? ERR_PTR(ret) : NULL;
}

/*
 * shiftfs_start_create() for a name whose lookup was left out: without a
 * request to the server.
 */
struct dentry *shiftfs_start_excl(struct dentry *dir, const struct qstr *name)
{
	struct dentry *lower;

	inode_lock_nested(d_inode(dir), I_MUTEX_PARENT);
	if (unlikely(IS_DEADDIR(d_inode(dir))))
		lower = ERR_PTR(-ENOENT);
	else
		lower = shiftfs_lookup_excl(dir, name);
	if (IS_ERR(lower))
		inode_unlock(d_inode(dir));
	return lower;
}

/*
 * Is the name looked up before it is created? SMB and FUSE do so natively as
 * well, and may give each file to an owner of their own: there the owner does
 * not name the creator.
 */
static bool shiftfs_looks_first(const struct super_block *sb)
{
	return SHIFTFS_LOOKS_FIRST || !shiftfs_sb(sb)->nfs;
}

/*
 * Is the lower file made by this open or not opened? What was just looked up is
 * known to be free. On NFS it would cost a request more.
 */
static bool shiftfs_is_exclusive(const struct super_block *sb,
				 unsigned int flags)
{
	return flags & O_CREAT && (flags & O_EXCL || !shiftfs_sb(sb)->nfs);
}

/*
 * Leave the open to the VFS, which finds what is there by @dentry, or by what
 * ->lookup has put in its place.
 */
static int shiftfs_leave_open(struct inode *dir, struct dentry *dentry,
			      struct file *file)
{
	struct dentry *found = NULL;

	if (d_in_lookup(dentry))
		found = shiftfs_lookup(dir, dentry, 0);
	if (IS_ERR(found))
		return PTR_ERR(found);
	return finish_no_open(file, found);
}

/*
 * Nothing was opened, because of @err. Return @err if no file has that name. If
 * there is a file, the VFS opens or refuses it by its own rules: tell the VFS
 * by @file or, if @dentry is a cached negative dentry, by -ESTALE.
 */
static int shiftfs_not_created(struct inode *dir, struct dentry *dentry,
			       struct file *file, int err)
{
	const struct cred *old;
	struct dentry *lower;
	bool exists;

	/* The server opens no such file, but may have one of this name. */
	if (d_in_lookup(dentry)) {
		struct dentry *found = shiftfs_lookup(dir, dentry, 0);

		if (IS_ERR(found))
			return PTR_ERR(found);
		if (found || d_really_is_positive(dentry))
			return finish_no_open(file, found);
		return err;
	}

	old = shiftfs_override(dir->i_sb);
	lower = shiftfs_lookup_lower(shiftfs_lower_mnt(dir->i_sb),
				     shiftfs_lower_dentry(dentry->d_parent),
				     &dentry->d_name, true);
	shiftfs_revert(old);
	if (IS_ERR(lower))
		return err;
	exists = d_is_positive(lower);
	dput(lower);
	if (!exists)
		return err;
	d_drop(dentry);
	return -ESTALE;
}

/*
 * Was the file made by this open? An exclusive creation makes the file or
 * fails. NFS 3 reports every file that it opened with O_CREAT as made. The
 * creator of a file may write to it without a check. So a file with another
 * owner, with contents or with a second name is treated as one that existed
 * before. With creds=caller the server knows whether the caller may write.
 */
static bool shiftfs_is_created(const struct super_block *sb,
			       const struct file *lower, unsigned int flags)
{
	const struct inode *inode = file_inode(lower);

	if (!(lower->f_mode & FMODE_CREATED))
		return false;
	if (shiftfs_is_exclusive(sb, flags))
		return true;
	return !i_size_read(inode) && inode->i_nlink == 1 &&
	       (shiftfs_sb(sb)->conf.as_caller ||
		vfsuid_eq_kuid(i_uid_into_vfsuid(shiftfs_lower_idmap(sb), inode),
			       lower->f_cred->fsuid));
}

/* Let @dentry stand for what was opened; @inode's reference is consumed. */
static void shiftfs_fill_created(struct dentry *dentry, struct inode *inode,
				 struct dentry *lower)
{
	struct dentry *lower_dir = shiftfs_lower_dentry(dentry->d_parent);
	bool named;

	shiftfs_set_lower(dentry, lower);
	named = shiftfs_sample_named(dentry, lower, lower_dir);
	shiftfs_keep_cached(dentry, false);
	shiftfs_copy_attr(inode);
	if (d_unhashed(dentry))
		d_splice_alias(inode, dentry);
	else
		d_instantiate(dentry, inode);
	/* It was renamed or removed beneath already. */
	if (!named)
		d_drop(dentry);
}

/* @lower was opened by the creation: it becomes the lower file of @file. */
static int shiftfs_finish_created(struct inode *dir, struct dentry *dentry,
				  struct file *file, struct file *lower)
{
	struct super_block *sb = dir->i_sb;
	struct inode *inode;
	int err;

	inode = shiftfs_iget(sb, file_inode(lower));
	if (IS_ERR(inode)) {
		fput(lower);
		return PTR_ERR(inode);
	}
	err = shiftfs_attach_lower(file, lower);
	if (err) {
		iput(inode);
		return err;
	}
	shiftfs_keep_noatime(sb, lower);
	shiftfs_fill_created(dentry, inode, lower->f_path.dentry);
	shiftfs_copy_attr(dir);
	err = finish_open(file, dentry, shiftfs_opened);
	/* Once it is opened, ->release closes the lower file. */
	if (err && !(file->f_mode & FMODE_OPENED))
		fput(lower);
	return err;
}

static struct file *shiftfs_open_by_name(struct inode *dir,
					 struct dentry *dentry,
					 struct file *file, unsigned int flags,
					 umode_t mode)
{
	int lower_flags = (file->f_flags & ~SHIFTFS_NO_OPEN_FLAGS) |
			  (flags & (O_CREAT | O_EXCL));
	struct super_block *sb = dir->i_sb;
	const struct cred *cred, *old;
	struct file *lower;

	cred = shiftfs_create_cred(shiftfs_idmap_of(file->f_path.mnt), dir,
				   NULL);
	if (IS_ERR(cred))
		return ERR_CAST(cred);
	mode = shiftfs_storable_mode(shiftfs_sb(sb), mode, false);
	if (shiftfs_is_exclusive(sb, flags))
		lower_flags |= O_EXCL;

	/*
	 * Without O_TRUNC: the file may be there already, and the caller not
	 * be allowed to write to it. The VFS truncates later.
	 */
	old = override_creds(cred);
	lower = shiftfs_create_lower(shiftfs_lower_mnt(sb),
				     shiftfs_lower_dentry(dentry->d_parent),
				     &dentry->d_name, lower_flags & ~O_NOATIME,
				     mode & S_IALLUGO);
	revert_creds(old);
	put_cred(cred);
	return lower;
}

int shiftfs_atomic_open(struct inode *dir, struct dentry *dentry,
			struct file *file, unsigned int flags, umode_t mode)
{
	struct file *lower;

	if (shiftfs_is_automount(shiftfs_lower_dentry(dentry->d_parent)))
		return -EREMOTE;

	/* Alone it says nothing, as the VFS sees it. */
	if (!(flags & O_CREAT))
		flags &= ~O_EXCL;

	/* A name that is cached here costs no request to look up. */
	if (!(flags & O_CREAT) &&
	    (SHIFTFS_LOOKS_FIRST || !shiftfs_sb(dir->i_sb)->opens_by_name ||
	     !d_in_lookup(dentry) || flags & O_DIRECTORY ||
	     file->f_flags & __FMODE_EXEC))
		return shiftfs_leave_open(dir, dentry, file);

	if (shiftfs_looks_first(dir->i_sb) && !(flags & O_EXCL) &&
	    d_in_lookup(dentry)) {
		struct dentry *found = shiftfs_lookup(dir, dentry, 0);

		if (IS_ERR(found))
			return PTR_ERR(found);
		if (found || d_really_is_positive(dentry))
			return finish_no_open(file, found);
	}

	lower = shiftfs_open_by_name(dir, dentry, file, flags, mode);
	if (IS_ERR(lower)) {
		if (lower == ERR_PTR(-EEXIST) && flags & O_EXCL)
			return -EEXIST;
		return shiftfs_not_created(dir, dentry, file, PTR_ERR(lower));
	}

	if (!(lower->f_mode & FMODE_OPENED)) {
		/* Some FUSE servers can make a file, but not open it at once. */
		if (lower->f_mode & FMODE_CREATED)
			file->f_mode |= FMODE_CREATED;
		fput(lower);
		return shiftfs_not_created(dir, dentry, file, -ESTALE);
	}

	if (!S_ISREG(file_inode(lower)->i_mode)) {
		fput(lower);
		return shiftfs_not_created(dir, dentry, file, -ESTALE);
	}
	/* Of what was there the VFS asks next whether the caller may open it. */
	if (flags & O_CREAT && shiftfs_is_created(dir->i_sb, lower, flags))
		file->f_mode |= FMODE_CREATED;
	return shiftfs_finish_created(dir, dentry, file, lower);
}
