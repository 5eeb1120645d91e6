/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shiftfs: a stacking filesystem which translates owners at mount time.
 *
 * "Lower" is the filesystem beneath, "upper" is what the mount shows. An upper
 * inode stands for one lower inode, an upper dentry for one lower dentry. The
 * ids in an upper inode are translated already.
 */
#ifndef _SHIFTFS_H
#define _SHIFTFS_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/posix_acl.h>
#include <linux/seqlock.h>
#include "compat.h"
#include "idmap.h"

#define SHIFTFS_NAME	"shiftfs"
/* The number of the shiftfs which Ubuntu shipped; its users look for it. */
#define SHIFTFS_MAGIC	0x6a656a62

/* passthrough=, by the numbers that Ubuntu's shiftfs gave them */
#define SHIFTFS_PASS_STATFS	0x1	/* f_type is the lower filesystem's */
#define SHIFTFS_PASS_IOCTL	0x2	/* accepted; no ioctl is passed on */
#define SHIFTFS_PASS_ALL	(SHIFTFS_PASS_STATFS | SHIFTFS_PASS_IOCTL)

/* Translated ACLs that a mount keeps. */
#define SHIFTFS_ACL_BITS	4

struct dentry;
struct fs_context;
struct shiftfs_acl_pair;
struct shiftfs_clone;
struct fiemap_extent_info;

/* An anonymous device number which stands for a device beneath. */
struct shiftfs_dev {
	struct list_head list;
	dev_t lower;
	dev_t upper;
};

/* One id stored and one shown for all files: squash_uid= and squash_gid=. */
struct shiftfs_squash {
	bool on;
	u32 stored;
	u32 seen;
};

/* Options which are no map. */
struct shiftfs_config {
	struct shiftfs_squash squash_uid;
	struct shiftfs_squash squash_gid;
	bool mark;		/* user namespaces may mount it */
	bool limited;		/* only users within allow= may */
	u32 allow_first;
	u32 allow_last;
	u32 passthrough;	/* SHIFTFS_PASS_* */
	bool as_caller;		/* creds=caller */
	bool chown_ignore;	/* chown=ignore */
};

/**
 * struct shiftfs_sb - what a mount knows
 * @lower:	root of what is shown: a private clone of the source's mount,
 *		and the source, a directory or any other file
 * @clone:	holds that mount; shared by a mark and what is mounted of it
 * @restricted:	MNT_* flags of all mounts by which the source was reached
 * @ns_map:	the maps are no options: a mark's, or a user namespace's
 * @joined:	the other options are those of the mark it was mounted of
 * @cred:	the mounter's credentials, without CAP_SYS_RESOURCE; the lower
 *		filesystem is used with these
 * @check_lower: those credentials do not override the permissions of the
 *		lower filesystem, so that it has to be asked
 * @getattr_as_any: the lower filesystem's attributes do not depend on the caller
 * @remote:	there may be a server below, which decides by the caller
 * @nfs:	that is NFS, where a creation need not look before
 * @opens_by_name: it is NFS 4, which opens what it has not looked up, but only
 *		regular files
 * @lower_caps:	where that holds, its handler of file capabilities
 * @owns_all:	those credentials stand for the owner of any file
 * @keeps_blocks: the lower filesystem keeps blocks for an id, root's mostly
 * @roomy_until: jiffies until which it need not be asked how many are left
 * @conf:	options other than the maps
 * @nosuid:	what exec(2) makes of a file's mode and capabilities is hidden
 * @uidmap:	stored and seen user ids
 * @gidmap:	stored and seen group ids
 * @create_cred: credentials of the latest creator, kept for the next one;
 *		@lock protects it, @data_cred and @devs
 * @data_cred:	likewise, of the task that changed data last
 * @caller:	the latest caller with creds=caller, or that asked a server
 *		(shiftfs_remote_cred()), referenced; likewise
 * @caller_cred: the credentials that the caller has below
 * @nobody:	credentials for a caller where memory is short
 * @acls:	translated ACLs by the address of the lower ones; likewise
 * @devs:	list of struct shiftfs_dev
 * @wb_err:	write-back errors of the lower superblock reported so far
 * @scan_list:	in the list of the mounts that are looked at by gone.c
 * @sb:		our superblock
 * @fsid:	what tells its f_fsid from the lower one's
 */
