// SPDX-License-Identifier: GPL-2.0-only
/*
 * Credentials for the lower filesystem: the mounter's, and for new files the
 * mounter's with the creator's translated ids.
 */
#include <linux/cred.h>
#include <linux/user_namespace.h>
#include "shiftfs.h"

/*
 * Reserved blocks and quota limits of the lower filesystem are to hold for
 * everybody who writes through the mount, hence no CAP_SYS_RESOURCE.
 */
int shiftfs_init_cred(struct shiftfs_sb *ss, const struct cred *mounter)
{
	struct user_namespace *lower_ns = ss->lower.mnt->mnt_sb->s_user_ns;
	const struct cred *old;
	struct cred *cred;

	old = override_creds(mounter);
	cred = prepare_creds();
	if (cred) {
		ss->check_lower = !(ns_capable(lower_ns, CAP_DAC_OVERRIDE) &&
				    ns_capable(lower_ns, CAP_DAC_READ_SEARCH));
		ss->owns_all = ns_capable(&init_user_ns, CAP_FOWNER);
	}
	revert_creds(old);
	if (!cred)
		return -ENOMEM;

	cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	ss->cred = cred;
	return 0;
}

static bool has_fsetid(const struct cred *cred)
{
	return cap_raised(cred->cap_effective, CAP_FSETID);
}

static bool acts_as(const struct cred *cred, kuid_t uid, kgid_t gid,
		    bool fsetid)
{
	return cred && uid_eq(cred->fsuid, uid) && gid_eq(cred->fsgid, gid) &&
	       has_fsetid(cred) == fsetid;
}

/*
 * The mounter's credentials with other filesystem ids, and with CAP_FSETID only
 * if @fsetid says so. The latest ones are
 * kept in @slot, since who makes one file makes more.
 */
static const struct cred *shiftfs_cred_as(struct shiftfs_sb *ss,
					  const struct cred **slot,
					  kuid_t uid, kgid_t gid, bool fsetid)
{
	const struct cred *cred = NULL, *drop;
	const struct cred *old;
	struct cred *new;

	fsetid = fsetid && has_fsetid(ss->cred);
	if (acts_as(ss->cred, uid, gid, fsetid))
		return get_cred(ss->cred);

	spin_lock(&ss->lock);
	if (acts_as(*slot, uid, gid, fsetid))
		cred = get_cred(*slot);
	spin_unlock(&ss->lock);
	if (cred)
		return cred;

	old = override_creds(ss->cred);
	new = prepare_creds();
	revert_creds(old);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->fsuid = uid;
	new->fsgid = gid;
	if (!fsetid)
		cap_lower(new->cap_effective, CAP_FSETID);

	spin_lock(&ss->lock);
	drop = *slot;
	*slot = get_cred(new);
	spin_unlock(&ss->lock);
	put_cred(drop);
	return new;
}

static int shiftfs_creator_ids(struct shiftfs_mnt_idmap *idmap,
			       const struct inode *dir, kuid_t *uid, kgid_t *gid)
{
	const struct shiftfs_sb *ss = shiftfs_sb(dir->i_sb);
	struct user_namespace *ns = i_user_ns(dir);

	*uid = shiftfs_uid_down(ss, mapped_fsuid(idmap, ns));
	*gid = shiftfs_gid_down(ss, mapped_fsgid(idmap, ns));
	return uid_valid(*uid) && gid_valid(*gid) ? 0 : -EOVERFLOW;
}

/*
 * Who cannot own a file here cannot make a name either: the VFS has this rule
 * for idmapped mounts, for links and renames as well as for new files.
 */
int shiftfs_may_create(struct shiftfs_mnt_idmap *idmap, const struct inode *dir)
{
	kuid_t uid;
	kgid_t gid;

	return shiftfs_creator_ids(idmap, dir, &uid, &gid);
}

/*
 * Returns referenced credentials with which the caller's new file in @dir gets
 * its owner, or -EOVERFLOW if the caller's ids are not in the map: then no
 * owner can be stored for it.
 */
const struct cred *shiftfs_create_cred(struct shiftfs_mnt_idmap *idmap,
				       const struct inode *dir)
{
	struct shiftfs_sb *ss = shiftfs_sb(dir->i_sb);
	kuid_t uid;
	kgid_t gid;
	int err;

	err = shiftfs_creator_ids(idmap, dir, &uid, &gid);
	if (err)
		return ERR_PTR(err);
	return shiftfs_cred_as(ss, &ss->create_cred, uid, gid, true);
}

/*
 * Returns referenced credentials for changes of a file's data. The ids are the
 * caller's own: translated, a container's root would be the root for whom the
 * lower filesystem reserves blocks.
 *
 * Without @fsetid the lower filesystem takes setuid and setgid away as it would
 * from somebody without CAP_FSETID, when it comes to change the data.
 */
const struct cred *shiftfs_data_cred(const struct super_block *sb, bool fsetid)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);

	return shiftfs_cred_as(ss, &ss->data_cred, current_fsuid(),
			       current_fsgid(), fsetid);
}
