// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read and write: the request goes to the lower file's own operations. There
 * are no pages here, so there is one page cache.
 *
 * This runs with the caller's credentials, as a page fault in a mapping does
 * and as on an idmapped mount. The right to read and write was checked at open,
 * with the mounter's. A write uses credentials for three questions: may the
 * caller use reserved blocks or exceed a quota, does a member of the file's
 * group keep the setgid bit, and as which user is a server asked to remove
 * privileges, see shiftfs_change_cred().
 *
 * The hooks of the lower file are asked first, see shiftfs_verify().
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include "shiftfs.h"

static struct kmem_cache *shiftfs_aio_cachep;

/*
 * What of the caller's kiocb is meant for the lower filesystem. The rest says
 * who owns the kiocb and how to complete it (IOCB_AIO_RW lets the lower one
 * look for the container of the caller's), or is not forwarded.
 */
#define SHIFTFS_IOCB_FLAGS	(IOCB_HIPRI | IOCB_DSYNC | IOCB_SYNC |	\
				 IOCB_NOWAIT | IOCB_APPEND |		\
				 IOCB_DIRECT | IOCB_WRITE | IOCB_NOIO |	\
				 SHIFTFS_IOCB_NEWER_FLAGS)

/* What fcntl(F_SETFL) may change while a file is open. */
#define SHIFTFS_SETFL_FLAGS	(O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT)

/* An asynchronous request under way. */
struct shiftfs_aio {
	struct kiocb iocb;	/* the lower one */
	struct kiocb *upper;
	refcount_t ref;		/* submitter and completion */
};

/* Filesystems look at f_flags of their own file, which F_SETFL left alone. */
static noinline int shiftfs_sync_flags_slow(struct file *file,
					    struct file *lower)
{
	unsigned int flags = file->f_flags & SHIFTFS_SETFL_FLAGS;
	int err;

	if (flags & O_DIRECT && !(lower->f_mode & FMODE_CAN_ODIRECT))
		return -EINVAL;
	/* As fcntl(2) does after its hook, which was asked about the upper file. */
	if (lower->f_op->check_flags) {
		err = lower->f_op->check_flags(flags);
		if (err)
			return err;
	}

	/* shiftfs_may_overwrite() wants to know how it was opened. */
	if (IS_APPEND(file_inode(lower)))
		flags |= lower->f_flags & O_APPEND;
	spin_lock(&lower->f_lock);
	lower->f_flags = (lower->f_flags & ~SHIFTFS_SETFL_FLAGS) | flags;
	lower->f_iocb_flags = iocb_flags(lower);
	spin_unlock(&lower->f_lock);
	return 0;
}

static inline int shiftfs_sync_flags(struct file *file, struct file *lower)
{
	if (likely(!((file->f_flags ^ lower->f_flags) & SHIFTFS_SETFL_FLAGS)))
		return 0;
	return shiftfs_sync_flags_slow(file, lower);
}

/*
 * What has become append-only since it was opened for appending is overwritten
 * by nobody. F_SETFL and RWF_NOAPPEND look at the upper inode, which may not
 * yet know.
 */
static inline bool shiftfs_may_overwrite(const struct kiocb *iocb,
					 const struct file *lower)
{
	return likely(!IS_APPEND(file_inode(lower))) ||
	       iocb->ki_flags & IOCB_APPEND || !(lower->f_flags & O_APPEND);
}

/*
 * Ask what the VFS asks before each read(2) and write(2), of the lower file:
 * LSMs and fanotify, whose listener may refuse, or bring the contents first.
 * The VFS has asked of the upper file only. Called with the credentials that
 * opened the lower file, since an LSM compares the task with the opener. Must
 * come before the right to write below is taken: a listener may want to write
 * there.
 */
static int shiftfs_verify(int rw, struct file *lower, const loff_t *pos,
			  size_t len)
{
	const struct cred *old = override_creds(lower->f_cred);
	int err = rw_verify_area(rw, lower, pos, len);

	revert_creds(old);
	return err;
}

