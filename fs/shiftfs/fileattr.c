// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inode flags: FS_IOC_GETFLAGS, FS_IOC_FSSETXATTR (lsattr, chattr, xfs_io).
 * The VFS has checked the caller; project ids are not translated, since user
 * namespaces do not map them by mount either.
 */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include "shiftfs.h"

int shiftfs_fileattr_get(struct dentry *dentry, struct shiftfs_fileattr *fa)
{
	const struct cred *old;
	int err;

	if (shiftfs_is_stale(dentry))
		return -ESTALE;

	old = shiftfs_override(dentry->d_sb);
	err = vfs_fileattr_get(shiftfs_lower_dentry(dentry), fa);
	shiftfs_revert(old);
	return err;
}

int shiftfs_fileattr_set(shiftfs_mnt_idmap_t *idmap,
			 struct dentry *dentry, struct shiftfs_fileattr *fa)
{
	struct vfsmount *mnt = shiftfs_lower_mnt(dentry->d_sb);
	struct inode *inode = d_inode(dentry);
	const struct cred *old;
	int err;

	if (shiftfs_is_stale(dentry))
		return -ESTALE;
	/* The VFS asked who owns the file of a copy that may have been old. */
	shiftfs_refresh(inode);
	if (!inode_owner_or_capable(idmap, inode))
		return -EPERM;
	err = mnt_want_write(mnt);
	if (err)
		return err;

	old = shiftfs_override(dentry->d_sb);
	err = vfs_fileattr_set(shiftfs_idmap_of(mnt),
			       shiftfs_lower_dentry(dentry), fa);
	shiftfs_revert(old);
	shiftfs_copy_attr(inode);
	mnt_drop_write(mnt);
	return err;
}
