// SPDX-License-Identifier: GPL-2.0-or-later
/* stat, chown, chmod, times, truncate, set-id bits, statfs, inode numbers. */
#include <dirent.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "fixture.h"

TEST_F(shift, getattr)
{
	struct stat a, b;

	make("f", 0, 0, S_IFREG | 0644);
	make("g", 1000, 2000, S_IFREG | 0600);
	make("d", 65535, 65535, S_IFDIR | 0750);
	make("l", 7, 8, S_IFLNK | 0777);
	BOTH("f", 0, 0, S_IFREG | 0644);
	BOTH("g", 1000, 2000, S_IFREG | 0600);
	BOTH("d", 65535, 65535, S_IFDIR | 0750);
	BOTH("l", 7, 8, S_IFLNK | 0777);

	OK(put(lower, "g", "12345"));
	a = st(upper, "g");
	b = st(lower, "g");
	EQ(b.st_ino, a.st_ino);
	EQ(5, a.st_size);
	EQ(b.st_blocks, a.st_blocks);
	EQ(b.st_blksize, a.st_blksize);
	EQ(b.st_nlink, a.st_nlink);
	EQ(b.st_mtim.tv_nsec, a.st_mtim.tv_nsec);
	EQ(b.st_ctim.tv_nsec, a.st_ctim.tv_nsec);
}

TEST_F(shift, statx_btime)
{
	struct statx a, b;

	make("f", 1, 2, S_IFREG | 0644);
	OK(statx(lower, "f", 0, STATX_ALL, &b));
	OK(statx(upper, "f", 0, STATX_ALL, &a));
	EQ(SEEN(1), a.stx_uid);
	EQ(SEEN(2), a.stx_gid);
	EQ(b.stx_mask & STATX_BTIME, a.stx_mask & STATX_BTIME);
	EQ(b.stx_btime.tv_sec, a.stx_btime.tv_sec);
	EQ(b.stx_btime.tv_nsec, a.stx_btime.tv_nsec);
	EQ(b.stx_attributes & ~STATX_ATTR_MOUNT_ROOT,
	   a.stx_attributes & ~STATX_ATTR_MOUNT_ROOT);

	OK(statx(upper, "", AT_EMPTY_PATH, STATX_ALL, &a));
	CHECK(a.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

TEST_F(shift, chown)
{
	int fd;

	make("f", 1000, 1000, S_IFREG | 0644);
	make("l", 1000, 1000, S_IFLNK | 0777);
	OK(fchownat(upper, "f", SEEN(0), SEEN(7), 0));
	BOTH("f", 0, 7, S_IFREG | 0644);
	OK(fchownat(upper, "f", -1, SEEN(65535), 0));
	BOTH("f", 0, 65535, S_IFREG | 0644);
	OK(fchownat(upper, "l", SEEN(3), -1, AT_SYMLINK_NOFOLLOW));
	BOTH("l", 3, 1000, S_IFLNK | 0777);
	fd = OK(openat(upper, "f", O_RDONLY));
	OK(fchown(fd, SEEN(12), SEEN(13)));
	BOTH("f", 12, 13, S_IFREG | 0644);
	close(fd);
}

TEST_F(shift, chown_by_owner)
{
	gid_t groups[] = { SEEN(50) };

	make("f", 1000, 1000, S_IFREG | 06755);
	make("g", 1000, 1000, S_IFREG | 0644);
	become_groups(SEEN(1000), SEEN(1000), 1, groups);
	FAILS(fchownat(upper, "f", SEEN(1001), -1, 0), EPERM);
	FAILS(fchownat(upper, "f", -1, SEEN(51), 0), EPERM);
	/* A number of the stored side has no meaning here. */
	FAILS(fchownat(upper, "f", -1, 50, 0), EOVERFLOW);
	OK(fchownat(upper, "f", -1, SEEN(50), 0));
	become_root();
	BOTH("f", 1000, 50, S_IFREG | 0755);

	become(SEEN(1001), SEEN(1001));
	FAILS(fchownat(upper, "g", SEEN(1001), -1, 0), EPERM);
	become_root();
	/* The stored number of the owner is nobody's number above. */
	become(1000, 1000);
	FAILS(fchmodat(upper, "g", 0666, 0), EPERM);
	become_root();
	BOTH("g", 1000, 1000, S_IFREG | 0644);
}

TEST_F(shift, chmod)
{
	int fd;

	make("f", 1000, 1000, S_IFREG | 0644);
	make("d", 1000, 1000, S_IFDIR | 0755);
	become(SEEN(1000), SEEN(1000));
	OK(fchmodat(upper, "f", 0600, 0));
	OK(fchmodat(upper, "d", 01777, 0));
	fd = OK(openat(upper, "f", O_RDONLY));
	OK(fchmod(fd, 04711));
	close(fd);
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 04711);
	BOTH("d", 1000, 1000, S_IFDIR | 01777);

	become(SEEN(1001), SEEN(1001));
	FAILS(fchmodat(upper, "f", 0777, 0), EPERM);
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 04711);
}

