/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One source for several kernels: what differs between them is named here,
 * keyed on the answers of probe.sh (compat_config.h).
 */
#ifndef _SHIFTFS_COMPAT_H
#define _SHIFTFS_COMPAT_H

#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/mount.h>
#include <linux/mnt_idmapping.h>
#include <linux/namei.h>
#include <linux/xattr.h>
#include "compat_config.h"

/* Leases and locks left fs.h in 6.3. */
#ifdef SHIFTFS_HAVE_FILELOCK_H
#include <linux/filelock.h>
#endif

/*
 * The type that carries the id map of a mount: a user namespace up to 6.2, and
 * const from 7.4 on.
 */
#ifdef SHIFTFS_HAVE_MNT_IDMAP
#ifdef SHIFTFS_HAVE_MNT_IDMAP_CONST
#define shiftfs_mnt_idmap_t	const struct mnt_idmap
#else
#define shiftfs_mnt_idmap_t	struct mnt_idmap
#endif
#define shiftfs_idmap_of(mnt)	mnt_idmap(mnt)
#define shiftfs_nop_idmap	(&nop_mnt_idmap)
#else
#define shiftfs_mnt_idmap_t	struct user_namespace
#define shiftfs_idmap_of(mnt)	mnt_user_ns(mnt)
#define shiftfs_nop_idmap	(&init_user_ns)
#endif

/* The argument of ->create which 7.3 removed: whether O_EXCL was given. */
#ifdef SHIFTFS_HAVE_CREATE_EXCL
#define SHIFTFS_CREATE_ARGS	umode_t mode, bool excl
#define SHIFTFS_CREATE_EXCL	excl
#else
#define SHIFTFS_CREATE_ARGS	umode_t mode
#define SHIFTFS_CREATE_EXCL	false
#endif

#ifdef SHIFTFS_HAVE_FILE_KATTR
#define shiftfs_fileattr	file_kattr
#else
#define shiftfs_fileattr	fileattr
#endif

#ifdef SHIFTFS_HAVE_XATTR_HANDLERS_CONST
#define SHIFTFS_XATTR_TABLE	const struct xattr_handler * const
#else
#define SHIFTFS_XATTR_TABLE	const struct xattr_handler *
#endif

#ifndef SHIFTFS_HAVE_INODE_CTIME
#define inode_get_ctime(inode)			((inode)->i_ctime)
#define inode_set_ctime_to_ts(inode, ts)	((inode)->i_ctime = (ts))
#endif
#ifndef SHIFTFS_HAVE_INODE_TIMES
#define inode_get_atime(inode)			((inode)->i_atime)
#define inode_get_mtime(inode)			((inode)->i_mtime)
#define inode_set_atime_to_ts(inode, ts)	((inode)->i_atime = (ts))
#define inode_set_mtime_to_ts(inode, ts)	((inode)->i_mtime = (ts))
#endif

#ifndef SHIFTFS_HAVE_INODE_STATE_READ
#define inode_state_read_once(inode)	READ_ONCE((inode)->i_state)
#endif

#ifdef SHIFTFS_HAVE_INODE_GENERIC_DROP
#define shiftfs_generic_drop(inode)	inode_generic_drop(inode)
#else
#define shiftfs_generic_drop(inode)	generic_drop_inode(inode)
#endif

/* Looks for the inode without the lock that all filesystems share. */
#ifdef SHIFTFS_HAVE_IGET5_LOCKED_RCU
#define shiftfs_iget5_locked	iget5_locked_rcu
#else
#define shiftfs_iget5_locked	iget5_locked
#endif

/*
 * Put the last reference of a file from ->release, where nothing is locked that
 * the close may want: at once instead of when the task returns to user space.
 * The kernels before backing files allow that to kernel threads only.
 */
#ifdef SHIFTFS_HAVE_BACKING_FILE
#define shiftfs_fput_now(file)	__fput_sync(file)
#else
#define shiftfs_fput_now(file)	fput(file)
#endif

/* A file has ->mmap or, from 6.16 on, ->mmap_prepare. */
#ifdef SHIFTFS_HAVE_VFS_MMAP
#define shiftfs_can_mmap(file)		can_mmap_file(file)
#define shiftfs_call_mmap(file, vma)	vfs_mmap(file, vma)
#else
#define shiftfs_can_mmap(file)		((file)->f_op->mmap)
#define shiftfs_call_mmap(file, vma)	call_mmap(file, vma)
#endif

/*
 * Requests that are newer than 6.1: RWF_ATOMIC, which is allowed or not for
 * each open file, and RWF_DONTCACHE, which the VFS looks for in
 * file_operations.
 */