struct shiftfs_sb {
	struct path lower;
	struct shiftfs_clone *clone;
	int restricted;
	bool ns_map;
	bool joined;
	const struct cred *cred;
	bool check_lower;
	bool getattr_as_any;
	bool remote;
	bool nfs;
	bool opens_by_name;
	const struct xattr_handler *lower_caps;
	bool owns_all;
	bool keeps_blocks;
	bool nosuid;
	struct shiftfs_config conf;
	struct shiftfs_idmap uidmap;
	struct shiftfs_idmap gidmap;
	unsigned long roomy_until;
	spinlock_t lock;
	const struct cred *create_cred;
	const struct cred *data_cred;
	const struct cred *caller;
	const struct cred *caller_cred;
	const struct cred *nobody;
	struct shiftfs_acl_pair __rcu *acls[1 << SHIFTFS_ACL_BITS];
	struct list_head devs;
	errseq_t wb_err;
	struct list_head scan_list;
	struct super_block *sb;
	u32 fsid;
	struct rcu_head rcu;
};

static inline struct shiftfs_sb *shiftfs_sb(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/*
 * An upper inode is a plain struct inode, so that it takes no more memory than
 * that. Its attributes are translated copies.
 *
 * i_private is the lower inode: referenced until the upper one is evicted, and
 * valid under RCU as long as the upper one is. i_version, which is not in use
 * without SB_I_VERSION, holds the ids from which i_uid and i_gid were last
 * translated, to see cheaply that the lower ones have changed since. i_bytes,
 * which belongs to the quota code, is the mode by which what everybody may do
 * is granted without a further look, or 0.
 */
static inline struct inode *shiftfs_lower_inode(const struct inode *inode)
{
	return READ_ONCE(inode->i_private);
}

static inline u64 shiftfs_make_ids(kuid_t uid, kgid_t gid)
{
	return __kuid_val(uid) | (u64)__kgid_val(gid) << 32;
}

/* In this order, and without READ_ONCE(), the compiler makes one load of it. */
static inline u64 shiftfs_ids(const struct inode *lower)
{
	return shiftfs_make_ids(lower->i_uid, lower->i_gid);
}

/* Flags which the VFS looks at in the upper inode. */
#define SHIFTFS_COPY_FLAGS	(S_SYNC | S_NOATIME | S_APPEND | S_IMMUTABLE | \
				 S_DIRSYNC)

/*
 * The lower dentry. It is referenced by the upper one and exchanged only in
 * ->create and its like; the old one stays valid for an RCU grace period.
 */
static inline struct dentry *shiftfs_lower_dentry(const struct dentry *dentry)
{
	return READ_ONCE(dentry->d_fsdata);
}

static inline struct vfsmount *shiftfs_lower_mnt(const struct super_block *sb)
{
	return shiftfs_sb(sb)->lower.mnt;
}

static inline shiftfs_mnt_idmap_t *
shiftfs_lower_idmap(const struct super_block *sb)
{
	return shiftfs_idmap_of(shiftfs_lower_mnt(sb));
}

/* A path for a call into the lower filesystem; borrows both references. */
static inline struct path shiftfs_lower_path(const struct dentry *dentry)
{
	return (struct path) {
		.mnt = shiftfs_lower_mnt(dentry->d_sb),
		.dentry = shiftfs_lower_dentry(dentry),
	};
}

/*
 * Can the lower filesystem not refuse who reads? It is local, has no rules of
 * its own and the mounter may read everything.
 */
static inline bool shiftfs_reads_as_any(const struct inode *inode)
{
	const struct shiftfs_sb *ss = shiftfs_sb(inode->i_sb);

	return ss->getattr_as_any && !ss->check_lower &&
	       !shiftfs_lower_inode(inode)->i_op->permission;
}

static inline struct file *shiftfs_lower_file(const struct file *file)
{
	return file->private_data;
}

/*
 * The lower dentry of a positive upper one is found negative or with another
 * inode by who raced with its removal.
 */
static inline bool shiftfs_is_stale(const struct dentry *dentry)
{
	const struct dentry *lower = shiftfs_lower_dentry(dentry);

	/* One from d_obtain_alias() can be found before export.c is done. */
	return !lower || d_inode(lower) != shiftfs_lower_inode(d_inode(dentry));
}

/*
 * Translation between what the lower mount shows and what the upper shows.
 * Ids which the map lacks become INVALID_UID and INVALID_GID, never another.
 */
static inline kuid_t shiftfs_uid_up(const struct shiftfs_sb *ss, kuid_t lower)
{
	return KUIDT_INIT(shiftfs_idmap_up(&ss->uidmap, __kuid_val(lower)));
}

