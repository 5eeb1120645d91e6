// SPDX-License-Identifier: GPL-2.0-or-later
/* File data: one page cache, below and above, by every way in. */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define SHIFT_HELPER helper
static int helper(int argc, char **argv);
#include "fixture.h"

static int helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return 0;
}

static int above(const char *name, int flags)
{
	int fd;

	become(SEEN(1000), SEEN(1000));
	fd = openat(upper, name, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		fail_at(__FILE__, __LINE__, "open %s: %s", name,
			strerror(errno));
	become_root();
	return fd;
}

static int below(const char *name, int flags)
{
	return OK(openat(lower, name, flags | O_CLOEXEC));
}

TEST_F(shift, read_write)
{
	struct iovec v[2] = { { "ab", 2 }, { "cd", 2 } };
	char buf[16] = "";
	int a, b;

	a = above("f", O_CREAT | O_RDWR);
	b = below("f", O_RDWR);
	EQ(4, writev(a, v, 2));
	EQ(4, pread(b, buf, 16, 0));
	CHECK(!strcmp(buf, "abcd"));
	EQ(2, pwrite(b, "XY", 2, 1));
	EQ(4, pread(a, buf, 16, 0));
	CHECK(!strcmp(buf, "aXYd"));
	EQ(4, lseek(a, 0, SEEK_CUR));
	EQ(0, read(a, buf, 16));
	EQ(2, pwrite(b, "ef", 2, 4));
	EQ(2, read(a, buf, 16));
	EQ(6, lseek(a, 0, SEEK_END));
	EQ(3, lseek(a, 3, SEEK_SET));
	EQ(3, read(a, buf, 16));
	CHECK(!memcmp(buf, "def", 3));
	FAILS(lseek(a, -1, SEEK_SET), EINVAL);
	v[0].iov_base = buf;
	EQ(2, preadv2(a, v, 1, 0, 0));
	v[0].iov_base = "+!";
	EQ(2, pwritev2(a, v, 1, 0, RWF_DSYNC));
	close(a);
	close(b);
	CONTENT(lower, "f", "+!Ydef");
}

TEST_F(shift, append_one_write)
{
	struct iovec v = { "+!", 2 };
	int a = above("f", O_CREAT | O_RDWR), b;

	OK(put(lower, "g", "abcdef"));
	b = below("g", O_RDWR);
	EQ(2, pwritev2(b, &v, 1, 0, RWF_APPEND));
	SKIP_IF(st(b, "").st_size == 6, "the lower ignores RWF_APPEND");
	EQ(6, write(a, "abcdef", 6));
	EQ(2, pwritev2(a, &v, 1, 0, RWF_APPEND));
	CONTENT(lower, "f", "abcdef+!");
	CONTENT(upper, "f", "abcdef+!");
}

TEST_F(shift, append)
{
	int a = above("f", O_CREAT | O_WRONLY | O_APPEND);
	int b = below("f", O_WRONLY | O_APPEND);
	int c = above("f", O_WRONLY);

	EQ(1, write(a, "1", 1));
	EQ(1, write(b, "2", 1));
	EQ(1, write(a, "3", 1));
	OK(fcntl(c, F_SETFL, O_APPEND));
	EQ(1, write(c, "4", 1));
	OK(fcntl(c, F_SETFL, 0));
	EQ(1, pwrite(c, "0", 1, 0));
	EQ(1, pwrite(a, "5", 1, 0));	/* appends, as everywhere on Linux */
	EQ(5, lseek(a, 0, SEEK_END));
	CONTENT(lower, "f", "02345");
	CONTENT(upper, "f", "02345");
}

TEST_F(shift, descriptor_rights)
{
	int r, w;
	char c;

	close(above("f", O_CREAT | O_RDWR));
	r = above("f", O_RDONLY);
	w = above("f", O_WRONLY);
	FAILS(write(r, "x", 1), EBADF);
	FAILS(read(w, &c, 1), EBADF);
	FAILS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0) ==
	      MAP_FAILED ? -1 : 0, EACCES);
	FAILS(ftruncate(r, 1), EINVAL);
	EQ(0, st(lower, "f").st_size);
}

