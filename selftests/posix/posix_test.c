// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What conformance suites look at and the oracle does not: which times an
 * operation moves, and limits and errors of single calls.
 */
#include <dirent.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <signal.h>

#include "fixture.h"

#define A 1
#define M 2
#define C 4

/* Which of the times of `after` are later than those of `before`. */
static int moved(const struct stat *before, const struct stat *after)
{
#define LATER(f) (after->f.tv_sec > before->f.tv_sec ||			\
		  (after->f.tv_sec == before->f.tv_sec &&		\
		   after->f.tv_nsec > before->f.tv_nsec))
	return (LATER(st_atim) ? A : 0) | (LATER(st_mtim) ? M : 0) |
	       (LATER(st_ctim) ? C : 0);
}

/* Longer than a tick, by which the kernel stamps. */
static void wait_tick(void)
{
	usleep(20000);
}

/* Of the file and its directory: what `call` moved, above and below. */
#define MOVES(name, file, dir, call) do {				\
	struct stat f_ = st(upper, name), d_ = st(upper, "d");		\
	struct stat lf_ = st(lower, name), ld_ = st(lower, "d");	\
	struct stat fa_, da_;						\
	wait_tick();							\
	OK(call);							\
	fa_ = st(upper, name);						\
	da_ = st(upper, "d");						\
	EQ(file, moved(&f_, &fa_));					\
	EQ(dir, moved(&d_, &da_));					\
	fa_ = st(lower, name);						\
	da_ = st(lower, "d");						\
	EQ(file, moved(&lf_, &fa_));					\
	EQ(dir, moved(&ld_, &da_));					\
} while (0)

TEST_F(shift, times_of_changes)
{
	const struct timespec t[2] = { { 5, 5 }, { 6, 6 } };
	struct stat s;
	int fd;

	make("d", 0, 0, S_IFDIR | 0777);
	make("d/f", 0, 0, S_IFREG | 0666);
	make("d/sub", 0, 0, S_IFDIR | 0777);
	become_caps(SEEN(0), SEEN(0));
	fd = OK(openat(upper, "d/f", O_RDWR));
	MOVES("d/f", C, 0, fchmodat(upper, "d/f", 0644, 0));
	MOVES("d/f", C, 0, fchownat(upper, "d/f", SEEN(1), SEEN(1), 0));
	MOVES("d/f", C, M | C, linkat(upper, "d/f", upper, "d/g", 0));
	MOVES("d/f", C, M | C, renameat(upper, "d/g", upper, "d/h"));
	MOVES("d/f", C, M | C, unlinkat(upper, "d/h", 0));
	MOVES("d/f", M | C, 0, ftruncate(fd, 100));
	MOVES("d/f", M | C, 0, pwrite(fd, "x", 1, 0));
	MOVES("d/f", 0, 0, pwrite(fd, "x", 0, 0));
	MOVES("d/f", C, 0, setxattr(up("d/f"), "trusted.x", "1", 1, 0));
	MOVES("d/f", C, 0, removexattr(up("d/f"), "trusted.x"));
	MOVES("d", M | C, M | C, mkdirat(upper, "d/m", 0700));
	MOVES("d", M | C, M | C, unlinkat(upper, "d/m", AT_REMOVEDIR));
	MOVES("d", M | C, M | C, symlinkat("x", upper, "d/s"));
	MOVES("d", M | C, M | C, mknodat(upper, "d/p", S_IFIFO | 0600, 0));
	MOVES("d/sub", M | C, M | C, renameat(upper, "d/s", upper, "d/sub/s"));
	OK(utimensat(upper, "d/f", t, 0));
	s = st(upper, "d/f");
	EQ(5, s.st_atim.tv_sec);
	EQ(6, s.st_mtim.tv_sec);
	MOVES("d/f", C, 0, utimensat(upper, "d/f", t, 0));
	/* the descriptor sees the same */
	wait_tick();
	OK(fchmodat(lower, "d/f", 0600, 0));
	OK(fstat(fd, &s));
	CHECK(st(lower, "d/f").st_ctim.tv_nsec == s.st_ctim.tv_nsec);
	close(fd);
	become_root();
}

