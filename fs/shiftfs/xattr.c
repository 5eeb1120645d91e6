// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes: handed to the lower file, but for file capabilities,
 * which hold a user id, and ACLs (acl.c).
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include "shiftfs.h"

/*
 * A file capability is valid in the user namespaces whose root is its rootid;
 * version 2 stands for rootid 0. A capability read here is interpreted in the
 * user namespace of the upper superblock.
 */
static int shiftfs_caps_up(const struct shiftfs_sb *ss, void *value, int size,
			   size_t room, struct user_namespace *ns)
{
	struct vfs_ns_cap_data *cap = value;
	uid_t seen;
	kuid_t root;
	u32 magic;

	if (size != XATTR_CAPS_SZ_2 && size != XATTR_CAPS_SZ_3)
		return -EINVAL;

	magic = le32_to_cpu(cap->magic_etc);
	root = GLOBAL_ROOT_UID;
	if ((magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_3) {
		if (size != XATTR_CAPS_SZ_3)
			return -EINVAL;
		root = KUIDT_INIT(le32_to_cpu(cap->rootid));
	}

	/*
	 * For a root whom nobody here can be, seen is -1. Of that commoncap
	 * makes EOVERFLOW for who reads it, and nothing for who executes.
	 */
	seen = from_kuid(ns, shiftfs_uid_up(ss, root));
	magic &= VFS_CAP_FLAGS_EFFECTIVE;
	if (!seen) {
		cap->magic_etc = cpu_to_le32(magic | VFS_CAP_REVISION_2);
		return XATTR_CAPS_SZ_2;
	}
	if (room < XATTR_CAPS_SZ_3)
		return -ERANGE;
	cap->magic_etc = cpu_to_le32(magic | VFS_CAP_REVISION_3);
	cap->rootid = cpu_to_le32(seen);
	return XATTR_CAPS_SZ_3;
}

/* Unrolled it takes two instructions for each character, strcmp() eight. */
static __always_inline bool shiftfs_is_caps(const char *name)
{
	static const char caps[] = XATTR_NAME_CAPS;
	size_t i;

#pragma GCC unroll 32
	for (i = 0; i < sizeof(caps); i++)
		if (name[i] != caps[i])
			return false;
	return true;
}

/* Finds the lower filesystem's handler of file capabilities, if it has one. */
const struct xattr_handler *shiftfs_find_caps(const struct super_block *lower)
{
	SHIFTFS_XATTR_TABLE *handler = lower->s_xattr;

	for (; handler && *handler; handler++)
		if ((*handler)->prefix &&
		    !strcmp((*handler)->prefix, XATTR_SECURITY_PREFIX))
			return (*handler)->get ? *handler : NULL;
	return NULL;
}

static int shiftfs_get_caps(const struct xattr_handler *handler,
			    struct dentry *dentry, struct inode *inode,
			    const char *name, void *value, size_t size)
{
	struct super_block *sb = inode->i_sb;
	const struct xattr_handler *caps = shiftfs_sb(sb)->lower_caps;
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	struct vfs_ns_cap_data cap = {};
	const struct cred *old;
	int ret;

	if (unlikely(shiftfs_sb(sb)->nosuid))
		return -ENODATA;

	/*
	 * Each chown, exec and first write asks, and hardly a file has one:
	 * an attribute that is not there needs no check. A handler may want
	 * the prefix before the name that it is given: xattr_full_name().
	 */
	if (likely(caps && d_inode(lower)->i_opflags & IOP_XATTR) &&
	    caps->get(caps, lower, d_inode(lower),
		      name + XATTR_SECURITY_PREFIX_LEN, NULL, 0) == -ENODATA)
		return -ENODATA;

	old = shiftfs_override(sb);
	ret = vfs_getxattr(shiftfs_lower_idmap(sb), lower, name, &cap,
			   sizeof(cap));
	shiftfs_revert(old);

	/* No user of the map has it, so it is hidden: exec(2) must not fail. */
	if (ret == -EOVERFLOW) {
		cap.magic_etc = cpu_to_le32(VFS_CAP_REVISION_3);
		cap.rootid = cpu_to_le32(-1);
		ret = XATTR_CAPS_SZ_3;
	} else if (ret > 0) {
		ret = shiftfs_caps_up(shiftfs_sb(sb), &cap, ret, sizeof(cap),
				      sb->s_user_ns);
	}
	if (ret < 0 || !size)
		return ret;
	if (size < ret)
		return -ERANGE;
	memcpy(value, &cap, ret);
	return ret;
}

/*
 * The VFS has checked the caller and has made version 3 of what a user
 * namespace's root has set. Version 3 is also what is stored, as an idmapped
 * mount does, with the rootid that the lower filesystem knows.
 */
static int shiftfs_caps_down(const struct shiftfs_sb *ss, const void *value,
			     size_t size, struct user_namespace *ns,
			     struct vfs_ns_cap_data *out)
{
	const struct vfs_ns_cap_data *cap = value;
	kuid_t root;
	u32 magic;

	if (size != XATTR_CAPS_SZ_2 && size != XATTR_CAPS_SZ_3)
		return -EINVAL;

	memset(out, 0, sizeof(*out));
	memcpy(out, cap, size);
	magic = le32_to_cpu(cap->magic_etc);
	root = make_kuid(ns, size == XATTR_CAPS_SZ_3 ?
			     le32_to_cpu(cap->rootid) : 0);
	if (uid_valid(root))
		root = shiftfs_uid_down(ss, root);
	if (!uid_valid(root))
		return -EINVAL;

	magic &= VFS_CAP_FLAGS_EFFECTIVE;
	out->magic_etc = cpu_to_le32(magic | VFS_CAP_REVISION_3);
	out->rootid = cpu_to_le32(__kuid_val(root));
	return 0;
}

static int shiftfs_xattr_get(const struct xattr_handler *handler,
			     struct dentry *dentry, struct inode *inode,
			     const char *name, void *value, size_t size)
{
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	const struct cred *old;
	ssize_t ret;

	/* LSMs ask before a dentry of ours knows its lower one. */
	if (!lower || d_inode(lower) != shiftfs_lower_inode(inode))
		return -ESTALE;

	if (shiftfs_is_caps(name))
		return shiftfs_get_caps(handler, dentry, inode, name, value,
					size);

	/*
	 * As for ->getattr and ->permission the lower one is not asked where it
	 * would have nothing to say. Names in other classes have rules.
	 */
	if (shiftfs_reads_as_any(inode) &&
	    !strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN))
		return __vfs_getxattr(lower, d_inode(lower), name, value, size);

	old = shiftfs_override(inode->i_sb);
	ret = vfs_getxattr(shiftfs_lower_idmap(inode->i_sb), lower, name,
			   value, size);
	shiftfs_revert(old);
	return ret;
}

