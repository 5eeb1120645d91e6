// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookup, and whether what was looked up still holds.
 *
 * Names change beneath without a word to us. Every change of a dentry's
 * identity (rename, unlink, becoming positive or negative) moves its d_seq on,
 * while a write, a chmod or a chown does not. An upper dentry pins the lower
 * dentry it stands for (d_fsdata) and remembers its d_seq (d_time): as long as
 * both agree, the name is good, which is a comparison that RCU-walk can make.
 * The rules of the dcache by which that holds: Documentation/design/dcache.rst.
 */
#include <linux/dcache.h>
#include "shiftfs.h"

/*
 * Is @lower found in @lower_dir under @name, by the rules of the filesystem,
 * which may take several names for one? While its d_lock is held its name and
 * its inode cannot change, and its d_seq cannot be odd.
 */
static bool shiftfs_is_named(const struct dentry *lower,
			     const struct dentry *lower_dir,
			     const struct qstr *name)
{
	return lower->d_parent == lower_dir && !d_unhashed(lower) &&
	       d_same_name(lower, lower_dir, name);
}

/**
 * shiftfs_leads_to - does a name still lead to what is to be removed or moved?
 * @sb:		the upper superblock
 * @lower_dir:	lower directory, locked; the caller's credentials are switched
 * @name:	the name there
 * @lower:	what it was when it was looked up
 *
 * Between the last look and the lock somebody can rename beneath. The name that
 * the dentry has then is another's.
 */
bool shiftfs_leads_to(const struct super_block *sb, struct dentry *lower_dir,
		      const struct qstr *name, const struct dentry *lower)
{
	struct dentry *now;

	if (lower->d_parent != lower_dir || d_unhashed(lower))
		return false;
	if (likely(d_same_name(lower, lower_dir, name)))
		return true;
	if (likely(shiftfs_is_comparable(lower_dir)))
		return false;

	/* A second name which only the filesystem knows: 8.3 of vfat. */
	now = shiftfs_lookup_lower_locked(shiftfs_lower_mnt(sb), lower_dir, name);
	if (IS_ERR(now))
		return false;
	dput(now);
	return now == lower;
}

/* The two forms of asking a lower filesystem which asks itself. */
int shiftfs_revalidate_lower(struct dentry *lower, unsigned int flags)
{
	int ret;

#ifdef SHIFTFS_HAVE_D_REVALIDATE_NAME
	struct dentry *parent = NULL;
	struct name_snapshot name;
	struct inode *dir;

	if (flags & LOOKUP_RCU) {
		dir = d_inode_rcu(READ_ONCE(lower->d_parent));
		if (!dir)
			return -ECHILD;
	} else {
		parent = dget_parent(lower);
		dir = d_inode(parent);
	}
	take_dentry_name_snapshot(&name, lower);
	ret = lower->d_op->d_revalidate(dir, &name.name, lower, flags);
	release_dentry_name_snapshot(&name);
	dput(parent);
#else
	ret = lower->d_op->d_revalidate(lower, flags);
#endif
	if (!ret && !(flags & LOOKUP_RCU))
		d_invalidate(lower);
	return ret;
}

/*
 * Does @dentry, a name in @parent, still stand for @lower?
 *
 * If so, remember the lower d_seq, but not while somebody is about to change
 * @dentry. The lower directory is unlocked before the VFS moves the upper
 * dentry or makes it negative. If the change beneath were undone in between,
 * the wrong lower dentry would be remembered. Such a change holds the lock of
 * the upper directory.
 */
static bool shiftfs_still_holds(struct dentry *dentry, struct dentry *parent,
				struct dentry *lower)
{
	bool unlocked = inode_trylock_shared(d_inode(parent));
	struct inode *inode;
	bool holds;

	spin_lock(&dentry->d_lock);
	spin_lock_nested(&lower->d_lock, DENTRY_D_LOCK_NESTED);
	inode = d_inode(dentry);
	holds = dentry->d_parent == parent &&
		shiftfs_is_named(lower, shiftfs_lower_dentry(parent),
				 &dentry->d_name) &&
		d_inode(lower) == (inode ? shiftfs_lower_inode(inode) : NULL);
	if (holds && unlocked)
		shiftfs_sample(dentry, lower);
	spin_unlock(&lower->d_lock);
	spin_unlock(&dentry->d_lock);
	if (unlocked)
		inode_unlock_shared(d_inode(parent));
	return holds;
}