/* What fails moves nothing. */
TEST_F(shift, times_of_failures)
{
	struct stat f, d, after;

	make("d", 0, 0, S_IFDIR | 0755);
	make("d/f", 0, 0, S_IFREG | 0644);
	f = st(upper, "d/f");
	d = st(upper, "d");
	wait_tick();
	become(SEEN(5), SEEN(5));
	FAILS(fchmodat(upper, "d/f", 0600, 0), EPERM);
	FAILS(fchownat(upper, "d/f", SEEN(5), -1, 0), EPERM);
	FAILS(unlinkat(upper, "d/f", 0), EACCES);
	/* by protected_hardlinks, before the directory is asked */
	FAILS(linkat(upper, "d/f", upper, "d/g", 0), EPERM);
	FAILS(mkdirat(upper, "d/f", 0700), EEXIST);
	FAILS(mkdirat(upper, "d/m", 0700), EACCES);
	FAILS(renameat(upper, "d/f", upper, "d/g"), EACCES);
	FAILS(truncate(up("d/f"), 0), EACCES);
	become_root();
	after = st(upper, "d/f");
	EQ(0, moved(&f, &after));
	after = st(upper, "d");
	EQ(0, moved(&d, &after));
	BOTH("d/f", 0, 0, S_IFREG | 0644);
}

/* Reading moves the access time once the file was changed, and only then. */
TEST_F(shift, times_of_reads)
{
	const struct timespec old[2] = { { 1000, 0 }, { 2000, 0 } };
	char buf[4096];
	DIR *dir;
	int fd;

	make("d", 0, 0, S_IFDIR | 0777);
	make("d/f", 0, 0, S_IFREG | 0666);
	make("d/l", 0, 0, S_IFLNK | 0777);
	OK(put(lower, "d/f", "text"));
	OK(utimensat(lower, "d/f", old, 0));
	OK(utimensat(lower, "d/l", old, AT_SYMLINK_NOFOLLOW));
	fd = OK(openat(upper, "d/f", O_RDONLY));
	MOVES("d/f", A, 0, pread(fd, buf, 4, 0));
	MOVES("d/f", 0, 0, pread(fd, buf, 4, 0));
	close(fd);
	MOVES("d/l", A, 0, readlinkat(upper, "d/l", buf, sizeof(buf)));
	MOVES("d/l", 0, 0, readlinkat(upper, "d/l", buf, sizeof(buf)));
	OK(utimensat(lower, "d", old, 0));
	dir = fdopendir(OK(openat(upper, "d", O_RDONLY | O_DIRECTORY)));
	MOVES("d", A, A, readdir(dir) ? 0 : -1);
	closedir(dir);
	OK(utimensat(lower, "d/f", old, 0));
	fd = OK(openat(upper, "d/f", O_RDONLY | O_NOATIME));
	MOVES("d/f", 0, 0, pread(fd, buf, 4, 0));
	close(fd);
}

/* Times beyond what is usual are stored, or bounded, as below. */
TEST_F(shift, odd_times)
{
	static const time_t seconds[] = { -1, -2147483649ll, 0, 2147483648ll,
					  4294967296ll, 99999999999ll };

	make("f", 0, 0, S_IFREG | 0666);
	make("g", 0, 0, S_IFREG | 0666);
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		struct timespec t[2] = { { seconds[i], 999999999 },
					 { seconds[i], 1 } };
		struct stat a, b;

		OK(utimensat(upper, "f", t, 0));
		OK(utimensat(lower, "g", t, 0));
		a = st(upper, "f");
		b = st(lower, "g");
		EQ(b.st_atim.tv_sec, a.st_atim.tv_sec);
		EQ(b.st_atim.tv_nsec, a.st_atim.tv_nsec);
		EQ(b.st_mtim.tv_sec, a.st_mtim.tv_sec);
		EQ(b.st_mtim.tv_nsec, a.st_mtim.tv_nsec);
	}
}