TEST_F(shift, mmap_shared)
{
	int a = above("f", O_CREAT | O_RDWR), b = below("f", O_RDWR);
	char *ma, *mb, *mp, buf[4] = "";

	OK(ftruncate(a, 8192));
	ma = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	mb = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, b, 0);
	mp = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, a, 0);
	CHECK(ma != MAP_FAILED && mb != MAP_FAILED && mp != MAP_FAILED);
	memcpy(ma, "one", 3);
	CHECK(!memcmp(mb, "one", 3));	/* the same page */
	CHECK(!memcmp(mp, "one", 3));
	memcpy(mb + 4096, "two", 3);
	CHECK(!memcmp(ma + 4096, "two", 3));
	EQ(3, pread(a, buf, 3, 4096));
	CHECK(!strcmp(buf, "two"));
	EQ(3, pwrite(a, "ONE", 3, 0));
	CHECK(!memcmp(mb, "ONE", 3));
	EQ(3, pwrite(b, "uno", 3, 0));
	CHECK(!memcmp(ma, "uno", 3));
	memcpy(mp, "prv", 3);
	CHECK(!memcmp(ma, "uno", 3));
	OK(msync(ma, 8192, MS_SYNC));
	close(a);	/* the mapping keeps the file */
	memcpy(ma, "fin", 3);
	EQ(3, pread(b, buf, 3, 0));
	CHECK(!strcmp(buf, "fin"));
	OK(munmap(ma, 8192));
	OK(munmap(mp, 8192));
	EQ(8192, st(upper, "f").st_size);
}

/* mtime moves below and above when a shared mapping is written to. */
TEST_F(shift, mmap_write_sets_mtime)
{
	struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	int a = above("f", O_CREAT | O_RDWR);
	char *p;

	OK(ftruncate(a, 4096));
	OK(utimensat(lower, "f", old, 0));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, a, 0);
	CHECK(p != MAP_FAILED);
	p[0] = 'x';
	OK(msync(p, 4096, MS_SYNC));
	OK(fsync(a));
	EQ(st(lower, "f").st_mtim.tv_sec, st(upper, "f").st_mtim.tv_sec);
	/* tmpfs does not track writes through a mapping */
	CHECK(lower_is("tmpfs") || st(lower, "f").st_mtim.tv_sec > 1000);
}

TEST_F(shift, write_sets_times)
{
	struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	int a = above("f", O_CREAT | O_RDWR);
	char c;

	OK(utimensat(lower, "f", old, 0));
	EQ(1, write(a, "x", 1));
	CHECK(st(lower, "f").st_mtim.tv_sec > 1000);
	EQ(st(lower, "f").st_mtim.tv_nsec, st(upper, "f").st_mtim.tv_nsec);
	EQ(st(lower, "f").st_ctim.tv_nsec, st(upper, "f").st_ctim.tv_nsec);
	OK(utimensat(lower, "f", old, 0));
	EQ(1, pread(a, &c, 1, 0));	/* relatime: older than mtime or a day */
	EQ(st(lower, "f").st_atim.tv_sec, st(upper, "f").st_atim.tv_sec);
	CHECK(st(lower, "f").st_atim.tv_sec > 1000);
}

/* io_uring, say, reads what is cached like that. */
TEST_F(shift, atime_of_nowait)
{
	struct timespec old[2] = { { 1, 0 }, { 1000, 0 } };
	char c;
	struct iovec v = { &c, 1 };
	int b;

	make("f", 0, 0, S_IFREG | 0644);
	OK(put(lower, "f", "text"));
	for (int above = 0; above < 2; above++) {
		b = OK(openat(above ? upper : lower, "f", O_RDONLY));
		OK(utimensat(lower, "f", old, 0));
		if (preadv2(b, &v, 1, 0, RWF_NOWAIT) < 0)
			EQ(EOPNOTSUPP, errno);
		else
			CHECK(st(lower, "f").st_atim.tv_sec > 1000);
		close(b);
	}
	EQ(st(lower, "f").st_atim.tv_sec, st(upper, "f").st_atim.tv_sec);
}

#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif
#define WRITE_ATOMIC 0x10000	/* STATX_WRITE_ATOMIC */

