// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories as files. Names, types and inode numbers are the lower ones.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include "shiftfs.h"

static int shiftfs_dir_open(struct inode *inode, struct file *file)
{
	struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);
	struct path path = shiftfs_lower_path(file_dentry(file));
	struct file *lower;
	const struct cred *old;
	int err = 0;

	if (shiftfs_is_stale(file_dentry(file)))
		return -ESTALE;
	if (shiftfs_is_automount(path.dentry))
		return -EREMOTE;

	old = shiftfs_override(inode->i_sb);
	if (ss->check_lower || d_inode(path.dentry)->i_op->permission)
		err = inode_permission(shiftfs_idmap_of(path.mnt),
				       d_inode(path.dentry),
				       MAY_OPEN | MAY_READ);
	if (err)
		lower = ERR_PTR(err);
	else
		lower = dentry_open(&path, O_RDONLY | O_DIRECTORY |
				    O_LARGEFILE | O_NOATIME, current_cred());
	shiftfs_revert(old);
	if (IS_ERR(lower))
		return PTR_ERR(lower);

	file->private_data = lower;
	return 0;
}

static int shiftfs_dir_release(struct inode *inode, struct file *file)
{
	shiftfs_fput_now(shiftfs_lower_file(file));
	return 0;
}

/* f_pos_lock, which the VFS holds for a directory, protects both positions. */
static int shiftfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	int err;

	old = shiftfs_override(file_inode(file)->i_sb);
	lower->f_pos = ctx->pos;
	err = iterate_dir(lower, ctx);
	shiftfs_revert(old);
	/* The VFS looks at the upper times once this returns. */
	shiftfs_copy_times(file_inode(file));
	return err;
}

static loff_t shiftfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	loff_t ret;

	old = shiftfs_override(file_inode(file)->i_sb);
	lower->f_pos = file->f_pos;
	ret = vfs_llseek(lower, offset, whence);
	file->f_pos = lower->f_pos;
	shiftfs_revert(old);
	return ret;
}

const struct file_operations shiftfs_dir_fops = {
	.open		= shiftfs_dir_open,
	.release	= shiftfs_dir_release,
	.read		= generic_read_dir,
	.iterate_shared	= shiftfs_iterate,
	.llseek		= shiftfs_dir_llseek,
	.fsync		= shiftfs_fsync,
	.flush		= shiftfs_flush,
	.lock		= shiftfs_lock,
	.flock		= shiftfs_flock,
	.setlease	= shiftfs_setlease,
};