/*
 * The d_seq has moved on: is the upper dentry nevertheless right?
 *
 * A "no" makes the VFS drop the dentry and umount what is below it. It is not
 * to be said in the middle of a create or a rename through us, when the lower
 * dentry is changed already and the upper one not yet told: they hold the
 * lower directory locked for as long.
 */
static int shiftfs_revalidate_slow(struct dentry *dentry, struct dentry *lower)
{
	struct dentry *parent, *now;
	struct inode *lower_dir;
	bool moved;
	int ret;

	do {
		parent = dget_parent(dentry);
		ret = shiftfs_still_holds(dentry, parent, lower);
		if (!ret) {
			lower_dir = d_inode(shiftfs_lower_dentry(parent));
			inode_lock_shared(lower_dir);
			now = shiftfs_lower_dentry(dentry);
			ret = !read_seqcount_retry(&now->d_seq,
						   READ_ONCE(dentry->d_time)) ||
			      shiftfs_still_holds(dentry, parent, now);
			inode_unlock_shared(lower_dir);
		}
		moved = READ_ONCE(dentry->d_parent) != parent;
		dput(parent);
	} while (!ret && moved);
	return ret;
}

/*
 * The lower dentry, referenced: without RCU nothing else keeps the one which
 * ->create may exchange meanwhile.
 */
static struct dentry *shiftfs_get_lower(const struct dentry *dentry)
{
	struct dentry *lower;

	rcu_read_lock();
	do {
		lower = shiftfs_lower_dentry(dentry);
	} while (lower && !lockref_get_not_dead(&lower->d_lockref));
	rcu_read_unlock();
	return lower;
}

static int shiftfs_revalidate_with(struct dentry *dentry, struct dentry *lower,
				   unsigned int flags)
{
	struct inode *inode = d_inode_rcu(dentry);
	unsigned int seq = READ_ONCE(dentry->d_time);
	int ret;

	/* autofs mounts also where there was nothing. */
	if (shiftfs_is_automount(lower) && !inode)
		return flags & LOOKUP_RCU ? -ECHILD : 0;

	if (unlikely(lower->d_flags & DCACHE_OP_REVALIDATE)) {
		const struct cred *old;

		/* The caller's credentials may have to be made first. */
		if (shiftfs_sb(dentry->d_sb)->conf.as_caller &&
		    flags & LOOKUP_RCU)
			return -ECHILD;
		old = shiftfs_override(dentry->d_sb);

		ret = shiftfs_revalidate_lower(lower, flags);
		shiftfs_revert(old);
		if (ret <= 0)
			return ret;
	}

	if (unlikely(read_seqcount_retry(&lower->d_seq, seq))) {
		if (flags & LOOKUP_RCU)
			return -ECHILD;
		ret = shiftfs_revalidate_slow(dentry, lower);
		if (ret <= 0)
			return ret;
	}

	/* Of a directory where the walk ends, ->permission is not called. */
	if (inode && shiftfs_is_outdated(inode)) {
		if (flags & LOOKUP_RCU)
			return -ECHILD;
		shiftfs_refresh(inode);
	}
	return 1;
}

/*
 * Nothing to ask, nothing to do? To be called under RCU.
 *
 * The attributes of a directory which the walk goes through are looked at by
 * ->permission; where the walk ends it is not called.
 */
static __always_inline bool shiftfs_is_unchanged(const struct dentry *dentry,
						 unsigned int flags)
{
	const struct dentry *lower = shiftfs_lower_dentry(dentry);
	const struct inode *inode = d_inode_rcu(dentry);

	if (unlikely(!lower || lower->d_flags & (DCACHE_OP_REVALIDATE |
						 SHIFTFS_AUTOMOUNT) ||
		     read_seqcount_retry(&lower->d_seq,
					 READ_ONCE(dentry->d_time))))
		return false;
	if (!inode || (flags & LOOKUP_PARENT && S_ISDIR(inode->i_mode)))
		return true;
	return !shiftfs_is_outdated(inode);
}

