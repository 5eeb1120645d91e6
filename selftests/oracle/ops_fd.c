// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations on the caller's descriptors, and how it comes by them. */
#include <dirent.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "ops.h"

#define P paths[op->path]
#define FD slots[op->slot]
#define FD2 slots[op->slot2]
#define OP(n) long n(const struct op *op, struct result *res)
#define UNUSED (void)op, (void)res
#define BUF 16384

static char buf[BUF];

static void fill(const struct op *op, size_t len)
{
	for (size_t i = 0; i < len && i < BUF; i++)
		buf[i] = 'a' + (op->value + i / 7) % 26;
}

/* -1 as a length is for calls that are told to fail. */
static size_t length(const struct op *op)
{
	return op->len < 0 ? 0 : op->len;
}

static int slot_via[SLOTS];	/* where it was opened */

static long keep_of(const struct op *op, int fd, int via)
{
	if (fd < 0)
		return -1;
	if (FD >= 0)
		close(FD);
	FD = fd;
	slot_via[op->slot] = via;
	return 0;
}

static long keep(const struct op *op, int fd)
{
	return keep_of(op, fd, op->via);
}

/* The mount and the lower are two file systems, or one where it is idmapped. */
static bool across(const struct op *op)
{
	if (slot_via[op->slot] == slot_via[op->slot2])
		return false;
	errno = EXDEV;
	return true;
}

/*
 * A FIFO through the mount is another one than beneath, so beneath it is not
 * opened; nothing may wait for its other end.
 */
static int open_flags(const struct op *op)
{
	int flags = op->flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	struct stat st;

	if (op->via == LOWER && !stat(P, &st) &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		flags |= O_PATH;
	return flags;
}

OP(op_open)
{
	UNUSED;
	return keep(op, open(P, open_flags(op), op->mode));
}

OP(op_creat)
{
	struct op creat = *op;

	UNUSED;
	creat.flags = O_CREAT | O_RDWR | op->flags;
	return keep(op, open(P, open_flags(&creat), op->mode));
}

OP(op_tmpfile)
{
	UNUSED;
	return keep(op, open(P, O_TMPFILE | O_CLOEXEC | op->flags, op->mode));
}

OP(op_openat2)
{
	struct op plain = *op;
	struct open_how how = { .resolve = op->flags };

	UNUSED;
	plain.flags = O_RDONLY;
	how.flags = open_flags(&plain);
	return keep(op, syscall(SYS_openat2, AT_FDCWD, P, &how, sizeof(how)));
}

/* Another description of the same file. */
OP(op_reopen)
{
	char path[64];
	struct stat st;

	UNUSED;
	if (fstat(FD2, &st))
		return -1;
	if (S_ISFIFO(st.st_mode) || S_ISLNK(st.st_mode))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", FD2);
	return keep_of(op, open(path, op->flags | O_CLOEXEC | O_NONBLOCK),
		       slot_via[op->slot2]);
}

OP(op_close)
{
	int r = close(FD);

	UNUSED;
	FD = -1;
	return r;
}

OP(op_dup)
{
	UNUSED;
	return keep_of(op, fcntl(FD2, F_DUPFD_CLOEXEC, 0),
		       slot_via[op->slot2]);
}

OP(op_linkfd)
{
	char path[64];

	UNUSED;
	if (op->flags & AT_EMPTY_PATH)
		return linkat(FD, "", AT_FDCWD, P, op->flags);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", FD);
	return linkat(AT_FDCWD, path, AT_FDCWD, P, op->flags);
}

OP(op_read)
{
	ssize_t n = read(FD, buf, length(op));

	if (n > 0)
		text_sum(res, buf, n);
	return n;
}

OP(op_write)
{
	UNUSED;
	fill(op, length(op));
	return write(FD, buf, length(op));
}

OP(op_pread)
{
	ssize_t n = pread(FD, buf, length(op), op->off);

	if (n > 0)
		text_sum(res, buf, n);
	return n;
}

OP(op_pwrite)
{
	UNUSED;
	fill(op, length(op));
	return pwrite(FD, buf, length(op), op->off);
}

OP(op_preadv2)
{
	struct iovec v[2] = {
		{ buf, length(op) / 3 },
		{ buf + length(op) / 3, length(op) - length(op) / 3 },
	};
	ssize_t n = preadv2(FD, v, 2, op->off, op->flags & ~RWF_NOWAIT);

	if (n > 0)
		text_sum(res, buf, n);
	return n;
}

OP(op_pwritev2)
{
	struct iovec v[2] = {
		{ buf, length(op) / 3 },
		{ buf + length(op) / 3, length(op) - length(op) / 3 },
	};

	UNUSED;
	fill(op, length(op));
	return pwritev2(FD, v, 2, op->off, op->flags);
}

OP(op_lseek)
{
	struct stat st;

	UNUSED;
	/* a cookie of a directory says nothing */
	if (!fstat(FD, &st) && S_ISDIR(st.st_mode))
		return lseek(FD, 0, SEEK_SET);
	return lseek(FD, op->off, op->flags);
}

OP(op_ftruncate) { UNUSED; return ftruncate(FD, op->len); }

OP(op_fallocate)
{
	UNUSED;
	return fallocate(FD, op->flags, op->off, op->len);
}

OP(op_copy_file_range)
{
	off64_t in = op->off, out = op->value % 2 ? 4096 : 0;

	UNUSED;
	if (across(op))
		return -1;
	return copy_file_range(FD, op->value < 4 ? NULL : &in, FD2,
			       op->value < 4 ? NULL : &out, length(op),
			       op->flags);
}

OP(op_sendfile)
{
	off_t off = op->off;

	UNUSED;
	return sendfile(FD2, FD, op->value % 3 ? &off : NULL, length(op));
}

OP(op_splice)
{
	off64_t in = op->off, out = op->value % 2 ? 4096 : 0;
	ssize_t n, left;
	int p[2], err;

	UNUSED;
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK))
		return -1;
	n = splice(FD, &in, p[1], NULL, length(op), SPLICE_F_NONBLOCK);
	for (left = n; left > 0;) {
		ssize_t w = splice(p[0], NULL, FD2, &out, left,
				   SPLICE_F_NONBLOCK);

		if (w <= 0) {
			n = w;
			break;
		}
		left -= w;
	}
	err = errno;
	close(p[0]);
	close(p[1]);
	errno = err;
	return n;
}