/* What came after 6.1 is answered as the lower filesystem does. */
TEST_F(shift, newer_flags)
{
	const int flags[] = { RWF_DONTCACHE, RWF_ATOMIC, RWF_DONTCACHE | RWF_DSYNC };
	static char block[4096] __attribute__((aligned(4096)));
	struct iovec v = { block, sizeof(block) };
	struct statx a, b;
	int fd[2];

	memset(block, 'x', sizeof(block));
	fd[0] = OK(openat(lower, "f", O_CREAT | O_RDWR, 0644));
	fd[1] = OK(openat(upper, "f", O_RDWR));
	if (!lower_is("tmpfs") && !lower_is("overlay")) {
		OK(close(fd[0]));
		OK(close(fd[1]));
		fd[0] = OK(openat(lower, "f", O_RDWR | O_DIRECT));
		fd[1] = OK(openat(upper, "f", O_RDWR | O_DIRECT));
	}
	for (unsigned int i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		long long got[2][2];

		for (int j = 0; j < 2; j++) {
			errno = 0;
			got[j][0] = pwritev2(fd[j], &v, 1, 0, flags[i]) * 1000 + errno;
			errno = 0;
			got[j][1] = preadv2(fd[j], &v, 1, 0, flags[i] & ~RWF_DSYNC) * 1000 +
				    errno;
		}
		EQ(got[0][0], got[1][0]);
		EQ(got[0][1], got[1][1]);
	}
	close(fd[0]);
	close(fd[1]);
	OK(statx(lower, "f", 0, WRITE_ATOMIC, &b));
	OK(statx(upper, "f", 0, WRITE_ATOMIC, &a));
	EQ(b.stx_mask & WRITE_ATOMIC, a.stx_mask & WRITE_ATOMIC);
}

TEST_F(shift, odirect)
{
	int a, b = openat(lower, ".", O_RDONLY);
	char *buf, back[4];

	OK(b);
	close(above("f", O_CREAT | O_RDWR));
	close(b);
	b = openat(lower, "f", O_RDWR | O_DIRECT);
	SKIP_IF(b < 0 && errno == EINVAL, "the lower has no O_DIRECT");
	OK(b);
	a = above("f", O_RDWR | O_DIRECT);
	CHECK(!posix_memalign((void **)&buf, 4096, 8192));
	memset(buf, 'd', 8192);
	EQ(8192, pwrite(a, buf, 8192, 0));
	memset(buf, 0, 8192);
	EQ(8192, pread(b, buf, 8192, 0));
	EQ('d', buf[8191]);
	EQ(8192, pread(a, buf, 8192, 0));
	close(b);
	b = below("f", O_RDWR);
	EQ(4, pread(b, back, 4, 4096));
	EQ('d', back[0]);
	/* switched on and off on an open file */
	OK(fcntl(a, F_SETFL, 0));
	EQ(1, pwrite(a, "e", 1, 1));
	OK(fcntl(a, F_SETFL, O_DIRECT));
	EQ(4096, pread(a, buf, 4096, 0));
	EQ('e', buf[1]);
	EQ(8192, st(lower, "f").st_size);
}

TEST_F(shift, pipes)
{
	int a = above("f", O_CREAT | O_RDWR), b, p[2], q[2];
	char buf[32] = "";
	loff_t off = 0;

	OK(pipe2(p, O_CLOEXEC));
	OK(pipe2(q, O_CLOEXEC));
	EQ(8, write(p[1], "spliced!", 8));
	EQ(8, tee(p[0], q[1], 8, 0));
	EQ(8, splice(p[0], NULL, a, &off, 8, 0));
	EQ(8, off);
	CONTENT(lower, "f", "spliced!");
	off = 2;
	EQ(6, splice(a, &off, p[1], NULL, 6, 0));
	EQ(6, read(p[0], buf, 32));
	CHECK(!memcmp(buf, "liced!", 6));
	EQ(8, read(q[0], buf, 32));
	CHECK(!memcmp(buf, "spliced!", 8));
	b = above("g", O_CREAT | O_RDWR);
	off = 0;
	EQ(8, sendfile(b, a, &off, 100));
	CONTENT(lower, "g", "spliced!");
	CONTENT(upper, "g", "spliced!");
	BOTH("g", 1000, 1000, S_IFREG | 0644);
	/* from below to above and back */
	close(a);
	a = below("f", O_RDONLY);
	off = 0;
	EQ(8, sendfile(b, a, &off, 100));
	EQ(16, st(lower, "g").st_size);
}