static noinline int shiftfs_revalidate_rest(struct dentry *dentry,
					    unsigned int flags)
{
	struct dentry *lower;
	bool unchanged;
	int ret;

	if (flags & LOOKUP_RCU) {
		lower = shiftfs_lower_dentry(dentry);
		return likely(lower) ?
		       shiftfs_revalidate_with(dentry, lower, flags) : 0;
	}

	rcu_read_lock();
	unchanged = shiftfs_is_unchanged(dentry, flags);
	rcu_read_unlock();
	if (likely(unchanged))
		return 1;

	lower = shiftfs_get_lower(dentry);
	if (unlikely(!lower))
		return 0;
	ret = shiftfs_revalidate_with(dentry, lower, flags);
	dput(lower);
	return ret;
}

/*
 * Each step of a path walk comes here: no call that is not the last one, so
 * that there are no registers to be saved.
 */
static __always_inline int shiftfs_do_revalidate(struct dentry *dentry,
						 unsigned int flags)
{
	if (likely(flags & LOOKUP_RCU && shiftfs_is_unchanged(dentry, flags)))
		return 1;
	return shiftfs_revalidate_rest(dentry, flags);
}

#ifdef SHIFTFS_HAVE_D_REVALIDATE_NAME
static int shiftfs_d_revalidate(struct inode *dir, const struct qstr *name,
				struct dentry *dentry, unsigned int flags)
{
	return shiftfs_do_revalidate(dentry, flags);
}
#else
static int shiftfs_d_revalidate(struct dentry *dentry, unsigned int flags)
{
	return shiftfs_do_revalidate(dentry, flags);
}
#endif

/*
 * For where a walk ends without a name: a mount point, a magic link. The root
 * of the mount is seen only here, so its attributes are refreshed here too.
 */
static int shiftfs_d_weak_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct dentry *lower = shiftfs_lower_dentry(dentry);
	int ret = 1;

	if (lower && lower->d_flags & DCACHE_OP_WEAK_REVALIDATE) {
		const struct cred *old = shiftfs_override(dentry->d_sb);

		ret = lower->d_op->d_weak_revalidate(lower, flags);
		shiftfs_revert(old);
	}
	if (ret > 0 && d_really_is_positive(dentry))
		shiftfs_refresh(d_inode(dentry));
	return ret;
}

static void shiftfs_d_release(struct dentry *dentry)
{
	dput(dentry->d_fsdata);
}

const struct dentry_operations shiftfs_dentry_ops = {
	.d_revalidate		= shiftfs_d_revalidate,
	.d_weak_revalidate	= shiftfs_d_weak_revalidate,
	.d_release		= shiftfs_d_release,
};

/*
 * If @lower is found in @lower_dir under the name of @dentry, remember this
 * moment. Nobody else knows @dentry yet, or its directory is locked.
 */
bool shiftfs_sample_named(struct dentry *dentry, struct dentry *lower,
			  const struct dentry *lower_dir)
{
	bool named;

	spin_lock(&lower->d_lock);
	named = shiftfs_is_named(lower, lower_dir, &dentry->d_name);
	if (named)
		shiftfs_sample(dentry, lower);
	spin_unlock(&lower->d_lock);
	return named;
}

/*
 * A rename beneath can move the lower dentry between its lookup and the moment
 * that is remembered; then the name is looked up again.
 */
static struct dentry *shiftfs_lookup_and_sample(struct dentry *dentry,
						struct dentry *lower_dir)
{
	bool ask = !shiftfs_reads_as_any(d_inode(dentry->d_parent));
	struct vfsmount *mnt = shiftfs_lower_mnt(dentry->d_sb);
	int tries = 16;