#ifdef FMODE_CAN_ATOMIC_WRITE
#define SHIFTFS_FMODE_ATOMIC	FMODE_CAN_ATOMIC_WRITE
#define SHIFTFS_IOCB_ATOMIC	IOCB_ATOMIC
#else
#define SHIFTFS_FMODE_ATOMIC	((__force fmode_t)0)
#define SHIFTFS_IOCB_ATOMIC	0
#endif
#ifdef FOP_DONTCACHE
#define SHIFTFS_IOCB_NEWER_FLAGS	(SHIFTFS_IOCB_ATOMIC | IOCB_DONTCACHE)
#define SHIFTFS_NEWER_FOP_FLAGS		.fop_flags = FOP_DONTCACHE,
#else
#define SHIFTFS_IOCB_NEWER_FLAGS	SHIFTFS_IOCB_ATOMIC
#define SHIFTFS_NEWER_FOP_FLAGS
#endif

/* Is asked for what the lower filesystem does not have? */
static inline bool shiftfs_lacks_dontcache(const struct kiocb *iocb,
					   const struct file *lower)
{
#ifdef FOP_DONTCACHE
	return iocb->ki_flags & IOCB_DONTCACHE &&
	       !(lower->f_op->fop_flags & FOP_DONTCACHE);
#else
	return false;
#endif
}

/*
 * Permission events about contents that are not there yet. They are sent from
 * 6.14 on.
 */
static inline bool shiftfs_brings_contents(const struct file *file)
{
#ifdef FS_PRE_ACCESS
	return FMODE_FSNOTIFY_HSM(file->f_mode);
#else
	return false;
#endif
}

static inline int shiftfs_ask_contents(const struct path *path)
{
#ifdef FS_PRE_ACCESS
	return fsnotify_path(path, FS_PRE_ACCESS);
#else
	return 0;
#endif
}

/* Later kernels let a program be written by who brings its contents. */
#ifndef SHIFTFS_HAVE_EXE_FILE_DENY
#define exe_file_deny_write_access(file)	deny_write_access(file)
#define exe_file_allow_write_access(file)	allow_write_access(file)
#endif

#ifdef SHIFTFS_HAVE_SET_DEFAULT_D_OP
#define shiftfs_set_d_op(sb, ops)	set_default_d_op(sb, ops)
#else
#define shiftfs_set_d_op(sb, ops)	((sb)->s_d_op = (ops))
#endif

#ifdef SHIFTFS_HAVE_NS_COMMON_TYPE
#define shiftfs_ns_is_user(ns)		((ns)->ns_type == CLONE_NEWUSER)
#else
#define shiftfs_ns_is_user(ns)		((ns)->ops->type == CLONE_NEWUSER)
#endif

/*
 * Look a name up in a directory of the lower filesystem, with the caller's
 * credentials already switched. Without @ask it is known that they may search
 * there; before 7 there is no form that does not ask. The _locked form wants
 * the directory locked.
 */
static inline struct dentry *shiftfs_lookup_lower(struct vfsmount *mnt,
						  struct dentry *dir,
						  const struct qstr *name,
						  bool ask)
{
#ifdef SHIFTFS_HAVE_LOOKUP_QSTR
	struct qstr q = QSTR_INIT(name->name, name->len);

	if (!ask)
		return lookup_noperm_unlocked(&q, dir);
	return lookup_one_unlocked(shiftfs_idmap_of(mnt), &q, dir);
#else
	return lookup_one_unlocked(shiftfs_idmap_of(mnt), name->name, dir,
				   name->len);
#endif
}

static inline struct dentry *shiftfs_lookup_lower_locked(struct vfsmount *mnt,
							 struct dentry *dir,
							 const struct qstr *name)
{
#ifdef SHIFTFS_HAVE_LOOKUP_QSTR
	struct qstr q = QSTR_INIT(name->name, name->len);

	return lookup_one(shiftfs_idmap_of(mnt), &q, dir);
#else
	return lookup_one(shiftfs_idmap_of(mnt), name->name, dir, name->len);
#endif
}

/* Look a name up in an upper directory, as a caller whom nothing is denied. */
static inline struct dentry *shiftfs_lookup_noperm(struct dentry *dir,
						   const struct qstr *name)
{
#ifdef SHIFTFS_HAVE_LOOKUP_QSTR
	struct qstr q = QSTR_INIT(name->name, name->len);

	return lookup_noperm_unlocked(&q, dir);
#else
	return lookup_one_len_unlocked(name->name, dir, name->len);
#endif
}

/* The changing operations, with no delegation to break for a stacked caller. */
static inline int shiftfs_vfs_create(shiftfs_mnt_idmap_t *idmap,
				     struct inode *dir, struct dentry *dentry,
				     umode_t mode)
{
#ifdef SHIFTFS_HAVE_VFS_DELEGATED
	return vfs_create(idmap, dentry, mode, NULL);
#else
	return vfs_create(idmap, dir, dentry, mode, true);
#endif
}

