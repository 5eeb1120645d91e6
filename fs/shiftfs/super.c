// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mount, umount, statfs, sync, and the module itself.
 */
#include <linux/exportfs.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/statfs.h>
#include "params.h"
#include "shiftfs.h"

struct kmem_cache *shiftfs_inode_cachep;

static struct inode *shiftfs_alloc_inode(struct super_block *sb)
{
	struct shiftfs_inode *si;

	si = alloc_inode_sb(sb, shiftfs_inode_cachep, GFP_KERNEL);
	if (!si)
		return NULL;
	si->lower = NULL;
	return &si->vfs_inode;
}

/* After a grace period: RCU-walk may look into the lower inode until then. */
static void shiftfs_free_inode(struct inode *inode)
{
	kmem_cache_free(shiftfs_inode_cachep, shiftfs_i(inode));
}

static void shiftfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	/*
	 * The pointer stays: who walks under RCU may still come here, and the
	 * lower inode is freed a grace period later at the earliest.
	 */
	iput(shiftfs_i(inode)->lower);
}

void shiftfs_free_sb(struct shiftfs_sb *ss)
{
	if (!ss)
		return;
	shiftfs_free_devs(ss);
	dput(ss->lower.dentry);
	kern_unmount(ss->lower.mnt);
	put_cred(ss->create_cred);
	put_cred(ss->data_cred);
	put_cred(ss->cred);
	shiftfs_idmap_free(&ss->uidmap);
	shiftfs_idmap_free(&ss->gidmap);
	kfree(ss);
}

static void shiftfs_put_super(struct super_block *sb)
{
	shiftfs_free_sb(sb->s_fs_info);
	sb->s_fs_info = NULL;
}

static int shiftfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct path lower = shiftfs_lower_path(dentry);
	struct super_block *sb = dentry->d_sb;
	const struct cred *old = shiftfs_override(sb);
	int err;

	err = vfs_statfs(&lower, buf);
	shiftfs_revert(old);
	if (err)
		return err;

	buf->f_type = SHIFTFS_MAGIC;
	/* Who tells filesystems apart by f_fsid is to see another one. */
	buf->f_fsid.val[0] ^= SHIFTFS_MAGIC;
	buf->f_fsid.val[1] ^= new_encode_dev(sb->s_dev);
	return 0;
}

/* syncfs(2) on the mount; sync(2) finds the lower filesystem by itself. */
static int shiftfs_sync_fs(struct super_block *sb, int wait)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct super_block *lower = ss->lower.mnt->mnt_sb;
	int err;

	if (!wait)
		return 0;

	/*
	 * umount comes here with ours held. The lower one may be of the same
	 * type, but is always further down the stack.
	 */
	down_read_nested(&lower->s_umount, SINGLE_DEPTH_NESTING);
	err = sync_filesystem(lower);
	up_read(&lower->s_umount);
	if (err)
		return err;

	return errseq_check_and_advance(&lower->s_wb_err, &ss->wb_err);
}

static const struct super_operations shiftfs_super_ops = {
	.alloc_inode	= shiftfs_alloc_inode,
	.free_inode	= shiftfs_free_inode,
	.evict_inode	= shiftfs_evict_inode,
	.put_super	= shiftfs_put_super,
	.statfs		= shiftfs_statfs,
	.sync_fs	= shiftfs_sync_fs,
	.show_options	= shiftfs_show_options,
};

static bool shiftfs_lower_is_ro(const struct shiftfs_sb *ss)
{
	return ss->lower.mnt->mnt_flags & MNT_READONLY ||
	       sb_rdonly(ss->lower.mnt->mnt_sb);
}

/*
 * Take the source: resolve it, clone its mount, so that nothing which happens
 * to the source's mount later concerns us, and pin the source in the clone.
 */
