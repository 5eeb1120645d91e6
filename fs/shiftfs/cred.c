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
	if (cred)
		ss->check_lower = !(ns_capable(lower_ns, CAP_DAC_OVERRIDE) &&
				    ns_capable(lower_ns, CAP_DAC_READ_SEARCH));
	revert_creds(old);
	if (!cred)
		return -ENOMEM;

	cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	ss->cred = cred;
	return 0;
}

static bool creates_as(const struct cred *cred, kuid_t uid, kgid_t gid)
{
	return cred && uid_eq(cred->fsuid, uid) && gid_eq(cred->fsgid, gid);
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
	struct user_namespace *ns = i_user_ns(dir);
	const struct cred *cred = NULL, *drop;
	const struct cred *old;
	struct cred *new;
	kuid_t uid;
	kgid_t gid;

	uid = shiftfs_uid_down(ss, mapped_fsuid(idmap, ns));
	gid = shiftfs_gid_down(ss, mapped_fsgid(idmap, ns));
	if (!uid_valid(uid) || !gid_valid(gid))
		return ERR_PTR(-EOVERFLOW);

	if (creates_as(ss->cred, uid, gid))
		return get_cred(ss->cred);

	spin_lock(&ss->lock);
	if (creates_as(ss->create_cred, uid, gid))
		cred = get_cred(ss->create_cred);
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

	spin_lock(&ss->lock);
	drop = ss->create_cred;
	ss->create_cred = get_cred(new);
	spin_unlock(&ss->lock);
	put_cred(drop);
	return new;
}
