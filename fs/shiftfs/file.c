// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regular files: open, tmpfile, release, and what is handed to the lower file
 * as it is. Reading and writing are in io.c, locks in lock.c.
 *
 * Each upper file has one lower file for all its life, so that locks, errors
 * of write-back and read-ahead state have one owner.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/xattr.h>
#include "shiftfs.h"
#ifdef SHIFTFS_HAVE_BACKING_FILE
#include <linux/backing-file.h>
#endif

/* Abilities of the lower file that the upper one takes over. */
#define SHIFTFS_COPY_FMODE	(FMODE_NOWAIT | FMODE_CAN_ODIRECT |	\
				 SHIFTFS_FMODE_ATOMIC)

static struct file *shiftfs_open_backing(struct file *file, int flags,
					 const struct path *path,
					 const struct cred *cred)
{
#if defined(SHIFTFS_HAVE_BACKING_USER_FILE)
	return backing_file_open(file, flags, path, cred);
#elif defined(SHIFTFS_HAVE_BACKING_FILE)
	return backing_file_open(&file->f_path, flags, path, cred);
#else
	return dentry_open(path, flags, cred);
#endif
}

/* Open the file of @lower, which is the lower file of @file, as its opener again. */
struct file *shiftfs_reopen_lower(struct file *file, struct file *lower)
{
	const struct cred *old = override_creds(lower->f_cred);
	struct file *ret;

	ret = shiftfs_open_backing(file, lower->f_flags & ~SHIFTFS_NO_OPEN_FLAGS,
				   &lower->f_path, lower->f_cred);
	revert_creds(old);
	return ret;
}

/*
 * Open the lower file of @file. Access times are kept by the upper mount's
 * rules, see shiftfs_accessed(), hence O_NOATIME.
 */
static struct file *shiftfs_open_lower(struct file *file, struct dentry *lower)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct path path = { .mnt = ss->lower.mnt, .dentry = lower };
	int flags = (file->f_flags & ~SHIFTFS_NO_OPEN_FLAGS) | O_NOATIME;
	struct inode *inode = d_inode(lower);
	int acc = ACC_MODE(flags);
	const struct cred *old;
	struct file *ret;
	int err = 0;

	/* A program need not be readable. The kernel may read what it executes. */
	if (unlikely(flags & __FMODE_EXEC))
		acc = MAY_EXEC;
	if (unlikely(!inode || inode != shiftfs_lower_inode(file_inode(file))))
		return ERR_PTR(-ESTALE);

	old = shiftfs_override(sb);
	/* The creator may open it now, whatever mode he gave it. */
	if (!(file->f_mode & FMODE_CREATED) &&
	    (ss->check_lower || inode->i_op->permission))
		err = inode_permission(shiftfs_idmap_of(path.mnt), inode,
				       MAY_OPEN | acc);
	if (err) {
		ret = ERR_PTR(err);
	} else {
		if (!ss->owns_all &&
		    !inode_owner_or_capable(shiftfs_idmap_of(path.mnt), inode))
			flags &= ~O_NOATIME;
		ret = shiftfs_open_backing(file, flags, &path, current_cred());
	}
	shiftfs_revert(old);
	return ret;
}

/* @lower becomes the lower file of @file; it is closed on an error. */
int shiftfs_attach_lower(struct file *file, struct file *lower)
{
	int err;

	/* Executing the upper file keeps everybody from writing the lower. */
	if (file->f_flags & __FMODE_EXEC) {
		err = exe_file_deny_write_access(lower);
		if (err) {
			fput(lower);
			return err;
		}
	}
	file->f_mode |= lower->f_mode & SHIFTFS_COPY_FMODE;
	file->private_data = lower;
	return 0;
}

/*
 * A listener that brings the contents of files when they are wanted (FAN_PRE_ACCESS)
 * is asked for all of a file that is opened for reading. The file may be mapped
 * later, and ->mmap is called with the address space locked: it cannot ask.
 */