static int shiftfs_take_source(struct fs_context *fc, struct shiftfs_sb *ss)
{
	struct vfsmount *mnt;
	struct path path;
	int err;

	if (!fc->source || !*fc->source) {
		errorf(fc, "shiftfs: no source given");
		return -EINVAL;
	}

	err = kern_path(fc->source, LOOKUP_FOLLOW, &path);
	if (err) {
		errorf(fc, "shiftfs: %s: cannot be looked up (error %d)",
		       fc->source, err);
		return err;
	}

	mnt = clone_private_mount(&path);
	if (IS_ERR(mnt)) {
		err = PTR_ERR(mnt);
		errorf(fc, "shiftfs: %s: its mount, of type %s, cannot be cloned (error %d): it is unbindable, not in this mount namespace, or has locked mounts below",
		       fc->source, path.mnt->mnt_sb->s_type->name, err);
	} else {
		ss->lower.mnt = mnt;
		ss->lower.dentry = dget(path.dentry);
		err = 0;
	}
	path_put(&path);
	return err;
}

static int shiftfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct shiftfs_sb *ss = sb->s_fs_info;
	struct super_block *lower = ss->lower.mnt->mnt_sb;
	struct dentry *root;
	struct inode *inode;

	sb->s_magic = SHIFTFS_MAGIC;
	sb->s_op = &shiftfs_super_ops;
	shiftfs_set_d_op(sb, &shiftfs_dentry_ops);
	sb->s_xattr = shiftfs_xattr_handlers;
	if (lower->s_export_op)
		sb->s_export_op = &shiftfs_export_ops;

	sb->s_stack_depth = lower->s_stack_depth + 1;
	sb->s_maxbytes = lower->s_maxbytes;
	sb->s_blocksize = lower->s_blocksize;
	sb->s_blocksize_bits = lower->s_blocksize_bits;
	sb->s_time_gran = lower->s_time_gran;
	sb->s_time_min = lower->s_time_min;
	sb->s_time_max = lower->s_time_max;
	sb->s_max_links = lower->s_max_links;

	sb->s_flags |= lower->s_flags & SB_POSIXACL;
	if (shiftfs_lower_is_ro(ss))
		sb->s_flags |= SB_RDONLY;

	/* What the source's mount forbids stays forbidden. */
	sb->s_iflags |= lower->s_iflags & (SB_I_NOEXEC | SB_I_NODEV);
	if (ss->lower.mnt->mnt_flags & MNT_NOEXEC)
		sb->s_iflags |= SB_I_NOEXEC;
	if (ss->lower.mnt->mnt_flags & MNT_NODEV)
		sb->s_iflags |= SB_I_NODEV;
	sb->s_iflags |= SB_I_SKIP_SYNC;
#ifdef SB_I_NOUMASK
	/* Who applies the umask below, after a default ACL, is not forestalled. */
	sb->s_iflags |= lower->s_iflags & SB_I_NOUMASK;
#endif
#ifdef SB_I_EVM_HMAC_UNSUPPORTED
	/* It would be made of the ids seen, and stored over the lower one's. */
	sb->s_iflags |= SB_I_EVM_HMAC_UNSUPPORTED;
#endif

	ss->wb_err = errseq_sample(&lower->s_wb_err);
	shiftfs_lockdep_sb(sb);

	inode = shiftfs_iget(sb, d_inode(ss->lower.dentry));
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	root = d_make_root(inode);
	if (!root)
		return -ENOMEM;
	root->d_fsdata = dget(ss->lower.dentry);
	shiftfs_sample(root, ss->lower.dentry);
	sb->s_root = root;
	return 0;
}

/*
 * A filesystem which answers from its inodes, whoever asks: what has its data
 * elsewhere, a server or another filesystem, passes on who that is.
 */
static bool shiftfs_is_local(const struct super_block *sb)
{
	if (d_inode(sb->s_root)->i_op->permission)
		return false;
	return sb->s_type->fs_flags & FS_REQUIRES_DEV ||
	       sb->s_magic == TMPFS_MAGIC;
}

