// SPDX-License-Identifier: GPL-2.0-or-later
/* Names: lookup, create, mkdir, mknod, symlink, link, unlink, O_TMPFILE. */
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "fixture.h"

TEST_F(shift, create)
{
	become(SEEN(1000), SEEN(2000));
	OK(touch(upper, "f", 0640));
	FAILS(touch(upper, "f", 0640), EEXIST);
	OK(put(upper, "f", "hello"));
	OK(mkdirat(upper, "d", 0751));
	FAILS(mkdirat(upper, "d", 0751), EEXIST);
	OK(touch(upper, "d/f", 0600));
	OK(symlinkat("d/f", upper, "l"));
	FAILS(symlinkat("d/f", upper, "l"), EEXIST);
	become_root();
	BOTH("f", 1000, 2000, S_IFREG | 0640);
	BOTH("d", 1000, 2000, S_IFDIR | 0751);
	BOTH("d/f", 1000, 2000, S_IFREG | 0600);
	BOTH("l", 1000, 2000, S_IFLNK | 0777);
	CONTENT(lower, "f", "hello");
	CONTENT(upper, "f", "hello");
	EQ(3, st(upper, "l").st_size);
}

TEST_F(shift, create_as_container_root)
{
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		OK(touch(upper, "f", 0644));
		ATTR(upper, "f", 0, 0, S_IFREG | 0644);
		OK(fchownat(upper, "f", 33, 65535, 0));
		ATTR(upper, "f", 33, 65535, S_IFREG | 0644);
		OK(mkdirat(upper, "d", 0755));
	}
	BOTH("f", 33, 65535, S_IFREG | 0644);
	BOTH("d", 0, 0, S_IFDIR | 0755);
}

/* Each file is of who made it, not of who made the one before. */
TEST_F(shift, creators_in_turn)
{
	const uid_t ids[][2] = { { 5, 5 }, { 6, 5 }, { 6, 6 }, { 5, 6 }, { 5, 5 } };
	char name[2][8];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(name[0], sizeof(name[0]), "f%zu", i);
		snprintf(name[1], sizeof(name[1]), "d%zu", i);
		become(SEEN(ids[i][0]), SEEN(ids[i][1]));
		OK(touch(upper, name[0], 0600));
		OK(mkdirat(upper, name[1], 0700));
		become_root();
		BOTH(name[0], ids[i][0], ids[i][1], S_IFREG | 0600);
		BOTH(name[1], ids[i][0], ids[i][1], S_IFDIR | 0700);
	}
}

TEST_F(shift, create_umask)
{
	become(SEEN(1000), SEEN(1000));
	umask(027);
	OK(touch(upper, "f", 0666));
	OK(mkdirat(upper, "d", 0777));
	OK(mknodat(upper, "p", S_IFIFO | 0666, 0));
	umask(0);
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0640);
	BOTH("d", 1000, 1000, S_IFDIR | 0750);
	BOTH("p", 1000, 1000, S_IFIFO | 0640);
}

/* A read-only new file, and a mode of 0: the descriptor still writes. */
TEST_F(shift, create_without_rights)
{
	int fd;

	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(upper, "r", O_CREAT | O_EXCL | O_RDWR, 0444));
	EQ(1, write(fd, "r", 1));
	close(fd);
	fd = OK(openat(upper, "z", O_CREAT | O_RDWR, 0));
	EQ(1, write(fd, "z", 1));
	close(fd);
	FAILS(openat(upper, "r", O_RDWR), EACCES);
	FAILS(openat(upper, "z", O_RDONLY), EACCES);
	become_root();
	BOTH("r", 1000, 1000, S_IFREG | 0444);
	BOTH("z", 1000, 1000, S_IFREG);
	CONTENT(lower, "z", "z");
}

