// SPDX-License-Identifier: GPL-2.0-only
/*
 * Let go of what was removed beneath.
 *
 * An unused upper dentry pins its lower dentry, and the upper inode its lower
 * inode. Where a file is removed behind our back - through the host's path,
 * through another shiftfs - the space it takes would come back only when its
 * name is looked up here again or memory gets tight. So each lower superblock
 * is watched: all shiftfs mounts of it share one mark.
 *
 * The event comes in the context of who removes, with the lower directory
 * locked, which is no place to drop dentries: a work item does that.
 */
#include <linux/fsnotify_backend.h>
#include <linux/workqueue.h>
#include "shiftfs.h"

/**
 * struct shiftfs_watch - what there is once for each lower superblock
 * @mark:	tells of removals there; freed with all of this an SRCU grace
 *		period after the last mount went
 * @list:	in shiftfs_watches
 * @lower:	the lower superblock, pinned by the lower mount of each user
 * @users:	mounts, those included which are about to leave
 * @lock:	protects @mounts, @gone and the shiftfs_inode.gone of all @mounts
 * @mounts:	list of struct shiftfs_sb
 * @gone:	upper inodes whose lower inode was removed, referenced
 * @work:	handles @gone
 */
struct shiftfs_watch {
	struct fsnotify_mark mark;
	struct list_head list;
	struct super_block *lower;
	unsigned int users;
	spinlock_t lock;
	struct list_head mounts;
	struct list_head gone;
	struct work_struct work;
};

static struct fsnotify_group *shiftfs_group;
static struct workqueue_struct *shiftfs_wq;
static LIST_HEAD(shiftfs_watches);
/* Protects the list and @users. Never held while the workqueue is flushed. */
static DEFINE_MUTEX(shiftfs_watches_lock);

/* Under the lock of the inode hash. An inode which is just made is skipped. */
static int shiftfs_match_gone(struct inode *inode, shiftfs_ihash hash,
			      void *lower)
{
	struct shiftfs_inode *si = shiftfs_i(inode);

	if (si->lower != lower)
		return 0;
	/* Who removes it through us drops it by itself, and at once. */
	if (inode_state_read_once(inode) & I_NEW ||
	    READ_ONCE(si->remover) == current || !list_empty(&si->gone))
		return -1;
	/* One that is being freed can have a successor. */
	return igrab(inode) ? 1 : 0;
}

/* Add the upper inodes of @lower to @gone; is there one? Atomic. */
static bool shiftfs_collect_gone(struct shiftfs_watch *watch,
				 struct inode *lower, struct list_head *gone)
{
	struct shiftfs_sb *ss;
	struct inode *inode;
	bool found = false;

	spin_lock(&watch->lock);
	list_for_each_entry(ss, &watch->mounts, watch_list) {
		inode = find_inode_nowait(ss->sb, (unsigned long)lower,
					  shiftfs_match_gone, lower);
		if (inode) {
			list_add_tail(&shiftfs_i(inode)->gone, gone);
			found = true;
		}
	}
	spin_unlock(&watch->lock);
	return found;
}

static struct inode *shiftfs_pop_gone(struct list_head *gone)
{
	struct shiftfs_inode *si;
	struct shiftfs_watch *watch;

	/* Only who holds the list takes from it: what is first remains first. */
	si = list_first_entry_or_null(gone, struct shiftfs_inode, gone);
	if (!si)
		return NULL;
	watch = shiftfs_sb(si->vfs_inode.i_sb)->watch;
	spin_lock(&watch->lock);
	list_del_init(&si->gone);
	spin_unlock(&watch->lock);
	return &si->vfs_inode;
}

/*
 * Drop what is cached below a removed directory, above and then below: names
 * which are known not to exist pin it, too.
 */
void shiftfs_drop_children(struct dentry *dentry)
{
	struct dentry *lower = dget(shiftfs_lower_dentry(dentry));

	shrink_dcache_parent(dentry);
	shrink_dcache_parent(lower);
	dput(lower);
}

/*
 * Every name of @inode is gone. What is unused goes now, what is in use with
 * its last user: it is no longer found, so it is not kept.
 */
void shiftfs_drop_aliases(struct inode *inode)
{
	bool is_dir = S_ISDIR(inode->i_mode);
	bool is_root = false;
	struct dentry *dentry;

	do {
		dentry = d_find_alias(inode);
		if (!dentry)
			break;
		/* The source of the mount itself was removed: stay mounted. */
		is_root = IS_ROOT(dentry);
		if (!is_root)
			d_invalidate(dentry);
		if (is_dir)
			shiftfs_drop_children(dentry);
		dput(dentry);
		/* A directory has one alias, which is found unhashed, too. */
	} while (!is_dir && !is_root);
	d_prune_aliases(inode);
}

static void shiftfs_forget(struct inode *inode)
{
	shiftfs_drop_aliases(inode);
	iput(inode);
}

/*
 * No event tells a shiftfs on top of ours of a removal below ours, so what it
 * pins of ours is dropped first.
 */
static void shiftfs_forget_above(struct inode *inode)
{
	struct shiftfs_watch *watch;
	struct inode *above;
	LIST_HEAD(gone);

	if (inode->i_sb->s_stack_depth >= FILESYSTEM_MAX_STACK_DEPTH)
		return;

	mutex_lock(&shiftfs_watches_lock);
	list_for_each_entry(watch, &shiftfs_watches, list)
		if (watch->lower == inode->i_sb)
			shiftfs_collect_gone(watch, inode, &gone);
	mutex_unlock(&shiftfs_watches_lock);

	while ((above = shiftfs_pop_gone(&gone)))
		shiftfs_forget(above);
}

