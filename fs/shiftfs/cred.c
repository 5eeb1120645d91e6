// SPDX-License-Identifier: GPL-2.0-only
/*
 * Credentials for the lower filesystem: the mounter's, and for new files the
 * mounter's with the creator's translated ids; with creds=caller always the
 * caller's ids and no capability. The rules C1 to C8 are in
 * Documentation/design/credentials-and-marks.rst.
 */
#include <linux/cred.h>
#include <linux/magic.h>
#include <linux/statfs.h>
#include <linux/user_namespace.h>
#include "shiftfs.h"

/* So much is left that there is no need to ask for some time, and for a moment. */
#define SHIFTFS_VERY_ROOMY	(1ULL << 30)
#define SHIFTFS_ROOMY		(64ULL << 20)
/* So little that one new file might use it up. */
#define SHIFTFS_SHORT		(1ULL << 20)

/* What owners of files need. */
static const int shiftfs_owner_caps[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
	CAP_FSETID, CAP_SETFCAP,
};

/* His groups as they are stored; those that the map lacks are left out: C3. */
static struct group_info *shiftfs_groups_down(const struct shiftfs_sb *ss,
					      const struct group_info *from)
{
	struct group_info *to;
	int i, n = 0;

	for (i = 0; i < from->ngroups; i++)
		n += gid_valid(shiftfs_group_down(ss, from->gid[i]));
	to = groups_alloc(n);
	if (!to)
		return NULL;
	for (i = 0, n = 0; i < from->ngroups; i++) {
		kgid_t gid = shiftfs_group_down(ss, from->gid[i]);

		if (gid_valid(gid))
			to->gid[n++] = gid;
	}
	groups_sort(to);
	return to;
}

/*
 * Credentials with which the lower filesystem sees @caller, or with NULL no one
 * at all: the mounter's but for the ids, the groups and all capabilities.
 */
static const struct cred *shiftfs_make_caller(const struct shiftfs_sb *ss,
					      const struct cred *caller)
{
	struct group_info *groups;
	const struct cred *old;
	struct cred *new;

	old = override_creds(ss->cred);
	new = prepare_creds();
	revert_creds(old);
	if (!new)
		return NULL;

	new->fsuid = INVALID_UID;
	new->fsgid = INVALID_GID;
	if (caller) {
		new->fsuid = shiftfs_owner_down(ss, caller->fsuid);
		new->fsgid = shiftfs_group_down(ss, caller->fsgid);
		groups = shiftfs_groups_down(ss, caller->group_info);
	} else {
		groups = groups_alloc(0);
	}
	if (!groups) {
		abort_creds(new);
		return NULL;
	}
	set_groups(new, groups);
	put_group_info(groups);
	cap_clear(new->cap_effective);
	cap_clear(new->cap_permitted);
	cap_clear(new->cap_inheritable);
	cap_clear(new->cap_ambient);
	return new;
}

/*
 * Can it keep blocks for a certain filesystem id (resuid=), with or without a
 * capability? The option can change while it is mounted.
 */
static bool shiftfs_does_keep(const struct super_block *lower)
{
	if (shiftfs_is_ours(lower))
		return shiftfs_sb(lower)->keeps_blocks;
	return lower->s_magic == EXT4_SUPER_MAGIC ||
	       lower->s_magic == F2FS_SUPER_MAGIC;
}

/* Is hardly a block left there but those that are kept? */
static bool shiftfs_is_short(struct shiftfs_sb *ss)
{
	struct kstatfs buf;
	u64 left;

	if (likely(time_before(jiffies, READ_ONCE(ss->roomy_until))))
		return false;
	if (vfs_statfs(&ss->lower, &buf))
		return false;
	left = buf.f_bavail * (u64)buf.f_bsize;
	if (left >= SHIFTFS_VERY_ROOMY)
		WRITE_ONCE(ss->roomy_until, jiffies + HZ / 10);
	else if (left >= SHIFTFS_ROOMY)
		WRITE_ONCE(ss->roomy_until, jiffies + 2);
	return left < SHIFTFS_SHORT;
}