static void shiftfs_init_iocb(struct kiocb *iocb, const struct kiocb *upper,
			      struct file *lower)
{
	*iocb = (struct kiocb) {
		.ki_filp = lower,
		.ki_pos = upper->ki_pos,
		.ki_flags = upper->ki_flags & SHIFTFS_IOCB_FLAGS,
		.ki_ioprio = upper->ki_ioprio,
	};
}

/*
 * A request that is over when the call returns borrows the caller's kiocb,
 * which is as it was afterwards, but for the position. @more are flags to be
 * added.
 */
static __always_inline ssize_t
shiftfs_do_sync(ssize_t (*op)(struct kiocb *, struct iov_iter *),
		struct kiocb *iocb, struct iov_iter *iter, struct file *lower,
		int more)
{
	struct file *file = iocb->ki_filp;
	int flags = iocb->ki_flags;
	ssize_t ret;

	iocb->ki_filp = lower;
	iocb->ki_flags = (flags & SHIFTFS_IOCB_FLAGS) | more;
	ret = op(iocb, iter);
	iocb->ki_flags = flags;
	iocb->ki_filp = file;
	return ret;
}

static void shiftfs_aio_put(struct shiftfs_aio *aio)
{
	if (refcount_dec_and_test(&aio->ref)) {
		fput(aio->iocb.ki_filp);
		kmem_cache_free(shiftfs_aio_cachep, aio);
	}
}

/* May run in an interrupt, where i_lock must not be taken. */
static void shiftfs_aio_done(struct shiftfs_aio *aio, long res)
{
	struct kiocb *iocb = &aio->iocb;
	struct kiocb *upper = aio->upper;

	if (iocb->ki_flags & IOCB_WRITE) {
		struct inode *lower = file_inode(iocb->ki_filp);

		/* Taken by the submitter, which lockdep has to be told. */
		if (S_ISREG(lower->i_mode)) {
			__sb_writers_acquired(lower->i_sb, SB_FREEZE_WRITE);
			sb_end_write(lower->i_sb);
		}
		if (in_task())
			shiftfs_copy_size(file_inode(upper->ki_filp));
	}
	upper->ki_pos = iocb->ki_pos;
	shiftfs_aio_put(aio);
}

static void shiftfs_aio_complete(struct kiocb *iocb, long res)
{
	struct shiftfs_aio *aio = container_of(iocb, struct shiftfs_aio, iocb);
	struct kiocb *upper = aio->upper;

	shiftfs_aio_done(aio, res);
	upper->ki_complete(upper, res);
}

static struct shiftfs_aio *shiftfs_aio_alloc(struct kiocb *upper,
					     struct file *lower)
{
	struct shiftfs_aio *aio;

	aio = kmem_cache_alloc(shiftfs_aio_cachep, GFP_KERNEL);
	if (!aio)
		return NULL;
	shiftfs_init_iocb(&aio->iocb, upper, get_file(lower));
	aio->iocb.ki_complete = shiftfs_aio_complete;
	aio->upper = upper;
	refcount_set(&aio->ref, 2);
	return aio;
}

static ssize_t shiftfs_read_async(struct kiocb *iocb, struct iov_iter *iter,
				  struct file *lower)
{
	struct shiftfs_aio *aio = shiftfs_aio_alloc(iocb, lower);
	ssize_t ret;

	if (!aio)
		return -ENOMEM;
	ret = lower->f_op->read_iter(&aio->iocb, iter);
	shiftfs_aio_put(aio);
	if (ret != -EIOCBQUEUED)
		shiftfs_aio_done(aio, ret);
	return ret;
}

