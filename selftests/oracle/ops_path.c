// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations by name, relative to the root of the mount or of the lower. */
#include <linux/capability.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "ops.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

void text(struct result *res, const char *fmt, ...)
{
	size_t used = strlen(res->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(res->text + used, sizeof(res->text) - used, fmt, ap);
	va_end(ap);
}

void text_stat(struct result *res, const struct stat *st)
{
	text(res, "mode %o ids %u:%u nlink %lu rdev %lu", st->st_mode,
	     st->st_uid + id_shift, st->st_gid + id_shift,
	     (unsigned long)st->st_nlink,
	     (unsigned long)st->st_rdev);
	if (!S_ISDIR(st->st_mode))
		text(res, " size %lld", (long long)st->st_size);
}

void text_sum(struct result *res, const void *data, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const unsigned char *c = data; len--; c++)
		h = (h ^ *c) * 0x100000001b3ull;
	text(res, "data %016llx", (unsigned long long)h);
}

int op_enter(const struct op *op)
{
	return fchdir(root_fd[op->via]);
}

#define P paths[op->path]
#define Q paths[op->path2]
#define OP(n) long n(const struct op *op, struct result *res)
#define UNUSED (void)op, (void)res

OP(op_mkdir) { UNUSED; return mkdir(P, op->mode); }
OP(op_rmdir) { UNUSED; return rmdir(P); }
OP(op_unlink) { UNUSED; return unlink(P); }
OP(op_symlink) { UNUSED; return symlink(Q, P); }
OP(op_linkat) { UNUSED; return linkat(AT_FDCWD, P, AT_FDCWD, Q, op->flags); }
OP(op_rename) { UNUSED; return rename(P, Q); }
OP(op_chmod) { UNUSED; return chmod(P, op->mode); }
OP(op_chown) { UNUSED; return chown(P, op->uid, op->gid); }
OP(op_lchown) { UNUSED; return lchown(P, op->uid, op->gid); }
OP(op_truncate) { UNUSED; return truncate(P, op->len); }
OP(op_access) { UNUSED; return access(P, op->flags); }
OP(op_umask) { UNUSED; return umask(op->mode & 0777); }

OP(op_mknod)
{
	dev_t dev = 0;

	UNUSED;
	/* no device that does anything, and the whiteout of overlayfs */
	if (op->flags == S_IFCHR)
		dev = op->value % 2 ? makedev(1, 3) : 0;
	if (op->flags == S_IFBLK)
		dev = makedev(240, 200);
	return mknod(P, op->flags | op->mode, dev);
}

OP(op_renameat2)
{
	UNUSED;
	return syscall(SYS_renameat2, AT_FDCWD, P, AT_FDCWD, Q, op->flags);
}

OP(op_fchmodat2)
{
	UNUSED;
	return syscall(SYS_fchmodat2, AT_FDCWD, P, op->mode, op->flags);
}

OP(op_utimensat)
{
	static const long ns[6][2] = {
		{ 0, 0 }, { UTIME_NOW, UTIME_NOW }, { UTIME_OMIT, UTIME_NOW },
		{ UTIME_OMIT, UTIME_OMIT }, { UTIME_OMIT, 0 }, { 0, UTIME_OMIT },
	};
	const long *n = ns[op->value % 6];
	struct timespec t[2] = {
		{ .tv_sec = 2000000 + op->value, .tv_nsec = n[0] },
		{ .tv_sec = 2000000 - op->value, .tv_nsec = n[1] },
	};

	UNUSED;
	return utimensat(AT_FDCWD, P, op->value == 15 ? NULL : t, op->flags);
}

OP(op_stat)
{
	struct stat st;
	int r = stat(P, &st);

	if (!r)
		text_stat(res, &st);
	return r;
}

OP(op_lstat)
{
	struct stat st;
	int r = lstat(P, &st);

	if (!r)
		text_stat(res, &st);
	return r;
}

OP(op_faccessat2)
{
	UNUSED;
	return syscall(SYS_faccessat2, AT_FDCWD, P, op->mode & 7, op->flags);
}

OP(op_readlink)
{
	char buf[256];
	ssize_t n = readlink(P, buf, sizeof(buf));

	if (n >= 0)
		text(res, "%.*s", (int)n, buf);
	return n;
}

