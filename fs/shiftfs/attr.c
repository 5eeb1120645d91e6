// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes: permission, stat, chmod, chown, truncate, utimes, FIEMAP.
 */
#include <linux/fiemap.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include "shiftfs.h"

/* Known to have no ACL, rather than not known to have one. */
static inline bool shiftfs_has_no_acl(const struct inode *lower)
{
#ifdef CONFIG_FS_POSIX_ACL
	return !READ_ONCE(lower->i_acl);
#else
	return true;
#endif
}

/*
 * exec(2), which holds the inode locked, has read set-ids, owner and group, and
 * comes here with this mask before it takes them. If the set-ids are gone by
 * now they were another owner's: it then goes on without.
 */
static bool shiftfs_may_set_ids(const struct inode *inode, int mask)
{
	if (mask != MAY_EXEC || !S_ISREG(inode->i_mode) || !current->in_execve)
		return true;
	/* Pairs with the barrier in shiftfs_copy_ids(). */
	smp_rmb();
	return READ_ONCE(inode->i_mode) & (S_ISUID | S_ISGID);
}

/* The VFS has looked at attributes that may have been old. */
static noinline int shiftfs_permission_slow(shiftfs_mnt_idmap_t *idmap,
					    struct inode *inode, int mask)
{
	if (mask & MAY_NOT_BLOCK) {
		if (shiftfs_is_outdated(inode))
			return -ECHILD;
	} else {
		shiftfs_refresh(inode);
	}
	if (!shiftfs_may_set_ids(inode, mask))
		return -EACCES;
	if (mask & MAY_WRITE) {
		if (IS_IMMUTABLE(inode))
			return -EPERM;
		if (HAS_UNMAPPED_ID(idmap, inode))
			return -EACCES;
	}
	return generic_permission(idmap, inode, mask);
}

/*
 * By MAY_EXEC, MAY_WRITE and MAY_READ: mode bits that need not be looked at,
 * since the others grant the access to everybody. There are none for a write.
 */
static const umode_t shiftfs_bits_aside[] = {
	0xffff, 0xffff & ~0111, 0, 0,
	0xffff & ~0444, 0xffff & ~0555, 0, 0,
};

/*
 * The caller is checked against the upper inode, the mounter against the lower
 * one, for which there is shiftfs_permission_asking(). Each step of a path walk
 * comes here: no call that is not the last one, so that there are no registers
 * to be saved.
 */
int shiftfs_permission(shiftfs_mnt_idmap_t *idmap, struct inode *inode,
		       int mask)
{
	const unsigned int rights = (unsigned int)mask &
				    (MAY_READ | MAY_WRITE | MAY_EXEC);
	const struct inode *lower = shiftfs_lower_inode(inode);
	const unsigned int mode = READ_ONCE(lower->i_mode);

	/* As long as the mode is the same it is all the same who the owner is. */
	if (shiftfs_has_no_acl(lower) && mode == inode->i_bytes &&
	    (mode | shiftfs_bits_aside[rights]) == 0xffff)
		return 0;

	if (unlikely(shiftfs_differs(inode, lower, mode) ||
		     (rights == MAY_EXEC && S_ISREG(mode))))
		return shiftfs_permission_slow(idmap, inode, mask);

	/*
	 * An owner is granted what the mode says; an ACL has no part in that.
	 * A caller without an id does not own the files without an owner.
	 */
	if (idmap == shiftfs_nop_idmap &&
	    uid_eq(inode->i_uid, current_fsuid()) && uid_valid(inode->i_uid) &&
	    !(rights & ~(mode >> 6)))
		return 0;
	return generic_permission(idmap, inode, mask);
}

/* The same where the lower filesystem may refuse. */
int shiftfs_permission_asking(shiftfs_mnt_idmap_t *idmap,
			      struct inode *inode, int mask)
{
	const struct cred *old;
	int err;

	/* The caller's credentials may have to be made first. */
	if (unlikely(shiftfs_sb(inode->i_sb)->conf.as_caller) &&
	    mask & MAY_NOT_BLOCK)
		return -ECHILD;

	old = shiftfs_override(inode->i_sb);
	err = inode_permission(shiftfs_lower_idmap(inode->i_sb),
			       shiftfs_lower_inode(inode), mask);
	shiftfs_revert(old);
	if (err)
		return err;
	return shiftfs_permission_slow(idmap, inode, mask);
}