/*
 * Reserved blocks and quota limits of the lower filesystem are to hold for
 * everybody who writes through the mount, hence no CAP_SYS_RESOURCE. For a
 * mount in a user namespace nothing is left but what owners of files need: no
 * device nodes, no immutable files, no trusted attributes.
 */
int shiftfs_init_cred(struct shiftfs_sb *ss, const struct cred *mounter,
		      bool in_userns)
{
	kernel_cap_t caps = CAP_EMPTY_SET;
	unsigned int i;
	struct user_namespace *lower_ns = ss->lower.mnt->mnt_sb->s_user_ns;
	const struct cred *old;
	struct cred *cred;

	old = override_creds(mounter);
	cred = prepare_creds();
	revert_creds(old);
	if (!cred)
		return -ENOMEM;

	cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	if (in_userns) {
		for (i = 0; i < ARRAY_SIZE(shiftfs_owner_caps); i++)
			cap_raise(caps, shiftfs_owner_caps[i]);
		cred->cap_effective = cap_intersect(cred->cap_effective, caps);
		cred->cap_permitted = cap_intersect(cred->cap_permitted, caps);
	}
	ss->cred = cred;
	if (ss->conf.as_caller) {
		/* The lower filesystem may refuse a caller anything. */
		ss->check_lower = true;
		ss->nobody = shiftfs_make_caller(ss, NULL);
		return ss->nobody ? 0 : -ENOMEM;
	}

	old = override_creds(cred);
	ss->check_lower = !(ns_capable(lower_ns, CAP_DAC_OVERRIDE) &&
			    ns_capable(lower_ns, CAP_DAC_READ_SEARCH));
	ss->owns_all = ns_capable(&init_user_ns, CAP_FOWNER);
	revert_creds(old);
	ss->keeps_blocks = !ss->check_lower &&
			   shiftfs_does_keep(ss->lower.mnt->mnt_sb);
	return 0;
}

/* What was made of these credentials the last time, referenced, or NULL. */
static const struct cred *shiftfs_known_caller(struct shiftfs_sb *ss,
					       const struct cred *caller)
{
	const struct cred *cred = NULL;

	spin_lock(&ss->lock);
	if (ss->caller == caller)
		cred = get_cred(ss->caller_cred);
	spin_unlock(&ss->lock);
	return cred;
}

static void shiftfs_know_caller(struct shiftfs_sb *ss,
				const struct cred *caller,
				const struct cred *cred)
{
	const struct cred *drop, *drop_caller;

	spin_lock(&ss->lock);
	drop = ss->caller_cred;
	drop_caller = ss->caller;
	ss->caller_cred = get_cred(cred);
	ss->caller = get_cred(caller);
	spin_unlock(&ss->lock);
	put_cred(drop);
	put_cred(drop_caller);
}

/* As whom the caller is known below, with creds=caller; referenced. */
const struct cred *shiftfs_caller_cred(const struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	const struct cred *caller = current_cred();
	const struct cred *cred = shiftfs_known_caller(ss, caller);

	if (cred)
		return cred;
	cred = shiftfs_make_caller(ss, caller);
	/* C4: no error can be returned from everywhere, and this one denies. */
	if (!cred)
		return get_cred(ss->nobody);
	shiftfs_know_caller(ss, caller, cred);
	return cred;
}

const struct cred *shiftfs_override_caller(const struct super_block *sb)
{
	const struct cred *old = override_creds(shiftfs_caller_cred(sb));

	return (const struct cred *)((unsigned long)old | SHIFTFS_CALLER_BIT);
}

