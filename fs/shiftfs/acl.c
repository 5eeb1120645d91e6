// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX ACLs: the ids in their entries are translated into a copy. A mount
 * keeps some of these. A filesystem never changes an ACL that it has in its
 * cache but puts another one there, so that a copy is good for as long as the
 * ACL is the same, and stays the same because it is referenced.
 */
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include "shiftfs.h"

/* A cached ACL of the lower filesystem and its translated copy. */
struct shiftfs_acl_pair {
	struct rcu_head rcu;
	struct posix_acl *lower;
	struct posix_acl *upper;
};

static struct shiftfs_acl_pair __rcu **
shiftfs_acl_slot(struct shiftfs_sb *ss, const struct posix_acl *lower)
{
	return &ss->acls[hash_ptr(lower, SHIFTFS_ACL_BITS)];
}

static void shiftfs_free_acl_pair(struct rcu_head *rcu)
{
	struct shiftfs_acl_pair *pair;

	pair = container_of(rcu, struct shiftfs_acl_pair, rcu);
	posix_acl_release(pair->lower);
	posix_acl_release(pair->upper);
	kfree(pair);
}

void shiftfs_free_acls(struct shiftfs_sb *ss)
{
	struct shiftfs_acl_pair *pair;
	int i;

	for (i = 0; i < ARRAY_SIZE(ss->acls); i++) {
		pair = rcu_dereference_protected(ss->acls[i], true);
		if (pair)
			call_rcu(&pair->rcu, shiftfs_free_acl_pair);
	}
}

/* The copy of @lower that is kept, or NULL. Valid until rcu_read_unlock(). */
static struct posix_acl *shiftfs_kept_acl(struct shiftfs_sb *ss,
					  const struct posix_acl *lower)
{
	struct shiftfs_acl_pair *pair;

	pair = rcu_dereference(*shiftfs_acl_slot(ss, lower));
	return pair && pair->lower == lower ? pair->upper : NULL;
}

/* Not for an ACL that is the caller's alone: it will not come again. */
static void shiftfs_keep_acl(struct shiftfs_sb *ss, struct posix_acl *lower,
			     struct posix_acl *upper)
{
	struct shiftfs_acl_pair *pair, *old;

	if (refcount_read(&lower->a_refcount) == 1)
		return;
	pair = kmalloc(sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return;
	pair->lower = posix_acl_dup(lower);
	pair->upper = posix_acl_dup(upper);

	spin_lock(&ss->lock);
	old = rcu_replace_pointer(*shiftfs_acl_slot(ss, lower), pair,
				  lockdep_is_held(&ss->lock));
	spin_unlock(&ss->lock);
	if (old)
		call_rcu(&old->rcu, shiftfs_free_acl_pair);
}

/*
 * The translated copy of @acl, which is consumed. Entries for ids that the map
 * lacks stay, for nobody, so that the mask keeps its meaning.
 */
static struct posix_acl *shiftfs_acl_up(const struct super_block *sb,
					struct posix_acl *acl)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_lower_idmap(sb);
	struct user_namespace *ns = shiftfs_lower_mnt(sb)->mnt_sb->s_user_ns;
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct posix_acl *copy;
	int i;

	if (IS_ERR_OR_NULL(acl))
		return acl;

	rcu_read_lock();
	copy = posix_acl_dup(shiftfs_kept_acl(ss, acl));
	rcu_read_unlock();
	if (copy)
		goto out;

	copy = posix_acl_clone(acl, GFP_KERNEL);
	if (!copy) {
		copy = ERR_PTR(-ENOMEM);
		goto out;
	}

	for (i = 0; i < copy->a_count; i++) {
		struct posix_acl_entry *e = &copy->a_entries[i];

		if (e->e_tag == ACL_USER)
			e->e_uid = shiftfs_uid_up(ss, vfsuid_into_kuid(
					make_vfsuid(idmap, ns, e->e_uid)));
		else if (e->e_tag == ACL_GROUP)
			e->e_gid = shiftfs_gid_up(ss, vfsgid_into_kgid(
					make_vfsgid(idmap, ns, e->e_gid)));
	}
	shiftfs_keep_acl(ss, acl, copy);
out:
	posix_acl_release(acl);
	return copy;
}