/* chmod g+s by an owner outside the group loses the bit. */
TEST_F(shift, chmod_setgid_not_in_group)
{
	make("f", 1000, 55, S_IFREG | 0644);
	become(SEEN(1000), SEEN(1000));
	OK(fchmodat(upper, "f", 02755, 0));
	become_root();
	BOTH("f", 1000, 55, S_IFREG | 0755);
	become_caps(SEEN(1000), SEEN(1000));
	OK(fchmodat(upper, "f", 02755, 0));
	become_root();
	BOTH("f", 1000, 55, S_IFREG | 02755);
}

TEST_F(shift, utimens)
{
	struct timespec ts[2] = { { 1111111111, 123456789 },
				  { 1222222222, 987654321 } };
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	struct stat a, b;
	int fd;

	make("f", 1000, 1000, S_IFREG | 0644);
	make("l", 1000, 1000, S_IFLNK | 0777);
	become(SEEN(1000), SEEN(1000));
	OK(utimensat(upper, "f", ts, 0));
	OK(utimensat(upper, "l", ts, AT_SYMLINK_NOFOLLOW));
	become_root();
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "l" : "f";

		a = st(upper, name);
		b = st(lower, name);
		EQ(1222222222, a.st_mtim.tv_sec);
		EQ(987654321, a.st_mtim.tv_nsec);
		EQ(1222222222, b.st_mtim.tv_sec);
		EQ(987654321, b.st_mtim.tv_nsec);
		EQ(123456789, b.st_atim.tv_nsec);
		EQ(123456789, a.st_atim.tv_nsec);
	}
	ts[1].tv_nsec = 5;
	fd = OK(openat(upper, "f", O_RDONLY));
	OK(futimens(fd, ts));
	close(fd);
	EQ(5, st(lower, "f").st_mtim.tv_nsec);
	EQ(5, st(upper, "f").st_mtim.tv_nsec);
	OK(utimensat(upper, "f", now, 0));
	EQ(5, st(lower, "f").st_mtim.tv_nsec);
	CHECK(st(lower, "f").st_atim.tv_sec > 1700000000);

	/* Others may not, even to now, without write permission. */
	become(SEEN(1001), SEEN(1001));
	FAILS(utimensat(upper, "f", ts, 0), EPERM);
	FAILS(utimensat(upper, "f", NULL, 0), EACCES);
	become_root();
	EQ(5, st(lower, "f").st_mtim.tv_nsec);
	OK(fchmodat(lower, "f", 0666, 0));
	become(SEEN(1001), SEEN(1001));
	OK(utimensat(upper, "f", NULL, 0));
	become_root();
	CHECK(st(lower, "f").st_mtim.tv_sec > 1700000000);
}