TEST_F(shift, copy_file_range)
{
	int a = above("f", O_CREAT | O_RDWR), b = above("g", O_CREAT | O_RDWR);
	loff_t in = 1, out = 0;

	EQ(6, write(a, "abcdef", 6));
	EQ(4, copy_file_range(a, &in, b, &out, 4, 0));
	EQ(5, in);
	EQ(4, out);
	CONTENT(lower, "g", "bcde");
	CONTENT(upper, "g", "bcde");
	in = 0;
	out = 4;
	EQ(2, copy_file_range(a, &in, a, &(loff_t){ 6 }, 2, 0));
	CONTENT(lower, "f", "abcdefab");
	close(a);
	a = above("f", O_RDONLY);
	FAILS(copy_file_range(b, NULL, a, NULL, 4, 0), EBADF);
	EQ(4, st(upper, "g").st_size);
}

TEST_F(shift, reflink)
{
	static char block[65536];
	struct file_clone_range part = { .src_length = 65536 };
	int a = above("f", O_CREAT | O_RDWR), b = above("g", O_CREAT | O_RDWR);
	int la, lb;

	memset(block, 'r', sizeof(block));
	EQ(65536, write(a, block, 65536));
	OK(fsync(a));
	la = below("f", O_RDWR);
	lb = OK(openat(lower, "probe", O_CREAT | O_RDWR, 0600));
	SKIP_IF(ioctl(lb, FICLONE, la) &&
		(errno == EOPNOTSUPP || errno == EINVAL),
		"the lower has no reflinks");
	OK(ioctl(b, FICLONE, a));
	EQ(65536, st(upper, "g").st_size);
	EQ(65536, st(lower, "g").st_size);
	EQ(65536, pread(b, block, 65536, 0));
	EQ('r', block[65535]);
	part.src_fd = a;
	part.dest_offset = 65536;
	OK(ioctl(b, FICLONERANGE, &part));
	EQ(131072, st(lower, "g").st_size);
	EQ(1, pwrite(b, "X", 1, 0));
	CHECK(!pread(a, block, 1, 0) || block[0] == 'r');
	/* a directory; a file of the other side, of another file system */
	FAILS(ioctl(b, FICLONE, upper), EISDIR);
	if (on_shiftfs())
		FAILS(ioctl(b, FICLONE, la), EXDEV);
	close(a);
	a = above("f", O_RDONLY);
	FAILS(ioctl(a, FICLONE, b), EBADF);
}

TEST_F(shift, dedupe)
{
	static char block[131072];
	struct {
		struct file_dedupe_range r;
		struct file_dedupe_range_info i;
	} d = { .r = { .src_length = 65536, .dest_count = 1 } };
	int a = above("f", O_CREAT | O_RDWR), b = above("g", O_CREAT | O_RDWR);
	int la;

	memset(block, 'd', sizeof(block));
	EQ(65536, write(a, block, 65536));
	EQ(65536, write(b, block, 65536));
	OK(fsync(a));
	OK(fsync(b));
	la = below("f", O_RDWR);
	d.i.dest_fd = below("g", O_RDWR);
	SKIP_IF(ioctl(la, FIDEDUPERANGE, &d) || d.i.status == -EOPNOTSUPP ||
		d.i.status == -EINVAL,
		"the lower has no deduplication");
	EQ(FILE_DEDUPE_RANGE_SAME, d.i.status);
	d.i.dest_fd = b;
	d.i.status = 0;
	OK(ioctl(a, FIDEDUPERANGE, &d));
	EQ(FILE_DEDUPE_RANGE_SAME, d.i.status);
	EQ(65536, d.i.bytes_deduped);
	EQ(1, pwrite(b, "X", 1, 100));
	OK(fsync(b));
	OK(ioctl(a, FIDEDUPERANGE, &d));
	EQ(FILE_DEDUPE_RANGE_DIFFERS, d.i.status);
	EQ(65536, st(lower, "g").st_size);
}