static inline kgid_t shiftfs_gid_up(const struct shiftfs_sb *ss, kgid_t lower)
{
	return KGIDT_INIT(shiftfs_idmap_up(&ss->gidmap, __kgid_val(lower)));
}

static inline kuid_t shiftfs_uid_down(const struct shiftfs_sb *ss, kuid_t upper)
{
	return KUIDT_INIT(shiftfs_idmap_down(&ss->uidmap, __kuid_val(upper)));
}

static inline kgid_t shiftfs_gid_down(const struct shiftfs_sb *ss, kgid_t upper)
{
	return KGIDT_INIT(shiftfs_idmap_down(&ss->gidmap, __kgid_val(upper)));
}

static inline bool shiftfs_is_squashed(const struct shiftfs_sb *ss)
{
	return ss->conf.squash_uid.on || ss->conf.squash_gid.on;
}

/* The owner of a file, which unlike an id in an ACL may be squashed. */
static inline kuid_t shiftfs_owner_up(const struct shiftfs_sb *ss, kuid_t lower)
{
	if (unlikely(ss->conf.squash_uid.on))
		return KUIDT_INIT(ss->conf.squash_uid.seen);
	return shiftfs_uid_up(ss, lower);
}

static inline kgid_t shiftfs_group_up(const struct shiftfs_sb *ss, kgid_t lower)
{
	if (unlikely(ss->conf.squash_gid.on))
		return KGIDT_INIT(ss->conf.squash_gid.seen);
	return shiftfs_gid_up(ss, lower);
}

/* As whom a caller with these ids above is known below. */
static inline kuid_t shiftfs_owner_down(const struct shiftfs_sb *ss,
					kuid_t upper)
{
	if (unlikely(ss->conf.squash_uid.on))
		return KUIDT_INIT(ss->conf.squash_uid.stored);
	return shiftfs_uid_down(ss, upper);
}

static inline kgid_t shiftfs_group_down(const struct shiftfs_sb *ss,
					kgid_t upper)
{
	if (unlikely(ss->conf.squash_gid.on))
		return KGIDT_INIT(ss->conf.squash_gid.stored);
	return shiftfs_gid_down(ss, upper);
}

/*
 * A squashed id gives no privileges by a file: see
 * Documentation/design/credentials-and-marks.rst, S2.
 */
static inline umode_t shiftfs_storable_mode(const struct shiftfs_sb *ss,
					    umode_t mode, bool is_dir)
{
	if (unlikely(ss->conf.squash_uid.on))
		mode &= ~S_ISUID;
	if (unlikely(ss->conf.squash_gid.on) && !is_dir)
		mode &= ~S_ISGID;
	return mode;
}

/* Remember that @lower stands at this name, at this moment: namei.c. */
static inline void shiftfs_sample(struct dentry *dentry, struct dentry *lower)
{
	WRITE_ONCE(dentry->d_time, raw_seqcount_begin(&lower->d_seq));
}

/*
 * A server decides by what its clients have in use: NFS does not remove a file
 * whose lower dentry somebody else pins, but gives it another name, and a FUSE
 * server keeps what the kernel has not forgotten. So of a remote filesystem
 * nothing but directories is kept once it is not used any more. It caches
 * itself.
 */
static inline void shiftfs_keep_cached(struct dentry *dentry, bool is_dir)
{
	if (likely(!shiftfs_sb(dentry->d_sb)->remote))
		return;
	spin_lock(&dentry->d_lock);
	if (is_dir)
		dentry->d_flags &= ~DCACHE_DONTCACHE;
	else
		dentry->d_flags |= DCACHE_DONTCACHE;
	spin_unlock(&dentry->d_lock);
}

/* cred.c */

/*
 * A new file that its owner must not make, since blocks are kept for him, is
 * made by the caller as the host knows him, and given to its owner then: C10.
 */
struct shiftfs_gift {
	bool due;
	kuid_t uid;
	kgid_t gid;
};

const struct cred *shiftfs_caller_cred(const struct super_block *sb);
const struct cred *shiftfs_override_caller(const struct super_block *sb);
void shiftfs_revert_caller(const struct cred *old);

/* Marks what shiftfs_override_caller() returned: credentials are aligned. */
#define SHIFTFS_CALLER_BIT	1UL

/*
 * Switch to the credentials with which the lower filesystem is used, the
 * mounter's or with creds=caller the caller's. Does not nest on one superblock:
 * the caller would be translated twice.
 */
