// SPDX-License-Identifier: GPL-2.0-only
/*
 * Let go of what was removed beneath.
 *
 * An unused upper dentry pins its lower dentry, and the upper inode its lower
 * inode. Where a file loses its last name through the host's path or another
 * shiftfs, the space it takes would not come back before its name is looked up
 * here. So from time to time the inodes of all mounts are looked at, and what
 * is unused here of a file that has lost its last name is dropped.
 *
 * An event would tell at once, but one fsnotify mark on the lower superblock
 * makes each chmod(2), setxattr(2), link(2) and unlink(2) there 6 to 9 %
 * dearer, for everybody who uses it.
 *
 * Of remote lower filesystems nothing is kept, see shiftfs_keep_cached().
 */
#include <linux/jiffies.h>
#include <linux/workqueue.h>
#include "shiftfs.h"

#define SHIFTFS_SCAN_EVERY	(3 * HZ)

static void shiftfs_scan_all(struct work_struct *work);

static struct workqueue_struct *shiftfs_wq;
static DECLARE_DELAYED_WORK(shiftfs_scan_work, shiftfs_scan_all);
/* Protects the list, and the mounts on it while they are looked at. */
static DEFINE_MUTEX(shiftfs_scan_lock);
static LIST_HEAD(shiftfs_scanned);

/*
 * Drop what is cached below a removed directory, above and then below: names
 * that are known not to exist pin it, too.
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

/* Drop what is unused of @inode, which the caller puts; the rest goes with its users. */
static void shiftfs_forget(struct inode *inode)
{
	if (S_ISDIR(inode->i_mode))
		shiftfs_forget_children(inode);
	d_mark_dontcache(inode);
	d_prune_aliases(inode);
}

/*
 * An inode is on the list until it is evicted, and has its lower inode for as
 * long. The one that was looked at last is held while the list is not locked.
 */
static void shiftfs_scan(struct super_block *sb)
{
	struct inode *inode, *last = NULL;
	unsigned int n = 0;
	bool gone;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		gone = !shiftfs_has_name(inode);
		if (likely(!gone && ++n % 1024))
			continue;
		if (inode_state_read_once(inode) & I_NEW || !igrab(inode))
			continue;
		spin_unlock(&sb->s_inode_list_lock);

		iput(last);
		last = inode;
		if (gone)
			shiftfs_forget(inode);
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(last);
}

static void shiftfs_scan_later(void)
{
	queue_delayed_work(shiftfs_wq, &shiftfs_scan_work,
			   round_jiffies_relative(SHIFTFS_SCAN_EVERY));
}

/* The last mounted come first: a mount on top of another lets go before that. */
static void shiftfs_scan_all(struct work_struct *work)
{
	struct shiftfs_sb *ss;

	mutex_lock(&shiftfs_scan_lock);
	list_for_each_entry(ss, &shiftfs_scanned, scan_list)
		shiftfs_scan(ss->sb);
	if (!list_empty(&shiftfs_scanned))
		shiftfs_scan_later();
	mutex_unlock(&shiftfs_scan_lock);
}

void shiftfs_watch(struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);

	if (ss->remote)
		return;
	mutex_lock(&shiftfs_scan_lock);
	list_add(&ss->scan_list, &shiftfs_scanned);
	shiftfs_scan_later();
	mutex_unlock(&shiftfs_scan_lock);
}

/* Before the superblock is shut down, which complains about inodes in use. */
void shiftfs_unwatch(struct super_block *sb)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);

	/* It may not have come as far as shiftfs_watch(). */
	if (!ss || !ss->scan_list.next)
		return;
	mutex_lock(&shiftfs_scan_lock);
	list_del(&ss->scan_list);
	mutex_unlock(&shiftfs_scan_lock);
}

/* Drop what the mount has of @lower, which has no name, unless it is in use. */
void shiftfs_settle(struct super_block *sb, struct inode *lower)
{
	struct inode *inode = shiftfs_find(sb, lower);

	if (!inode)
		return;
	shiftfs_forget(inode);
	iput(inode);
}

int __init shiftfs_init_watch(void)
{
	shiftfs_wq = alloc_workqueue("shiftfs", WQ_UNBOUND, 1);
	return shiftfs_wq ? 0 : -ENOMEM;
}

void shiftfs_exit_watch(void)
{
	cancel_delayed_work_sync(&shiftfs_scan_work);
	destroy_workqueue(shiftfs_wq);
}