TEST_F(shift, mknod)
{
	become(SEEN(5), SEEN(6));
	OK(mknodat(upper, "reg", S_IFREG | 0600, 0));
	OK(mknodat(upper, "fifo", S_IFIFO | 0622, 0));
	OK(mknodat(upper, "sock", S_IFSOCK | 0777, 0));
	FAILS(mknodat(upper, "null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
	FAILS(mknodat(upper, "blk", S_IFBLK | 0666, makedev(7, 0)), EPERM);
	FAILS(mknodat(upper, "dir", S_IFDIR | 0666, 0), EPERM);
	become_root();
	BOTH("reg", 5, 6, S_IFREG | 0600);
	BOTH("fifo", 5, 6, S_IFIFO | 0622);
	BOTH("sock", 5, 6, S_IFSOCK | 0777);
	ABSENT_BOTH("null");
	ABSENT_BOTH("blk");

	become_caps(SEEN(0), SEEN(0));
	OK(mknodat(upper, "null", S_IFCHR | 0666, makedev(1, 3)));
	become_root();
	BOTH("null", 0, 0, S_IFCHR | 0666);
	EQ(makedev(1, 3), st(upper, "null").st_rdev);
	EQ(makedev(1, 3), st(lower, "null").st_rdev);
	/* a device reached through the mount is the device */
	become(SEEN(9), SEEN(9));
	CONTENT(upper, "null", "");
	become_root();

	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(mknodat(upper, "n2", S_IFCHR | 0666, makedev(1, 3)),
		      EPERM);
	}
	ABSENT_BOTH("n2");
}

/* Character device 0:0 is overlayfs's whiteout and needs no privilege. */
TEST_F(shift, mknod_whiteout)
{
	SKIP_IF(mknodat(lower, "probe", S_IFCHR, makedev(0, 0)) &&
		errno == EPERM, "the lower makes no whiteouts");
	become(SEEN(5), SEEN(6));
	OK(mknodat(upper, "wh", S_IFCHR, makedev(0, 0)));
	become_root();
	BOTH("wh", 5, 6, S_IFCHR);
	EQ(0, st(lower, "wh").st_rdev);
	EQ(0, st(upper, "wh").st_rdev);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		OK(mknodat(upper, "w2", S_IFCHR, 0));
	BOTH("w2", 0, 0, S_IFCHR);
}

TEST_F(shift, fifo_passes_data)
{
	char c = 0;
	int r, w;

	become(SEEN(5), SEEN(5));
	OK(mknodat(upper, "p", S_IFIFO | 0600, 0));
	r = OK(openat(upper, "p", O_RDONLY | O_NONBLOCK));
	w = OK(openat(upper, "p", O_WRONLY | O_NONBLOCK));
	EQ(1, write(w, "x", 1));
	EQ(1, read(r, &c, 1));
	EQ('x', c);
	become_root();
	BOTH("p", 5, 5, S_IFIFO | 0600);
}

TEST_F(shift, symlink)
{
	char buf[PATH_MAX], target[4096];

	memset(target, 'a', sizeof(target));
	target[sizeof(target) - 1] = 0;
	become(SEEN(3), SEEN(3));
	OK(mkdirat(upper, "d", 0755));
	OK(put(upper, "d/f", "text"));
	OK(symlinkat("d", upper, "ld"));
	OK(symlinkat("ld/f", upper, "lf"));
	OK(symlinkat("loop", upper, "loop"));
	OK(symlinkat("nowhere", upper, "dangling"));
	CONTENT(upper, "lf", "text");
	CONTENT(upper, "ld/f", "text");
	FAILS(openat(upper, "loop", O_RDONLY), ELOOP);
	FAILS(openat(upper, "dangling", O_RDONLY), ENOENT);
	FAILS(openat(upper, "lf", O_RDONLY | O_NOFOLLOW), ELOOP);
	OK(touch(upper, "dangling2", 0600));
	FAILS(symlinkat("", upper, "empty"), ENOENT);
	EQ(1, readlinkat(upper, "ld", buf, sizeof(buf)));
	EQ('d', buf[0]);
	EQ(2, readlinkat(upper, "lf", buf, 2));
	FAILS(readlinkat(upper, "d", buf, sizeof(buf)), EINVAL);
	/* a create through a dangling link makes the target */
	OK(put(upper, "dangling", "made"));
	become_root();
	CONTENT(lower, "nowhere", "made");
	BOTH("nowhere", 3, 3, S_IFREG | 0644);
	BOTH("dangling", 3, 3, S_IFLNK | 0777);

	/* a long target, stored below outside the inode */
	target[1000] = 0;
	become(SEEN(3), SEEN(3));
	OK(symlinkat(target, upper, "long"));
	EQ(1000, readlinkat(upper, "long", buf, sizeof(buf)));
	CHECK(!memcmp(buf, target, 1000));
	EQ(1000, st(upper, "long").st_size);
	become_root();
	EQ(1000, readlinkat(lower, "long", buf, sizeof(buf)));
}

TEST_F(shift, link)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	make("d", 1000, 1000, S_IFDIR | 0755);
	become(SEEN(1000), SEEN(1000));
	OK(linkat(upper, "f", upper, "d/g", 0));
	FAILS(linkat(upper, "f", upper, "d/g", 0), EEXIST);
	FAILS(linkat(upper, "d", upper, "e", 0), EPERM);
	EQ(2, st(upper, "f").st_nlink);
	become_root();
	BOTH("d/g", 1000, 1000, S_IFREG | 0644);
	EQ(2, st(lower, "f").st_nlink);
	EQ(st(lower, "f").st_ino, st(lower, "d/g").st_ino);
	EQ(st(upper, "f").st_ino, st(upper, "d/g").st_ino);
	/* across the two sides it is another mount */
	FAILS(linkat(lower, "f", upper, "h", 0), EXDEV);
	FAILS(linkat(upper, "f", lower, "h", 0), EXDEV);
	ABSENT_BOTH("h");
	become(SEEN(1000), SEEN(1000));
	OK(unlinkat(upper, "f", 0));
	become_root();
	ABSENT_BOTH("f");
	EQ(1, st(upper, "d/g").st_nlink);
	EQ(1, st(lower, "d/g").st_nlink);
}

