// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upper inodes: made from a lower inode, kept like it.
 */
#include "shiftfs.h"

void shiftfs_copy_size_slow(struct inode *inode)
{
	loff_t size = i_size_read(shiftfs_lower_inode(inode));

	/* i_size_write() wants writers to exclude each other. */
	spin_lock(&inode->i_lock);
	i_size_write(inode, size);
	spin_unlock(&inode->i_lock);
}

/* The mode that exec(2) shall see: a superblock cannot be marked "nosuid". */
static umode_t shiftfs_effective_mode(const struct shiftfs_sb *ss, umode_t mode)
{
	if (unlikely(ss->nosuid) && !S_ISDIR(mode))
		mode &= ~(S_ISUID | S_ISGID);
	return mode;
}

static void shiftfs_translate(const struct inode *inode, kuid_t *uid,
			      kgid_t *gid)
{
	shiftfs_mnt_idmap_t *idmap = shiftfs_lower_idmap(inode->i_sb);
	struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);

	if (unlikely(idmap != shiftfs_nop_idmap)) {
		struct user_namespace *ns =
				i_user_ns(shiftfs_lower_inode(inode));

		*uid = vfsuid_into_kuid(make_vfsuid(idmap, ns, *uid));
		*gid = vfsgid_into_kgid(make_vfsgid(idmap, ns, *gid));
	}
	*uid = shiftfs_owner_up(ss, *uid);
	*gid = shiftfs_group_up(ss, *gid);
}

/* How shiftfs_copy_ids() is called. */
#define SHIFTFS_IDS_FIRST	0x1	/* nobody else knows the inode */
#define SHIFTFS_IDS_LOCKED	0x2	/* the caller has it locked */
#define SHIFTFS_IDS_SETTLED	0x4	/* and the lower one, shared */

#define SHIFTFS_SET_IDS		(S_ISUID | S_ISGID)

/*
 * With i_lock held, which also orders concurrent refreshes, or unhashed, and
 * then for the first time. A chmod does not make the owner be translated again.
 *
 * exec(2) reads mode, owner and group one after the other with @inode locked,
 * and must not find the set-ids of one owner beside another one. So
 *
 * - they are read with the lower inode locked: a chown beneath stores the new
 *   owner first and takes them away last;
 * - they become visible only with @inode locked. They vanish at any time,
 * before
 *   the owner changes. An exec(2) that read them and then does not find them in
 *   ->permission has mixed two moments: shiftfs_may_set_ids().
 *
 * If a lock cannot be taken at once they are left out. The next look then finds
 * a different mode.
 */
static void shiftfs_copy_ids(struct inode *inode, unsigned int how)
{
	struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);
	struct inode *lower = shiftfs_lower_inode(inode);
	const unsigned int known = SHIFTFS_IDS_FIRST | SHIFTFS_IDS_LOCKED;
	umode_t mode = READ_ONCE(lower->i_mode);
	bool below = false, here = false;
	umode_t shown = 0;
	unsigned int flags;
	kuid_t uid;
	kgid_t gid;
	u64 ids;

	if (unlikely(mode & SHIFTFS_SET_IDS) && !S_ISDIR(mode)) {
		below = how & SHIFTFS_IDS_SETTLED ||
			inode_trylock_shared(lower);
		here = below && (how & known || inode_trylock(inode));
	}
	/* Read once: the translated id is the one that is compared later. */
	uid = READ_ONCE(lower->i_uid);
	gid = READ_ONCE(lower->i_gid);
	mode = READ_ONCE(lower->i_mode);
	ids = shiftfs_make_ids(uid, gid);
	if (here)
		shown = mode & SHIFTFS_SET_IDS;
	else if (below)
		shown = mode & inode->i_mode & SHIFTFS_SET_IDS;
	if (!S_ISDIR(mode))
		mode &= ~SHIFTFS_SET_IDS;

	if (how & SHIFTFS_IDS_FIRST ||
	    ids != atomic64_read(&inode->i_version)) {
		shiftfs_translate(inode, &uid, &gid);
		/* IMA changes i_version on 6.1; that is no other owner. */
		if (!uid_eq(uid, inode->i_uid) || !gid_eq(gid, inode->i_gid)) {
			if (!here)
				shown = 0;
			WRITE_ONCE(inode->i_mode, mode);
			/* See shiftfs_may_set_ids(). */
			smp_wmb();
			inode->i_uid = uid;
			inode->i_gid = gid;
		}
		/* A reader of these ids sees their owner: shiftfs_differs(). */
		atomic64_set_release(&inode->i_version, ids);
	}
	WRITE_ONCE(inode->i_mode, shiftfs_effective_mode(ss, mode | shown));
	if (here && !(how & known))
		inode_unlock(inode);
	if (below && !(how & SHIFTFS_IDS_SETTLED))
		inode_unlock_shared(lower);
	flags = READ_ONCE(lower->i_flags) & SHIFTFS_COPY_FLAGS;
	/* The VFS sets others, under other locks. */
	if ((inode->i_flags & SHIFTFS_COPY_FLAGS) != flags)
		inode_set_flags(inode, flags, SHIFTFS_COPY_FLAGS);

	/*
	 * These the VFS looks at itself, before it asks for permission to write
	 * or after that to search, so they have to be known to be as they were.
	 * A program is not to be granted without a look: shiftfs_may_set_ids().
	 */
	if (inode->i_mode & S_ISVTX || flags & S_IMMUTABLE ||
	    !uid_valid(inode->i_uid) || !gid_valid(inode->i_gid) ||
	    (S_ISREG(inode->i_mode) && inode->i_mode & 0111))
		inode->i_bytes = 0;
	else
		inode->i_bytes = inode->i_mode;
}