/*
 * The root of the superblock's user namespace may set security.* by the VFS's
 * rules, which means labels that only his namespace believes in; these here
 * would be believed in by all. Of system.* the VFS knows ACLs, which do not
 * come here; the rest, NFSv4 ACLs say, it leaves to the filesystem to check.
 */
static int shiftfs_may_set(const struct super_block *sb, const char *name)
{
	if (likely(*name != 's'))
		return 0;
	if (!strncmp(name, XATTR_SECURITY_PREFIX, XATTR_SECURITY_PREFIX_LEN) &&
	    strcmp(name, XATTR_NAME_CAPS) && sb->s_user_ns != &init_user_ns)
		return -EPERM;
	if (!strncmp(name, XATTR_SYSTEM_PREFIX, XATTR_SYSTEM_PREFIX_LEN))
		return -EOPNOTSUPP;
	return 0;
}

static int shiftfs_do_set(struct dentry *dentry, struct inode *inode,
			  const char *name, const void *value, size_t size,
			  int flags)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_lower_idmap(inode->i_sb);
	struct vfsmount *mnt = shiftfs_lower_mnt(inode->i_sb);
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);
	struct vfs_ns_cap_data cap;
	const struct cred *cred, *old;
	int err;

	if (!lower || d_inode(lower) != shiftfs_lower_inode(inode))
		return -ESTALE;
	err = shiftfs_may_set(inode->i_sb, name);
	if (err)
		return err;

	if (value && shiftfs_is_caps(name)) {
		if (shiftfs_is_squashed(ss))
			return -EPERM;
		err = shiftfs_caps_down(ss, value, size,
					inode->i_sb->s_user_ns, &cap);
		if (err)
			return err;
		value = &cap;
		size = sizeof(cap);
	}

	cred = shiftfs_name_cred(inode->i_sb);
	if (IS_ERR(cred))
		return PTR_ERR(cred);
	err = mnt_want_write(mnt);
	if (err)
		goto out_cred;
	old = override_creds(cred ?: ss->cred);
	if (value)
		err = vfs_setxattr(idmap, lower, name, value, size, flags);
	else
		err = vfs_removexattr(idmap, lower, name);
	revert_creds(old);
	mnt_drop_write(mnt);

	shiftfs_copy_attr(inode);
