// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks are taken on the lower file and nowhere else. So a lock conflicts with
 * one that was taken by another path, on the host or through another mount.
 *
 * The VFS releases locks by looking at the upper inode, where it finds none:
 * ->flush does it on the lower one, and the last fput of the lower file. A
 * POSIX lock keeps its owner, the files_struct. Locks that belong to an open
 * file (flock and OFD locks) belong to the lower file, because a server that
 * keeps both kinds (NFS) distinguishes them by their owners.
 *
 * Security hooks are asked by the VFS, about the upper file: neither
 * vfs_lock_file() nor filp_close() has one.
 */
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <asm/syscall.h>
#include "shiftfs.h"
#ifdef SHIFTFS_HAVE_FILE_LOCK_CORE
#define fl_file_of(fl)	((fl)->c.flc_file)
#define fl_owner_of(fl)	((fl)->c.flc_owner)
#define fl_type_of(fl)	((fl)->c.flc_type)
#else
#define fl_file_of(fl)	((fl)->fl_file)
#define fl_owner_of(fl)	((fl)->fl_owner)
#define fl_type_of(fl)	((fl)->fl_type)
#endif

static int shiftfs_do_lock(struct file *file, int cmd, struct file_lock *fl);

/*
 * A filesystem with locks of its own tells its server the caller. The kernel's
 * own lists have no use for the caller.
 */
static noinline int shiftfs_lock_remote(struct file *file, struct file *lower,
					int cmd, struct file_lock *fl)
{
	const struct cred *old = shiftfs_override(file_inode(file)->i_sb);
	int err;

	if (lower->f_op == &shiftfs_file_fops)
		err = shiftfs_do_lock(lower, cmd, fl);
	else if (IS_GETLK(cmd))
		err = vfs_test_lock(lower, fl);
	else
		err = vfs_lock_file(lower, cmd, fl, NULL);
	shiftfs_revert(old);
	return err;
}

/*
 * A blocked request returns FILE_LOCK_DEFERRED; the caller waits and calls
 * again, so @fl has to be as it was in the meantime.
 */
static int shiftfs_do_lock(struct file *file, int cmd, struct file_lock *fl)
{
	struct file *lower = shiftfs_lower_file(file);
	int err;

	/*
	 * The server of NFS 3 releases its locks by what it finds at the upper
	 * inode, without a ->flush.
	 */
	if (unlikely(fl->fl_lmops && fl->fl_lmops->lm_grant))
		return -ENOLCK;

	fl_file_of(fl) = lower;
	/* It stays so: other requests that wait are compared with this one. */
	if (fl_owner_of(fl) == (fl_owner_t)file)
		fl_owner_of(fl) = lower;
	if (unlikely(lower->f_op->lock))
		err = shiftfs_lock_remote(file, lower, cmd, fl);
	else if (IS_GETLK(cmd))
		err = vfs_test_lock(lower, fl);
	else if (unlikely(cmd == F_CANCELLK))
		err = 0;	/* the VFS has, if nobody else has to */
	else
		err = posix_lock_file(lower, fl, NULL);
	fl_file_of(fl) = file;
	return err;
}

static int shiftfs_is_file(const void *wanted, struct file *file,
			   unsigned int fd)
{
	return file == wanted;
}

/*
 * Has the table a descriptor of @file? The first argument of fcntl(2) is one,
 * if that is the system call. It is only where to look first: a walk of the
 * table, in which there may be thousands, gives the answer else.
 */
static bool shiftfs_has_descriptor(struct files_struct *files, struct file *file)
{
	unsigned long args[6];
	bool found;

	syscall_get_arguments(current, current_pt_regs(), args);
	spin_lock(&files->file_lock);
	found = files_lookup_fd_locked(files, args[0]) == file;
	spin_unlock(&files->file_lock);
	return likely(found) || iterate_fd(files, 0, shiftfs_is_file, file);
}

/*
 * Another thread can close the descriptor while this one asks for a lock, or
 * waits for one. The close has then found no lock to remove, and nobody would
 * remove the one that is granted afterwards: it would outlive its file. The
 * VFS looks for that, too, but removes what it finds at the upper inode.
 *
 * The table is changed under its lock before ->flush looks for locks, and is
 * looked at here, under that lock, after the lock is in the list: one of the
 * two sees the other. Where the file has another descriptor in the table the
 * lock stays, until that one is closed.
 *
 * How many threads there are now says nothing: the one that closed may have
 * ended. So each lock that is granted is looked for.
 */
static bool shiftfs_was_closed(struct file *file, const struct file_lock *fl)
{
	struct files_struct *files = current->files;

	if (fl_type_of(fl) == F_UNLCK || fl_owner_of(fl) != (fl_owner_t)files)
		return false;
	return !shiftfs_has_descriptor(files, file);
}

int shiftfs_lock(struct file *file, int cmd, struct file_lock *fl)
{
	int err = shiftfs_do_lock(file, cmd, fl);
	const struct cred *old;

	if (likely(err || IS_GETLK(cmd) || !shiftfs_was_closed(file, fl)))
		return err;

	old = shiftfs_override(file_inode(file)->i_sb);
	locks_remove_posix(shiftfs_lower_file(file), current->files);
	shiftfs_revert(old);
	return -EBADF;
}

static noinline int shiftfs_flock_remote(struct file *file, struct file *lower,
					 int cmd, struct file_lock *fl)
{
	const struct cred *old = shiftfs_override(file_inode(file)->i_sb);
	int err;

	err = lower->f_op->flock(lower, cmd, fl);
	shiftfs_revert(old);
	return err;
}

/*
 * A flock belongs to the lower file, whose last fput ends it. The caller does
 * not wait and does not use @fl any more.
 */
int shiftfs_flock(struct file *file, int cmd, struct file_lock *fl)
{
	struct file *lower = shiftfs_lower_file(file);

	fl_file_of(fl) = lower;
	fl_owner_of(fl) = lower;
	if (unlikely(lower->f_op->flock))
		return shiftfs_flock_remote(file, lower, cmd, fl);
	return locks_lock_inode_wait(file_inode(lower), fl);
}

/* locks_remove_posix() looks, too, but late in a long function. */
static inline bool shiftfs_has_posix_locks(const struct file *lower)
{
	const struct file_lock_context *ctx;

	ctx = locks_inode_context(file_inode(lower));
	return ctx && !list_empty(&ctx->flc_posix);
}

/* Any close of a descriptor ends the process's POSIX locks on the file. */
int shiftfs_flush(struct file *file, fl_owner_t id)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	int err = 0;

	/* As in shiftfs_lock(). */
	if (likely(!lower->f_op->flush && !lower->f_op->lock)) {
		if (unlikely(shiftfs_has_posix_locks(lower)))
			locks_remove_posix(lower, id);
		return 0;
	}

	old = shiftfs_override(file_inode(file)->i_sb);
	locks_remove_posix(lower, id);
	if (lower->f_op->flush)
		err = lower->f_op->flush(lower, id);
	shiftfs_revert(old);
	return err;
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