TEST_F(shift, holes)
{
	int a = above("f", O_CREAT | O_RDWR), b = below("f", O_RDONLY);
	off_t data, hole;

	EQ(1, pwrite(a, "x", 1, 1 << 20));
	OK(fsync(a));
	data = OK(lseek(b, 0, SEEK_DATA));
	hole = OK(lseek(b, 0, SEEK_HOLE));
	EQ(data, lseek(a, 0, SEEK_DATA));
	EQ(data, lseek(a, 0, SEEK_CUR));
	EQ(hole, lseek(a, 0, SEEK_HOLE));
	EQ((1 << 20) + 1, lseek(a, 1 << 20, SEEK_HOLE));
	FAILS(lseek(a, (1 << 20) + 1, SEEK_DATA), ENXIO);
	EQ(1 << 20, data & ~0xfffffl);
	EQ(st(lower, "f").st_blocks, st(upper, "f").st_blocks);
}

TEST_F(shift, fallocate)
{
	static const int modes[] = {
		FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE,
		FALLOC_FL_PUNCH_HOLE /* refused everywhere */,
	};
	int a = above("f", O_CREAT | O_RDWR), b, ro;
	static char block[262144], back[262144];

	make("g", 1000, 1000, S_IFREG | 0644);
	b = below("g", O_RDWR);
	memset(block, 'f', sizeof(block));
	EQ(sizeof(block), write(a, block, sizeof(block)));
	EQ(sizeof(block), write(b, block, sizeof(block)));
	/* each mode answers above as the lower answers on a twin */
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		int want = fallocate(b, modes[i], 65536, 65536) ? errno : 0;
		int got = fallocate(a, modes[i], 65536, 65536) ? errno : 0;

		EQ(want, got);
		EQ(st(lower, "g").st_size, st(lower, "f").st_size);
		EQ(st(lower, "g").st_size, st(upper, "f").st_size);
		EQ(pread(b, back, sizeof(back), 0),
		   pread(a, block, sizeof(block), 0));
		CHECK(!memcmp(back, block, sizeof(back)));
	}
	if (!fallocate(b, 0, 1 << 20, 4096)) {
		OK(fallocate(a, 0, 1 << 20, 4096));
		EQ((1 << 20) + 4096, st(upper, "f").st_size);
		EQ((1 << 20) + 4096, st(lower, "f").st_size);
	}
	ro = above("f", O_RDONLY);
	FAILS(fallocate(ro, 0, 0, 4096), EBADF);
}

TEST_F(shift, fiemap)
{
	struct {
		struct fiemap m;
		struct fiemap_extent e[8];
	} x = { .m = { .fm_length = ~0ull, .fm_flags = FIEMAP_FLAG_SYNC,
		       .fm_extent_count = 8 } }, y = x;
	static char block[65536];
	int a = above("f", O_CREAT | O_RDWR), b;

	EQ(65536, write(a, block, 65536));
	OK(fsync(a));
	b = below("f", O_RDONLY);
	SKIP_IF(ioctl(b, FS_IOC_FIEMAP, &x) && errno == EOPNOTSUPP,
		"the lower has no FIEMAP");
	OK(ioctl(a, FS_IOC_FIEMAP, &y));
	CHECK(x.m.fm_mapped_extents > 0);
	EQ(x.m.fm_mapped_extents, y.m.fm_mapped_extents);
	CHECK(!memcmp(x.e, y.e, sizeof(x.e[0]) * x.m.fm_mapped_extents));
}

TEST_F(shift, sync_and_advice)
{
	int a = above("f", O_CREAT | O_RDWR), dir;

	EQ(1, write(a, "x", 1));
	OK(fsync(a));
	OK(fdatasync(a));
	OK(sync_file_range(a, 0, 4096, SYNC_FILE_RANGE_WRITE));
	OK(syncfs(a));
	OK(syncfs(upper));
	EQ(0, posix_fadvise(a, 0, 0, POSIX_FADV_WILLNEED));
	EQ(0, posix_fadvise(a, 0, 0, POSIX_FADV_DONTNEED));
	EQ(0, posix_fadvise(a, 0, 0, POSIX_FADV_SEQUENTIAL));
	OK(readahead(a, 0, 4096));
	dir = OK(openat(upper, ".", O_RDONLY | O_DIRECTORY));
	OK(fsync(dir));
	OK(fdatasync(dir));
	CONTENT(lower, "f", "x");
}