ssize_t shiftfs_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct file *lower = shiftfs_lower_file(file);
	/* A request that is queued may be over, and @iocb and @file be gone. */
	const bool async = !is_sync_kiocb(iocb);
	const struct cred *old = NULL;
	ssize_t ret;

	if (!iov_iter_count(iter))
		return 0;
	if (!lower->f_op->read_iter)
		return -EINVAL;
	if (unlikely(shiftfs_lacks_dontcache(iocb, lower)))
		return -EOPNOTSUPP;
	ret = shiftfs_sync_flags(file, lower);
	if (ret)
		return ret;
	ret = shiftfs_verify(READ, lower, &iocb->ki_pos, iov_iter_count(iter));
	if (ret)
		return ret;
	if (unlikely(shiftfs_sb(file_inode(file)->i_sb)->conf.as_caller))
		old = shiftfs_override(file_inode(file)->i_sb);

	if (async) {
		get_file(file);
		ret = shiftfs_read_async(iocb, iter, lower);
	} else {
		ret = shiftfs_do_sync(lower->f_op->read_iter, iocb, iter,
				      lower, 0);
	}
	if (unlikely(old))
		shiftfs_revert(old);
	if (ret >= 0)
		fsnotify_access(lower);
	shiftfs_copy_size(file_inode(file));
	shiftfs_accessed(file);
	if (async)
		fput(file);
	return ret;
}

static ssize_t shiftfs_write_async(struct kiocb *iocb, struct iov_iter *iter,
				   struct file *lower, int flags)
{
	struct shiftfs_aio *aio = shiftfs_aio_alloc(iocb, lower);
	struct super_block *sb = file_inode(lower)->i_sb;
	ssize_t ret;

	if (!aio)
		return -ENOMEM;
	aio->iocb.ki_flags |= IOCB_WRITE | flags;

	file_start_write(lower);
	/* Whoever completes the request gives the right to write back. */
	if (S_ISREG(file_inode(lower)->i_mode))
		__sb_writers_release(sb, SB_FREEZE_WRITE);
	ret = lower->f_op->write_iter(&aio->iocb, iter);
	shiftfs_aio_put(aio);
	if (ret != -EIOCBQUEUED)
		shiftfs_aio_done(aio, ret);
	return ret;
}

/*
 * Does a write below need other credentials than the caller's own? With
 * creds=caller each request names the caller, as a FUSE server wants it. A FUSE
 * server is also asked to remove a file capability, before the data is written,
 * and decides by the user in that request.
 */
static bool shiftfs_changes_as_other(const struct inode *inode,
				     const struct inode *lower, bool some)
{
	const struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);

	if (unlikely(ss->conf.as_caller))
		return true;
	return some && (lower->i_mode & (S_ISUID | S_ISGID) ||
			(ss->remote && !IS_NOSEC(lower)));
}

ssize_t shiftfs_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct file *lower = shiftfs_lower_file(file);
	struct inode *inode = file_inode(file);
	/* The upper mount may be "sync" where the lower is not. */
	const int sync = IS_SYNC(inode) ? IOCB_DSYNC | IOCB_SYNC : 0;
	/* As in shiftfs_read_iter(). */
	const bool async = !is_sync_kiocb(iocb);
	const struct cred *cred = NULL, *old = NULL;
	bool some = iov_iter_count(iter);
	bool change;
	ssize_t ret;
	int err;

	if (!lower->f_op->write_iter)
		return -EINVAL;
	if (!shiftfs_may_overwrite(iocb, lower))
		return -EPERM;
	if (unlikely(shiftfs_lacks_dontcache(iocb, lower)))
		return -EOPNOTSUPP;
	ret = shiftfs_sync_flags(file, lower);
	if (ret)
		return ret;

	/* Taking privileges away sleeps. */
	if (iocb->ki_flags & IOCB_NOWAIT && !IS_NOSEC(file_inode(lower)))
		return -EAGAIN;
	if (some) {
		ret = shiftfs_verify(WRITE, lower, &iocb->ki_pos,
				     iov_iter_count(iter));
		if (ret)
			return ret;
		ret = shiftfs_may_remove_privs(file);
		if (ret)
			return ret;
	}
	/* What the lower filesystem then leaves is taken away afterwards. */
	change = shiftfs_changes_as_other(inode, file_inode(lower), some);
	if (unlikely(change)) {
		cred = shiftfs_change_cred(file);
		if (IS_ERR(cred))
			return PTR_ERR(cred);
		old = override_creds(cred);
	}

	if (async) {
		get_file(file);
		ret = shiftfs_write_async(iocb, iter, lower, sync);
	} else {
		file_start_write(lower);
		ret = shiftfs_do_sync(lower->f_op->write_iter, iocb, iter, lower,
				      sync);
		file_end_write(lower);
	}
	if (unlikely(change)) {
		revert_creds(old);
		put_cred(cred);
	}
	if (ret > 0)
		fsnotify_modify(lower);
	if (ret > 0 || ret == -EIOCBQUEUED) {
		err = shiftfs_remove_privs(file);
		if (err && ret > 0)
			ret = err;
	}
	shiftfs_copy_size(inode);
	if (async)
		fput(file);
	return ret;
}