static inline const struct cred *shiftfs_override(const struct super_block *sb)
{
	const struct shiftfs_sb *ss = shiftfs_sb(sb);

	if (unlikely(ss->conf.as_caller))
		return shiftfs_override_caller(sb);
	return override_creds(ss->cred);
}

static inline void shiftfs_revert(const struct cred *old)
{
	if (unlikely((unsigned long)old & SHIFTFS_CALLER_BIT))
		shiftfs_revert_caller(old);
	else
		revert_creds(old);
}

int shiftfs_init_cred(struct shiftfs_sb *ss, const struct cred *mounter,
		      bool in_userns);
int shiftfs_may_create(shiftfs_mnt_idmap_t *idmap,
		       const struct inode *dir);
const struct cred *shiftfs_create_cred(shiftfs_mnt_idmap_t *idmap,
				       const struct inode *dir,
				       struct shiftfs_gift *gift);
int shiftfs_give(struct super_block *sb, const struct dentry *lower_dir,
		 struct dentry *lower, const struct shiftfs_gift *gift);
const struct cred *shiftfs_name_cred(const struct super_block *sb);
const struct cred *shiftfs_remote_cred(shiftfs_mnt_idmap_t *idmap,
				       const struct inode *inode);
const struct cred *shiftfs_data_cred(const struct super_block *sb, bool fsetid);
const struct cred *shiftfs_member_cred(const struct super_block *sb,
				       kgid_t gid);

/* params.c */
int shiftfs_init_fs_context(struct fs_context *fc);
int shiftfs_show_options(struct seq_file *m, struct dentry *root);

/* source.c */
int shiftfs_take_source(struct fs_context *fc, struct shiftfs_sb *ss);
void shiftfs_put_clone(struct shiftfs_clone *clone);

/* super.c */
bool shiftfs_is_ours(const struct super_block *sb);
void shiftfs_free_sb(struct shiftfs_sb *ss);
int shiftfs_get_tree(struct fs_context *fc);
int shiftfs_reconfigure(struct fs_context *fc);

/* namei.c */

/* Without a lower state to compare with, a name has to be looked up each time. */
static inline bool shiftfs_is_comparable(const struct dentry *lower_dir)
{
	return !(lower_dir->d_flags & (DCACHE_OP_COMPARE | DCACHE_OP_HASH));
}

/*
 * Where the lower filesystem mounts another one for somebody who walks there
 * (NFS below an export, DFS links of SMB, autofs). Nothing can be mounted on
 * our private mount, and what lies beneath is a directory to be seen but not to
 * be used: often its inode has no ->lookup. See
 * Documentation/design/automounts.rst.
 */
#define SHIFTFS_AUTOMOUNT	(DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT)

static inline bool shiftfs_is_automount(const struct dentry *lower)
{
	return unlikely(READ_ONCE(lower->d_flags) & SHIFTFS_AUTOMOUNT);
}

extern const struct dentry_operations shiftfs_dentry_ops;
bool shiftfs_leads_to(const struct super_block *sb, struct dentry *lower_dir,
		      const struct qstr *name, const struct dentry *lower);
struct dentry *shiftfs_lookup(struct inode *dir, struct dentry *dentry,
			      unsigned int flags);
int shiftfs_revalidate_lower(struct dentry *lower, unsigned int flags);
bool shiftfs_sample_named(struct dentry *dentry, struct dentry *lower,
			  const struct dentry *lower_dir);

/* dir.c */
extern const struct inode_operations shiftfs_dir_iops[4];
void shiftfs_set_lower(struct dentry *dentry, struct dentry *lower);

/* create.c */
int shiftfs_atomic_open(struct inode *dir, struct dentry *dentry,
			struct file *file, unsigned int flags, umode_t mode);
bool shiftfs_skips_lookup(struct inode *dir, unsigned int flags);
struct dentry *shiftfs_find_taken(struct dentry *dentry, struct dentry *dir,
				  unsigned int flags);
struct dentry *shiftfs_lookup_target(struct dentry *dir,
				     const struct qstr *name);
struct dentry *shiftfs_start_excl(struct dentry *dir, const struct qstr *name);

/* rename.c */
int shiftfs_rename(shiftfs_mnt_idmap_t *idmap, struct inode *old_dir,
		   struct dentry *old, struct inode *new_dir,
		   struct dentry *new, unsigned int flags);