static int shiftfs_want_contents(struct file *lower)
{
	if (likely(!shiftfs_brings_contents(lower)) ||
	    !(lower->f_mode & FMODE_READ))
		return 0;
	return shiftfs_ask_contents(&lower->f_path);
}

/*
 * Access times are kept by the upper mount's rules also for a lower file that
 * was opened without O_NOATIME, which is not refused to the owner alone
 * afterwards.
 */
void shiftfs_keep_noatime(const struct super_block *sb, struct file *lower)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_lower_idmap(sb);

	if (!shiftfs_sb(sb)->owns_all &&
	    !inode_owner_or_capable(idmap, file_inode(lower)))
		return;
	spin_lock(&lower->f_lock);
	lower->f_flags |= O_NOATIME;
	spin_unlock(&lower->f_lock);
}

static int shiftfs_open(struct inode *inode, struct file *file)
{
	struct file *lower;
	int err;

	shiftfs_copy_size(inode);
	if (!(file->f_flags & O_LARGEFILE) && i_size_read(inode) > MAX_NON_LFS)
		return -EOVERFLOW;
	/* Kernels before 7.3 check these on the inode that is opened only. */
	shiftfs_refresh(inode);

	/* Not f_path: before 6.5 overlayfs opens our inode with its own path. */
	lower = shiftfs_open_lower(file,
				   shiftfs_lower_dentry(file_dentry(file)));
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	if (unlikely(file->f_flags & __FMODE_EXEC))
		shiftfs_show_set_ids(inode);
	err = shiftfs_want_contents(lower);
	if (err) {
		fput(lower);
		return err;
	}
	return shiftfs_attach_lower(file, lower);
}

int shiftfs_release(struct inode *inode, struct file *file)
{
	struct file *lower = shiftfs_lower_file(file);

	if (file->f_flags & __FMODE_EXEC)
		exe_file_allow_write_access(lower);
	shiftfs_fput_now(lower);
	return 0;
}

/*
 * The upper mount decides whether the access time is due (noatime, relatime),
 * so it has to know the lower times; ->update_time then goes to the lower.
 */
void shiftfs_accessed(struct file *file)
{
	if (file->f_flags & O_NOATIME)
		return;
	shiftfs_copy_times(file_inode(file));
	touch_atime(&file->f_path);
}

/*
 * Clear @bits in the lower mode. Read the stored mode first: a cached one may
 * be old and would undo the change of another client.
 */
static noinline int shiftfs_remove_lower_bits(struct file *file, umode_t bits)
{
	struct path lower = shiftfs_lower_path(file_dentry(file));
	struct iattr attr = { .ia_valid = ATTR_MODE | ATTR_FORCE };
	const struct cred *old;
	struct kstat stat;
	int err;

	old = shiftfs_override(file_inode(file)->i_sb);
	err = vfs_getattr_nosec(&lower, &stat, STATX_MODE, AT_STATX_FORCE_SYNC);
	shiftfs_revert(old);
	if (err || !(stat.mode & bits))
		return err;
	attr.ia_mode = stat.mode & ~bits;
	return shiftfs_set_lower_attr(file_dentry(file), &attr);
}

/*
 * Takes away the privileges that a write by this caller costs the file: setuid, setgid,
 * capabilities. The lower file is written with the mounter's credentials, which would
 * keep them all. The lower S_NOSEC says that there is nothing to take.
 */