/*
 * Files of one mount have one device number, unless the lower filesystem shows
 * several (btrfs subvolumes, overlayfs): then each of these gets one of ours,
 * since a number together with the inode number has to name one file.
 */
static noinline int shiftfs_map_dev(struct super_block *sb, struct kstat *stat)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct shiftfs_dev *dev, *new;
	int err;

	spin_lock(&ss->lock);
	list_for_each_entry(dev, &ss->devs, list)
		if (dev->lower == stat->dev)
			goto found;
	spin_unlock(&ss->lock);

	new = kmalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return -ENOMEM;
	new->lower = stat->dev;
	err = get_anon_bdev(&new->upper);
	if (err) {
		kfree(new);
		return err;
	}

	spin_lock(&ss->lock);
	list_for_each_entry(dev, &ss->devs, list) {
		if (dev->lower == stat->dev) {
			free_anon_bdev(new->upper);
			kfree(new);
			goto found;
		}
	}
	list_add(&new->list, &ss->devs);
	dev = new;
found:
	stat->dev = dev->upper;
	spin_unlock(&ss->lock);
	return 0;
}

void shiftfs_free_devs(struct shiftfs_sb *ss)
{
	struct shiftfs_dev *dev, *next;

	list_for_each_entry_safe(dev, next, &ss->devs, list) {
		free_anon_bdev(dev->upper);
		kfree(dev);
	}
}

/*
 * Attributes for which the VFS looks at the inode before it asks ->getattr.
 * Those that it adds afterwards, for block devices, it adds to ours as well.
 */
#define SHIFTFS_VFS_ATTRS	(S_AUTOMOUNT | S_DAX | S_VERITY)

/*
 * Ask for the lower attributes. Where they do not depend on the caller, and the
 * VFS would find the same in the lower inode as it has found in the upper one,
 * ->getattr is asked directly.
 */
static int shiftfs_getattr_lower(struct super_block *sb,
				 const struct path *path, struct kstat *stat,
				 u32 request_mask, unsigned int flags)
{
	const struct inode *inode = d_inode(path->dentry);
	const struct cred *old;
	int err;

	/*
	 * The VFS has asked the LSMs about the upper inode. Below they would
	 * see the mounter, and allow it: Documentation/design/hooks.rst.
	 */
	if (likely(shiftfs_sb(sb)->getattr_as_any)) {
		if (likely(inode->i_op->getattr &&
			   !(inode->i_flags & SHIFTFS_VFS_ATTRS)))
			return inode->i_op->getattr(shiftfs_idmap_of(path->mnt),
						    path, stat, request_mask,
						    flags);
		return vfs_getattr_nosec(path, stat, request_mask, flags);
	}

	old = shiftfs_override(sb);
	err = vfs_getattr_nosec(path, stat, request_mask, flags);
	shiftfs_revert(old);
	return err;
}

int shiftfs_getattr(shiftfs_mnt_idmap_t *idmap, const struct path *path,
		    struct kstat *stat, u32 request_mask, unsigned int flags)
{
	struct path lower = shiftfs_lower_path(path->dentry);
	struct inode *inode = d_inode(path->dentry);
	struct super_block *sb = inode->i_sb;
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	int err;

	if (shiftfs_is_stale(path->dentry))
		return -ESTALE;

	err = shiftfs_getattr_lower(sb, &lower, stat, request_mask, flags);
	if (err)
		return err;

	/* The VFS looks at this one where a file is copied or appended to. */
	shiftfs_copy_size(inode);

	/* The ids come as the lower mount shows them; show them as ours does. */
	if (likely(ss->getattr_as_any)) {
		shiftfs_refresh(inode);
		stat->uid = inode->i_uid;
		stat->gid = inode->i_gid;
	} else {
		stat->uid = shiftfs_owner_up(ss, stat->uid);
		stat->gid = shiftfs_group_up(ss, stat->gid);
	}
	if (unlikely(idmap != shiftfs_nop_idmap)) {
		stat->uid = vfsuid_into_kuid(make_vfsuid(idmap,
							 i_user_ns(inode),
							 stat->uid));
		stat->gid = vfsgid_into_kgid(make_vfsgid(idmap,
							 i_user_ns(inode),
							 stat->gid));
	}