static inline int shiftfs_vfs_mknod(shiftfs_mnt_idmap_t *idmap,
				    struct inode *dir, struct dentry *dentry,
				    umode_t mode, dev_t dev)
{
#ifdef SHIFTFS_HAVE_VFS_DELEGATED
	return vfs_mknod(idmap, dir, dentry, mode, dev, NULL);
#else
	return vfs_mknod(idmap, dir, dentry, mode, dev);
#endif
}

static inline int shiftfs_vfs_symlink(shiftfs_mnt_idmap_t *idmap,
				      struct inode *dir, struct dentry *dentry,
				      const char *target)
{
#ifdef SHIFTFS_HAVE_VFS_DELEGATED
	return vfs_symlink(idmap, dir, dentry, target, NULL);
#else
	return vfs_symlink(idmap, dir, dentry, target);
#endif
}

static inline int shiftfs_vfs_rmdir(shiftfs_mnt_idmap_t *idmap,
				    struct inode *dir, struct dentry *dentry)
{
#ifdef SHIFTFS_HAVE_VFS_DELEGATED
	return vfs_rmdir(idmap, dir, dentry, NULL);
#else
	return vfs_rmdir(idmap, dir, dentry);
#endif
}

/*
 * Begin to create @name in the locked lower directory @dir. @hint is a
 * negative dentry that was looked up before, or NULL. Returns a referenced
 * dentry, which may be positive, with the directory locked, or an error with
 * it unlocked. To be ended by shiftfs_end_create(), which drops both.
 */
static inline struct dentry *shiftfs_start_create(struct vfsmount *mnt,
						  struct dentry *dir,
						  struct dentry *hint,
						  const struct qstr *name)
{
#ifdef SHIFTFS_HAVE_START_CREATING
	struct qstr q = QSTR_INIT(name->name, name->len);
	struct dentry *ret;

	if (hint) {
		ret = start_creating_dentry(dir, hint);
		/* -EINVAL: it was moved or removed meanwhile */
		if (!IS_ERR(ret) || PTR_ERR(ret) != -EINVAL)
			return ret;
	}
	return start_creating_noperm(dir, &q);
#else
	struct dentry *ret;

	inode_lock_nested(d_inode(dir), I_MUTEX_PARENT);
	if (hint && hint->d_parent == dir && !d_unhashed(hint))
		return dget(hint);

	ret = shiftfs_lookup_lower_locked(mnt, dir, name);
	if (IS_ERR(ret))
		inode_unlock(d_inode(dir));
	return ret;
#endif
}

static inline void shiftfs_end_create(struct dentry *dir, struct dentry *lower)
{
#ifdef SHIFTFS_HAVE_START_CREATING
	end_creating(lower);
#else
	inode_unlock(d_inode(dir));
	if (!IS_ERR(lower))
		dput(lower);
#endif
}

/*
 * Returns the dentry of the new directory, which need not be @dentry. On an
 * error the lock and the reference of shiftfs_start_create() may be gone
 * already: @dir is then unlocked and @dentry dropped on all kernels.
 */
static inline struct dentry *shiftfs_vfs_mkdir(shiftfs_mnt_idmap_t *idmap,
					       struct dentry *dir,
					       struct dentry *dentry,
					       umode_t mode)
{
#if defined(SHIFTFS_HAVE_MKDIR_DENTRY) && defined(SHIFTFS_HAVE_VFS_DELEGATED)
	return vfs_mkdir(idmap, d_inode(dir), dentry, mode, NULL);
#else
	int err = vfs_mkdir(idmap, d_inode(dir), dentry, mode);

	if (err) {
		shiftfs_end_create(dir, dentry);
		return ERR_PTR(err);
	}
	return dentry;
#endif
}

static inline void shiftfs_fill_renamedata(struct renamedata *rd,
					   struct vfsmount *mnt,
					   struct dentry *old_dir,
					   struct dentry *old,
					   struct dentry *new_dir,
					   struct dentry *new,
					   unsigned int flags)
{
	memset(rd, 0, sizeof(*rd));
#ifdef SHIFTFS_HAVE_RENAME_PARENTS
	rd->mnt_idmap = shiftfs_idmap_of(mnt);
	rd->old_parent = old_dir;
	rd->new_parent = new_dir;
#else
#ifdef SHIFTFS_HAVE_MNT_IDMAP
	rd->old_mnt_idmap = shiftfs_idmap_of(mnt);
	rd->new_mnt_idmap = shiftfs_idmap_of(mnt);
#else
	rd->old_mnt_userns = shiftfs_idmap_of(mnt);
	rd->new_mnt_userns = shiftfs_idmap_of(mnt);
#endif
	rd->old_dir = d_inode(old_dir);
	rd->new_dir = d_inode(new_dir);
#endif
	rd->old_dentry = old;
	rd->new_dentry = new;
	rd->flags = flags;
}

#endif /* _SHIFTFS_COMPAT_H */