TEST_F(shift, unlink)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	make("d", 1000, 1000, S_IFDIR | 0755);
	make("d/sub", 1000, 1000, S_IFDIR | 0755);
	become(SEEN(1000), SEEN(1000));
	FAILS(unlinkat(upper, "d", AT_REMOVEDIR), ENOTEMPTY);
	FAILS(unlinkat(upper, "d", 0), EISDIR);
	FAILS(unlinkat(upper, "f", AT_REMOVEDIR), ENOTDIR);
	FAILS(unlinkat(upper, "none", 0), ENOENT);
	OK(unlinkat(upper, "f", 0));
	OK(unlinkat(upper, "d/sub", AT_REMOVEDIR));
	OK(unlinkat(upper, "d", AT_REMOVEDIR));
	become_root();
	ABSENT_BOTH("f");
	ABSENT_BOTH("d");
}

TEST_F(shift, unlink_refused)
{
	make("d", 1000, 1000, S_IFDIR | 0755);
	make("d/f", 1000, 1000, S_IFREG | 0666);
	become(SEEN(1001), SEEN(1001));
	FAILS(unlinkat(upper, "d/f", 0), EACCES);
	FAILS(touch(upper, "d/g", 0600), EACCES);
	FAILS(mkdirat(upper, "d/g", 0700), EACCES);
	FAILS(linkat(upper, "d/f", upper, "d/g", 0), EACCES);
	FAILS(symlinkat("x", upper, "d/g"), EACCES);
	FAILS(mknodat(upper, "d/g", S_IFIFO | 0600, 0), EACCES);
	FAILS(renameat(upper, "d/f", upper, "d/g"), EACCES);
	become_root();
	BOTH("d/f", 1000, 1000, S_IFREG | 0666);
	ABSENT_BOTH("d/g");
}

