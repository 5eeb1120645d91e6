// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks are taken on the lower file and nowhere else, so that who comes by
 * another path to the same file, the host or another mount, conflicts.
 *
 * The VFS releases locks by looking at the upper inode, where it finds none:
 * ->flush and ->release do it on the lower one. The owner of a lock (the
 * files_struct for POSIX, the upper file for OFD locks) is left as it is.
 */
#include <linux/fs.h>
#include "shiftfs.h"
#ifdef SHIFTFS_HAVE_FILE_LOCK_CORE
#include <linux/filelock.h>
#define fl_file_of(fl)	((fl)->c.flc_file)
#define fl_owner_of(fl)	((fl)->c.flc_owner)
#else
#define fl_file_of(fl)	((fl)->fl_file)
#define fl_owner_of(fl)	((fl)->fl_owner)
#endif

/*
 * A blocked request returns FILE_LOCK_DEFERRED; the caller waits and calls
 * again, so @fl has to be as it was in the meantime.
 */
int shiftfs_lock(struct file *file, int cmd, struct file_lock *fl)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	int err;

	/* The kernel's own lists of locks do not ask who it is. */
	old = lower->f_op->lock ? shiftfs_override(file_inode(file)->i_sb) :
				  NULL;
	fl_file_of(fl) = lower;
	if (IS_GETLK(cmd))
		err = vfs_test_lock(lower, fl);
	else
		err = vfs_lock_file(lower, cmd, fl, NULL);
	fl_file_of(fl) = file;
	if (old)
		shiftfs_revert(old);
	return err;
}

/* A flock belongs to its file: to the lower one, whose last fput ends it. */
int shiftfs_flock(struct file *file, int cmd, struct file_lock *fl)
{
	struct file *lower = shiftfs_lower_file(file);
	fl_owner_t owner = fl_owner_of(fl);
	int err;

	fl_file_of(fl) = lower;
	fl_owner_of(fl) = lower;
	if (lower->f_op->flock) {
		const struct cred *old;

		old = shiftfs_override(file_inode(file)->i_sb);
		err = lower->f_op->flock(lower, cmd, fl);
		shiftfs_revert(old);
	} else {
		err = locks_lock_file_wait(lower, fl);
	}
	fl_owner_of(fl) = owner;
	fl_file_of(fl) = file;
	return err;
}

/* Any close of a descriptor ends the process's POSIX locks on the file. */
int shiftfs_flush(struct file *file, fl_owner_t id)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	int err;

	/* As in shiftfs_lock(). */
	if (!lower->f_op->flush && !lower->f_op->lock) {
		locks_remove_posix(lower, id);
		return 0;
	}

	old = shiftfs_override(file_inode(file)->i_sb);
	locks_remove_posix(lower, id);
	err = lower->f_op->flush ? lower->f_op->flush(lower, id) : 0;
	shiftfs_revert(old);
	return err;
}

/* OFD locks are POSIX locks which the upper file owns. */
void shiftfs_release_locks(struct file *file, struct file *lower)
{
	locks_remove_posix(lower, (fl_owner_t)file);
}

/*
 * A lease set here would not see who opens the lower file, and one set on the
 * lower file would signal a file which the holder does not have.
 */
#ifdef SHIFTFS_HAVE_FILE_LEASE
int shiftfs_setlease(struct file *file, int arg, struct file_lease **lease,
		     void **priv)
#else
int shiftfs_setlease(struct file *file, long arg, struct file_lock **lease,
		     void **priv)
#endif
{
	return -EINVAL;
}