TEST_F(shift, statx_attributes)
{
	struct statx a, b;
	int flags, fd;

	make("f", 1, 1, S_IFREG | 0644);
	fd = OK(openat(lower, "f", O_RDONLY));
	for (int i = 0; i < 2; i++) {
		OK(statx(upper, "f", 0, STATX_ALL, &a));
		OK(statx(lower, "f", 0, STATX_ALL, &b));
		EQ(b.stx_mask, a.stx_mask);
		EQ(b.stx_attributes, a.stx_attributes);
		EQ(b.stx_attributes_mask, a.stx_attributes_mask);
		EQ(b.stx_blksize, a.stx_blksize);
		EQ(b.stx_btime.tv_sec, a.stx_btime.tv_sec);
		EQ(b.stx_btime.tv_nsec, a.stx_btime.tv_nsec);
		flags = FS_APPEND_FL | FS_NODUMP_FL;
		if (!i && ioctl(fd, FS_IOC_SETFLAGS, &flags))
			break;
	}
	flags = 0;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
}

TEST_F(shift, errors_of_names)
{
	char name[300], deep[PATH_MAX + 10];
	int full;

	make("d", 0, 0, S_IFDIR | 0777);
	make("d/x", 0, 0, S_IFREG | 0644);
	make("f", 0, 0, S_IFREG | 0644);
	make("e", 0, 0, S_IFDIR | 0777);
	OK(symlinkat("loop", lower, "loop"));
	OK(symlinkat("none", lower, "dangling"));
	OK(symlinkat("f", lower, "link"));
	become_caps(SEEN(0), SEEN(0));
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	FAILS(touch(upper, name, 0600), ENAMETOOLONG);
	FAILS(mkdirat(upper, name, 0600), ENAMETOOLONG);
	FAILS(renameat(upper, "f", upper, name), ENAMETOOLONG);
	FAILS(unlinkat(upper, name, 0), ENAMETOOLONG);
	name[255] = 0;
	OK(touch(upper, name, 0600));
	OK(unlinkat(upper, name, 0));
	memset(deep, 'p', sizeof(deep));
	deep[PATH_MAX] = 0;
	FAILS(openat(upper, deep, O_RDONLY), ENAMETOOLONG);
	FAILS(openat(upper, "loop", O_RDONLY), ELOOP);
	FAILS(openat(upper, "loop/x", O_RDONLY), ELOOP);
	FAILS(openat(upper, "link", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(openat(upper, "f/x", O_RDONLY), ENOTDIR);
	FAILS(openat(upper, "f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(openat(upper, "f/", O_RDONLY), ENOTDIR);
	FAILS(openat(upper, "new/", O_CREAT | O_RDWR, 0600), EISDIR);
	FAILS(openat(upper, "d", O_WRONLY), EISDIR);
	FAILS(openat(upper, "d", O_CREAT | O_RDONLY, 0600), EISDIR);
	FAILS(openat(upper, "dangling", O_CREAT | O_EXCL | O_RDWR, 0600),
	      EEXIST);
	FAILS(openat(upper, "dangling", O_RDONLY), ENOENT);
	FAILS(mkdirat(upper, "d/.", 0700), EEXIST);
	FAILS(mkdirat(upper, "dangling", 0700), EEXIST);
	FAILS(unlinkat(upper, "d", 0), EISDIR);
	FAILS(unlinkat(upper, "f", AT_REMOVEDIR), ENOTDIR);
	FAILS(unlinkat(upper, "d", AT_REMOVEDIR), ENOTEMPTY);
	FAILS(unlinkat(upper, "e/.", AT_REMOVEDIR), EINVAL);
	FAILS(unlinkat(upper, "d/..", AT_REMOVEDIR), ENOTEMPTY);
	/* POSIX has ENOTEMPTY or EEXIST: xfs takes the other */
	CHECK(renameat(lower, "e", lower, "d") < 0);
	full = errno;
	FAILS(renameat(upper, "e", upper, "d"), full);
	FAILS(renameat(upper, "d", upper, "d/sub"), EINVAL);
	FAILS(renameat(upper, "d/x", upper, "d"), ENOTEMPTY);
	FAILS(renameat(upper, "f", upper, "e"), EISDIR);
	FAILS(renameat(upper, "e", upper, "f"), ENOTDIR);
	FAILS(renameat(upper, "d/.", upper, "z"), EBUSY);
	FAILS(renameat(upper, "d/..", upper, "z"), EBUSY);
	FAILS(linkat(upper, "d", upper, "z", 0), EPERM);
	FAILS(linkat(upper, "f", upper, "e", 0), EEXIST);
	OK(openat(upper, "dangling", O_CREAT | O_RDWR, 0600));
	BOTH("none", 0, 0, S_IFREG | 0600);
	become_root();
	CHECK(S_ISDIR(st(lower, "e").st_mode));
	CONTENT(lower, "f", "");
}

/* A file in use: removed, replaced, executed. */
TEST_F(shift, unlinked_but_open)
{
	struct stat s;
	char buf[16];
	int fd, dir;

	make("f", 0, 0, S_IFREG | 0666);
	make("d", 0, 0, S_IFDIR | 0777);
	OK(put(lower, "f", "text"));
	become_caps(SEEN(0), SEEN(0));
	fd = OK(openat(upper, "f", O_RDWR));
	dir = OK(openat(upper, "d", O_RDONLY | O_DIRECTORY));
	OK(unlinkat(upper, "f", 0));
	OK(unlinkat(upper, "d", AT_REMOVEDIR));
	OK(fstat(fd, &s));
	EQ(0, s.st_nlink);
	EQ(4, pread(fd, buf, sizeof(buf), 0));
	EQ(4, pwrite(fd, "more", 4, 4));
	OK(fchmod(fd, 0600));
	OK(fchown(fd, SEEN(3), SEEN(3)));
	OK(ftruncate(fd, 2));
	OK(fstat(fd, &s));
	EQ(2, s.st_size);
	EQ(SEEN(3), s.st_uid);
	OK(fstat(dir, &s));
	EQ(0, s.st_nlink);
	FAILS(openat(dir, "x", O_CREAT | O_RDWR, 0600), ENOENT);
	FAILS(mkdirat(dir, "x", 0700), ENOENT);
	FAILS(linkat(fd, "", upper, "again", AT_EMPTY_PATH), ENOENT);
	close(dir);
	close(fd);
	become_root();
	ABSENT_BOTH("f");
	ABSENT_BOTH("again");
}

/* telldir(3) and seekdir(3) lead to the same names, across rewinds too. */
TEST_F(shift, seekdir)
{
	long where[200];
	char names[200][16];
	struct dirent *de;
	int n = 0;
	DIR *dir;

	make("d", 0, 0, S_IFDIR | 0755);
	for (int i = 0; i < 150; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d/%d", i);
		make(name, 1, 1, S_IFREG | 0644);
	}
	dir = fdopendir(OK(openat(upper, "d", O_RDONLY | O_DIRECTORY)));
	CHECK(dir);
	for (;;) {
		where[n] = telldir(dir);
		de = readdir(dir);
		if (!de)
			break;
		CHECK(n < 199);
		snprintf(names[n++], sizeof(names[0]), "%.15s", de->d_name);
	}
	EQ(152, n);
	for (int i = n - 1; i >= 0; i -= 7) {
		seekdir(dir, where[i]);
		de = readdir(dir);
		CHECK(de && !strcmp(de->d_name, names[i]));
	}
	rewinddir(dir);
	OK(unlinkat(lower, "d/7", 0));
	for (n = 0; (de = readdir(dir)); n++)
		CHECK(strcmp(de->d_name, "7"));
	EQ(151, n);
	closedir(dir);
}

TEST_F(shift, limits)
{
	struct rlimit limit = { 4096, RLIM_INFINITY };
	char buf[8192] = "";
	int fd;

	make("f", 0, 0, S_IFREG | 0666);
	fd = OK(openat(upper, "f", O_RDWR));
	signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	EQ(4096, pwrite(fd, buf, sizeof(buf), 0));
	FAILS(pwrite(fd, buf, 1, 4096), EFBIG);
	FAILS(ftruncate(fd, 4097), EFBIG);
	if (fallocate(fd, 0, 0, 8192))
		CHECK(errno == EFBIG || errno == EOPNOTSUPP);
	else
		CHECK(!"fallocate ignores the limit");
	limit.rlim_cur = RLIM_INFINITY;
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	EQ(4096, st(lower, "f").st_size);
	FAILS(pwrite(fd, buf, 1, -1), EINVAL);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(lseek(fd, 4096, SEEK_DATA), ENXIO);
	FAILS(lseek(fd, 4097, SEEK_HOLE), ENXIO);
	EQ(4096, lseek(fd, 0, SEEK_HOLE));
	close(fd);
}

/* A lock shows in /proc/locks under the number that stat(2) gives. */
TEST_F(shift, proc_locks)
{
	unsigned long long ino;
	char line[256];
	bool found = false;
	FILE *f;
	int fd;

	make("f", 0, 0, S_IFREG | 0666);
	fd = OK(openat(upper, "f", O_RDWR));
	OK(flock(fd, LOCK_EX));
	f = fopen("/proc/locks", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "FLOCK") &&
		    sscanf(line, "%*s %*s %*s %*s %*s %*x:%*x:%llu",
			   &ino) == 1 && ino == st(upper, "f").st_ino)
			found = true;
	fclose(f);
	CHECK(found);
	close(fd);
}

/* Beyond the end of the file a mapping faults, and its last page is zero. */
TEST_F(shift, mmap_beyond_the_end)
{
	pid_t pid;
	char *p;
	int fd;

	make("f", 0, 0, S_IFREG | 0666);
	OK(put(lower, "f", "text"));
	fd = OK(openat(upper, "f", O_RDWR));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	EQ(0, p[4]);
	pid = spawn();
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		_exit(p[4096]);
	}
	EQ(128 + SIGBUS, reap(pid));
	p[6] = 'z';
	OK(msync(p, 4096, MS_SYNC));
	EQ(4, st(upper, "f").st_size);
	OK(ftruncate(fd, 4100));
	/* tmpfs leaves there what was written */
	if (!lower_is("tmpfs"))
		EQ(0, p[6]);
	EQ(0, p[4096]);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) !=
	      MAP_FAILED);
	close(fd);
	fd = OK(openat(upper, "f", O_RDONLY));
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	      MAP_FAILED);
	EQ(EACCES, errno);
	close(fd);
}