TEST_F(shift, unknown_ioctl)
{
	int a = above("f", O_CREAT | O_RDWR);

	FAILS(ioctl(a, 0xdeadbeef, 0), ENOTTY);
	EQ(0, st(lower, "f").st_size);
}

/* What was truncated, and is closed, may be executed: it is no program. */
TEST_F(shift, exec_of_an_empty_file)
{
	make("f", 1000, 1000, S_IFREG | 0755);
	close(above("f", O_WRONLY | O_TRUNC));
	OK(truncate(up("f"), 0));
	for (int i = 0; i < 2; i++)
		AS_NS(-1, SEEN(1000), SEEN(1000), 0)
			FAILS(execl(i ? lo("f") : up("f"), "f", NULL), ENOEXEC);
	BOTH("f", 1000, 1000, S_IFREG | 0755);
}

TEST_F(shift, exec_of_a_file_being_written)
{
	int fd;

	copy_self("p", 1000, 1000, 0755);
	EQ(0, run(upper, "p"));
	fd = above("p", O_WRONLY);
	EQ(EXEC_FAILED(ETXTBSY), run(upper, "p"));
	EQ(EXEC_FAILED(ETXTBSY), run(lower, "p"));
	close(fd);
	EQ(0, run(upper, "p"));
	fd = below("p", O_WRONLY);
	EQ(EXEC_FAILED(ETXTBSY), run(upper, "p"));
	EQ(EXEC_FAILED(ETXTBSY), run(lower, "p"));
	close(fd);
	EQ(0, run(lower, "p"));
	/* nothing is left open: a write lease is for who is alone */
	fd = below("p", O_RDONLY);
	CHECK(!fcntl(fd, F_SETLEASE, F_WRLCK) || errno == EINVAL);
	close(fd);
	BOTH("p", 1000, 1000, S_IFREG | 0755);
}

static int wait_helper(int dir, const char *name, int *hold)
{
	char *argv[] = { "cat", NULL };
	int p[2], ready[2];
	pid_t pid;
	char c;

	OK(pipe2(p, O_CLOEXEC));
	OK(pipe2(ready, O_CLOEXEC));
	pid = spawn();
	if (!pid) {
		int fd = OK(openat(dir, name, O_PATH | O_CLOEXEC));

		OK(dup2(p[0], 0));
		execveat(fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(5);
	}
	close(ready[1]);
	EQ(0, read(ready[0], &c, 1));	/* closed by exec */
	*hold = p[1];
	close(p[0]);
	close(ready[0]);
	return pid;
}

TEST_F(shift, write_to_a_running_file)
{
	int hold, in, out;
	pid_t pid;

	/* cat reads its standard input until we close it */
	in = OK(open("/bin/cat", O_RDONLY | O_CLOEXEC));
	out = OK(openat(lower, "cat", O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
	EQ(st(in, "").st_size, sendfile(out, in, NULL, 1 << 24));
	close(in);
	close(out);
	for (int round = 0; round < 2; round++) {
		pid = wait_helper(round ? lower : upper, "cat", &hold);
		FAILS(openat(upper, "cat", O_WRONLY), ETXTBSY);
		FAILS(openat(lower, "cat", O_WRONLY), ETXTBSY);
		FAILS(truncate(up("cat"), 0), ETXTBSY);
		FAILS(truncate(lo("cat"), 0), ETXTBSY);
		close(OK(openat(upper, "cat", O_RDONLY)));
		close(hold);
		EQ(0, reap(pid));
		close(OK(openat(lower, "cat", O_WRONLY)));
		close(OK(openat(upper, "cat", O_WRONLY)));
	}
	BOTH("cat", 0, 0, S_IFREG | 0755);
}

SHIFT_TEST_MAIN