/* Pages move into the pipe from the lower page cache without a copy. */
ssize_t shiftfs_splice_read(struct file *in, loff_t *ppos,
			    struct pipe_inode_info *pipe, size_t len,
			    unsigned int flags)
{
	struct file *lower = shiftfs_lower_file(in);
	const struct cred *old;
	ssize_t ret;

	ret = shiftfs_sync_flags(in, lower);
	if (ret)
		return ret;

	old = shiftfs_override(file_inode(in)->i_sb);
#ifdef SHIFTFS_HAVE_VFS_SPLICE_READ
	ret = vfs_splice_read(lower, ppos, pipe, len, flags);
#else
	ret = rw_verify_area(READ, lower, ppos, len);
	if (!ret) {
		if (lower->f_op->splice_read)
			ret = lower->f_op->splice_read(lower, ppos, pipe, len,
						       flags);
		else
			ret = -EINVAL;
	}
#endif
	shiftfs_revert(old);
	shiftfs_accessed(in);
	return ret;
}

/*
 * Not by way of ->write_iter: it would ask for the right to write below with
 * the lock of the pipe held. Tasks that have the right take that lock.
 */
ssize_t shiftfs_splice_write(struct pipe_inode_info *pipe, struct file *out,
			     loff_t *ppos, size_t len, unsigned int flags)
{
	struct file *lower = shiftfs_lower_file(out);
	struct inode *inode = file_inode(out);
	const struct cred *cred, *old;
	loff_t pos = *ppos;
	ssize_t ret;
	int err;

	if (!lower->f_op->splice_write)
		return -EINVAL;
	ret = shiftfs_sync_flags(out, lower);
	if (ret)
		return ret;
	ret = shiftfs_verify(WRITE, lower, ppos, len);
	if (ret)
		return ret;
	ret = shiftfs_may_remove_privs(out);
	if (ret)
		return ret;
	cred = shiftfs_change_cred(out);
	if (IS_ERR(cred))
		return PTR_ERR(cred);

	old = override_creds(cred);
	file_start_write(lower);
	ret = lower->f_op->splice_write(pipe, lower, ppos, len, flags);
	file_end_write(lower);
	revert_creds(old);
	put_cred(cred);

	if (ret > 0) {
		fsnotify_modify(lower);
		err = shiftfs_remove_privs(out);
		/* The upper mount may be "sync" where the lower is not. */
		if (!err && IS_SYNC(inode))
			err = vfs_fsync_range(lower, pos, pos + ret - 1, 0);
		if (err)
			ret = err;
	}
	shiftfs_copy_size(inode);
	return ret;
}

int shiftfs_init_io(void)
{
	shiftfs_aio_cachep = kmem_cache_create("shiftfs_aio",
					       sizeof(struct shiftfs_aio), 0,
					       SLAB_HWCACHE_ALIGN, NULL);
	return shiftfs_aio_cachep ? 0 : -ENOMEM;
}

void shiftfs_exit_io(void)
{
	kmem_cache_destroy(shiftfs_aio_cachep);
}