TEST_F(shift, xattr_edges)
{
	char value[65536], list[256];
	ssize_t n;
	int r;

	make("f", 0, 0, S_IFREG | 0666);
	make("l", 0, 0, S_IFLNK | 0777);
	FAILS(setxattr(up("f"), "trusted.a", "v", 1, XATTR_REPLACE), ENODATA);
	OK(setxattr(up("f"), "trusted.a", "v", 1, XATTR_CREATE));
	FAILS(setxattr(up("f"), "trusted.a", "w", 1, XATTR_CREATE), EEXIST);
	OK(setxattr(up("f"), "trusted.a", "long", 4, XATTR_REPLACE));
	FAILS(getxattr(up("f"), "trusted.a", value, 3), ERANGE);
	EQ(4, getxattr(up("f"), "trusted.a", NULL, 0));
	OK(setxattr(up("f"), "trusted.empty", "", 0, 0));
	EQ(0, getxattr(up("f"), "trusted.empty", value, sizeof(value)));
	n = OK(listxattr(up("f"), NULL, 0));
	EQ(listxattr(lo("f"), NULL, 0), n);
	EQ(n, listxattr(up("f"), list, n));
	FAILS(listxattr(up("f"), list, n - 1), ERANGE);
	FAILS(setxattr(up("f"), "trusted.", "v", 1, 0), EINVAL);
	FAILS(setxattr(up("f"), "nonsense.a", "v", 1, 0), EOPNOTSUPP);
	FAILS(lsetxattr(up("l"), "user.a", "v", 1, 0), EPERM);
	OK(lsetxattr(up("l"), "trusted.a", "v", 1, 0));
	EQ(1, lgetxattr(lo("l"), "trusted.a", value, sizeof(value)));
	memset(value, 'b', sizeof(value));
	/* as large as the lower takes */
	for (size_t size = 1024; size <= 65536; size *= 4) {
		int e;

		r = setxattr(up("f"), "trusted.big", value, size, 0);
		e = errno;
		EQ(r, setxattr(lo("f"), "trusted.big", value, size, 0));
		if (r)
			EQ(errno, e);
	}
}