	if (unlikely(stat->dev != lower.mnt->mnt_sb->s_dev))
		return shiftfs_map_dev(sb, stat);
	stat->dev = sb->s_dev;
	return 0;
}

static noinline void shiftfs_lower_flags(const struct shiftfs_sb *ss,
					 struct iattr *attr)
{
	/* The lower notify_change() makes a mode of the kill flags itself. */
	if (attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID))
		attr->ia_valid &= ~ATTR_MODE;

	/*
	 * A lower filesystem is to see its own file, or none. An open for
	 * reading may truncate, but what a FUSE server has opened for reading it
	 * cannot truncate: there it is told the name alone, as natively. NFS
	 * refuses such an open by the file.
	 */
	if (attr->ia_valid & ATTR_FILE) {
		attr->ia_file = shiftfs_lower_file(attr->ia_file);
		if (attr->ia_valid & ATTR_OPEN && !ss->nfs &&
		    !(attr->ia_file->f_mode & FMODE_WRITE))
			attr->ia_valid &= ~ATTR_FILE;
	}
	/* It would tell it that its own open has truncated, but that did not. */
	attr->ia_valid &= ~ATTR_OPEN;
}

/*
 * Two checks of the VFS, repeated for the lower file. ftruncate(2) looks at the
 * upper inode, which may not have the state yet. truncate(2) asks with the
 * upper path, but a listener that provides contents on demand watches the lower
 * one, and may have to provide the part that is kept. An open that truncates
 * keeps nothing.
 */
static int shiftfs_may_truncate(const struct dentry *dentry,
				const struct iattr *attr)
{
	struct path path = shiftfs_lower_path(dentry);

	if (IS_APPEND(d_inode(path.dentry)))
		return -EPERM;
	if (attr->ia_valid & ATTR_OPEN)
		return 0;
	return shiftfs_ask_contents(&path);
}

/*
 * Apply @attr, whose ids are lower ones already, to the lower inode. The
 * caller has checked and locked the upper inode.
 */
static __always_inline int shiftfs_do_set_lower_attr(struct dentry *dentry,
						     struct iattr *attr)
{
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	struct vfsmount *mnt = shiftfs_lower_mnt(dentry->d_sb);
	/* Not afterwards: XFS clears it for what is empty and stays so. */
	bool size = attr->ia_valid & ATTR_SIZE;
	struct inode *inode = d_inode(dentry);
	const struct cred *old;
	int err;

	if (shiftfs_is_stale(dentry))
		return -ESTALE;
	if (size) {
		err = shiftfs_may_truncate(dentry, attr);
		if (err)
			return err;
	}
	err = mnt_want_write(mnt);
	if (err)
		return err;

	/* Not while the lower file is executed, or leased, through another path. */
	if (size) {
		err = break_lease(d_inode(lower), O_WRONLY);
		if (!err)
			err = get_write_access(d_inode(lower));
		if (err)
			goto out;
	}

	/* The VFS did not see a setuid bit that is hidden. */
	if (unlikely(shiftfs_sb(dentry->d_sb)->nosuid) &&
	    !S_ISDIR(inode->i_mode) &&
	    attr->ia_valid & (ATTR_SIZE | ATTR_UID | ATTR_GID |
			      ATTR_KILL_SUID) &&
	    !(attr->ia_valid & ATTR_MODE))
		attr->ia_valid |= ATTR_KILL_SUID | ATTR_KILL_SGID;

	if (attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID | ATTR_FILE |
			      ATTR_OPEN))
		shiftfs_lower_flags(shiftfs_sb(dentry->d_sb), attr);

	old = shiftfs_override(dentry->d_sb);
	inode_lock(d_inode(lower));
	err = notify_change(shiftfs_idmap_of(mnt), lower, attr, NULL);
	inode_unlock(d_inode(lower));
	shiftfs_revert(old);

	if (size)
		put_write_access(d_inode(lower));
	shiftfs_copy_attr(inode);
out:
	mnt_drop_write(mnt);
	return err;
}

/* Owners as they are to be stored; @keep says which stay as they are below. */
struct shiftfs_owners {
	kuid_t uid;
	kgid_t gid;
	unsigned int keep;
};