/* inode.c */
struct inode *shiftfs_iget(struct super_block *sb, struct inode *lower);
struct inode *shiftfs_find(struct super_block *sb, struct inode *lower);
bool shiftfs_is_cached(struct super_block *sb, struct inode *lower);
bool shiftfs_has_name(const struct inode *inode);
void shiftfs_copy_attr(struct inode *inode);
void shiftfs_copy_size_slow(struct inode *inode);
void shiftfs_refresh_slow(struct inode *inode);
void shiftfs_refresh_settled(struct inode *inode);
void shiftfs_show_set_ids(struct inode *inode);

/*
 * Was there a chmod, chown or chattr beneath? Legal under RCU. A file whose
 * setuid bit is hidden always looks like that. @mode is the lower one.
 */
static inline bool shiftfs_differs(const struct inode *inode,
				   const struct inode *lower, umode_t mode)
{
	return mode != inode->i_mode ||
	       shiftfs_ids(lower) != atomic64_read_acquire(&inode->i_version) ||
	       (READ_ONCE(lower->i_flags) ^ inode->i_flags) &
			SHIFTFS_COPY_FLAGS;
}

static inline bool shiftfs_is_outdated(const struct inode *inode)
{
	const struct inode *lower = shiftfs_lower_inode(inode);

	return shiftfs_differs(inode, lower, READ_ONCE(lower->i_mode));
}

/*
 * See it. Cheap where there was none. Not under RCU: it tries a lock of the
 * lower inode, and where the upper one is evicted meanwhile that may be another
 * inode's already, and be initialised again (XFS recycles inodes).
 */
static inline void shiftfs_refresh(struct inode *inode)
{
	if (unlikely(shiftfs_is_outdated(inode)))
		shiftfs_refresh_slow(inode);
}

static inline void shiftfs_copy_size(struct inode *inode)
{
	const struct inode *lower = shiftfs_lower_inode(inode);

	if (unlikely(i_size_read(lower) != i_size_read(inode)))
		shiftfs_copy_size_slow(inode);
}

static inline void shiftfs_copy_times(struct inode *inode)
{
	const struct inode *lower = shiftfs_lower_inode(inode);
	struct timespec64 now = inode_get_ctime(lower);
	struct timespec64 old = inode_get_ctime(inode);

	inode_set_atime_to_ts(inode, inode_get_atime(lower));
	inode_set_mtime_to_ts(inode, inode_get_mtime(lower));
	/* A call, and it is the same mostly. */
	if (!timespec64_equal(&now, &old))
		inode_set_ctime_to_ts(inode, now);
}

#ifdef CONFIG_LOCKDEP
void shiftfs_lockdep_sb(struct super_block *sb);
#else
static inline void shiftfs_lockdep_sb(struct super_block *sb)
{
}
#endif

/* attr.c */
int shiftfs_permission(shiftfs_mnt_idmap_t *idmap, struct inode *inode,
		       int mask);
int shiftfs_permission_asking(shiftfs_mnt_idmap_t *idmap,
			      struct inode *inode, int mask);
int shiftfs_getattr(shiftfs_mnt_idmap_t *idmap, const struct path *path,
		    struct kstat *stat, u32 request_mask, unsigned int flags);
int shiftfs_setattr(shiftfs_mnt_idmap_t *idmap, struct dentry *dentry,
		    struct iattr *attr);
int shiftfs_set_lower_attr(struct dentry *dentry, struct iattr *attr);
#if defined(SHIFTFS_HAVE_UPDATE_TIME_TS)
int shiftfs_update_time(struct inode *inode, struct timespec64 *ts, int flags);
#elif defined(SHIFTFS_HAVE_UPDATE_TIME_TYPE)
int shiftfs_update_time(struct inode *inode, enum fs_update_time type,
			unsigned int flags);
#else
int shiftfs_update_time(struct inode *inode, int flags);
#endif
int shiftfs_fiemap(struct inode *inode, struct fiemap_extent_info *fieinfo,
		   u64 start, u64 len);
void shiftfs_free_devs(struct shiftfs_sb *ss);

/* Creation and truncation are done by the VFS through other operations. */
#define SHIFTFS_NO_OPEN_FLAGS	(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC)

/* file.c */
extern const struct file_operations shiftfs_file_fops;
struct file *shiftfs_reopen_lower(struct file *file, struct file *lower);
int shiftfs_attach_lower(struct file *file, struct file *lower);
void shiftfs_keep_noatime(const struct super_block *sb, struct file *lower);
int shiftfs_opened(struct inode *inode, struct file *file);
void shiftfs_accessed(struct file *file);
int shiftfs_tmpfile(shiftfs_mnt_idmap_t *idmap, struct inode *dir,
		    struct file *file, umode_t mode);
