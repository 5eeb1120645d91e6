// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes wrong: each with a clear error, and nothing left behind. */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "fixture.h"

TEST_F(shift, missing_source)
{
	ONLY_SHIFTFS();
	FAILS(shiftfs_fsmount((const char *[]){ "idmap", MAP, NULL }, 0),
	      EINVAL);
	CHECK(strstr(mount_log, "source"));
	FAILS(mount_map(lo("none"), mount_point(true), MAP, 0), ENOENT);
	CHECK(strstr(mount_log, lo("none")));
	FAILS(mount_map("", mount_point(true), MAP, 0), EINVAL);
	make("f", 0, 0, S_IFREG | 0644);
	FAILS(mount_map(lo("f/x"), mount_point(true), MAP, 0), ENOTDIR);
	CHECK(strstr(mount_log, lo("f/x")));
	OK(symlinkat("loop", lower, "loop"));
	FAILS(mount_map(lo("loop"), mount_point(true), MAP, 0), ELOOP);
}

TEST_F(shift, wrong_target)
{
	make("f", 0, 0, S_IFREG | 0644);
	make("d", 0, 0, S_IFDIR | 0755);
	/* move_mount(2) has an error of its own for this, mount(2) the usual */
	FAILS(mount_map(lo("d"), mount_point(false), MAP, 0), EINVAL);
	FAILS(mount_map(lo("f"), mount_point(true), MAP, 0), EINVAL);
	if (on_shiftfs()) {
		FAILS(mount(lo("d"), mount_point(false), "shiftfs", 0,
			    "idmap=" MAP), ENOTDIR);
		FAILS(mount(lo("f"), mount_point(true), "shiftfs", 0,
			    "idmap=" MAP), ENOTDIR);
	}
	FAILS(mount_map(lo("d"), lo("none"), MAP, 0), ENOENT);
}

TEST_F(shift, source_given_twice)
{
	ONLY_SHIFTFS();
	FAILS(shiftfs_fsmount((const char *[]){ "source", lower_path, "source",
			      lower_path, "idmap", MAP, NULL }, 0), EINVAL);
}

/* A file system that cannot be cloned says so. */
TEST_F(shift, unbindable_source)
{
	const char *disk = mount_point(true);

	ONLY_SHIFTFS();
	OK(small_lower(disk, "1m"));
	OK(mount(NULL, disk, NULL, MS_UNBINDABLE, NULL));
	FAILS(mount_map(disk, mount_point(true), MAP, 0), EINVAL);
	CHECK(strstr(mount_log, disk) && strstr(mount_log, "tmpfs"));
}

static int small_view(const char *data)
{
	const char *disk = mount_point(true);

	OK(mount("small", disk, "tmpfs", 0, data));
	return open_view(disk, MAP, 0, NULL);
}

static bool tmpfs_without_idmap(void)
{
	const char *disk = mount_point(true);

	OK(small_lower(disk, "1m"));
	return !on_shiftfs() && mount_map(disk, mount_point(true), MAP, 0);
}

TEST_F(shift, full_lower)
{
	static char block[65536];
	int view, fd, i;

	SKIP_IF(tmpfs_without_idmap(), "tmpfs has no idmapped mounts here");
	view = small_view("size=256k,nr_inodes=64,mode=0777");
	become(SEEN(1), SEEN(1));
	fd = OK(openat(view, "f", O_CREAT | O_RDWR, 0600));
	for (i = 0; i < 8 && write(fd, block, sizeof(block)) > 0; i++)
		;
	CHECK(i < 8);
	FAILS(write(fd, block, sizeof(block)), ENOSPC);
	FAILS(fallocate(fd, 0, 0, 1 << 20), ENOSPC);
	OK(ftruncate(fd, 0));
	EQ(5, pwrite(fd, "again", 5, 0));
	become_root();
	CONTENT(view, "f", "again");

	become(SEEN(1), SEEN(1));
	for (i = 0; i < 64; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		if (touch(view, name, 0600))
			break;
	}
	CHECK(i < 64);
	FAILS(touch(view, "one-more", 0600), ENOSPC);
	FAILS(mkdirat(view, "one-more", 0700), ENOSPC);
	FAILS(symlinkat("x", view, "one-more"), ENOSPC);
	FAILS(mknodat(view, "one-more", S_IFIFO | 0600, 0), ENOSPC);
	OK(unlinkat(view, "n0", 0));
	OK(touch(view, "one-more", 0600));
	become_root();
	ATTR(view, "one-more", SEEN(1), SEEN(1), S_IFREG | 0600);
}

/* The lower turns read-only beneath. */
TEST_F(shift, read_only_lower)
{
	const char *disk = mount_point(true);
	int view;

	SKIP_IF(tmpfs_without_idmap(), "tmpfs has no idmapped mounts here");
	OK(small_lower(disk, "1m"));
	OK(chmod(disk, 0777));
	view = open_view(disk, MAP, 0, NULL);
	become(SEEN(1), SEEN(1));
	OK(put(view, "f", "before"));
	become_root();
	OK(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	become(SEEN(1), SEEN(1));
	FAILS(touch(view, "g", 0600), EROFS);
	FAILS(openat(view, "f", O_WRONLY), EROFS);
	FAILS(fchmodat(view, "f", 0666, 0), EROFS);
	FAILS(unlinkat(view, "f", 0), EROFS);
	CONTENT(view, "f", "before");
	become_root();
	/* and back */
	OK(mount(NULL, disk, NULL, MS_REMOUNT, NULL));
	become(SEEN(1), SEEN(1));
	OK(put(view, "f", "after"));
	become_root();
	CONTENT(view, "f", "after");
	if (on_shiftfs()) {
		OK(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL));
		/* a mount made of a read-only one cannot be made writable */
		const char *point;

		close(open_view(disk, MAP, 0, &point));
		FAILS(mount(NULL, point, NULL, MS_REMOUNT, NULL), EROFS);
	}
}

/* Addresses that are none. */
TEST_F(shift, faults)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	int fd;

	CHECK(bad != MAP_FAILED);
	make("f", 1000, 1000, S_IFREG | 0666);
	fd = OK(openat(upper, "f", O_RDWR));
	EQ(3, write(fd, "abc", 3));
	FAILS(pread(fd, bad, 3, 0), EFAULT);
	FAILS(pwrite(fd, bad, 3, 0), EFAULT);
	OK(symlinkat("f", lower, "l"));
	FAILS(readlinkat(upper, "l", bad, 10), EFAULT);
	FAILS(syscall(SYS_getdents64, upper, bad, 4096), EFAULT);
	CONTENT(lower, "f", "abc");
}

TEST_F(shift, module_in_use)
{
	ONLY_SHIFTFS();
	SKIP_IF(access("/sys/module/shiftfs/refcnt", F_OK),
		"shiftfs is built in");
	FAILS(syscall(SYS_delete_module, "shiftfs", O_NONBLOCK), EAGAIN);
	BOTH("", 0, 0, S_IFDIR | 0777);
}

SHIFT_TEST_MAIN