TEST_F(shift, truncate_open_files)
{
	int a, b;

	make("f", 1000, 1000, S_IFREG | 0644);
	OK(put(lower, "f", "0123456789"));
	a = OK(openat(upper, "f", O_RDWR));
	b = OK(openat(lower, "f", O_RDWR));
	OK(ftruncate(a, 4));
	EQ(4, st(lower, "f").st_size);
	EQ(4, st(upper, "f").st_size);
	OK(ftruncate(b, 6));
	EQ(6, st(upper, "f").st_size);
	EQ(6, lseek(a, 0, SEEK_END));
	/* The open file keeps its rights when the owner takes them away. */
	OK(fchmod(a, 0));
	OK(ftruncate(a, 2));
	ATTR(lower, "f", 1000, 1000, S_IFREG);
	EQ(2, st(lower, "f").st_size);
	become(SEEN(1000), SEEN(1000));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	OK(ftruncate(a, 1));
	OK(fchmod(a, 0600));
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0600);
	close(a);
	a = OK(openat(upper, "f", O_RDONLY));
	FAILS(ftruncate(a, 0), EINVAL);
	close(a);
	become(SEEN(1000), SEEN(1000));
	a = OK(openat(upper, "f", O_WRONLY | O_TRUNC));
	become_root();
	EQ(0, st(lower, "f").st_size);
}

TEST_F(shift, setgid_directory)
{
	gid_t groups[] = { SEEN(60) };

	make("d", 1000, 60, S_IFDIR | 02777);
	become(SEEN(1001), SEEN(1001));
	OK(touch(upper, "d/f", 0644));
	OK(mkdirat(upper, "d/sub", 0755));
	OK(symlinkat("x", upper, "d/l"));
	/* S_ISGID with group execution is refused outside the group. */
	OK(touch(upper, "d/x", 02755));
	become_groups(SEEN(1002), SEEN(1002), 1, groups);
	OK(touch(upper, "d/y", 02755));
	become_root();
	BOTH("d/f", 1001, 60, S_IFREG | 0644);
	BOTH("d/sub", 1001, 60, S_IFDIR | 02755);
	BOTH("d/l", 1001, 60, S_IFLNK | 0777);
	BOTH("d/x", 1001, 60, S_IFREG | 0755);
	BOTH("d/y", 1002, 60, S_IFREG | 02755);
}