static sigjmp_buf fault;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault, 1);
}

static long mapped(const struct op *op, struct result *res, bool write)
{
	size_t len = 8192;
	off_t off = op->off > 0 ? op->off & ~4095 : 0;
	volatile char *p;
	struct stat st;
	volatile long r = 0;

	if (fstat(FD, &st))
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = ENODEV;
		return -1;
	}
	p = mmap(NULL, len, write ? PROT_READ | PROT_WRITE : PROT_READ,
		 op->value % 4 ? MAP_SHARED : MAP_PRIVATE, FD, off);
	if (p == MAP_FAILED)
		return -1;
	signal(SIGBUS, on_fault);
	if (sigsetjmp(fault, 1)) {
		errno = EFAULT;
		r = -1;
	} else if (write) {
		for (int i = 0; i < 100; i++)
			p[op->value * 200 + i] = 'A' + op->value;
		text(res, "written");
	} else {
		memcpy(buf, (char *)p, 4096);
		text_sum(res, buf, 4096);
	}
	signal(SIGBUS, SIG_DFL);
	if (!r && op->value % 3 == 1)
		r = msync((void *)p, len, MS_SYNC);
	munmap((void *)p, len);
	return r;
}

OP(op_mmap_write) { return mapped(op, res, true); }
OP(op_mmap_read) { return mapped(op, res, false); }

OP(op_fsync)
{
	UNUSED;
	return op->value % 2 ? fsync(FD) : fdatasync(FD);
}

OP(op_sync_file_range)
{
	UNUSED;
	return sync_file_range(FD, op->off, op->len, op->flags);
}

OP(op_fadvise)
{
	UNUSED;
	/* the call returns its error */
	errno = posix_fadvise(FD, op->off, op->len, op->flags);
	return errno ? -1 : 0;
}

OP(op_fstat)
{
	struct stat st;
	int r = fstat(FD, &st);

	if (!r)
		text_stat(res, &st);
	return r;
}

OP(op_fchmod) { UNUSED; return fchmod(FD, op->mode); }
OP(op_fchown) { UNUSED; return fchown(FD, op->uid, op->gid); }

