// SPDX-License-Identifier: GPL-2.0-or-later
/* Inode flags, as lsattr and chattr see them. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "fixture.h"

static int get(int dir, const char *name)
{
	int fd = OK(openat(dir, name, O_RDONLY | O_CLOEXEC)), flags = 0;
	int ret = ioctl(fd, FS_IOC_GETFLAGS, &flags), err = errno;

	close(fd);
	errno = err;
	return ret ? -1 : flags;
}

static int set(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	int ret, err;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

static bool no_flags(void)
{
	make("probe", 0, 0, S_IFREG | 0644);
	return get(lower, "probe") < 0;
}

#define NEED_FLAGS() SKIP_IF(no_flags(), "the lower has no inode flags")

TEST_F(shift, get_and_set)
{
	int flags;

	NEED_FLAGS();
	make("f", 1000, 1000, S_IFREG | 0644);
	make("d", 1000, 1000, S_IFDIR | 0755);
	EQ(get(lower, "f"), get(upper, "f"));
	EQ(get(lower, "d"), get(upper, "d"));
	flags = OK(get(lower, "f"));
	become(SEEN(1000), SEEN(1000));
	OK(set(upper, "f", flags | FS_NOATIME_FL));
	become_root();
	EQ(flags | FS_NOATIME_FL, get(lower, "f"));
	EQ(flags | FS_NOATIME_FL, get(upper, "f"));
	OK(set(lower, "f", flags));
	EQ(flags, get(upper, "f"));
	become(SEEN(1001), SEEN(1001));
	FAILS(set(upper, "f", flags | FS_NOATIME_FL), EPERM);
	become(1000, 1000);
	FAILS(set(upper, "f", flags | FS_NOATIME_FL), EPERM);
	become_root();
	EQ(flags, get(lower, "f"));
}

/* FIFOs have flags and a project on some filesystems since 6.17. */
TEST_F(shift, of_special_files)
{
	struct fsxattr above = {}, below = {};
	int lo, up, err = 0;

	make("p", 1000, 1000, S_IFIFO | 0666);
	lo = OK(openat(lower, "p", O_RDWR));
	up = OK(openat(upper, "p", O_RDWR));
	if (ioctl(lo, FS_IOC_FSGETXATTR, &below) < 0)
		err = errno;
	if (err)
		FAILS(ioctl(up, FS_IOC_FSGETXATTR, &above), err);
	else
		OK(ioctl(up, FS_IOC_FSGETXATTR, &above));
	EQ(below.fsx_xflags, above.fsx_xflags);
	EQ(below.fsx_projid, above.fsx_projid);
	close(lo);
	close(up);
}

/* Some filesystems refuse to write even nothing. */
TEST_F(shift, writing_nothing)
{
	int flags, up, lo;
	ssize_t wanted;

	NEED_FLAGS();
	make("f", 0, 0, S_IFREG | 0644);
	lo = OK(openat(lower, "f", O_RDWR));
	up = OK(openat(upper, "f", O_RDWR));
	EQ(write(lo, "", 0), write(up, "", 0));
	flags = OK(get(lower, "f"));
	OK(set(lower, "f", flags | FS_IMMUTABLE_FL));
	wanted = write(lo, "", 0);
	EQ(wanted, write(up, "", 0));
	OK(set(lower, "f", flags));
	EQ(0, st(lower, "f").st_size);
	EQ(0, st(upper, "f").st_size);
	close(lo);
	close(up);
}

/* +i and +a take CAP_LINUX_IMMUTABLE of the host, not of a container. */
TEST_F(shift, unprivileged)
{
	int flags;

	NEED_FLAGS();
	make("f", 0, 0, S_IFREG | 0644);
	flags = OK(get(lower, "f"));
	become(SEEN(0), SEEN(0));
	FAILS(set(upper, "f", flags | FS_IMMUTABLE_FL), EPERM);
	FAILS(set(upper, "f", flags | FS_APPEND_FL), EPERM);
	become_root();
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(set(upper, "f", flags | FS_IMMUTABLE_FL), EPERM);
		FAILS(set(upper, "f", flags | FS_APPEND_FL), EPERM);
	}
	EQ(flags, get(lower, "f"));
	/* nor are they taken away by those */
	OK(set(lower, "f", flags | FS_IMMUTABLE_FL));
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		FAILS(set(upper, "f", flags), EPERM);
	EQ(flags | FS_IMMUTABLE_FL, get(lower, "f"));
	OK(set(lower, "f", flags));
}

