// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mount, umount, statfs, sync, and the module itself.
 */
#include <linux/exportfs.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/jhash.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/statfs.h>
#include "params.h"
#include "shiftfs.h"

static void shiftfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	/*
	 * The pointer stays: an RCU-walk may still come here, and the lower
	 * inode is freed a grace period later at the earliest.
	 */
	iput(shiftfs_lower_inode(inode));
}

/*
 * Drops an inode that lost its last name below without a word to us, or that is not
 * to be kept: see shiftfs_keep_cached().
 */
static int shiftfs_drop_inode(struct inode *inode)
{
	return shiftfs_generic_drop(inode) ||
	       !shiftfs_has_name(inode) ||
	       (shiftfs_sb(inode->i_sb)->remote && !S_ISDIR(inode->i_mode));
}

static void shiftfs_free_sb_rcu(struct rcu_head *rcu)
{
	struct shiftfs_sb *ss = container_of(rcu, struct shiftfs_sb, rcu);

	put_cred(ss->create_cred);
	put_cred(ss->data_cred);
	put_cred(ss->caller);
	put_cred(ss->caller_cred);
	put_cred(ss->nobody);
	put_cred(ss->cred);
	shiftfs_idmap_free(&ss->uidmap);
	shiftfs_idmap_free(&ss->gidmap);
	kfree(ss);
}

void shiftfs_free_sb(struct shiftfs_sb *ss)
{
	if (!ss)
		return;
	shiftfs_free_devs(ss);
	shiftfs_free_acls(ss);
	dput(ss->lower.dentry);
	shiftfs_put_clone(ss->clone);
	/* A walk under RCU may have come too late for the mount. */
	call_rcu(&ss->rcu, shiftfs_free_sb_rcu);
}


/*
 * A number that tells this mount from others of the same filesystem, and is the same
 * the next time: file handles of an exported mount hold f_fsid.
 */
static u32 shiftfs_make_fsid(const struct shiftfs_sb *ss)
{
	u64 ino = d_inode(ss->lower.dentry)->i_ino;
	u32 id = jhash(&ino, sizeof(ino), 0);

	id = jhash(ss->uidmap.by_seen,
		   ss->uidmap.nr * sizeof(*ss->uidmap.by_seen), id);
	return jhash(ss->gidmap.by_seen,
		     ss->gidmap.nr * sizeof(*ss->gidmap.by_seen), id);
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

	if (!(shiftfs_sb(sb)->conf.passthrough & SHIFTFS_PASS_STATFS))
		buf->f_type = SHIFTFS_MAGIC;
	/*
	 * A program that tells filesystems apart by f_fsid sees another one
	 * here. NFS and FUSE have no f_fsid. shiftfs does not make one up for
	 * them: source and map do not tell two servers apart, and nfsd would
	 * mix their files up.
	 */
	if (buf->f_fsid.val[0] || buf->f_fsid.val[1]) {
		buf->f_fsid.val[0] ^= SHIFTFS_MAGIC;
		buf->f_fsid.val[1] ^= shiftfs_sb(sb)->fsid;
	}
	return 0;
}

