// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap: the mapping is one of the lower file, with the lower page cache.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include "shiftfs.h"
#ifdef SHIFTFS_HAVE_BACKING_FILE
#include <linux/backing-file.h>
#endif

/*
 * The checks of the lower inode that the VFS has made of the upper one, which has
 * not what they look for.
 */
static int shiftfs_may_map(const struct file *lower,
			   const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	if (vma->vm_flags & VM_WRITE && IS_SWAPFILE(lower->f_mapping->host))
		return -ETXTBSY;
	/* It may have become so since it was opened. */
	return IS_APPEND(file_inode(lower)) ? -EACCES : 0;
}

static int shiftfs_mmap_plain(struct file *file, struct vm_area_struct *vma)
{
	struct file *lower = shiftfs_lower_file(file);
	const struct cred *old;
	int err;

	if (!shiftfs_can_mmap(lower))
		return -ENODEV;
	if (WARN_ON_ONCE(file != vma->vm_file))
		return -EIO;
	err = shiftfs_may_map(lower, vma);
	if (err)
		return err;

	/*
	 * Exchanges the references too: on an error the caller puts the file
	 * that it finds in the vma.
	 */
	vma_set_file(vma, lower);

	old = shiftfs_override(file_inode(file)->i_sb);
	err = shiftfs_call_mmap(vma->vm_file, vma);
	shiftfs_revert(old);
	shiftfs_accessed(file);
	return err;
}

#ifdef SHIFTFS_HAVE_BACKING_FILE
/* /proc/PID/maps shows the upper path: the lower file knows whose it is. */
static int shiftfs_mmap_backing(struct file *file, struct file *lower,
				struct vm_area_struct *vma)
{
	struct backing_file_ctx ctx = {
		.cred = lower->f_cred,
#ifdef SHIFTFS_HAVE_BACKING_CTX_USER_FILE
		.user_file = file,
#endif
		.accessed = shiftfs_accessed,
	};
	int err = shiftfs_may_map(lower, vma);

	if (err)
		return err;
	return backing_file_mmap(lower, vma, &ctx);
}

/*
 * A lower file that was opened by name, see create.c, does not know whose it
 * is: another one is opened for the mapping, if the server lets us. By the same
 * caller: as long as he has the first NFS need not ask for a second.
 */
int shiftfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct file *lower = shiftfs_lower_file(file);
	int err;

	if (likely(lower->f_mode & FMODE_BACKING))
		return shiftfs_mmap_backing(file, lower, vma);

	lower = shiftfs_reopen_lower(file, lower);
	if (IS_ERR(lower))
		return shiftfs_mmap_plain(file, vma);
	err = shiftfs_mmap_backing(file, lower, vma);
	fput(lower);
	return err;
}
#else
int shiftfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	return shiftfs_mmap_plain(file, vma);
}
#endif
