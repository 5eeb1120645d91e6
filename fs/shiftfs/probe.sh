#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Ask the target kernel's headers which interfaces they have and write the
# answers as #defines. Version numbers do not tell: stable releases take over
# interface changes from later ones.
#
# usage: probe.sh OUTPUT WORKDIR COMPILER FLAGS...
#
# Each probe is a few lines of C that compile only where the answer is yes.

set -u
out=$1
work=$2
shift 2

mkdir -p "$work" || exit 1
probes=

# probe NAME HEADERS CODE
probe()
{
	name=$1
	{
		for h in linux/fs.h linux/mount.h $2; do
			echo "#include <$h>"
		done
		printf '%s\n' "$3"
	} > "$work/$name.c.new"
	if ! cmp -s "$work/$name.c" "$work/$name.c.new"; then
		mv -f "$work/$name.c.new" "$work/$name.c"
	else
		rm -f "$work/$name.c.new"
	fi
	probes="$probes $name"
}

# The probe that must succeed: otherwise every answer would be "no".
probe ALWAYS "" \
'int p(struct inode *i); int p(struct inode *i) { return i->i_mode; }'

probe MNT_IDMAP "linux/mnt_idmapping.h" \
'int p(struct mnt_idmap *m, struct inode *i);
int p(struct mnt_idmap *m, struct inode *i) { return inode_permission(m, i, 0); }'

probe MNT_IDMAP_CONST "linux/mnt_idmapping.h" \
'int p(const struct mnt_idmap *m, struct inode *i);
int p(const struct mnt_idmap *m, struct inode *i) { return inode_permission(m, i, 0); }'

probe CREATE_EXCL "" \
'int p(struct inode *d, struct dentry *e);
int p(struct inode *d, struct dentry *e) { return d->i_op->create(NULL, d, e, 0, true); }'

probe MKDIR_DENTRY "" \
'struct dentry *p(struct inode *d, struct dentry *e);
struct dentry *p(struct inode *d, struct dentry *e)
{ struct dentry *r = d->i_op->mkdir(NULL, d, e, 0); return r; }'

probe GET_INODE_ACL "linux/posix_acl.h" \
'struct posix_acl *p(struct inode *i); struct posix_acl *p(struct inode *i) { return get_inode_acl(i, 0); }'

probe UPDATE_TIME_TS "" \
'int p(struct inode *i, struct timespec64 *t);
int p(struct inode *i, struct timespec64 *t) { return i->i_op->update_time(i, t, 0); }'

probe UPDATE_TIME_TYPE "" \
'int p(struct inode *i); int p(struct inode *i) { return i->i_op->update_time(i, FS_UPD_ATIME, 0); }'

probe D_REVALIDATE_NAME "linux/dcache.h" \
'int p(struct dentry *d, const struct qstr *q);
int p(struct dentry *d, const struct qstr *q) { return d->d_op->d_revalidate(NULL, q, d, 0); }'

probe FILE_KATTR "linux/fileattr.h" \
'int p(struct dentry *d, struct file_kattr *f);
int p(struct dentry *d, struct file_kattr *f) { return vfs_fileattr_get(d, f); }'

probe VFS_DELEGATED "" \
'int p(struct inode *i, struct dentry *d);
int p(struct inode *i, struct dentry *d) { return vfs_rmdir(NULL, i, d, NULL); }'

probe START_CREATING "linux/namei.h" \
'struct dentry *p(struct dentry *d);
struct dentry *p(struct dentry *d) { return start_creating_dentry(d, d); }'

probe RENAME_PARENTS "" \
'int p(struct renamedata *r, struct dentry *d);
int p(struct renamedata *r, struct dentry *d) { r->old_parent = d; return vfs_rename(r); }'

probe LOOKUP_QSTR "linux/namei.h" \
'struct dentry *p(struct qstr *q, struct dentry *d);
struct dentry *p(struct qstr *q, struct dentry *d) { return lookup_one_unlocked(NULL, q, d); }'

probe BACKING_FILE "linux/backing-file.h" \
'int p(struct file *f, struct vm_area_struct *v, struct backing_file_ctx *c);
int p(struct file *f, struct vm_area_struct *v, struct backing_file_ctx *c)
{ return backing_file_mmap(f, v, c); }'

probe BACKING_USER_FILE "linux/backing-file.h" \
'struct file *p(struct file *u, struct path *r);
struct file *p(struct file *u, struct path *r) { return backing_file_open(u, 0, r, NULL); }'

probe BACKING_TMPFILE "linux/backing-file.h" \
'struct file *p(struct path *r);
struct file *p(struct path *r) { return backing_tmpfile_open(NULL, 0, r, 0, NULL); }'

probe BACKING_TMPFILE_USER_FILE "linux/backing-file.h" \
'struct file *p(struct file *u, struct path *r);
struct file *p(struct file *u, struct path *r) { return backing_tmpfile_open(u, 0, r, 0, NULL); }'