static void shiftfs_refresh_how(struct inode *inode, unsigned int how)
{
	spin_lock(&inode->i_lock);
	shiftfs_copy_ids(inode, how);
	spin_unlock(&inode->i_lock);
}

void shiftfs_refresh_slow(struct inode *inode)
{
	shiftfs_refresh_how(inode, 0);
}

/*
 * The same for who decides by the set-ids, or wants them to have their effect,
 * and has @inode locked: waits for who changes the lower inode, so that they
 * are not left out.
 */
void shiftfs_refresh_settled(struct inode *inode)
{
	struct inode *lower = shiftfs_lower_inode(inode);

	if (likely(!shiftfs_is_outdated(inode)))
		return;
	if (S_ISDIR(lower->i_mode)) {
		shiftfs_refresh_slow(inode);
		return;
	}
	inode_lock_shared(lower);
	shiftfs_refresh_how(inode, SHIFTFS_IDS_LOCKED | SHIFTFS_IDS_SETTLED);
	inode_unlock_shared(lower);
}

/* For exec(2), which has nothing locked when it opens a program. */
void shiftfs_show_set_ids(struct inode *inode)
{
	if (likely(!shiftfs_is_outdated(inode)))
		return;
	inode_lock(inode);
	shiftfs_refresh_settled(inode);
	inode_unlock(inode);
}

/* After an operation that changed the lower inode through us. */
void shiftfs_copy_attr(struct inode *inode)
{
	struct inode *lower = shiftfs_lower_inode(inode);

	shiftfs_refresh(inode);
	shiftfs_copy_size(inode);
	if (inode->i_nlink != lower->i_nlink) {
		spin_lock(&inode->i_lock);
		set_nlink(inode, lower->i_nlink);
		spin_unlock(&inode->i_lock);
	}
	shiftfs_copy_times(inode);
}

static const char *shiftfs_get_link(struct dentry *dentry, struct inode *inode,
				    struct delayed_call *done)
{
	const struct cred *old;
	const char *link;

	/* RCU-walk; a link that is held in the inode never comes here. */
	if (!dentry)
		return ERR_PTR(-ECHILD);
	if (shiftfs_is_stale(dentry))
		return ERR_PTR(-ESTALE);

	old = shiftfs_override(inode->i_sb);
	link = vfs_get_link(shiftfs_lower_dentry(dentry), done);
	shiftfs_revert(old);
	return link;
}

#define SHIFTFS_SYMLINK_OPS			\
	.get_link	= shiftfs_get_link,	\
	SHIFTFS_ATTR_OPS

#define SHIFTFS_FILE_OPS			\
	SHIFTFS_ACL_OPS,			\
	.fiemap		= shiftfs_fiemap,	\
	SHIFTFS_ATTR_OPS

/* By shiftfs_asks_lower(). */
static const struct inode_operations shiftfs_symlink_iops[] = {
	{ SHIFTFS_SYMLINK_OPS, .permission = shiftfs_permission },
	{ SHIFTFS_SYMLINK_OPS, .permission = shiftfs_permission_asking },
};

static const struct inode_operations shiftfs_file_iops[] = {
	{ SHIFTFS_FILE_OPS, .permission = shiftfs_permission },
	{ SHIFTFS_FILE_OPS, .permission = shiftfs_permission_asking },
};

/* Device nodes, FIFOs and sockets. */
static const struct inode_operations shiftfs_special_iops[] = {
	{ SHIFTFS_ACL_OPS, SHIFTFS_ATTR_OPS, .permission = shiftfs_permission },
	{
		SHIFTFS_ACL_OPS,
		SHIFTFS_ATTR_OPS,
		.permission = shiftfs_permission_asking,
	},
};

/*
 * Pages are the lower inode's. An empty table is needed for readahead(2) and
 * posix_fadvise(2), which look whether there is one.
 */
static const struct address_space_operations shiftfs_aops = {
};

#ifdef CONFIG_LOCKDEP
/*
 * A shiftfs below a shiftfs is locked after it: give each depth locks of its
 * own class, or lockdep takes the order for a recursion.
 */
static struct lock_class_key shiftfs_inode_key[FILESYSTEM_MAX_STACK_DEPTH];
static struct lock_class_key shiftfs_dir_key[FILESYSTEM_MAX_STACK_DEPTH];
static struct lock_class_key shiftfs_rename_key[FILESYSTEM_MAX_STACK_DEPTH];
static struct lock_class_key
	shiftfs_writers_key[FILESYSTEM_MAX_STACK_DEPTH][SB_FREEZE_LEVELS];