/* A copy of @acl as the lower mount is to see it. */
static struct posix_acl *shiftfs_acl_down(const struct super_block *sb,
					  const struct posix_acl *acl)
{
	const struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct posix_acl *copy;
	int i;

	copy = posix_acl_clone(acl, GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < copy->a_count; i++) {
		struct posix_acl_entry *e = &copy->a_entries[i];

		if (e->e_tag == ACL_USER) {
			e->e_uid = shiftfs_uid_down(ss, e->e_uid);
			if (!uid_valid(e->e_uid))
				goto refuse;
		} else if (e->e_tag == ACL_GROUP) {
			e->e_gid = shiftfs_gid_down(ss, e->e_gid);
			if (!gid_valid(e->e_gid))
				goto refuse;
		}
	}
	return copy;

refuse:
	posix_acl_release(copy);
	return ERR_PTR(-EINVAL);
}

/* For permission checks; under RCU only where no copy has to be made. */
struct posix_acl *shiftfs_get_inode_acl(struct inode *inode, int type,
					bool rcu)
{
	struct inode *lower = shiftfs_lower_inode(inode);
	const struct cred *old;
	struct posix_acl *acl;

	if (!IS_POSIXACL(lower))
		return NULL;

	if (rcu) {
		acl = get_cached_acl_rcu(lower, type);
		if (!acl)
			return NULL;
		if (!IS_ERR(acl) && !is_uncached_acl(acl)) {
			acl = shiftfs_kept_acl(shiftfs_sb(inode->i_sb), acl);
			if (acl)
				return acl;
		}
		return ERR_PTR(-ECHILD);
	}

	old = shiftfs_override(inode->i_sb);
#ifdef SHIFTFS_HAVE_GET_INODE_ACL
	acl = get_inode_acl(lower, type);
#else
	acl = get_acl(lower, type);
#endif
	shiftfs_revert(old);
	/* NFS 3 with "noacl", for instance: the mode decides. */
	if (acl == ERR_PTR(-EOPNOTSUPP))
		return NULL;
	return shiftfs_acl_up(inode->i_sb, acl);
}

/*
 * Setting an ACL may clear the setgid bit, depending on the caller's groups and
 * capabilities. The lower ACL is set with the mounter's credentials, which
 * would always keep the bit. The lower filesystem knows when to clear it, so
 * this only decides whether the caller may keep it. Returns referenced
 * credentials that keep the bit or lose it, or NULL for the mounter's.
 */
static const struct cred *shiftfs_acl_cred(shiftfs_mnt_idmap_t *idmap,
					   struct inode *inode, int type)
{
	if (type != ACL_TYPE_ACCESS ||
	    !(shiftfs_lower_inode(inode)->i_mode & S_ISGID) ||
	    shiftfs_sb(inode->i_sb)->conf.as_caller)
		return shiftfs_name_cred(inode->i_sb);
	if (vfsgid_in_group_p(i_gid_into_vfsgid(idmap, inode)) ||
	    capable_wrt_inode_uidgid(idmap, inode, CAP_FSETID))
		return shiftfs_name_cred(inode->i_sb);
	return shiftfs_member_cred(inode->i_sb, INVALID_GID);
}

/* The VFS asked who owns the file of a copy that may have been old. */
static bool shiftfs_may_set_acl(shiftfs_mnt_idmap_t *idmap,
				struct inode *inode)
{
	shiftfs_refresh(inode);
	return inode_owner_or_capable(idmap, inode);
}

