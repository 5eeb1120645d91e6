// SPDX-License-Identifier: GPL-2.0-only
/*
 * Let go of what was removed beneath.
 *
 * An unused upper dentry pins its lower dentry, and the upper inode its lower inode.
 * Where a file loses its last name through the host's path or another shiftfs, the
 * space it takes would not come back before its name is looked up here. So each
 * local lower superblock is watched, by one mark for all mounts of it, and what is
 * unused here of a file that has lost its last name is dropped.
 *
 * The event comes in the context of who removes, with the lower directory locked,
 * which is no place to drop dentries: a work item does that.
 *
 * Remote lower filesystems are not watched, see shiftfs_keep_cached().
 */
#include <linux/fsnotify_backend.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "shiftfs.h"

/* An upper inode whose lower one has no name any more; referenced. */
struct shiftfs_gone {
	struct list_head list;
	struct inode *inode;
};

/**
 * struct shiftfs_watch - what there is once for each lower superblock
 * @mark:	tells of removals there; freed with all of this once no handler
 *		runs any more
 * @list:	in shiftfs_watches
 * @lower:	the lower superblock, pinned by the lower mount of each user
 * @users:	mounts, those included that are about to leave
 * @lock:	protects @mounts and @gone
 * @mounts:	list of struct shiftfs_sb
 * @gone:	list of struct shiftfs_gone
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

/*
 * Is it removed through this mount, by this task? Then the VFS has the upper inode
 * locked and drops it itself, before the system call returns.
 */
static bool shiftfs_removes_it_here(const struct inode *inode)
{
	const struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);

	return inode_is_locked((struct inode *)inode) &&
	       (ss->conf.as_caller || current_cred() == ss->cred);
}

/* Under the lock of the inode hash. An inode which is just made is skipped. */
static int shiftfs_match_gone(struct inode *inode, shiftfs_ihash hash,
			      void *lower)
{
	if (shiftfs_lower_inode(inode) != lower)
		return 0;
	if (inode_state_read_once(inode) & I_NEW ||
	    shiftfs_removes_it_here(inode))
		return -1;
	/* One that is being freed can have a successor. */
	return igrab(inode) ? 1 : 0;
}

/* Add the upper inodes of @lower to @gone. Returns whether there is one. */
static bool shiftfs_collect_gone(struct shiftfs_watch *watch,
				 struct inode *lower, struct list_head *gone)
{
	struct shiftfs_gone *new = NULL;
	struct shiftfs_sb *ss;
	bool found = false;

	spin_lock(&watch->lock);
	list_for_each_entry(ss, &watch->mounts, watch_list) {
		if (!new)
			new = kmalloc(sizeof(*new), GFP_NOWAIT | __GFP_NOWARN);
		/* Its space comes back later, then. */
		if (!new)
			break;
		new->inode = find_inode_nowait(ss->sb, (unsigned long)lower,
					       shiftfs_match_gone, lower);
		if (!new->inode)
			continue;
		list_add_tail(&new->list, gone);
		new = NULL;
		found = true;
	}
	spin_unlock(&watch->lock);
	kfree(new);
	return found;
}

/*
 * Drop what is cached below a removed directory, above and then below: names that
 * are known not to exist pin it, too.
 */
static void shiftfs_forget_children(struct inode *inode)
{
	struct dentry *dentry = d_find_any_alias(inode);
	struct dentry *lower;

	if (!dentry)
		return;
	lower = dget(shiftfs_lower_dentry(dentry));
	shrink_dcache_parent(dentry);
	if (lower)
		shrink_dcache_parent(lower);
	dput(lower);
	dput(dentry);
}

/* What is in use goes with its last user. */
static void shiftfs_forget(struct inode *inode)
{
	if (S_ISDIR(inode->i_mode))
		shiftfs_forget_children(inode);
	d_mark_dontcache(inode);
	d_prune_aliases(inode);
	iput(inode);
}

static struct inode *shiftfs_pop_gone(struct list_head *list)
{
	struct shiftfs_gone *gone;
	struct inode *inode;

	gone = list_first_entry_or_null(list, struct shiftfs_gone, list);
	if (!gone)
		return NULL;
	list_del(&gone->list);
	inode = gone->inode;
	kfree(gone);
	return inode;
}

/*
 * No event tells a shiftfs on top of ours of a removal below ours, so what it pins
 * of ours is dropped first.
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
 * Told of each removed name, and of each change of attributes. A change of the link
 * count, as opposed to a chmod or the like, has an inode for its data, and one of a
 * directory means that it was replaced.
 */
static int shiftfs_handle_event(struct fsnotify_group *group, u32 mask,
				const void *data, int data_type,
				struct inode *dir, const struct qstr *name,
				u32 cookie, struct fsnotify_iter_info *iter)
{
	struct fsnotify_mark *mark;
	struct shiftfs_watch *watch;
	struct inode *lower;

	if (data_type != FSNOTIFY_EVENT_INODE)
		return 0;
	lower = fsnotify_data_inode(data, data_type);
	if (!lower || (!(mask & FS_ISDIR) && READ_ONCE(lower->i_nlink)))
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
 * Watch the lower superblock of @sb. A mount does without where that cannot be had:
 * its files are what they are, only their space comes back later.
 */
void shiftfs_watch(struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct super_block *lower = ss->lower.mnt->mnt_sb;
	struct shiftfs_watch *watch;

	if (ss->remote)
		return;

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
	spin_lock(&watch->lock);
	list_add_tail(&ss->watch_list, &watch->mounts);
	spin_unlock(&watch->lock);
out:
	mutex_unlock(&shiftfs_watches_lock);
}

/*
 * Before the superblock is shut down, which complains about inodes in use: when this
 * returns, no handler can find @sb any more and no work item holds an inode of it.
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

/* Wait until what was removed so far is dropped, unless it is in use. */
void shiftfs_settle(struct super_block *sb)
{
	struct shiftfs_watch *watch = shiftfs_sb(sb)->watch;

	if (watch)
		flush_work(&watch->work);
}

int __init shiftfs_init_watch(void)
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

void shiftfs_exit_watch(void)
{
	fsnotify_put_group(shiftfs_group);
	/* Marks hold the group and are freed by our code. */
	fsnotify_wait_marks_destroyed();
	destroy_workqueue(shiftfs_wq);
}