static void shiftfs_gone_work(struct work_struct *work)
{
	struct shiftfs_watch *watch = container_of(work, struct shiftfs_watch,
						   work);
	struct inode *inode;
	LIST_HEAD(gone);

	/* What comes now is for the next run, or a flush might never end. */
	spin_lock(&watch->lock);
	list_splice_init(&watch->gone, &gone);
	spin_unlock(&watch->lock);

	while ((inode = shiftfs_pop_gone(&gone))) {
		shiftfs_forget_above(inode);
		shiftfs_forget(inode);
		cond_resched();
	}
}

/*
 * Told of each removed name, and of each change of attributes. A change of the
 * link count, as opposed to a chmod or the like, has an inode for its data,
 * and one of a directory means that it was replaced.
 */
static int shiftfs_handle_event(struct fsnotify_group *group, u32 mask,
				const void *data, int data_type,
				struct inode *dir, const struct qstr *name,
				u32 cookie, struct fsnotify_iter_info *iter)
{
	struct inode *lower = fsnotify_data_inode(data, data_type);
	struct shiftfs_watch *watch;
	struct fsnotify_mark *mark;

	if (data_type != FSNOTIFY_EVENT_INODE || !lower)
		return 0;
	if (!(mask & FS_ISDIR) && READ_ONCE(lower->i_nlink))
		return 0;
	mark = fsnotify_iter_sb_mark(iter);
	if (!mark)
		return 0;

	watch = container_of(mark, struct shiftfs_watch, mark);
	if (shiftfs_collect_gone(watch, lower, &watch->gone))
		queue_work(shiftfs_wq, &watch->work);
	return 0;
}

static void shiftfs_free_mark(struct fsnotify_mark *mark)
{
	kfree(container_of(mark, struct shiftfs_watch, mark));
}

static const struct fsnotify_ops shiftfs_fsnotify_ops = {
	.handle_event	= shiftfs_handle_event,
	.free_mark	= shiftfs_free_mark,
};

static struct shiftfs_watch *shiftfs_new_watch(struct super_block *lower)
{
	struct shiftfs_watch *watch;
	int err;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL);
	if (!watch)
		return ERR_PTR(-ENOMEM);
	watch->lower = lower;
	spin_lock_init(&watch->lock);
	INIT_LIST_HEAD(&watch->mounts);
	INIT_LIST_HEAD(&watch->gone);
	INIT_WORK(&watch->work, shiftfs_gone_work);
	fsnotify_init_mark(&watch->mark, shiftfs_group);
	watch->mark.mask = FS_ATTRIB | FS_DELETE;

	err = shiftfs_add_sb_mark(&watch->mark, lower);
	if (err) {
		fsnotify_put_mark(&watch->mark);
		return ERR_PTR(err);
	}
	list_add(&watch->list, &shiftfs_watches);
	return watch;
}

/*
 * Watch the lower superblock of @sb. A mount does without where that cannot be
 * had: its files are what they are, only their space comes back later.
 */
void shiftfs_watch(struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct super_block *lower = ss->lower.mnt->mnt_sb;
	struct shiftfs_watch *watch;

	mutex_lock(&shiftfs_watches_lock);
	list_for_each_entry(watch, &shiftfs_watches, list)
		if (watch->lower == lower)
			goto found;

	watch = shiftfs_new_watch(lower);
	if (IS_ERR(watch)) {
		pr_info_once("shiftfs: %s: removals in the lower filesystem cannot be watched (error %ld): the space of a removed file may be freed late\n",
			     lower->s_type->name, PTR_ERR(watch));
		goto out;
	}
found:
	watch->users++;
	ss->watch = watch;
	ss->sb = sb;
	spin_lock(&watch->lock);
	list_add_tail(&ss->watch_list, &watch->mounts);
	spin_unlock(&watch->lock);
out:
	mutex_unlock(&shiftfs_watches_lock);
}

/*
 * Before the superblock is shut down, which finds all inodes unused or
 * complains: when this returns, no handler can find @sb any more and no work
 * item holds an inode of it.
 */
void shiftfs_unwatch(struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct shiftfs_watch *watch = ss ? ss->watch : NULL;

	if (!watch)
		return;

	spin_lock(&watch->lock);
	list_del(&ss->watch_list);
	spin_unlock(&watch->lock);
	/* Not only watch->work: see shiftfs_forget_above(). */
	flush_workqueue(shiftfs_wq);

	mutex_lock(&shiftfs_watches_lock);
	if (!--watch->users) {
		list_del(&watch->list);
		fsnotify_destroy_mark(&watch->mark, shiftfs_group);
		fsnotify_put_mark(&watch->mark);
	}
	mutex_unlock(&shiftfs_watches_lock);
}

int __init shiftfs_init_notify(void)
{
	shiftfs_wq = alloc_workqueue("shiftfs", WQ_UNBOUND, 0);
	if (!shiftfs_wq)
		return -ENOMEM;
	shiftfs_group = fsnotify_alloc_group(&shiftfs_fsnotify_ops, 0);
	if (IS_ERR(shiftfs_group)) {
		destroy_workqueue(shiftfs_wq);
		return PTR_ERR(shiftfs_group);
	}
	return 0;
}

void shiftfs_exit_notify(void)
{
	fsnotify_put_group(shiftfs_group);
	/* Marks hold the group and are freed by our code. */
	fsnotify_wait_marks_destroyed();
	destroy_workqueue(shiftfs_wq);
}