/* Link counts, of files and of directories. */
TEST_F(shift, nlink)
{
	make("d", 0, 0, S_IFDIR | 0777);
	make("f", 0, 0, S_IFREG | 0666);
	become_caps(SEEN(0), SEEN(0));
	for (int i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "d/%d", i);
		OK(mkdirat(upper, name, 0700));
		EQ(st(lower, "d").st_nlink, st(upper, "d").st_nlink);
		OK(renameat(upper, name, upper, "out"));
		EQ(st(lower, "d").st_nlink, st(upper, "d").st_nlink);
		OK(renameat(upper, "out", upper, name));
		snprintf(name, sizeof(name), "f%d", i);
		OK(linkat(upper, "f", upper, name, 0));
		EQ(i + 2, st(upper, "f").st_nlink);
		EQ(i + 2, st(upper, name).st_nlink);
	}
	OK(unlinkat(lower, "f1", 0));
	EQ(3, st(upper, "f0").st_nlink);
	OK(renameat(upper, "f0", upper, "f2"));
	EQ(3, st(lower, "f").st_nlink);
	OK(unlinkat(upper, "d/0", AT_REMOVEDIR));
	EQ(st(lower, "d").st_nlink, st(upper, "d").st_nlink);
	become_root();
}

/* What the mount refuses is refused before anything else is looked at. */
TEST_F(shift, read_only)
{
	int view;

	make("f", 0, 0, S_IFREG | 0666);
	make("d", 0, 0, S_IFDIR | 0777);
	view = open_view(lower_path, MAP, MOUNT_ATTR_RDONLY, NULL);
	become_caps(SEEN(0), SEEN(0));
	FAILS(openat(view, "f", O_WRONLY), EROFS);
	FAILS(openat(view, "f", O_RDONLY | O_TRUNC), EROFS);
	FAILS(openat(view, "new", O_CREAT | O_RDWR, 0600), EROFS);
	FAILS(openat(view, "f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	close(OK(openat(view, "f", O_CREAT | O_RDONLY, 0600)));
	FAILS(mkdirat(view, "d", 0700), EEXIST);
	FAILS(mkdirat(view, "new", 0700), EROFS);
	FAILS(symlinkat("x", view, "new"), EROFS);
	FAILS(linkat(view, "f", view, "new", 0), EROFS);
	FAILS(unlinkat(view, "f", 0), EROFS);
	FAILS(unlinkat(view, "d", AT_REMOVEDIR), EROFS);
	FAILS(renameat(view, "f", view, "new"), EROFS);
	FAILS(fchmodat(view, "f", 0600, 0), EROFS);
	FAILS(fchownat(view, "f", SEEN(1), -1, 0), EROFS);
	FAILS(utimensat(view, "f", NULL, 0), EROFS);
	FAILS(faccessat(view, "f", W_OK, 0), EROFS);
	become_root();
	BOTH("f", 0, 0, S_IFREG | 0666);
	ABSENT_BOTH("new");
}

SHIFT_TEST_MAIN