static const char * const shiftfs_writers_name[SB_FREEZE_LEVELS] = {
	"shiftfs_writers", "shiftfs_pagefaults", "shiftfs_internal",
};

static void shiftfs_lockdep_inode(struct inode *inode)
{
	int depth = inode->i_sb->s_stack_depth - 1;

	if (S_ISDIR(inode->i_mode))
		lockdep_set_class(&inode->i_rwsem, &shiftfs_dir_key[depth]);
	else
		lockdep_set_class(&inode->i_rwsem, &shiftfs_inode_key[depth]);
}

void shiftfs_lockdep_sb(struct super_block *sb)
{
	int depth = sb->s_stack_depth - 1;
	int i;

	for (i = 0; i < SB_FREEZE_LEVELS; i++)
		lockdep_set_class_and_name(&sb->s_writers.rw_sem[i],
					   &shiftfs_writers_key[depth][i],
					   shiftfs_writers_name[i]);
	lockdep_set_class(&sb->s_vfs_rename_mutex, &shiftfs_rename_key[depth]);
}
#else
static void shiftfs_lockdep_inode(struct inode *inode)
{
}
#endif

/*
 * Does the lower filesystem have to be asked for permission? Not where it
 * cannot say no: the mounter overrides permissions there and it has no rules of
 * its own.
 */
static bool shiftfs_asks_lower(const struct inode *inode,
			       const struct inode *lower)
{
	return shiftfs_sb(inode->i_sb)->check_lower || lower->i_op->permission;
}

static void shiftfs_fill_inode(struct inode *inode, struct inode *lower)
{
	bool asks = shiftfs_asks_lower(inode, lower);

	inode->i_ino = lower->i_ino;
	inode->i_generation = lower->i_generation;
	inode->i_blkbits = lower->i_blkbits;
	/* shiftfs_modify_lower() wants to hear of the others. */
	if (!S_ISFIFO(lower->i_mode))
		inode->i_flags |= S_NOCMTIME;
	/* The ids in an ACL are translated at each use: see acl.c. */
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	inode->i_mapping->a_ops = &shiftfs_aops;
	/* Nobody else knows it yet. */
	shiftfs_copy_ids(inode, SHIFTFS_IDS_FIRST);
	i_size_write(inode, i_size_read(lower));
	set_nlink(inode, lower->i_nlink);
	shiftfs_copy_times(inode);

	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &shiftfs_file_iops[asks];
		inode->i_fop = &shiftfs_file_fops;
		break;
	case S_IFDIR:
		inode->i_op = &shiftfs_dir_iops[asks +
						2 * !!lower->i_op->atomic_open];
		inode->i_fop = &shiftfs_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &shiftfs_symlink_iops[asks];
		/* Part of the lower inode, which outlives ours. */
		inode->i_link = lower->i_link;
		break;
	default:
		inode->i_op = &shiftfs_special_iops[asks];
		init_special_inode(inode, inode->i_mode, lower->i_rdev);
		break;
	}
	shiftfs_lockdep_inode(inode);
}

/* May be called under RCU. */
static int shiftfs_iget_test(struct inode *inode, void *lower)
{
	return shiftfs_lower_inode(inode) == lower;
}

static int shiftfs_iget_set(struct inode *inode, void *lower)
{
	ihold(lower);
	inode->i_private = lower;
	return 0;
}

/*
 * The upper inode of @lower, which the caller holds a reference to. There is
 * one for each mount; hard links share it. Hashed by address, since lower
 * inode numbers need not be unique (btrfs, overlayfs).
 */
struct inode *shiftfs_iget(struct super_block *sb, struct inode *lower)
{
	struct inode *inode;

	inode = shiftfs_iget5_locked(sb, (unsigned long)lower,
				     shiftfs_iget_test, shiftfs_iget_set,
				     lower);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (inode_state_read_once(inode) & I_NEW) {
		shiftfs_fill_inode(inode, lower);
		unlock_new_inode(inode);
	} else {
		shiftfs_refresh(inode);
	}
	return inode;
}

/* The upper inode of @lower, referenced, if there is one; otherwise NULL. */
struct inode *shiftfs_find(struct super_block *sb, struct inode *lower)
{
	return ilookup5(sb, (unsigned long)lower, shiftfs_iget_test, lower);
}

/* Does the mount know @lower, or has it not been forgotten yet? */
bool shiftfs_is_cached(struct super_block *sb, struct inode *lower)
{
	struct inode *inode = shiftfs_find(sb, lower);

	iput(inode);
	return inode;
}

/*
 * Has the file a name left? Ask the lowest filesystem: shiftfs mounts in
 * between notice a removal only when they are looked at.
 */
bool shiftfs_has_name(const struct inode *inode)
{
	do {
		inode = shiftfs_lower_inode(inode);
	} while (inode && shiftfs_is_ours(inode->i_sb));
	return !inode || READ_ONCE(inode->i_nlink);
}