TEST_F(shift, sticky)
{
	make("d", 0, 0, S_IFDIR | 01777);
	make("d/f", 1000, 1000, S_IFREG | 0666);
	make("d/g", 1000, 1000, S_IFREG | 0666);
	make("e", 1001, 0, S_IFDIR | 01777);
	make("e/f", 1000, 1000, S_IFREG | 0666);
	become(SEEN(1001), SEEN(1001));
	FAILS(unlinkat(upper, "d/f", 0), EPERM);
	FAILS(renameat(upper, "d/f", upper, "d/x"), EPERM);
	OK(touch(upper, "d/h", 0600));
	FAILS(renameat(upper, "d/h", upper, "d/f"), EPERM);
	OK(unlinkat(upper, "e/f", 0));
	become(1000, 1000);
	FAILS(unlinkat(upper, "d/f", 0), EPERM);
	become(SEEN(1000), SEEN(1000));
	OK(unlinkat(upper, "d/f", 0));
	become_root();
	ABSENT_BOTH("d/f");
	ABSENT_BOTH("e/f");
	BOTH("d/g", 1000, 1000, S_IFREG | 0666);
	BOTH("d/h", 1001, 1001, S_IFREG | 0600);
}

TEST_F(shift, tmpfile)
{
	char proc[64];
	int fd = openat(lower, ".", O_TMPFILE | O_RDWR, 0600);

	SKIP_IF(fd < 0 && errno == EOPNOTSUPP, "the lower has no O_TMPFILE");
	OK(fd);
	close(fd);

	make("d", 1000, 1000, S_IFDIR | 0755);
	become(SEEN(1000), SEEN(2000));
	fd = OK(openat(upper, "d", O_TMPFILE | O_RDWR, 0640));
	EQ(3, write(fd, "tmp", 3));
	ATTR(fd, "", SEEN(1000), SEEN(2000), S_IFREG | 0640);
	EQ(0, st(fd, "").st_nlink);
	EQ(3, st(fd, "").st_size);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	become_caps(SEEN(1000), SEEN(2000));
	OK(linkat(AT_FDCWD, proc, upper, "d/f", AT_SYMLINK_FOLLOW));
	OK(linkat(fd, "", upper, "d/g", AT_EMPTY_PATH));
	become_root();
	BOTH("d/f", 1000, 2000, S_IFREG | 0640);
	EQ(2, st(lower, "d/g").st_nlink);
	CONTENT(lower, "d/f", "tmp");
	EQ(1, write(fd, "!", 1));
	CONTENT(lower, "d/g", "tmp!");
	close(fd);

	become(SEEN(1000), SEEN(2000));
	fd = OK(openat(upper, "d", O_TMPFILE | O_WRONLY | O_EXCL, 0640));
	become_caps(SEEN(1000), SEEN(2000));
	FAILS(linkat(fd, "", upper, "d/h", AT_EMPTY_PATH), ENOENT);
	become(SEEN(1001), SEEN(1001));
	FAILS(openat(upper, "d", O_TMPFILE | O_RDWR, 0600), EACCES);
	become_root();
	ABSENT_BOTH("d/h");
}

static unsigned long long free_bytes(void)
{
	struct statvfs v;

	OK(syncfs(lower));
	OK(fstatvfs(lower, &v));
	return (unsigned long long)v.f_bfree * v.f_frsize;
}