/* syncfs(2) on the mount; sync(2) finds the lower filesystem by itself. */
static int shiftfs_sync_fs(struct super_block *sb, int wait)
{
	struct shiftfs_sb *ss = shiftfs_sb(sb);
	struct super_block *lower = ss->lower.mnt->mnt_sb;
	int err;

	/*
	 * The end of a mount is no reason to write out a filesystem that stays
	 * mounted, others' changes with ours, as it is none for a bind mount.
	 */
	if (!wait || !sb->s_root)
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

/*
 * umount -f, to end requests that wait for a dead server. By who could do the
 * same through the host's mount: never for a mount in a user namespace, whose
 * root would end the requests of everybody else. NFS ends the requests that
 * wait, and goes on when the server is back, as with a bind mount. Other
 * filesystems give up the server for good (FUSE, SMB, 9p, Ceph), which is for
 * the last mount of it.
 */
static void shiftfs_umount_begin(struct super_block *sb)
{
	struct super_block *lower = shiftfs_lower_mnt(sb)->mnt_sb;

	if (sb->s_user_ns != &init_user_ns || !lower->s_op->umount_begin ||
	    !ns_capable(lower->s_user_ns, CAP_SYS_ADMIN))
		return;
	if (lower->s_magic == NFS_SUPER_MAGIC || shiftfs_is_ours(lower) ||
	    atomic_read(&lower->s_active) == 1)
		lower->s_op->umount_begin(lower);
}

/*
 * /proc/PID/mountstats says what the mount keeps in use: a disk is busy as long
 * as there is one, also after its own mount is gone.
 */
static int shiftfs_show_stats(struct seq_file *m, struct dentry *root)
{
	const struct super_block *lower = shiftfs_lower_mnt(root->d_sb)->mnt_sb;

	seq_printf(m, " lower=%s dev=%u:%u", lower->s_type->name,
		   MAJOR(lower->s_dev), MINOR(lower->s_dev));
	return 0;
}

static const struct super_operations shiftfs_super_ops = {
	.evict_inode	= shiftfs_evict_inode,
	.drop_inode	= shiftfs_drop_inode,
	.statfs		= shiftfs_statfs,
	.sync_fs	= shiftfs_sync_fs,
	.umount_begin	= shiftfs_umount_begin,
	.show_options	= shiftfs_show_options,
	.show_stats	= shiftfs_show_stats,
};

bool shiftfs_is_ours(const struct super_block *sb)
{
	return sb->s_op == &shiftfs_super_ops;
}

static bool shiftfs_lower_is_ro(const struct shiftfs_sb *ss)
{
	return (ss->restricted | ss->lower.mnt->mnt_flags) & MNT_READONLY ||
	       sb_rdonly(ss->lower.mnt->mnt_sb);
}

static int shiftfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct shiftfs_sb *ss = sb->s_fs_info;
	struct super_block *lower = ss->lower.mnt->mnt_sb;
	bool in_userns = sb->s_user_ns != &init_user_ns;
	int restricted = ss->restricted;
	struct dentry *root;
	struct inode *inode;

	ss->sb = sb;
	ss->fsid = shiftfs_make_fsid(ss);
	sb->s_magic = SHIFTFS_MAGIC;
	/* i_version is in use: inode.c. */
	sb->s_flags &= ~SB_I_VERSION;
	sb->s_op = &shiftfs_super_ops;
	shiftfs_set_d_op(sb, &shiftfs_dentry_ops);
	sb->s_xattr = shiftfs_xattr_handlers;
	/* A handle can name a file outside of what is mounted: M9. */
	if (lower->s_export_op && !in_userns)
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

	/* The restrictions of the source's mount hold here too. */
	sb->s_iflags |= lower->s_iflags & (SB_I_NOEXEC | SB_I_NODEV);
	if (restricted & MNT_NOEXEC)
		sb->s_iflags |= SB_I_NOEXEC;
	if (restricted & MNT_NODEV)
		sb->s_iflags |= SB_I_NODEV;
	ss->nosuid = restricted & MNT_NOSUID || shiftfs_is_squashed(ss);
	/* Setuid files of root, stored by a container, are shown as they are. */
	if (ss->conf.mark)
		sb->s_iflags |= SB_I_NOEXEC;
	/*
	 * IMA does not see what is changed beneath: let it measure each time.
	 * It does not where the mounter is not trusted; what is mounted of a
	 * mark is read by the kernel, not by who mounts it: M12.
	 */
	sb->s_iflags |= SB_I_IMA_UNVERIFIABLE_SIGNATURE |
			(lower->s_iflags & SB_I_UNTRUSTED_MOUNTER);
	sb->s_iflags |= SB_I_SKIP_SYNC;
#ifdef SB_I_NOUMASK
	/* A lower filesystem that applies the umask itself, after a default ACL, goes on to. */
	sb->s_iflags |= lower->s_iflags & SB_I_NOUMASK;
#endif
#ifdef SB_I_EVM_HMAC_UNSUPPORTED
	/* It would be made of the ids seen, and stored over the lower one's. */
	sb->s_iflags |= SB_I_EVM_HMAC_UNSUPPORTED;
#endif

#ifdef SB_I_NOIDMAP
	/* By which mount he comes is not known where the caller is: C6. */
	if (ss->conf.as_caller)
		sb->s_iflags |= SB_I_NOIDMAP;
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
	shiftfs_watch(sb);
	return 0;
}

/*
 * Does the filesystem answer from its inodes, whoever asks? One whose data is
 * elsewhere, on a server or in another filesystem, passes the credentials on.
 */
static bool shiftfs_is_local(const struct super_block *sb)
{
	if (d_inode(sb->s_root)->i_op->permission)
		return false;
	/* To be told about such an atime is to be told by the VFS. */
	if (sb->s_flags & SB_NOATIME)
		return false;
	return sb->s_type->fs_flags & FS_REQUIRES_DEV ||
	       sb->s_magic == TMPFS_MAGIC;
}