int shiftfs_get_tree(struct fs_context *fc)
{
	struct shiftfs_fc *opts = fc->fs_private;
	struct super_block *lower;
	struct shiftfs_sb *ss;
	int err;

	ss = kzalloc(sizeof(*ss), GFP_KERNEL);
	if (!ss)
		return -ENOMEM;
	spin_lock_init(&ss->lock);
	INIT_LIST_HEAD(&ss->devs);

	err = shiftfs_finish_idmaps(fc, opts);
	if (err)
		goto out_free;
	err = shiftfs_take_source(fc, ss);
	if (err)
		goto out_free;

	lower = ss->lower.mnt->mnt_sb;
	if (lower->s_stack_depth >= FILESYSTEM_MAX_STACK_DEPTH) {
		errorf(fc, "shiftfs: %s: %s there is stacked %d deep already, the kernel allows %d in all",
		       fc->source, lower->s_type->name, lower->s_stack_depth,
		       FILESYSTEM_MAX_STACK_DEPTH);
		err = -EINVAL;
		goto out_free;
	}

	err = shiftfs_init_cred(ss, fc->cred);
	if (err)
		goto out_free;
	ss->getattr_as_any = shiftfs_is_local(lower);

	ss->uidmap = opts->uidmap;
	ss->gidmap = opts->gidmap;
	memset(&opts->uidmap, 0, sizeof(opts->uidmap));
	memset(&opts->gidmap, 0, sizeof(opts->gidmap));

	/* From sget_fc() on it belongs to the superblock. */
	fc->s_fs_info = ss;
	err = get_tree_nodev(fc, shiftfs_fill_super);
	return err;

out_free:
	shiftfs_free_sb(ss);
	return err;
}

int shiftfs_reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;
	struct shiftfs_fc *opts = fc->fs_private;
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	int err;

	sync_filesystem(sb);

	err = shiftfs_check_unchanged(fc, opts, ss);
	if (err)
		return err;

	if (fc->sb_flags_mask & SB_RDONLY &&
	    !(fc->sb_flags & SB_RDONLY) && sb_rdonly(sb) &&
	    shiftfs_lower_is_ro(ss)) {
		errorf(fc, "shiftfs: the lower filesystem, of type %s, is read-only",
		       ss->lower.mnt->mnt_sb->s_type->name);
		return -EROFS;
	}
	return 0;
}

/*
 * generic_shutdown_super() calls ->put_super only where there is a root: a
 * mount that failed before frees its shiftfs_sb here.
 */
static void shiftfs_kill_sb(struct super_block *sb)
{
	kill_anon_super(sb);
	shiftfs_free_sb(sb->s_fs_info);
	sb->s_fs_info = NULL;
}

static struct file_system_type shiftfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= SHIFTFS_NAME,
	.init_fs_context	= shiftfs_init_fs_context,
	.parameters		= shiftfs_params,
	.kill_sb		= shiftfs_kill_sb,
	.fs_flags		= FS_ALLOW_IDMAP,
};
MODULE_ALIAS_FS(SHIFTFS_NAME);

static void shiftfs_inode_init_once(void *obj)
{
	struct shiftfs_inode *si = obj;

	inode_init_once(&si->vfs_inode);
}

static int __init shiftfs_init(void)
{
	int err;

	shiftfs_inode_cachep = kmem_cache_create("shiftfs_inode",
						 sizeof(struct shiftfs_inode), 0,
						 SLAB_RECLAIM_ACCOUNT |
						 SLAB_ACCOUNT,
						 shiftfs_inode_init_once);
	if (!shiftfs_inode_cachep)
		return -ENOMEM;

	err = shiftfs_init_io();
	if (err)
		goto out_cache;

	err = register_filesystem(&shiftfs_fs_type);
	if (err)
		goto out_io;
	return 0;

out_io:
	shiftfs_exit_io();
out_cache:
	kmem_cache_destroy(shiftfs_inode_cachep);
	return err;
}

static void __exit shiftfs_exit(void)
{
	unregister_filesystem(&shiftfs_fs_type);
	shiftfs_exit_io();
	/* Inodes are freed by RCU callbacks; wait for the last of them. */
	rcu_barrier();
	kmem_cache_destroy(shiftfs_inode_cachep);
}

module_init(shiftfs_init);
module_exit(shiftfs_exit);

MODULE_AUTHOR("The shiftfs authors");
MODULE_DESCRIPTION("uid/gid shifting at mount time over any filesystem");
MODULE_LICENSE("GPL");