OP(op_statfs)
{
	struct statfs s;
	int r = statfs(P, &s);

	if (!r)
		text(res, "bsize %ld frsize %ld namelen %ld flags %lx blocks %lu",
		     (long)s.f_bsize, (long)s.f_frsize, (long)s.f_namelen,
		     (long)s.f_flags & 0xfff, (long)s.f_blocks);
	return r;
}

/* POSIX ACLs as the kernel's attribute has them. */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

static uint32_t acl_id(const struct op *op)
{
	static const uint32_t ids[] = {
		101000, 101001, 100000, 165535, 1000, 0, 70000, 500000,
	};
	uint32_t id = ids[op->value % 8];

	if (callers[op->caller].in_ns && id >= 100000 && id < 165536)
		id -= 100000;
	return id;
}

static size_t acl_value(const struct op *op, void *buf)
{
	struct acl_entry e[8];
	uint32_t version = 2, id = id_named(acl_id(op));
	unsigned int m = op->mode;
	int n = 0;

	e[n++] = (struct acl_entry){ 0x01, m >> 6 & 7, -1 };
	if (op->value < 12)
		e[n++] = (struct acl_entry){ 0x02, op->value & 7, id };
	e[n++] = (struct acl_entry){ 0x04, m >> 3 & 7, -1 };
	if (op->value & 1)
		e[n++] = (struct acl_entry){ 0x08, 6, id };
	/* without a mask it is a mode, or, with named entries, refused */
	if (op->value != 4)
		e[n++] = (struct acl_entry){ 0x10, 7 & ~(op->value >> 1), -1 };
	e[n++] = (struct acl_entry){ 0x20, m & 7, -1 };
	if (op->value == 14)
		n = 0;
	memcpy(buf, &version, 4);
	memcpy((char *)buf + 4, e, n * sizeof(*e));
	return op->value == 13 ? 3 : 4 + n * sizeof(*e);
}

static uint32_t cap_root(const struct op *op)
{
	static const uint32_t roots[] = { 0, 100000, 101000, 500000, 1000 };

	return roots[op->value % 5];
}

static size_t cap_value(const struct op *op, void *buf)
{
	struct vfs_ns_cap_data v = {
		.magic_etc = VFS_CAP_REVISION_2 | (op->value & 1),
		.data[0].permitted = 1 << (op->value & 7),
	};
	size_t size = sizeof(struct vfs_cap_data);

	if (op->value >= 8) {
		v.magic_etc = VFS_CAP_REVISION_3 | (op->value & 1);
		v.rootid = id_named(cap_root(op));
		size = sizeof(v);
	}
	if (op->value == 15)
		size = 7;
	memcpy(buf, &v, size);
	return size;
}

size_t xattr_value(const struct op *op, void *buf)
{
	const char *name = xattrs[op->name];
	size_t size;

	if (strstr(name, "posix_acl"))
		return acl_value(op, buf);
	if (!strcmp(name, "security.capability"))
		return cap_value(op, buf);
	size = (size_t[]){ 0, 1, 5, 30, 100, 300 }[op->value % 6];
	memset(buf, 'A' + op->value, size);
	return size;
}

bool xattr_value_mapped(const struct op *op)
{
	const struct caller *c = &callers[op->caller];
	unsigned int base = c->in_ns || c->below ? 0 : SHIFT, id;

	if (strstr(xattrs[op->name], "posix_acl")) {
		id = acl_id(op);
		if (op->value >= 12 && op->value != 15)
			return true;
	} else if (!strcmp(xattrs[op->name], "security.capability")) {
		id = op->value < 8 ? 0 : cap_root(op);
		if (op->value == 15)
			return true;
	} else {
		return true;
	}
	return id >= base && id < base + 65536;
}

unsigned int id_named(unsigned int id)
{
	return id == -1u ? id : id - id_shift;
}