/* One without a disk of its own that is not of the kernel alone. */
static bool shiftfs_is_remote(const struct super_block *sb)
{
	/* A shiftfs on a shiftfs has the answer of the last one below. */
	if (shiftfs_is_ours(sb))
		return shiftfs_sb(sb)->remote;
	return !(sb->s_type->fs_flags & FS_REQUIRES_DEV) &&
	       sb->s_magic != TMPFS_MAGIC &&
	       sb->s_magic != OVERLAYFS_SUPER_MAGIC;
}

/* Filesystems that cannot be shown by another one, each for its own reason. */
static int shiftfs_refuse_kind(struct fs_context *fc,
			       const struct super_block *lower)
{
	if (lower->s_magic == PROC_SUPER_MAGIC) {
		errorf(fc, "shiftfs: %s: procfs shows each process what it may see, and would take the mounter for it: mount a new proc there",
		       fc->source);
		return -EINVAL;
	}
	if (lower->s_magic == HUGETLBFS_MAGIC) {
		errorf(fc, "shiftfs: %s: the kernel maps huge pages by files of hugetlbfs itself only: mount it there with its options uid= and gid=, or idmapped",
		       fc->source);
		return -EINVAL;
	}
	return 0;
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

	/* Of what is given; whether a map is needed the source tells. */
	err = shiftfs_check_options(fc, opts);
	if (!err && !shiftfs_is_plain(opts))
		err = shiftfs_finish_idmaps(fc, opts);
	if (err)
		goto out_free;
	err = shiftfs_take_source(fc, ss);
	if (err)
		goto out_free;

	lower = ss->lower.mnt->mnt_sb;
	err = shiftfs_refuse_kind(fc, lower);
	if (err)
		goto out_free;
	if (lower->s_stack_depth >= FILESYSTEM_MAX_STACK_DEPTH) {
		errorf(fc, "shiftfs: %s: %s there is stacked %d deep already, the kernel allows %d in all",
		       fc->source, lower->s_type->name, lower->s_stack_depth,
		       FILESYSTEM_MAX_STACK_DEPTH);
		err = -EINVAL;
		goto out_free;
	}

	/* With creds=caller it is the lower filesystem that says. */
	ss->getattr_as_any = !ss->conf.as_caller && shiftfs_is_local(lower);
	ss->remote = shiftfs_is_remote(lower);
	ss->nfs = shiftfs_is_ours(lower) ? shiftfs_sb(lower)->nfs :
					  lower->s_magic == NFS_SUPER_MAGIC;
	ss->opens_by_name = shiftfs_is_ours(lower) ?
			    shiftfs_sb(lower)->opens_by_name :
			    !strcmp(lower->s_type->name, "nfs4");
	if (ss->getattr_as_any)
		ss->lower_caps = shiftfs_find_caps(lower);

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

	fc->sb_flags &= ~SB_I_VERSION;

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
 * Not in ->put_super, which generic_shutdown_super() calls only where there is
 * a root: a mount can have failed before. s_fs_info stays for walks under RCU.
 */
static void shiftfs_kill_sb(struct super_block *sb)
{
	shiftfs_unwatch(sb);
	kill_anon_super(sb);
	shiftfs_free_sb(sb->s_fs_info);
}

static struct file_system_type shiftfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= SHIFTFS_NAME,
	.init_fs_context	= shiftfs_init_fs_context,
	.parameters		= shiftfs_params,
	.kill_sb		= shiftfs_kill_sb,
	.fs_flags		= FS_ALLOW_IDMAP | FS_USERNS_MOUNT,
};
MODULE_ALIAS_FS(SHIFTFS_NAME);

static int __init shiftfs_init(void)
{
	int err;

	err = shiftfs_init_io();
	if (err)
		return err;

	err = shiftfs_init_watch();
	if (err)
		goto out_io;
	err = register_filesystem(&shiftfs_fs_type);
	if (err)
		goto out_watch;
	return 0;

out_watch:
	shiftfs_exit_watch();
out_io:
	shiftfs_exit_io();
	return err;
}

static void __exit shiftfs_exit(void)
{
	unregister_filesystem(&shiftfs_fs_type);
	shiftfs_exit_watch();
	shiftfs_exit_io();
	/* ACLs are freed by RCU callbacks; wait for the last of them. */
	rcu_barrier();
}

module_init(shiftfs_init);
module_exit(shiftfs_exit);

MODULE_AUTHOR("The shiftfs authors");
MODULE_DESCRIPTION("uid/gid shifting at mount time over any filesystem");
MODULE_LICENSE("GPL");