probe BACKING_CTX_USER_FILE "linux/backing-file.h" \
'struct file *p(struct backing_file_ctx *c);
struct file *p(struct backing_file_ctx *c) { return c->user_file; }'

probe VFS_SPLICE_READ "linux/splice.h" \
'ssize_t p(struct file *f, loff_t *o); ssize_t p(struct file *f, loff_t *o) { return vfs_splice_read(f, o, NULL, 0, 0); }'

probe FILE_LOCK_CORE "linux/filelock.h" \
'struct file *p(struct file_lock *l); struct file *p(struct file_lock *l) { return l->c.flc_file; }'

probe FILELOCK_H "linux/filelock.h" \
'int p(struct inode *i); int p(struct inode *i) { return break_lease(i, 0); }'

probe FILE_LEASE "linux/filelock.h" \
'int p(struct file *f, struct file_lease **l); int p(struct file *f, struct file_lease **l)
{ return f->f_op->setlease(f, 0, l, NULL); }'

probe VFS_MMAP "linux/mm.h" \
'int p(struct file *f, struct vm_area_struct *v); int p(struct file *f, struct vm_area_struct *v)
{ return can_mmap_file(f) ? vfs_mmap(f, v) : 0; }'

probe DENTRY_CREATE_ATOMIC "" \
'extern struct file *(*p)(struct path *, int, umode_t, const struct cred *);
struct file *(*p)(struct path *, int, umode_t, const struct cred *) = dentry_create;'

probe INODE_GENERIC_DROP "" \
'int p(struct inode *i); int p(struct inode *i) { return inode_generic_drop(i); }'

probe SET_DEFAULT_D_OP "linux/dcache.h" \
'void p(struct super_block *s); void p(struct super_block *s) { set_default_d_op(s, NULL); }'

probe INODE_TIMES "" \
'struct timespec64 p(struct inode *i); struct timespec64 p(struct inode *i) { return inode_get_mtime(i); }'

probe INODE_CTIME "" \
'struct timespec64 p(struct inode *i); struct timespec64 p(struct inode *i) { return inode_get_ctime(i); }'

probe INODE_STATE_READ "" \
'int p(struct inode *i); int p(struct inode *i) { return inode_state_read_once(i) & I_NEW; }'

probe IGET5_LOCKED_RCU "" \
'struct inode *p(struct super_block *s); struct inode *p(struct super_block *s)
{ return iget5_locked_rcu(s, 0, NULL, NULL, NULL); }'

probe ENCODE_INODE_FH_FLAGS "linux/exportfs.h" \
'int p(struct inode *i, int *n); int p(struct inode *i, int *n)
{ return exportfs_encode_inode_fh(i, NULL, n, NULL, 0); }'

probe PATH_CONST "" \
'int p(const struct path *a); int p(const struct path *a) { struct vfsmount *m = clone_private_mount(a); return !m; }'

probe XATTR_HANDLERS_CONST "linux/xattr.h" \
'extern const struct xattr_handler * const h[]; void p(struct super_block *s);
void p(struct super_block *s) { s->s_xattr = h; }'

probe NS_COMMON_TYPE "linux/ns_common.h linux/proc_ns.h" \
'int p(struct ns_common *n); int p(struct ns_common *n) { return n->ns_type; }'

probe KERNEL_TMPFILE_OPEN "" \
'struct file *p(struct path *a); struct file *p(struct path *a) { return kernel_tmpfile_open(NULL, a, 0, 0, NULL); }'

probe EXE_FILE_DENY "" \
'int p(struct file *f); int p(struct file *f) { exe_file_allow_write_access(f); return exe_file_deny_write_access(f); }'

probe VFS_FALLOCATE_OP_FLAGS "" \
'int p(struct file *f); int p(struct file *f) { return f->f_op->fop_flags; }'

export work
# shellcheck disable=SC2016
ask='name=$1; shift
if "$@" -fsyntax-only "$work/$name.c" 2> "$work/$name.log"
then echo "#define SHIFTFS_HAVE_$name 1"; else echo "/* no $name */"; fi > "$work/$name.h"'
# shellcheck disable=SC2086
printf '%s\n' $probes | xargs -P "$(nproc)" -I{} sh -c "$ask" sh {} "$@"

if ! grep -q ALWAYS "$work/ALWAYS.h" || ! grep -q '^#define' "$work/ALWAYS.h"; then
	echo "probe.sh: the compiler does not work on this kernel's headers:" >&2
	cat "$work/ALWAYS.log" >&2
	exit 1
fi

{
	echo "/* Written by probe.sh from the headers of the target kernel. */"
	for p in $probes; do
		cat "$work/$p.h"
	done
} > "$out.new"
mv -f "$out.new" "$out"