TEST_F(shift, set_ids_killed_by_write)
{
	int fd;

	make("w", 1000, 1000, S_IFREG | 06777);
	make("t", 1000, 1000, S_IFREG | 06777);
	make("o", 1000, 1000, S_IFREG | 06777);
	make("c", 1000, 1000, S_IFREG | 06777);
	make("k", 1000, 1000, S_IFREG | 06777);
	make("a", 1000, 1000, S_IFREG | 06777);
	become(SEEN(1001), SEEN(1001));
	fd = OK(openat(upper, "w", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	fd = OK(openat(upper, "t", O_WRONLY));
	OK(ftruncate(fd, 10));
	close(fd);
	close(OK(openat(upper, "o", O_WRONLY | O_TRUNC)));
	fd = OK(openat(upper, "a", O_WRONLY));
	if (fallocate(fd, 0, 0, 4096) && errno != EOPNOTSUPP)
		OK(-1);
	close(fd);
	become_root();
	BOTH("w", 1000, 1000, S_IFREG | 0777);
	BOTH("t", 1000, 1000, S_IFREG | 0777);
	BOTH("o", 1000, 1000, S_IFREG | 0777);
	BOTH("a", 1000, 1000, S_IFREG | 0777);
	/* chown kills them, even for a privileged caller */
	OK(fchownat(upper, "c", SEEN(2), SEEN(3), 0));
	BOTH("c", 2, 3, S_IFREG | 0777);
	/* a write by a caller with CAP_FSETID does not */
	fd = OK(openat(upper, "k", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	BOTH("k", 1000, 1000, S_IFREG | 06777);
}

/* Without group execute, setgid stays when a member of the group writes. */
TEST_F(shift, setgid_kept_by_a_member)
{
	gid_t groups[] = { SEEN(60) };
	int fd;

	make("m", 1000, 60, S_IFREG | 02666);
	make("s", 1000, 60, S_IFREG | 02666);
	become_groups(SEEN(1001), SEEN(1001), 1, groups);
	fd = OK(openat(upper, "m", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	become(SEEN(1001), SEEN(1001));
	fd = OK(openat(upper, "s", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	become_root();
	BOTH("m", 1000, 60, S_IFREG | 02666);
	BOTH("s", 1000, 60, S_IFREG | 0666);
}

/*
 * A clone takes set-ids away where it works, and nothing where it does not.
 * An overlay takes them away before it asks its own layers.
 */
TEST_F(shift, set_ids_and_clone)
{
	int from, to, r;

	make("from", 1001, 1001, S_IFREG | 0666);
	make("to", 1000, 1000, S_IFREG | 04777);
	become(SEEN(1001), SEEN(1001));
	from = OK(openat(upper, "from", O_RDONLY));
	to = OK(openat(upper, "to", O_WRONLY));
	/* of nothing, nothing */
	if (!lower_is("overlay") && ioctl(to, FICLONE, from))
		EQ(EOPNOTSUPP, errno);
	BOTH("to", 1000, 1000, S_IFREG | 04777);
	OK(put(upper, "from", "x"));
	r = ioctl(to, FICLONE, from);
	if (r)
		EQ(EOPNOTSUPP, errno);
	close(from);
	close(to);
	become_root();
	BOTH("to", 1000, 1000,
	     S_IFREG | (r && !lower_is("overlay") ? 04777 : 0777));
}

/* A mount of a mount is no server, which would take them away by itself. */
TEST_F(shift, set_ids_and_two_layers)
{
	const char *map = "b:100000:300000:65536";
	int view, fd;

	ONLY_SHIFTFS();
	if (lower_is("overlay")) {
		FAILS(mount_map(upper_path, mount_point(true), map, 0), EINVAL);
		return;
	}
	view = open_view(upper_path, map, 0, NULL);
	make("a", 1000, 1000, S_IFREG | 04777);
	become(301001, 301001);
	fd = OK(openat(view, "a", O_WRONLY));
	OK(fallocate(fd, 0, 0, 4096));
	close(fd);
	become_root();
	ATTR(view, "a", 301000, 301000, S_IFREG | 0777);
	BOTH("a", 1000, 1000, S_IFREG | 0777);
}

/* Written and read above, where nobody asks the lower filesystem. */
TEST_F(shift, fifo_times)
{
	struct timespec old[2] = { { 1000000, 0 }, { 1000000, 0 } };
	char c;
	int fd;

	make("p", 1000, 1000, S_IFIFO | 0666);
	OK(utimensat(lower, "p", old, 0));
	become(SEEN(1001), SEEN(1001));
	fd = OK(openat(upper, "p", O_RDWR));
	EQ(1, write(fd, "x", 1));
	CHECK(st(lower, "p").st_mtime > 1000000);
	CHECK(st(lower, "p").st_ctime >= st(lower, "p").st_mtime);
	EQ(st(lower, "p").st_mtime, st(upper, "p").st_mtime);
	EQ(1000000, st(lower, "p").st_atime);
	EQ(1, read(fd, &c, 1));
	CHECK(st(lower, "p").st_atime > 1000000);
	EQ(st(lower, "p").st_atime, st(upper, "p").st_atime);
	close(fd);
	become_root();
}

/* A write that is refused takes nothing away, as it changes nothing. */
TEST_F(shift, set_ids_and_refused_writes)
{
	struct rlimit none = { 0, RLIM_INFINITY }, all;
	static char block[8192];
	ssize_t wanted;
	int fd;

	SKIP_IF(lower_is("overlay"), "an overlay takes them away first");
	make("f", 1000, 1000, S_IFREG | 06777);
	make("g", 1000, 1000, S_IFREG | 06777);
	OK(getrlimit(RLIMIT_FSIZE, &all));
	signal(SIGXFSZ, SIG_IGN);
	become(SEEN(1001), SEEN(1001));
	fd = OK(openat(upper, "f", O_WRONLY));
	OK(setrlimit(RLIMIT_FSIZE, &none));
	FAILS(write(fd, "x", 1), EFBIG);
	BOTH("f", 1000, 1000, S_IFREG | 06777);
	OK(setrlimit(RLIMIT_FSIZE, &all));
	close(fd);

	/* Some look at the alignment first, some at the privileges. */
	fd = openat(lower, "g", O_WRONLY | O_DIRECT);
	if (fd >= 0) {
		wanted = write(fd, block + 1, 10);
		close(fd);
		fd = OK(openat(upper, "f", O_WRONLY | O_DIRECT));
		EQ(wanted, write(fd, block + 1, 10));
		close(fd);
		BOTH("f", 1000, 1000, st(lower, "g").st_mode);
	}

	fd = OK(openat(upper, "f", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	BOTH("f", 1000, 1000, S_IFREG | 0777);
	close(fd);
	become_root();
}

/*
 * Nor does fallocate(2) where the lower does not know what it is asked for,
 * or copy_file_range(2) where there is nothing to copy. xfs knows everything.
 */
TEST_F(shift, set_ids_and_refused_changes)
{
	static const int modes[] = {
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_UNSHARE_RANGE,
		FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE,
	};
	gid_t groups[] = { SEEN(1000) };
	int fd, from, refused = 0;

	SKIP_IF(lower_is("overlay"), "an overlay takes them away first");
	make("f", 1000, 1000, S_IFREG | 06777);
	make("g", 1000, 1000, S_IFREG | 02767);
	make("from", 1000, 1000, S_IFREG | 0666);
	become(SEEN(1001), SEEN(1001));
	fd = OK(openat(upper, "f", O_WRONLY));
	from = OK(openat(upper, "from", O_RDONLY));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!fallocate(fd, modes[i], 0, 4096) || errno != EOPNOTSUPP)
			break;
		refused++;
		BOTH("f", 1000, 1000, S_IFREG | 06777);
	}
	CHECK(refused || lower_is("ext4") || lower_is("xfs") ||
	      lower_is("btrfs"));
	become_root();
	OK(fchmodat(lower, "f", 06777, 0));
	become(SEEN(1001), SEEN(1001));
	EQ(0, copy_file_range(from, NULL, fd, NULL, 5, 0));
	BOTH("f", 1000, 1000, S_IFREG | 06777);
	become_root();
	OK(put(lower, "from", "text"));
	/* A stat tells the mount of the new size. */
	EQ(4, st(upper, "from").st_size);
	become(SEEN(1001), SEEN(1001));
	EQ(4, copy_file_range(from, NULL, fd, NULL, 5, 0));
	BOTH("f", 1000, 1000, S_IFREG | 0777);
	CONTENT(lower, "f", "text");
	close(fd);
	close(from);

	/* Without group execution, setgid is a member's to keep. */
	for (int member = 1; member >= 0; member--) {
		become_groups(SEEN(1001), SEEN(1001), member, groups);
		fd = OK(openat(upper, "g", O_WRONLY));
		if (fallocate(fd, 0, 0, 4096))
			EQ(EOPNOTSUPP, errno);
		else
			BOTH("g", 1000, 1000,
			     S_IFREG | (member ? 02767 : 0767));
		close(fd);
	}
}

/* Some filesystems leave set-ids where there is nothing to be done. */
TEST_F(shift, set_ids_and_nothing_to_do)
{
	static const mode_t modes[] = { 06777, 02767, 04755 };
	mode_t native = 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		for (int above = 0; above < 2; above++) {
			int fd, r;

			make("f", 1000, 1000, S_IFREG | 0666);
			if (above)
				become(SEEN(1001), SEEN(1001));
			else
				become(1001, 1001);
			fd = OK(openat(above ? upper : lower, "f", O_WRONLY));
			become_root();
			OK(fchmodat(lower, "f", modes[i], 0));
			if (above)
				become(SEEN(1001), SEEN(1001));
			else
				become(1001, 1001);
			r = fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				      FALLOC_FL_KEEP_SIZE, 1 << 20, 4096);
			CHECK(!r || errno == EOPNOTSUPP);
			become_root();
			if (above)
				BOTH("f", 1000, 1000, native);
			else
				native = st(lower, "f").st_mode;
			close(fd);
			OK(unlinkat(lower, "f", 0));
		}
	}
}

TEST_F(shift, statfs)
{
	struct statfs a, b;
	struct statvfs v;

	OK(fstatfs(upper, &a));
	OK(fstatfs(lower, &b));
	EQ(b.f_bsize, a.f_bsize);
	EQ(b.f_blocks, a.f_blocks);
	EQ(b.f_files, a.f_files);
	EQ(b.f_namelen, a.f_namelen);
	/* A stacking file system has its own type, an idmapped mount not. */
	if (on_shiftfs())
		CHECK(a.f_type != b.f_type);
	else
		EQ(b.f_type, a.f_type);
	OK(fstatvfs(upper, &v));
	EQ(a.f_namelen, v.f_namemax);
}

TEST_F(shift, inode_numbers)
{
	struct dirent *de;
	struct stat top, sub;
	int seen = 0;
	DIR *dir;

	make("a", 0, 0, S_IFREG | 0644);
	make("d", 0, 0, S_IFDIR | 0755);
	make("d/f", 0, 0, S_IFREG | 0644);
	OK(linkat(lower, "a", lower, "b", 0));
	become_caps(SEEN(0), SEEN(0));
	OK(linkat(upper, "a", upper, "d/c", 0));
	become_root();
	EQ(3, st(lower, "a").st_nlink);
	EQ(3, st(upper, "a").st_nlink);
	EQ(st(upper, "a").st_ino, st(upper, "b").st_ino);
	EQ(st(upper, "a").st_ino, st(upper, "d/c").st_ino);
	EQ(st(upper, "a").st_dev, st(upper, "d/c").st_dev);
	top = st(upper, "");
	sub = st(upper, "d");
	EQ(st(upper, "d/..").st_ino, top.st_ino);
	EQ(top.st_dev, sub.st_dev);
	EQ(sub.st_dev, st(upper, "d/f").st_dev);
	/* A superblock of its own has a device number of its own. */
	if (on_shiftfs())
		CHECK(top.st_dev != st(lower, "").st_dev);
	dir = fdopendir(OK(openat(upper, ".", O_RDONLY | O_DIRECTORY)));
	while ((de = readdir(dir))) {
		if (de->d_name[0] == '.')
			continue;
		EQ(st(upper, de->d_name).st_ino, de->d_ino);
		seen++;
	}
	EQ(3, seen);
	closedir(dir);
}

/*
 * Each subvolume of btrfs numbers its files from 256 on: what tells two of them
 * apart is the device, above as below.
 */
TEST_F(shift, subvolumes)
{
	struct btrfs_ioctl_vol_args one = { .name = "one" };
	struct btrfs_ioctl_vol_args two = { .name = "two" };

	SKIP_IF(!lower_is("btrfs"), "only btrfs has subvolumes");
	OK(ioctl(lower, BTRFS_IOC_SUBVOL_CREATE, &one));
	OK(ioctl(lower, BTRFS_IOC_SUBVOL_CREATE, &two));
	make("one/f", 1, 2, S_IFREG | 0600);
	make("two/f", 3, 4, S_IFREG | 0640);
	OK(put(lower, "one/f", "first"));
	OK(put(lower, "two/f", "second"));
	EQ(st(lower, "one/f").st_ino, st(lower, "two/f").st_ino);

	BOTH("one/f", 1, 2, S_IFREG | 0600);
	BOTH("two/f", 3, 4, S_IFREG | 0640);
	CONTENT(upper, "one/f", "first");
	CONTENT(upper, "two/f", "second");
	EQ(st(upper, "one/f").st_ino, st(upper, "two/f").st_ino);
	CHECK(st(upper, "one/f").st_dev != st(upper, "two/f").st_dev);
	become(SEEN(3), SEEN(4));
	FAILS(openat(upper, "one/f", O_RDONLY), EACCES);
	close(OK(openat(upper, "two/f", O_RDWR)));
	become_root();
	OK(fchownat(upper, "two/f", SEEN(5), SEEN(6), 0));
	BOTH("one/f", 1, 2, S_IFREG | 0600);
	BOTH("two/f", 5, 6, S_IFREG | 0640);
}

SHIFT_TEST_MAIN