#ifdef SHIFTFS_HAVE_GET_INODE_ACL
static const char *shiftfs_acl_name(int type)
{
	return type == ACL_TYPE_ACCESS ? XATTR_NAME_POSIX_ACL_ACCESS :
					 XATTR_NAME_POSIX_ACL_DEFAULT;
}

struct posix_acl *shiftfs_get_acl(shiftfs_mnt_idmap_t *idmap,
				  struct dentry *dentry, int type)
{
	struct super_block *sb = dentry->d_sb;
	const struct cred *old;
	struct posix_acl *acl;

	if (shiftfs_is_stale(dentry))
		return ERR_PTR(-ESTALE);

	old = shiftfs_override(sb);
	acl = vfs_get_acl(shiftfs_lower_idmap(sb), shiftfs_lower_dentry(dentry),
			  shiftfs_acl_name(type));
	shiftfs_revert(old);
	return shiftfs_acl_up(sb, acl);
}

int shiftfs_set_acl(shiftfs_mnt_idmap_t *idmap, struct dentry *dentry,
		    struct posix_acl *acl, int type)
{
	shiftfs_mnt_idmap_t *lower_idmap = shiftfs_lower_idmap(dentry->d_sb);
	struct vfsmount *mnt = shiftfs_lower_mnt(dentry->d_sb);
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	struct posix_acl *copy = NULL;
	const struct cred *cred, *old;
	int err;

	if (shiftfs_is_stale(dentry))
		return -ESTALE;
	if (!shiftfs_may_set_acl(idmap, d_inode(dentry)))
		return -EPERM;
	if (acl) {
		copy = shiftfs_acl_down(dentry->d_sb, acl);
		if (IS_ERR(copy))
			return PTR_ERR(copy);
	}

	cred = shiftfs_acl_cred(idmap, d_inode(dentry), type);
	err = PTR_ERR_OR_ZERO(cred);
	if (err)
		goto out;
	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;

	old = cred ? override_creds(cred) : shiftfs_override(dentry->d_sb);
	if (copy)
		err = vfs_set_acl(lower_idmap, lower, shiftfs_acl_name(type),
				  copy);
	else
		err = vfs_remove_acl(lower_idmap, lower,
				     shiftfs_acl_name(type));
	shiftfs_revert(old);
	shiftfs_copy_attr(d_inode(dentry));
	mnt_drop_write(mnt);
out_cred:
	put_cred(cred);
out:
	posix_acl_release(copy);
	return err;
}
#else
/* 6.1 gives an inode only; any dentry of it does. */
int shiftfs_set_acl(shiftfs_mnt_idmap_t *idmap, struct inode *inode,
		    struct posix_acl *acl, int type)
{
	const char *name = type == ACL_TYPE_ACCESS ?
			   XATTR_NAME_POSIX_ACL_ACCESS :
			   XATTR_NAME_POSIX_ACL_DEFAULT;
	shiftfs_mnt_idmap_t *lower_idmap = shiftfs_lower_idmap(inode->i_sb);
	struct vfsmount *mnt = shiftfs_lower_mnt(inode->i_sb);
	struct dentry *dentry = NULL, *lower;
	struct posix_acl *copy = NULL;
	const struct cred *cred, *old;
	void *value = NULL;
	int size = 0;
	int err;

	if (!shiftfs_may_set_acl(idmap, inode))
		return -EPERM;
	if (acl) {
		copy = shiftfs_acl_down(inode->i_sb, acl);
		if (IS_ERR(copy))
			return PTR_ERR(copy);
		size = posix_acl_to_xattr(&init_user_ns, copy, NULL, 0);
		value = kmalloc(size, GFP_KERNEL);
		err = -ENOMEM;
		if (!value)
			goto out;
		err = posix_acl_to_xattr(&init_user_ns, copy, value, size);
		if (err < 0)
			goto out;
	}

	err = -ESTALE;
	dentry = d_find_any_alias(inode);
	if (!dentry || shiftfs_is_stale(dentry))
		goto out;
	lower = shiftfs_lower_dentry(dentry);