TEST_F(shift, immutable)
{
	int flags;

	NEED_FLAGS();
	make("f", 1000, 1000, S_IFREG | 0644);
	OK(put(lower, "f", "stays"));
	flags = OK(get(lower, "f"));
	for (int round = 0; round < 2; round++) {
		int dir = round ? upper : lower;

		/* set on one side, in force on both */
		become_caps(SEEN(1000), SEEN(1000));
		if (round)
			OK(set(dir, "f", flags | FS_IMMUTABLE_FL));
		become_root();
		if (!round)
			OK(set(dir, "f", flags | FS_IMMUTABLE_FL));
		EQ(flags | FS_IMMUTABLE_FL, get(upper, "f"));
		EQ(flags | FS_IMMUTABLE_FL, get(lower, "f"));
		become_caps(SEEN(1000), SEEN(1000));
		FAILS(openat(upper, "f", O_WRONLY), EPERM);
		FAILS(unlinkat(upper, "f", 0), EPERM);
		FAILS(renameat(upper, "f", upper, "g"), EPERM);
		FAILS(linkat(upper, "f", upper, "g", 0), EPERM);
		FAILS(fchmodat(upper, "f", 0777, 0), EPERM);
		FAILS(fchownat(upper, "f", SEEN(1), -1, 0), EPERM);
		FAILS(utimensat(upper, "f", NULL, 0), EPERM);
		become_root();
		OK(set(dir, "f", flags));
		EQ(flags, get(upper, "f"));
		BOTH("f", 1000, 1000, S_IFREG | 0644);
		CONTENT(lower, "f", "stays");
		ABSENT_BOTH("g");
		become(SEEN(1000), SEEN(1000));
		close(OK(openat(upper, "f", O_WRONLY)));
		become_root();
	}
}

TEST_F(shift, append_only)
{
	int flags, fd;

	NEED_FLAGS();
	make("f", 1000, 1000, S_IFREG | 0644);
	flags = OK(get(lower, "f"));
	OK(set(upper, "f", flags | FS_APPEND_FL));
	EQ(flags | FS_APPEND_FL, get(lower, "f"));
	become(SEEN(1000), SEEN(1000));
	FAILS(openat(upper, "f", O_WRONLY), EPERM);
	FAILS(openat(upper, "f", O_WRONLY | O_APPEND | O_TRUNC), EPERM);
	fd = OK(openat(upper, "f", O_WRONLY | O_APPEND));
	EQ(1, write(fd, "a", 1));
	FAILS(ftruncate(fd, 0), EPERM);
	FAILS(unlinkat(upper, "f", 0), EPERM);
	FAILS(fcntl(fd, F_SETFL, 0), EPERM);
	become_root();
	CONTENT(lower, "f", "a");
	OK(set(lower, "f", flags));
	BOTH("f", 1000, 1000, S_IFREG | 0644);
}

TEST_F(shift, immutable_directory)
{
	int flags;

	NEED_FLAGS();
	make("d", 1000, 1000, S_IFDIR | 0777);
	make("d/f", 1000, 1000, S_IFREG | 0644);
	flags = OK(get(lower, "d"));
	OK(set(lower, "d", flags | FS_IMMUTABLE_FL));
	become(SEEN(1000), SEEN(1000));
	FAILS(touch(upper, "d/new", 0600), EPERM);
	FAILS(mkdirat(upper, "d/new", 0700), EPERM);
	FAILS(unlinkat(upper, "d/f", 0), EPERM);
	OK(put(upper, "d/f", "x"));
	become_root();
	OK(set(lower, "d", flags));
	CONTENT(lower, "d/f", "x");
	ABSENT_BOTH("d/new");
}

TEST_F(shift, fsxattr)
{
	struct fsxattr a = { 0 }, b = { 0 };
	int fa, fb;

	make("f", 1000, 1000, S_IFREG | 0644);
	fb = OK(openat(lower, "f", O_RDONLY));
	SKIP_IF(ioctl(fb, FS_IOC_FSGETXATTR, &b), "the lower has no fsxattr");
	fa = OK(openat(upper, "f", O_RDONLY));
	OK(ioctl(fa, FS_IOC_FSGETXATTR, &a));
	EQ(b.fsx_xflags, a.fsx_xflags);
	EQ(b.fsx_projid, a.fsx_projid);
	a.fsx_xflags |= FS_XFLAG_NOATIME;
	become(SEEN(1000), SEEN(1000));
	OK(ioctl(fa, FS_IOC_FSSETXATTR, &a));
	become_root();
	OK(ioctl(fb, FS_IOC_FSGETXATTR, &b));
	EQ(a.fsx_xflags, b.fsx_xflags);
	/* a project id is changed in the initial namespace only */
	a.fsx_projid = 7;
	AS_NS(userns(MAP), 1000, 1000, ALL_CAPS)
		FAILS(ioctl(fa, FS_IOC_FSSETXATTR, &a), EINVAL);
	OK(ioctl(fb, FS_IOC_FSGETXATTR, &b));
	EQ(0, b.fsx_projid);
}

SHIFT_TEST_MAIN