	while (tries--) {
		unsigned int renames = read_seqbegin(&rename_lock);
		struct dentry *lower;

		lower = shiftfs_lookup_lower(mnt, lower_dir, &dentry->d_name,
					     ask);
		if (IS_ERR(lower))
			return lower;
		/* Some directories, casefolded ones say, cache no "no". */
		if (d_unhashed(lower) && d_really_is_negative(lower))
			return lower;

		/* If nothing at all was renamed it is still where it was. */
		shiftfs_sample(dentry, lower);
		if (likely(!read_seqretry(&rename_lock, renames) &&
			   lower->d_parent == lower_dir && !d_unhashed(lower)))
			return lower;

		if (shiftfs_sample_named(dentry, lower, lower_dir))
			return lower;
		dput(lower);
	}
	return ERR_PTR(-ESTALE);
}

/*
 * Hash @dentry with @inode, whose reference is consumed.
 *
 * The dentry of a directory that was moved beneath is moved here too. That
 * needs locks out of order, which are only tried for, and -ESTALE says that
 * another rename holds them. It would reach the user if it happened twice, so
 * the directory then gets a new inode here, and the next lookup finds the old
 * dentry stale.
 */
static struct dentry *shiftfs_splice(struct inode *inode, struct dentry *dentry)
{
	struct super_block *sb = dentry->d_sb;
	struct dentry *ret;
	int tries = 10;

	while (inode && S_ISDIR(inode->i_mode) && tries--) {
		struct inode *old = inode;

		/* Consumed in any case. */
		ihold(inode);
		ret = d_splice_alias(inode, dentry);
		if (ret != ERR_PTR(-ESTALE)) {
			iput(inode);
			return ret;
		}
		remove_inode_hash(old);
		inode = shiftfs_iget(sb, shiftfs_lower_inode(old));
		iput(old);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
	}
	return d_splice_alias(inode, dentry);
}

/*
 * Called with the upper directory locked (shared or not), which keeps
 * dentry->d_name and d_parent as they are.
 */
struct dentry *shiftfs_lookup(struct inode *dir, struct dentry *dentry,
			      unsigned int flags)
{
	struct dentry *lower_dir = shiftfs_lower_dentry(dentry->d_parent);
	struct inode *inode = NULL;
	struct inode *lower_inode;
	const struct cred *old;
	struct dentry *lower;
	struct dentry *ret;
	bool skip;

	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	/* To be seen, and mounted on, but not to be gone into. */
	if (shiftfs_is_automount(lower_dir))
		return ERR_PTR(-EREMOTE);
	if (unlikely(!d_can_lookup(lower_dir)))
		return ERR_PTR(-ENOTDIR);

	skip = shiftfs_skips_lookup(dir, flags) &&
	       shiftfs_is_comparable(lower_dir);
	old = shiftfs_override(dir->i_sb);
	if (unlikely(skip))
		lower = shiftfs_find_taken(dentry, lower_dir, flags);
	else
		lower = shiftfs_lookup_and_sample(dentry, lower_dir);
	shiftfs_revert(old);
	if (IS_ERR_OR_NULL(lower))
		return lower;
	/* autofs has negative ones, for what its daemon would mount. */
	if (shiftfs_is_automount(lower) && d_is_negative(lower)) {
		dput(lower);
		return ERR_PTR(-EREMOTE);
	}

	lower_inode = d_inode(lower);
	if (lower_inode) {
		inode = shiftfs_iget(dir->i_sb, lower_inode);
		if (IS_ERR(inode)) {
			dput(lower);
			return ERR_CAST(inode);
		}
	} else if (!shiftfs_is_comparable(lower_dir) || d_unhashed(lower)) {
		/*
		 * Several names lead to one dentry, or nothing is left to
		 * compare with: do not remember a "no".
		 */
		dput(lower);
		return NULL;
	}

	dentry->d_fsdata = lower;
	shiftfs_keep_cached(dentry, inode && S_ISDIR(inode->i_mode));
	ret = shiftfs_splice(inode, dentry);

	/* A directory that was moved beneath brings its old dentry along. */
	if (!IS_ERR_OR_NULL(ret) && shiftfs_lower_dentry(ret) == lower)
		WRITE_ONCE(ret->d_time, dentry->d_time);
	return ret;
}