/* Drops the reference of shiftfs_override_caller() as well. */
void shiftfs_revert_caller(const struct cred *old)
{
	const struct cred *cred = current_cred();

	revert_creds((const struct cred *)((unsigned long)old &
					   ~SHIFTFS_CALLER_BIT));
	put_cred(cred);
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
 * if @fsetid says so. The latest ones are kept in @slot, since the creator of a
 * file often makes more.
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

/*
 * The mounter's credentials with other filesystem ids and with @groups, whose
 * reference is consumed; NULL without memory, for @groups too.
 */
static struct cred *shiftfs_cred_in(const struct shiftfs_sb *ss, kuid_t uid,
				    kgid_t gid, struct group_info *groups)
{
	const struct cred *old = override_creds(ss->cred);
	struct cred *new = prepare_creds();

	revert_creds(old);
	if (!groups) {
		if (new)
			abort_creds(new);
		return NULL;
	}
	if (new) {
		new->fsuid = uid;
		new->fsgid = gid;
		set_groups(new, groups);
	}
	put_group_info(groups);
	return new;
}

/* A server has no use for capabilities: he may by his groups, or not. C9 */
static const struct cred *shiftfs_server_cred(const struct shiftfs_sb *ss,
					      kuid_t uid, kgid_t gid)
{
	struct group_info *groups =
			shiftfs_groups_down(ss, current_cred()->group_info);

	return shiftfs_cred_in(ss, uid, gid, groups) ?: ERR_PTR(-ENOMEM);
}

static int shiftfs_creator_ids(shiftfs_mnt_idmap_t *idmap,
			       const struct inode *dir, kuid_t *uid, kgid_t *gid)
{
	const struct shiftfs_sb *ss = shiftfs_sb(dir->i_sb);
	struct user_namespace *ns = i_user_ns(dir);

	*uid = shiftfs_owner_down(ss, mapped_fsuid(idmap, ns));
	*gid = shiftfs_group_down(ss, mapped_fsgid(idmap, ns));
	return uid_valid(*uid) && gid_valid(*gid) ? 0 : -EOVERFLOW;
}

/*
 * Who cannot own a file here cannot make a name either: the VFS has this rule
 * for idmapped mounts, for links and renames as well as for new files.
 */
int shiftfs_may_create(shiftfs_mnt_idmap_t *idmap, const struct inode *dir)
{
	kuid_t uid;
	kgid_t gid;

	return shiftfs_creator_ids(idmap, dir, &uid, &gid);
}

/*
 * Can the caller make a file with its id on the host, which differs from the id
 * of the file's owner? A map on the way might lack that id.
 */
static bool shiftfs_may_give(const struct shiftfs_sb *ss, kuid_t uid, kgid_t gid)
{
	return (!uid_eq(uid, current_fsuid()) ||
		!gid_eq(gid, current_fsgid())) &&
	       !is_idmapped_mnt(ss->lower.mnt) &&
	       !shiftfs_is_ours(ss->lower.mnt->mnt_sb);
}

/*
 * Returns referenced credentials with which the caller's new file in @dir gets
 * its owner, or -EOVERFLOW if the caller's ids are not in the map: then no
 * owner can be stored for it.
 *
 * Where the lower filesystem has few blocks left but those that it keeps for an
 * owner, they are the caller's own, and @gift, unless NULL, says to whom the
 * file is to be given once it is made.
 */
const struct cred *shiftfs_create_cred(shiftfs_mnt_idmap_t *idmap,
				       const struct inode *dir,
				       struct shiftfs_gift *gift)
{
	struct shiftfs_sb *ss = shiftfs_sb(dir->i_sb);
	kuid_t uid;
	kgid_t gid;
	int err;

	err = shiftfs_creator_ids(idmap, dir, &uid, &gid);
	if (err)
		return ERR_PTR(err);
	if (ss->conf.as_caller)
		return shiftfs_caller_cred(dir->i_sb);
	if (unlikely(ss->remote))
		return shiftfs_server_cred(ss, uid, gid);
	if (ss->keeps_blocks && gift && shiftfs_may_give(ss, uid, gid) &&
	    unlikely(shiftfs_is_short(ss))) {
		*gift = (struct shiftfs_gift){ true, uid, gid };
		return shiftfs_data_cred(dir->i_sb, true);
	}
	return shiftfs_cred_as(ss, &ss->create_cred, uid, gid, true);
}

/*
 * Give the new file @lower, in @lower_dir, to its owner; its group is the
 * directory's where that says so. To be called with the credentials with which
 * it was made.
 */
int shiftfs_give(struct super_block *sb, const struct dentry *lower_dir,
		 struct dentry *lower, const struct shiftfs_gift *gift)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct inode *inode = d_inode(lower);
	struct iattr attr = {
		.ia_valid = ATTR_UID,
		.ia_vfsuid = VFSUIDT_INIT(gift->uid),
	};
	const struct cred *old;
	int err;

	if (!(d_inode(lower_dir)->i_mode & S_ISGID) &&
	    gid_eq(inode->i_gid, current_fsgid())) {
		attr.ia_valid |= ATTR_GID;
		attr.ia_vfsgid = VFSGIDT_INIT(gift->gid);
	}
	old = override_creds(ss->cred);
	inode_lock(inode);
	err = notify_change(shiftfs_idmap_of(ss->lower.mnt), lower, &attr,
			    NULL);
	inode_unlock(inode);
	revert_creds(old);
	return err;
}