int shiftfs_remove_privs(struct file *file)
{
	struct inode *inode = file_inode(file);
	umode_t bits = 0;
	int kill, err;

	if (IS_NOSEC(shiftfs_lower_inode(inode)))
		return 0;

	inode_lock(inode);
	shiftfs_refresh_settled(inode);
	kill = setattr_should_drop_suidgid(shiftfs_idmap_of(file->f_path.mnt),
					   inode);
	if (kill & ATTR_KILL_SUID)
		bits |= S_ISUID;
	/* Without group execution it means nothing, and may stay: S_NOSEC. */
	if (kill & ATTR_KILL_SGID && inode->i_mode & 0010)
		bits |= S_ISGID;
	err = file_remove_privs(file);
	if (!err && unlikely(shiftfs_sb(inode->i_sb)->nosuid) &&
	    shiftfs_lower_inode(inode)->i_mode & (S_ISUID | S_ISGID) &&
	    !capable(CAP_FSETID)) {
		struct iattr attr = {
			.ia_valid = ATTR_KILL_SUID | ATTR_KILL_SGID | ATTR_FORCE,
		};

		/* The VFS does not see what is hidden from it. */
		err = shiftfs_set_lower_attr(file_dentry(file), &attr);
	}

	/*
	 * NFS leaves it to its server, which looks at the user that writes.
	 * With creds=mounter that user is the mounter, who can keep them.
	 */
	bits &= shiftfs_lower_inode(inode)->i_mode;
	if (!err && unlikely(bits) &&
	    !shiftfs_sb(inode->i_sb)->conf.as_caller)
		err = shiftfs_remove_lower_bits(file, bits);
	inode_unlock(inode);
	return err;
}

/*
 * A file whose owner cannot be seen cannot be changed above. So if a write would take
 * privileges from it, the write is forbidden, and that has to be known before.
 */
static noinline int shiftfs_has_unmapped_privs(struct file *file)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_idmap_of(file->f_path.mnt);
	struct dentry *lower = shiftfs_lower_dentry(file_dentry(file));
	struct inode *inode = file_inode(file);

	shiftfs_refresh(inode);
	if (!HAS_UNMAPPED_ID(idmap, inode))
		return 0;
	if (setattr_should_drop_suidgid(idmap, inode) ||
	    __vfs_getxattr(lower, d_inode(lower), XATTR_NAME_CAPS, NULL, 0) > 0)
		return -EOVERFLOW;
	return 0;
}

/* Whether shiftfs_remove_privs() will be possible. */
int shiftfs_may_remove_privs(struct file *file)
{
	if (likely(IS_NOSEC(shiftfs_lower_inode(file_inode(file)))))
		return 0;
	return shiftfs_has_unmapped_privs(file);
}

/*
 * Credentials for a change of data which the lower filesystem may refuse after
 * a look at its arguments. It takes privileges away once it does not, so that
 * is left to it, as to somebody with or without CAP_FSETID, and, where setgid
 * without group execution is a member's to keep, in the group or not.
 */
const struct cred *shiftfs_change_cred(struct file *file)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_idmap_of(file->f_path.mnt);
	struct inode *inode = file_inode(file);
	struct inode *lower = shiftfs_lower_inode(inode);
	struct super_block *sb = inode->i_sb;
	umode_t mode = lower->i_mode;
	kgid_t gid = INVALID_GID;

	if (unlikely(shiftfs_sb(sb)->remote && !shiftfs_sb(sb)->conf.as_caller))
		return shiftfs_remote_cred(idmap, inode);
	if (likely(!(mode & (S_ISUID | S_ISGID))) || capable(CAP_FSETID))
		return shiftfs_data_cred(sb, true);
	if ((mode & (S_ISGID | 0010)) != S_ISGID || shiftfs_sb(sb)->conf.as_caller)
		return shiftfs_data_cred(sb, false);

	shiftfs_refresh(inode);
	if (vfsgid_in_group_p(i_gid_into_vfsgid(idmap, inode)) ||
	    capable_wrt_inode_uidgid(idmap, inode, CAP_FSETID))
		gid = vfsgid_into_kgid(i_gid_into_vfsgid(shiftfs_lower_idmap(sb),
							 lower));
	return shiftfs_member_cred(sb, gid);
}

static loff_t shiftfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	loff_t ret;

	/* f_pos_lock or a single user protects the two positions. */
	lower->f_pos = file->f_pos;
	old = shiftfs_override(file_inode(file)->i_sb);
	ret = vfs_llseek(lower, offset, whence);
	shiftfs_revert(old);
	file->f_pos = lower->f_pos;
	return ret;
}