	cred = shiftfs_acl_cred(idmap, inode, type);
	err = PTR_ERR_OR_ZERO(cred);
	if (err)
		goto out;
	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;

	old = cred ? override_creds(cred) : shiftfs_override(inode->i_sb);
	if (value)
		err = vfs_setxattr(lower_idmap, lower, name, value, size, 0);
	else
		err = vfs_removexattr(lower_idmap, lower, name);
	shiftfs_revert(old);
	shiftfs_copy_attr(inode);
	mnt_drop_write(mnt);
out_cred:
	put_cred(cred);
out:
	dput(dentry);
	kfree(value);
	posix_acl_release(copy);
	return err;
}

/*
 * A lower filesystem that keeps ACLs without checking them (FUSE, where the
 * server has not asked for that) has them as attributes only, with no handler
 * of their own. ->get_acl, by which 6.1 also reads them, has none there.
 */
static bool shiftfs_lower_handles_acl(const struct inode *lower)
{
	const struct xattr_handler **handler = lower->i_sb->s_xattr;

	for (; handler && *handler; handler++)
		if ((*handler)->name &&
		    !strcmp((*handler)->name, XATTR_NAME_POSIX_ACL_ACCESS))
			return true;
	return false;
}

static int shiftfs_acl_raw(struct dentry *dentry, const char *name,
			   void *buffer, size_t size)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_lower_idmap(dentry->d_sb);
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	const struct cred *old;
	struct posix_acl *acl;
	void *value = NULL;
	int len;

	if (shiftfs_is_stale(dentry))
		return -ESTALE;

	old = shiftfs_override(dentry->d_sb);
	len = vfs_getxattr(idmap, lower, name, NULL, 0);
	if (len > 0) {
		value = kvmalloc(len, GFP_KERNEL);
		len = value ? vfs_getxattr(idmap, lower, name, value, len) :
			      -ENOMEM;
	}
	shiftfs_revert(old);
	if (len < 0)
		goto out;

	acl = posix_acl_from_xattr(&init_user_ns, value, len);
	acl = shiftfs_acl_up(dentry->d_sb, acl);
	len = -ENODATA;
	if (IS_ERR(acl)) {
		len = PTR_ERR(acl);
	} else if (acl) {
		len = posix_acl_to_xattr(&init_user_ns, acl, buffer, size);
		posix_acl_release(acl);
	}
out:
	kvfree(value);
	return len;
}

static int shiftfs_acl_xattr_get(const struct xattr_handler *handler,
				 struct dentry *dentry, struct inode *inode,
				 const char *name, void *value, size_t size)
{
	if (!shiftfs_lower_handles_acl(shiftfs_lower_inode(inode)))
		return shiftfs_acl_raw(dentry, handler->name, value, size);
	return posix_acl_access_xattr_handler.get(handler, dentry, inode, name,
						  value, size);
}

static int shiftfs_acl_xattr_set(const struct xattr_handler *handler,
				 shiftfs_mnt_idmap_t *idmap,
				 struct dentry *dentry, struct inode *inode,
				 const char *name, const void *value,
				 size_t size, int flags)
{
	return posix_acl_access_xattr_handler.set(handler, idmap, dentry, inode,
						  name, value, size, flags);
}

/* The VFS's own take the type of an ACL from the handler's flags. */
const struct xattr_handler shiftfs_acl_access_handler = {
	.name	= XATTR_NAME_POSIX_ACL_ACCESS,
	.flags	= ACL_TYPE_ACCESS,
	.get	= shiftfs_acl_xattr_get,
	.set	= shiftfs_acl_xattr_set,
};

const struct xattr_handler shiftfs_acl_default_handler = {
	.name	= XATTR_NAME_POSIX_ACL_DEFAULT,
	.flags	= ACL_TYPE_DEFAULT,
	.get	= shiftfs_acl_xattr_get,
	.set	= shiftfs_acl_xattr_set,
};
#endif