OP(op_futimens)
{
	struct timespec t[2] = {
		{ .tv_sec = 3000000, .tv_nsec = 1000 * op->value },
		{ .tv_sec = 3000000 + op->value },
	};

	UNUSED;
	return futimens(FD, op->value % 3 ? t : NULL);
}

OP(op_fsetxattr)
{
	char value[1024];

	UNUSED;
	return fsetxattr(FD, xattrs[op->name], value, xattr_value(op, value),
			 op->flags);
}

OP(op_fgetxattr)
{
	char value[ACL_BUFFER(128)];
	ssize_t n = fgetxattr(FD, xattrs[op->name], value, sizeof(value));

	n = xattr_seen(xattrs[op->name], value, n, sizeof(value));
	if (n > 0)
		text_sum(res, value, n);
	return n;
}

OP(op_fremovexattr) { UNUSED; return fremovexattr(FD, xattrs[op->name]); }
OP(op_flistxattr) { UNUSED; return flistxattr(FD, buf, 2048); }
OP(op_flock) { UNUSED; return flock(FD, op->flags | LOCK_NB); }

static long lock(const struct op *op, int cmd, struct flock *l)
{
	*l = (struct flock){
		.l_type = op->flags, .l_whence = op->value % 3,
		.l_start = op->off, .l_len = op->len,
	};
	return fcntl(FD, cmd, l);
}

OP(op_setlk) { struct flock l; UNUSED; return lock(op, F_SETLK, &l); }
OP(op_ofd_setlk) { struct flock l; UNUSED; return lock(op, F_OFD_SETLK, &l); }

OP(op_getlk)
{
	struct flock l;
	long r = lock(op, op->value % 2 ? F_GETLK : F_OFD_GETLK, &l);

	if (!r && l.l_type != F_UNLCK)
		text(res, "type %d whence %d start %lld len %lld pid %s",
		     l.l_type, l.l_whence, (long long)l.l_start,
		     (long long)l.l_len, l.l_pid > 0 ? "one" :
		     l.l_pid < 0 ? "-1" : "0");
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

OP(op_readdir)
{
	char names[128][64];
	long n, count = 0;

	while ((n = syscall(SYS_getdents64, FD, buf, 512)) > 0) {
		for (long at = 0; at < n;) {
			struct dirent64 *d = (void *)(buf + at);

			if (count < 128 && !silly_name(d->d_name))
				snprintf(names[count++], 64, "%.50s(%d)",
					 d->d_name, d->d_type);
			at += d->d_reclen;
		}
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (int i = 0; i < count; i++)
		text(res, "%s ", names[i]);
	return n < 0 ? n : count;
}

OP(op_getflags)
{
	int flags, r = ioctl(FD, FS_IOC_GETFLAGS, &flags);

	if (!r)
		text(res, "flags %x", flags);
	return r;
}

OP(op_setflags)
{
	int flags, r = ioctl(FD, FS_IOC_GETFLAGS, &flags);

	UNUSED;
	if (r)
		return r;
	flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL |
		   FS_NOATIME_FL);
	flags |= op->flags;
	return ioctl(FD, FS_IOC_SETFLAGS, &flags);
}

OP(op_fsgetxattr)
{
	struct fsxattr x;
	int r = ioctl(FD, FS_IOC_FSGETXATTR, &x);

	if (!r)
		text(res, "xflags %x extsize %u projid %u", x.fsx_xflags,
		     x.fsx_extsize, x.fsx_projid);
	return r;
}

OP(op_fstatfs)
{
	struct statfs s;
	int r = fstatfs(FD, &s);

	if (!r)
		text(res, "bsize %ld namelen %ld", (long)s.f_bsize,
		     (long)s.f_namelen);
	return r;
}

OP(op_setfl) { UNUSED; return fcntl(FD, F_SETFL, op->flags | O_NONBLOCK); }

OP(op_getfl)
{
	UNUSED;
	return fcntl(FD, F_GETFL);
}

OP(op_ficlone)
{
	UNUSED;
	return across(op) ? -1 : ioctl(FD2, FICLONE, FD);
}

OP(op_ficlonerange)
{
	struct file_clone_range r = {
		.src_fd = FD, .src_offset = op->off, .src_length = length(op),
		.dest_offset = op->value % 2 ? 4096 : 0,
	};

	UNUSED;
	return across(op) ? -1 : ioctl(FD2, FICLONERANGE, &r);
}