int shiftfs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	const struct cred *old = shiftfs_override(file_inode(file)->i_sb);
	int err;

	err = vfs_fsync_range(shiftfs_lower_file(file), start, end, datasync);
	shiftfs_revert(old);
	return err;
}

static long shiftfs_fallocate(struct file *file, int mode, loff_t offset,
			      loff_t len)
{
	const struct cred *cred, *old;
	int err;

	err = shiftfs_may_remove_privs(file);
	if (err)
		return err;
	cred = shiftfs_change_cred(file);
	if (IS_ERR(cred))
		return PTR_ERR(cred);

	/*
	 * Some filesystems take no privileges away where they find nothing to
	 * do, so nothing is taken here afterwards.
	 */
	old = override_creds(cred);
	err = vfs_fallocate(shiftfs_lower_file(file), mode, offset, len);
	revert_creds(old);
	put_cred(cred);
	shiftfs_copy_attr(file_inode(file));
	return err;
}

static int shiftfs_fadvise(struct file *file, loff_t offset, loff_t len,
			   int advice)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old = shiftfs_override(file_inode(file)->i_sb);
	int err;

	err = vfs_fadvise(lower, offset, len, advice);
	shiftfs_revert(old);
	return err;
}

/* The VFS calls these two only where both files are of shiftfs. */
static ssize_t shiftfs_copy_file_range(struct file *in, loff_t pos_in,
				       struct file *out, loff_t pos_out,
				       size_t len, unsigned int flags)
{
	const struct cred *cred, *old;
	ssize_t ret;
	int err;

	ret = shiftfs_may_remove_privs(out);
	if (ret)
		return ret;
	cred = shiftfs_change_cred(out);
	if (IS_ERR(cred))
		return PTR_ERR(cred);

	old = override_creds(cred);
	ret = vfs_copy_file_range(shiftfs_lower_file(in), pos_in,
				  shiftfs_lower_file(out), pos_out, len,
				  flags & ~COPY_FILE_SPLICE);
	revert_creds(old);
	put_cred(cred);
	if (ret > 0) {
		err = shiftfs_remove_privs(out);
		if (err)
			ret = err;
	}
	shiftfs_copy_attr(file_inode(out));
	return ret;
}

static loff_t shiftfs_remap_file_range(struct file *in, loff_t pos_in,
				       struct file *out, loff_t pos_out,
				       loff_t len, unsigned int flags)
{
	struct file *lower_out = shiftfs_lower_file(out);
	struct file *lower_in = shiftfs_lower_file(in);
	const struct cred *cred, *old;
	loff_t ret;
	int err;

	/* Deduplication changes no contents. */
	if (!(flags & REMAP_FILE_DEDUP)) {
		ret = shiftfs_may_remove_privs(out);
		if (ret)
			return ret;
	}
	cred = shiftfs_change_cred(out);
	if (IS_ERR(cred))
		return PTR_ERR(cred);

	old = override_creds(cred);
	if (flags & REMAP_FILE_DEDUP)
		ret = vfs_dedupe_file_range_one(lower_in, pos_in, lower_out,
						pos_out, len, flags);
	else
		ret = vfs_clone_file_range(lower_in, pos_in, lower_out,
					   pos_out, len, flags);
	revert_creds(old);
	put_cred(cred);
	if (ret > 0 && !(flags & REMAP_FILE_DEDUP)) {
		err = shiftfs_remove_privs(out);
		if (err)
			ret = err;
	}
	shiftfs_copy_attr(file_inode(out));
	return ret;
}

const struct file_operations shiftfs_file_fops = {
	SHIFTFS_NEWER_FOP_FLAGS
	.open			= shiftfs_open,
	.release		= shiftfs_release,
	.llseek			= shiftfs_llseek,
	.read_iter		= shiftfs_read_iter,
	.write_iter		= shiftfs_write_iter,
	.splice_read		= shiftfs_splice_read,
	.splice_write		= shiftfs_splice_write,
	.mmap			= shiftfs_mmap,
	/* The lower page cache may have large folios: let them be mapped whole. */
	.get_unmapped_area	= thp_get_unmapped_area,
	.fsync			= shiftfs_fsync,
	.fallocate		= shiftfs_fallocate,
	.fadvise		= shiftfs_fadvise,
	.copy_file_range	= shiftfs_copy_file_range,
	.remap_file_range	= shiftfs_remap_file_range,
	.flush			= shiftfs_flush,
	.lock			= shiftfs_lock,
	.flock			= shiftfs_flock,
	.setlease		= shiftfs_setlease,
};