/*
 * Translate the owners in @attr. Where they are squashed there is no other to
 * be had and nothing to be stored.
 *
 * The root of the superblock's user namespace may give an owner to a file
 * without one, by the VFS's rules. Here it has one, below: M8.
 */
static int shiftfs_owners_down(shiftfs_mnt_idmap_t *idmap,
			       const struct inode *inode,
			       const struct iattr *attr,
			       struct shiftfs_owners *to)
{
	const struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);

	if (unlikely(inode->i_sb->s_user_ns != &init_user_ns) &&
	    (!uid_valid(inode->i_uid) || !gid_valid(inode->i_gid)))
		return -EPERM;

	if (attr->ia_valid & ATTR_UID) {
		to->uid = from_vfsuid(idmap, i_user_ns(inode),
				      attr->ia_vfsuid);
		if (unlikely(ss->conf.squash_uid.on)) {
			if (__kuid_val(to->uid) != ss->conf.squash_uid.seen &&
			    !ss->conf.chown_ignore)
				return -EPERM;
			to->keep |= ATTR_UID;
		} else {
			to->uid = shiftfs_uid_down(ss, to->uid);
			if (!uid_valid(to->uid))
				return -EOVERFLOW;
		}
	}
	if (attr->ia_valid & ATTR_GID) {
		to->gid = from_vfsgid(idmap, i_user_ns(inode),
				      attr->ia_vfsgid);
		if (unlikely(ss->conf.squash_gid.on)) {
			if (__kgid_val(to->gid) != ss->conf.squash_gid.seen &&
			    !ss->conf.chown_ignore)
				return -EPERM;
			to->keep |= ATTR_GID;
		} else {
			to->gid = shiftfs_gid_down(ss, to->gid);
			if (!gid_valid(to->gid))
				return -EOVERFLOW;
		}
	}
	return 0;
}

int shiftfs_set_lower_attr(struct dentry *dentry, struct iattr *attr)
{
	return shiftfs_do_set_lower_attr(dentry, attr);
}

static bool shiftfs_is_refusal(int err)
{
	return err == -EPERM || err == -EACCES || err == -EINVAL ||
	       err == -EOPNOTSUPP;
}

/*
 * chown=ignore: if the caller may change the owner here, but the lower
 * filesystem refuses, for instance a server that maps root to nobody, report
 * success. All other changes of the request are made, or fail.
 */
static noinline int shiftfs_set_owner_attr(struct dentry *dentry,
					   struct iattr *attr)
{
	const unsigned int owner = ATTR_UID | ATTR_GID;
	struct iattr rest = *attr;
	int err;

	err = shiftfs_set_lower_attr(dentry, attr);
	if (!(rest.ia_valid & owner) || !shiftfs_is_refusal(err))
		return err;

	rest.ia_valid &= ~owner;
	if (!(rest.ia_valid & (ATTR_MODE | ATTR_SIZE | ATTR_ATIME | ATTR_MTIME |
			       ATTR_KILL_SUID | ATTR_KILL_SGID)))
		return 0;
	return shiftfs_set_lower_attr(dentry, &rest);
}

int shiftfs_setattr(shiftfs_mnt_idmap_t *idmap, struct dentry *dentry,
		    struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);
	const bool opening = attr->ia_valid & ATTR_OPEN;
	struct shiftfs_owners owners = {
		.uid = INVALID_UID,
		.gid = INVALID_GID,
	};
	int err;

	/* The VFS decided on a copy of the mode that may have been old. */
	shiftfs_refresh_settled(inode);
	if (attr->ia_valid & (ATTR_UID | ATTR_GID)) {
		err = shiftfs_owners_down(idmap, inode, attr, &owners);
		if (err)
			return err;
	}
	if (attr->ia_valid & ATTR_SIZE)
		shiftfs_copy_size(inode);
	/* A caller may not remove capabilities: the lower one does it unasked. */
	if (unlikely(ss->conf.as_caller))
		attr->ia_valid &= ~ATTR_KILL_PRIV;
	err = setattr_prepare(idmap, dentry, attr);
	if (err)
		return err;

	/*
	 * From here on it is the lower one, with what was decided about setgid
	 * for this caller. Our caller does not use it any more.
	 *
	 * A file capability that is hidden the VFS did not ask to be removed.
	 * The lower one looks again, also where no owner is stored: S3.
	 */
	if (attr->ia_valid & (ATTR_SIZE | ATTR_UID | ATTR_GID)) {
		attr->ia_valid |= ATTR_KILL_PRIV;
		attr->ia_valid &= ~owners.keep;
		attr->ia_vfsuid = VFSUIDT_INIT(owners.uid);
		attr->ia_vfsgid = VFSGIDT_INIT(owners.gid);
	}
	if (unlikely(shiftfs_is_squashed(ss)))
		attr->ia_mode = shiftfs_storable_mode(ss, attr->ia_mode,
						      S_ISDIR(inode->i_mode));
	if (unlikely(ss->conf.chown_ignore))
		return shiftfs_set_owner_attr(dentry, attr);
	err = shiftfs_do_set_lower_attr(dentry, attr);

	/* How NFS puts it where it is told that an open truncates. */
	if (unlikely(err == -EBADF) && opening)
		return -EACCES;
	return err;
}