/*
 * Returns referenced credentials for a change of a file's data that a server
 * makes in the name of the current task, not of the task that opened the file.
 * A task that the map lacks has no name there: the mounter asks for it. Set-ids
 * are left to tasks with CAP_FSETID, as by shiftfs_data_cred().
 */
const struct cred *shiftfs_remote_cred(shiftfs_mnt_idmap_t *idmap,
				       const struct inode *inode)
{
	struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);
	const struct cred *caller = current_cred();
	/* Through an idmapped mount the same task would be another one. */
	const bool keep = idmap == shiftfs_nop_idmap;
	const struct cred *known = keep ? shiftfs_known_caller(ss, caller) : NULL;
	struct group_info *groups;
	struct cred *cred;
	kuid_t uid;
	kgid_t gid;

	if (known)
		return known;
	if (shiftfs_creator_ids(idmap, inode, &uid, &gid)) {
		uid = ss->cred->fsuid;
		gid = ss->cred->fsgid;
		groups = get_group_info(ss->cred->group_info);
	} else {
		groups = shiftfs_groups_down(ss, caller->group_info);
	}
	cred = shiftfs_cred_in(ss, uid, gid, groups);
	if (!cred)
		return ERR_PTR(-ENOMEM);
	if (!capable(CAP_FSETID))
		cap_lower(cred->cap_effective, CAP_FSETID);
	if (keep)
		shiftfs_know_caller(ss, caller, cred);
	return cred;
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

	if (ss->conf.as_caller)
		return shiftfs_caller_cred(sb);
	return shiftfs_cred_as(ss, &ss->data_cred, current_fsuid(),
			       current_fsgid(), fsetid);
}

/*
 * Returns referenced credentials for what stores a name or an attribute of a
 * file that is there already, or NULL for the mounter's. It may take a block:
 * where few are left the ids are the caller's own, see shiftfs_create_cred().
 */
const struct cred *shiftfs_name_cred(const struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);

	if (unlikely(ss->conf.as_caller))
		return shiftfs_caller_cred(sb);
	if (ss->keeps_blocks && unlikely(shiftfs_is_short(ss)))
		return shiftfs_data_cred(sb, true);
	return NULL;
}

/*
 * The same without @fsetid for a member of the one group @gid, or, if it is not
 * valid, of none. Not kept: only setgid without group execution asks for it.
 */
const struct cred *shiftfs_member_cred(const struct super_block *sb, kgid_t gid)
{
	struct cred *new = shiftfs_cred_in(shiftfs_sb(sb), current_fsuid(), gid,
					   groups_alloc(0));

	if (!new)
		return ERR_PTR(-ENOMEM);
	cap_lower(new->cap_effective, CAP_FSETID);
	return new;
}