ssize_t xattr_seen(const char *name, void *buf, ssize_t len, size_t size)
{
	struct vfs_ns_cap_data v;
	struct acl_entry e;

	if (!id_shift || len < 0)
		return len;
	if (strstr(name, "posix_acl")) {
		for (ssize_t at = 4; size && at < len; at += sizeof(e)) {
			memcpy(&e, (char *)buf + at, sizeof(e));
			if (e.tag == 0x02 || e.tag == 0x08)
				e.id += id_shift;
			memcpy((char *)buf + at, &e, sizeof(e));
		}
		return len;
	}
	if (strcmp(name, "security.capability"))
		return len;
	if (!size)
		return sizeof(v);
	/* of the initial namespace's root: without its id */
	CHECK(size >= sizeof(v));
	memset(&v, 0, sizeof(v));
	memcpy(&v, buf, len);
	if (len == sizeof(struct vfs_cap_data))
		v.magic_etc = VFS_CAP_REVISION_3 |
			(v.magic_etc & VFS_CAP_FLAGS_EFFECTIVE);
	v.rootid += id_shift;
	memcpy(buf, &v, sizeof(v));
	return sizeof(v);
}

OP(op_setxattr)
{
	char buf[1024];

	UNUSED;
	return setxattr(P, xattrs[op->name], buf, xattr_value(op, buf),
			op->flags);
}

OP(op_lsetxattr)
{
	char buf[1024];

	UNUSED;
	return lsetxattr(P, xattrs[op->name], buf, xattr_value(op, buf),
			 op->flags);
}

OP(op_removexattr) { UNUSED; return removexattr(P, xattrs[op->name]); }

OP(op_getxattr)
{
	char buf[ACL_BUFFER(128)];
	static const size_t sizes[] = { sizeof(buf), sizeof(buf), 0, 10 };
	size_t size = sizes[op->value % 4];
	ssize_t n = getxattr(P, xattrs[op->name], buf, size);

	n = xattr_seen(xattrs[op->name], buf, n, size);
	if (n > 0 && size)
		for (int i = 0; i < n && i < 64; i++)
			text(res, "%02x", (unsigned char)buf[i]);
	return n;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

OP(op_listxattr)
{
	char buf[2048], *names[64];
	static const size_t sizes[] = { sizeof(buf), sizeof(buf), 0, 8 };
	size_t size = sizes[op->value % 4];
	ssize_t len = listxattr(P, buf, size);
	int n = 0;

	if (len > 0 && size)
		for (char *p = buf; p < buf + len && n < 64; p += strlen(p) + 1)
			names[n++] = p;
	qsort(names, n, sizeof(*names), compare_names);
	for (int i = 0; i < n; i++)
		text(res, "%s ", names[i]);
	return len;
}

static int handle_of(const struct op *op, struct file_handle *h, int *mnt)
{
	h->handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(AT_FDCWD, P, h, mnt, op->flags);
}

OP(op_handle)
{
	char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	int mnt;

	UNUSED;
	return handle_of(op, (void *)space, &mnt);
}

OP(op_open_by_handle)
{
	char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *h = (void *)space;
	struct stat st, named;
	int mnt, fd, r;

	r = handle_of(op, h, &mnt);
	if (r)
		return r;
	fd = open_by_handle_at(root_fd[op->via], h, O_PATH);
	if (fd < 0)
		return fd;
	r = fstat(fd, &st);
	if (!r) {
		text_stat(res, &st);
		if (!lstat(P, &named) && named.st_ino != st.st_ino)
			text(res, " of another inode");
	}
	close(fd);
	return r;
}

/* Not a program: permission alone is asked for. */
OP(op_exec)
{
	char *const none[] = { NULL };
	pid_t pid = vfork();
	int status;

	UNUSED;
	if (!pid) {
		execve(P, none, none);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

OP(op_chdir)
{
	char cwd[256];
	struct stat st, root;

	if (chdir(P))
		return -1;
	/* above the root it is of another filesystem, with ids of its own */
	if (!stat(".", &st) && !fstat(root_fd[op->via], &root) &&
	    st.st_ino != root.st_ino && !stat("..", &st))
		text_stat(res, &st);
	/* the mount points' names are of one length */
	if (op->via != LOWER && getcwd(cwd, sizeof(cwd)))
		text(res, " in %s", cwd + strnlen(cwd, strlen("/run/oracle0")));
	return 0;
}

OP(op_bind)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	UNUSED;
	strcpy(a.sun_path, P);
	r = bind(fd, (void *)&a, sizeof(a));
	if (r) {
		int err = errno;

		close(fd);
		errno = err;
		return r;
	}
	close(fd);
	return r;
}