/*
 * The VFS found, by the upper mount's rules, that the access time is due. The
 * lower mount has rules too. The alias stays positive: d_delete(), under the
 * i_lock under which it is found here, makes a dentry negative only where the
 * caller's is the last reference.
 */
static void shiftfs_touch_lower(struct inode *inode)
{
	struct inode *lower_inode = shiftfs_lower_inode(inode);
	struct path lower = {
		.mnt = shiftfs_lower_mnt(inode->i_sb),
		.dentry = d_find_any_alias(lower_inode),
	};

	if (!lower.dentry)
		return;
	touch_atime(&lower);
	inode_set_atime_to_ts(inode, inode_get_atime(lower_inode));
	dput(lower.dentry);
}

/*
 * A FIFO is written without the lower filesystem, which does not see that it
 * was modified. Of what else changes contents it keeps the times itself.
 */
static void shiftfs_modify_lower(struct inode *inode)
{
	struct iattr attr = { .ia_valid = ATTR_MTIME | ATTR_CTIME };
	struct vfsmount *mnt = shiftfs_lower_mnt(inode->i_sb);
	struct inode *lower = shiftfs_lower_inode(inode);
	const struct cred *old;
	struct dentry *dentry;

	if (!S_ISFIFO(inode->i_mode))
		return;
	dentry = d_find_any_alias(lower);
	if (!dentry)
		return;
	if (!mnt_want_write(mnt)) {
		old = shiftfs_override(inode->i_sb);
		inode_lock(lower);
		notify_change(shiftfs_idmap_of(mnt), dentry, &attr, NULL);
		inode_unlock(lower);
		shiftfs_revert(old);
		mnt_drop_write(mnt);
		shiftfs_copy_times(inode);
	}
	dput(dentry);
}

static int shiftfs_times_are_due(struct inode *inode, bool atime)
{
	if (atime)
		shiftfs_touch_lower(inode);
	else
		shiftfs_modify_lower(inode);
	return 0;
}

#if defined(SHIFTFS_HAVE_UPDATE_TIME_TS)
int shiftfs_update_time(struct inode *inode, struct timespec64 *ts, int flags)
{
	return shiftfs_times_are_due(inode, flags & S_ATIME);
}
#elif defined(SHIFTFS_HAVE_UPDATE_TIME_TYPE)
int shiftfs_update_time(struct inode *inode, enum fs_update_time type,
			unsigned int flags)
{
	if (flags & IOCB_NOWAIT)
		return -EAGAIN;
	return shiftfs_times_are_due(inode, type == FS_UPD_ATIME);
}
#else
int shiftfs_update_time(struct inode *inode, int flags)
{
	return shiftfs_times_are_due(inode, flags & S_ATIME);
}
#endif

int shiftfs_fiemap(struct inode *inode, struct fiemap_extent_info *fieinfo,
		   u64 start, u64 len)
{
	struct inode *lower = shiftfs_lower_inode(inode);
	const struct cred *old;
	int err;

	/* ioctl(2) has been asked about above, and there is no other hook. */
	if (!lower->i_op->fiemap)
		return -EOPNOTSUPP;

	old = shiftfs_override(inode->i_sb);
	err = lower->i_op->fiemap(lower, fieinfo, start, len);
	shiftfs_revert(old);
	return err;
}