out_cred:
	put_cred(cred);
	return err;
}

static int shiftfs_xattr_set(const struct xattr_handler *handler,
			     shiftfs_mnt_idmap_t *idmap,
			     struct dentry *dentry, struct inode *inode,
			     const char *name, const void *value, size_t size,
			     int flags)
{
	return shiftfs_do_set(dentry, inode, name, value, size, flags);
}

static const struct xattr_handler shiftfs_xattr_handler = {
	.prefix	= "", /* all that no handler before takes */
	.get	= shiftfs_xattr_get,
	.set	= shiftfs_xattr_set,
};

SHIFTFS_XATTR_TABLE shiftfs_xattr_handlers[] = {
#ifndef SHIFTFS_HAVE_GET_INODE_ACL
	/* Later the VFS takes ACLs out before it looks for a handler. */
	&shiftfs_acl_access_handler,
	&shiftfs_acl_default_handler,
#endif
	&shiftfs_xattr_handler,
	NULL
};

/*
 * The lower filesystem lists with the mounter's eyes, so what only
 * CAP_SYS_ADMIN may see is taken out here.
 */
/* Leave out what only the host's administrator is shown; the new length. */
static ssize_t shiftfs_without_trusted(char *list, size_t left)
{
	size_t kept = 0;
	char *s = list;

	while (left) {
		size_t len = strnlen(s, left) + 1;

		if (WARN_ON_ONCE(len > left))
			return -EIO;
		left -= len;
		if (strncmp(s, XATTR_TRUSTED_PREFIX,
			    XATTR_TRUSTED_PREFIX_LEN)) {
			memmove(list + kept, s, len);
			kept += len;
		}
		s += len;
	}
	return kept;
}

/* The length, or a list that would not fit with what is left out of it. */
static ssize_t shiftfs_list_aside(struct dentry *lower, char *list, size_t size)
{
	ssize_t ret = vfs_listxattr(lower, NULL, 0);
	char *buf;

	if (ret <= 0)
		return ret;
	buf = kvmalloc(ret, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	ret = vfs_listxattr(lower, buf, ret);
	if (ret > 0)
		ret = shiftfs_without_trusted(buf, ret);
	if (ret > 0 && size) {
		if (ret <= size)
			memcpy(list, buf, ret);
		else
			ret = -ERANGE;
	}
	kvfree(buf);
	return ret;
}

ssize_t shiftfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	struct inode *inode = d_inode(dentry);
	const struct cred *old;
	bool admin;
	ssize_t ret;

	if (shiftfs_is_stale(dentry))
		return -ESTALE;

	admin = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	old = shiftfs_override(inode->i_sb);
	ret = vfs_listxattr(lower, list, size);
	if (!admin && (size ? ret == -ERANGE : ret > 0))
		ret = shiftfs_list_aside(lower, list, size);
	else if (!admin && ret > 0)
		ret = shiftfs_without_trusted(list, ret);
	shiftfs_revert(old);
	return ret;
}