/*
 * O_TMPFILE: the lower file is opened and made in one, so the upper one gets
 * it ready-made instead of through ->open.
 */
static struct file *shiftfs_make_tmpfile(struct file *file,
					 struct vfsmount *mnt,
					 struct dentry *lower_dir, umode_t mode)
{
	struct path path = { .mnt = mnt, .dentry = lower_dir };
	int flags = file->f_flags | O_NOATIME;

#if defined(SHIFTFS_HAVE_BACKING_TMPFILE_USER_FILE)
	return backing_tmpfile_open(file, flags, &path, mode, current_cred());
#elif defined(SHIFTFS_HAVE_BACKING_TMPFILE)
	return backing_tmpfile_open(&file->f_path, flags, &path, mode,
				    current_cred());
#elif defined(SHIFTFS_HAVE_KERNEL_TMPFILE_OPEN)
	return kernel_tmpfile_open(shiftfs_idmap_of(mnt), &path, mode, flags,
				   current_cred());
#else
	return vfs_tmpfile_open(shiftfs_idmap_of(mnt), &path, mode, flags,
				current_cred());
#endif
}

int shiftfs_opened(struct inode *inode, struct file *file)
{
	return 0;
}

int shiftfs_tmpfile(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
		    struct file *file, umode_t mode)
{
	struct dentry *dentry = file->f_path.dentry;
	struct vfsmount *mnt = shiftfs_lower_mnt(dir->i_sb);
	struct shiftfs_gift gift = {};
	const struct cred *cred, *old;
	struct inode *inode;
	struct file *lower;
	int err;

	if (shiftfs_is_automount(shiftfs_lower_dentry(dentry->d_parent)))
		return -EREMOTE;
	cred = shiftfs_create_cred(idmap, dir, &gift);
	if (IS_ERR(cred))
		return PTR_ERR(cred);
	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;

	mode = shiftfs_storable_mode(shiftfs_sb(dir->i_sb), mode, false);
	old = override_creds(cred);
	lower = shiftfs_make_tmpfile(file, mnt,
				     shiftfs_lower_dentry(dentry->d_parent),
				     mode);
	if (!IS_ERR(lower) && unlikely(gift.due)) {
		err = shiftfs_give(dir->i_sb,
				   shiftfs_lower_dentry(dentry->d_parent),
				   file_dentry(lower), &gift);
		if (err) {
			fput(lower);
			lower = ERR_PTR(err);
		}
	}
	revert_creds(old);
	if (IS_ERR(lower)) {
		err = PTR_ERR(lower);
		goto out_write;
	}

	inode = shiftfs_iget(dir->i_sb, file_inode(lower));
	if (IS_ERR(inode)) {
		fput(lower);
		err = PTR_ERR(inode);
		goto out_write;
	}
	err = shiftfs_attach_lower(file, lower);
	if (err) {
		iput(inode);
		goto out_write;
	}

	dentry->d_fsdata = dget(lower->f_path.dentry);
	shiftfs_sample(dentry, lower->f_path.dentry);
	/* d_tmpfile() takes one link away and so wants to find one. */
	set_nlink(inode, 1);
	d_tmpfile(file, inode);
	/* That has made it dirty: given a name it would not be freed any more. */
	sync_inode_metadata(inode, 0);
	err = finish_open(file, dentry, shiftfs_opened);
	/* Once it is opened, ->release closes the lower file. */
	if (err && !(file->f_mode & FMODE_OPENED))
		fput(lower);

out_write:
	mnt_drop_write(mnt);
out_cred:
	put_cred(cred);
	return err;
}