/* One that got a name is forgotten like any other when nobody uses it. */
TEST_F(shift, tmpfile_is_forgotten)
{
	const size_t size = 8 << 20;
	unsigned long long before = free_bytes();
	char *data = calloc(1, size);
	int fd, tries;

	become_caps(SEEN(0), SEEN(0));
	fd = openat(upper, ".", O_TMPFILE | O_RDWR, 0600);
	SKIP_IF(fd < 0 && errno == EOPNOTSUPP, "the lower has no O_TMPFILE");
	OK(fd);
	memset(data, 'x', size);
	EQ(size, write(fd, data, size));
	OK(linkat(fd, "", upper, "t", AT_EMPTY_PATH));
	close(fd);
	become_root();
	free(data);
	BOTH("t", 0, 0, S_IFREG | 0600);
	CHECK(free_bytes() + size / 2 < before);
	/* it is the upper inode that keeps it from here on */
	OK(unlinkat(lower, "t", 0));
	for (tries = 0; free_bytes() + size / 2 < before; tries++) {
		FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

		CHECK(tries < 50);
		CHECK(f && fputs("2", f) >= 0 && !fclose(f));
		usleep(100000);
	}
	ABSENT_BOTH("t");
}

TEST_F(shift, tmpfile_unmapped)
{
	int fd = openat(lower, ".", O_TMPFILE | O_RDWR, 0600);

	SKIP_IF(fd < 0 && errno == EOPNOTSUPP, "the lower has no O_TMPFILE");
	become(STRANGER, STRANGER);
	FAILS(openat(upper, ".", O_TMPFILE | O_RDWR, 0600), EOVERFLOW);
}

TEST_F(shift, negative)
{
	for (int i = 0; i < 3; i++)
		ABSENT(upper, "f");
	become(SEEN(1), SEEN(1));
	OK(touch(upper, "f", 0644));
	become_root();
	BOTH("f", 1, 1, S_IFREG | 0644);
	become(SEEN(1), SEEN(1));
	OK(unlinkat(upper, "f", 0));
	ABSENT(upper, "f");
	OK(mkdirat(upper, "f", 0755));
	OK(unlinkat(upper, "f", AT_REMOVEDIR));
	OK(symlinkat("x", upper, "f"));
	become_root();
	BOTH("f", 1, 1, S_IFLNK | 0777);
}

TEST_F(shift, name_limits)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	become(SEEN(1), SEEN(1));
	OK(touch(upper, name, 0600));
	name[255] = 'n';
	name[256] = 0;
	FAILS(touch(upper, name, 0600), ENAMETOOLONG);
	FAILS(faccessat(upper, name, F_OK, 0), ENAMETOOLONG);
	name[255] = 0;
	become_root();
	BOTH(name, 1, 1, S_IFREG | 0600);
	/* every byte but / and NUL is a name */
	become(SEEN(1), SEEN(1));
	OK(touch(upper, "\x01 \xff\n\\", 0600));
	become_root();
	BOTH("\x01 \xff\n\\", 1, 1, S_IFREG | 0600);
}

TEST_F(shift, dotdot_stays)
{
	make("d", 0, 0, S_IFDIR | 0755);
	make("d/e", 0, 0, S_IFDIR | 0755);
	EQ(st(upper, "d").st_ino, st(upper, "d/e/..").st_ino);
	EQ(st(upper, "").st_ino, st(upper, "d/e/../..").st_ino);
	/* above the root of the mount is what the mount point's parent is */
	CHECK(st(upper, "..").st_ino != st(lower, "..").st_ino ||
	      st(upper, "..").st_dev != st(lower, "..").st_dev);
	FAILS(openat(upper, "d/none/..", O_RDONLY), ENOENT);
	FAILS(openat(upper, "d/e/", O_WRONLY), EISDIR);
	make("f", 0, 0, S_IFREG | 0644);
	FAILS(openat(upper, "f/", O_RDONLY), ENOTDIR);
	FAILS(openat(upper, "f/x", O_RDONLY), ENOTDIR);
	FAILS(openat(upper, "f", O_RDONLY | O_DIRECTORY), ENOTDIR);
}

SHIFT_TEST_MAIN