int shiftfs_release(struct inode *inode, struct file *file);
int shiftfs_fsync(struct file *file, loff_t start, loff_t end, int datasync);
int shiftfs_may_remove_privs(struct file *file);
int shiftfs_remove_privs(struct file *file);
const struct cred *shiftfs_change_cred(struct file *file);

/* io.c */
ssize_t shiftfs_read_iter(struct kiocb *iocb, struct iov_iter *iter);
ssize_t shiftfs_write_iter(struct kiocb *iocb, struct iov_iter *iter);
ssize_t shiftfs_splice_read(struct file *in, loff_t *ppos,
			    struct pipe_inode_info *pipe, size_t len,
			    unsigned int flags);
ssize_t shiftfs_splice_write(struct pipe_inode_info *pipe, struct file *out,
			     loff_t *ppos, size_t len, unsigned int flags);
int shiftfs_init_io(void);
void shiftfs_exit_io(void);

/* mmap.c */
int shiftfs_mmap(struct file *file, struct vm_area_struct *vma);

/* lock.c */
int shiftfs_lock(struct file *file, int cmd, struct file_lock *fl);
int shiftfs_flock(struct file *file, int cmd, struct file_lock *fl);
int shiftfs_flush(struct file *file, fl_owner_t id);
#ifdef SHIFTFS_HAVE_FILE_LEASE
int shiftfs_setlease(struct file *file, int arg, struct file_lease **lease,
		     void **priv);
#else
int shiftfs_setlease(struct file *file, long arg, struct file_lock **lease,
		     void **priv);
#endif

/* readdir.c */
extern const struct file_operations shiftfs_dir_fops;

/* xattr.c */
extern SHIFTFS_XATTR_TABLE shiftfs_xattr_handlers[];
const struct xattr_handler *shiftfs_find_caps(const struct super_block *lower);
ssize_t shiftfs_listxattr(struct dentry *dentry, char *list, size_t size);

/* acl.c */
void shiftfs_free_acls(struct shiftfs_sb *ss);
#ifdef SHIFTFS_HAVE_GET_INODE_ACL
struct posix_acl *shiftfs_get_inode_acl(struct inode *inode, int type,
					bool rcu);
struct posix_acl *shiftfs_get_acl(shiftfs_mnt_idmap_t *idmap,
				  struct dentry *dentry, int type);
int shiftfs_set_acl(shiftfs_mnt_idmap_t *idmap, struct dentry *dentry,
		    struct posix_acl *acl, int type);
#define SHIFTFS_ACL_OPS					\
	.get_inode_acl	= shiftfs_get_inode_acl,	\
	.get_acl	= shiftfs_get_acl,		\
	.set_acl	= shiftfs_set_acl
#else
extern const struct xattr_handler shiftfs_acl_access_handler;
extern const struct xattr_handler shiftfs_acl_default_handler;
struct posix_acl *shiftfs_get_inode_acl(struct inode *inode, int type,
					bool rcu);
int shiftfs_set_acl(shiftfs_mnt_idmap_t *idmap, struct inode *inode,
		    struct posix_acl *acl, int type);
#define SHIFTFS_ACL_OPS					\
	.get_acl	= shiftfs_get_inode_acl,	\
	.set_acl	= shiftfs_set_acl
#endif

/* fileattr.c */
int shiftfs_fileattr_get(struct dentry *dentry, struct shiftfs_fileattr *fa);
int shiftfs_fileattr_set(shiftfs_mnt_idmap_t *idmap,
			 struct dentry *dentry, struct shiftfs_fileattr *fa);

/* gone.c */
void shiftfs_watch(struct super_block *sb);
void shiftfs_unwatch(struct super_block *sb);
void shiftfs_settle(struct super_block *sb, struct inode *lower);
int shiftfs_init_watch(void);
void shiftfs_exit_watch(void);

/* export.c */
extern const struct export_operations shiftfs_export_ops;

/* The operations that inodes of all types have; ->permission differs. */
#define SHIFTFS_ATTR_OPS				\
	.getattr	= shiftfs_getattr,		\
	.setattr	= shiftfs_setattr,		\
	.update_time	= shiftfs_update_time,		\
	.listxattr	= shiftfs_listxattr,		\
	.fileattr_get	= shiftfs_fileattr_get,		\
	.fileattr_set	= shiftfs_fileattr_set

#endif /* _SHIFTFS_H */
