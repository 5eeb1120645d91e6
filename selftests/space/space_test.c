// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is removed behind the mount's back gives its space back, though the
 * mount has it cached, and without anybody asking the mount for it again.
 */
#include "fixture.h"
#include <sys/statvfs.h>
#include <time.h>

#define BIG	(8 << 20)
#define MOST	(7 << 20)	/* of it, whatever metadata comes and goes */
#define DIRS	200

/* Bytes in use on the file system below, after what it defers is done. */
static long long used(void)
{
	struct statvfs s;

	OK(syncfs(lower));
	OK(fstatvfs(lower, &s));
	return (long long)(s.f_blocks - s.f_bfree) * s.f_frsize;
}

static long long used_inodes(void)
{
	struct statvfs s;

	OK(syncfs(lower));
	OK(fstatvfs(lower, &s));
	return (long long)s.f_files - (long long)s.f_ffree;
}

/* It is looked for every three seconds. */
#define SOON(cond) do {						\
	struct timespec nap_ = { 0, 20000000 };				\
	bool is_ = false;						\
									\
	for (int i_ = 0; i_ < 500 && !(is_ = (cond)); i_++)		\
		nanosleep(&nap_, NULL);					\
	if (!is_)							\
		fail_at(__FILE__, __LINE__,				\
			"not within 10 s: %s (in use %lld bytes, %lld inodes)", \
			#cond, used(), used_inodes());			\
} while (0)

/* A big file, made below; what is in use with it. */
static long long big(const char *name)
{
	long long before = used();
	static char buf[65536];
	int fd;

	memset(buf, 'x', sizeof(buf));
	fd = OK(openat(lower, name, O_CREAT | O_EXCL | O_WRONLY, 0644));
	for (int i = 0; i < BIG; i += sizeof(buf))
		EQ(sizeof(buf), write(fd, buf, sizeof(buf)));
	OK(fchown(fd, 1, 2));
	OK(close(fd));
	CHECK(used() - before >= MOST);
	return used();
}

/* The mount knows it and does not use it. */
static void cached(int view, const char *name)
{
	char c = 0;
	int fd = OK(openat(view, name, O_RDONLY));

	EQ(1, pread(fd, &c, 1, 0));
	EQ('x', c);
	OK(close(fd));
	EQ(BIG, st(view, name).st_size);
}

TEST_F(shift, unlink_below)
{
	long long with = big("f");

	cached(upper, "f");
	BOTH("f", 1, 2, S_IFREG | 0644);
	OK(unlinkat(lower, "f", 0));
	SOON(used() <= with - MOST);
	ABSENT_BOTH("f");
}

TEST_F(shift, rename_over_below)
{
	long long with = big("f");

	cached(upper, "f");
	make("g", 3, 4, S_IFREG | 0600);
	BOTH("g", 3, 4, S_IFREG | 0600);
	OK(renameat(lower, "g", lower, "f"));
	SOON(used() <= with - MOST);
	BOTH("f", 3, 4, S_IFREG | 0600);
	ABSENT_BOTH("g");
}

/* Three mounts know it; one removes it. */
TEST_F(shift, other_mount)
{
	int second = open_view(lower_path, "b:0:300000:65536", 0, NULL);
	int third = open_view(lower_path, "b:0:400000:65536", 0, NULL);
	long long with = big("f");

	cached(upper, "f");
	cached(second, "f");
	cached(third, "f");
	OK(unlinkat(second, "f", 0));
	SOON(used() <= with - MOST);
	ABSENT_BOTH("f");
	ABSENT(third, "f");

	with = big("f");
	cached(upper, "f");
	cached(second, "f");
	cached(third, "f");
	make("g", 3, 4, S_IFREG | 0600);
	OK(renameat(third, "g", third, "f"));
	SOON(used() <= with - MOST);
	BOTH("f", 3, 4, S_IFREG | 0600);
	ATTR(second, "f", 300003, 300004, S_IFREG | 0600);
	close(second);
	close(third);
}

/* Through the mount itself it is not later than when the call returns. */
TEST_F(shift, same_mount)
{
	struct statvfs s;
	long long with = big("f");
	bool deferred = lower_is("xfs") || lower_is("btrfs");

	cached(upper, "f");
	OK(unlinkat(upper, "f", 0));
	OK(fstatvfs(lower, &s));
	if (!deferred)
		CHECK((long long)(s.f_blocks - s.f_bfree) * s.f_frsize <=
		      with - MOST);
	SOON(used() <= with - MOST);
	ABSENT_BOTH("f");

	with = big("f");
	make("g", 3, 4, S_IFREG | 0600);
	cached(upper, "f");
	OK(renameat(upper, "g", upper, "f"));
	OK(fstatvfs(lower, &s));
	if (!deferred)
		CHECK((long long)(s.f_blocks - s.f_bfree) * s.f_frsize <=
		      with - MOST);
	SOON(used() <= with - MOST);
	BOTH("f", 3, 4, S_IFREG | 0600);
}

/* Who has it open above keeps it. */
TEST_F(shift, open_above)
{
	struct timespec nap = { 0, 300000000 };
	long long with = big("f");
	char c = 0;
	int fd;

	fd = OK(openat(upper, "f", O_RDWR));
	OK(unlinkat(lower, "f", 0));
	nanosleep(&nap, NULL);
	CHECK(used() > with - MOST);
	EQ(1, pread(fd, &c, 1, BIG - 1));
	EQ('x', c);
	EQ(1, pwrite(fd, "y", 1, BIG - 1));
	EQ(1, pread(fd, &c, 1, BIG - 1));
	EQ('y', c);
	EQ(0, st(fd, "").st_nlink);
	ATTR(fd, "", SEEN(1), SEEN(2), S_IFREG | 0644);
	OK(close(fd));
	SOON(used() <= with - MOST);
	ABSENT_BOTH("f");
}

/* It goes with the last of its names, whichever way each is removed. */
TEST_F(shift, hard_links)
{
	long long with = big("a");

	OK(linkat(lower, "a", lower, "b", 0));
	OK(linkat(lower, "a", lower, "c", 0));
	cached(upper, "a");
	cached(upper, "b");
	cached(upper, "c");
	OK(unlinkat(lower, "a", 0));
	cached(upper, "b");
	CHECK(used() > with - MOST);
	EQ(2, st(upper, "c").st_nlink);
	OK(unlinkat(upper, "b", 0));
	cached(upper, "c");
	OK(unlinkat(lower, "c", 0));
	SOON(used() <= with - MOST);

	with = big("a");
	OK(linkat(lower, "a", lower, "b", 0));
	cached(upper, "a");
	cached(upper, "b");
	OK(unlinkat(lower, "a", 0));
	OK(unlinkat(upper, "b", 0));
	SOON(used() <= with - MOST);
	ABSENT_BOTH("a");
	ABSENT_BOTH("b");
}

/*
 * Directories, of which the mount knows that a name is not in them, and with
 * a file in them that goes first.
 */
static void directories(int by, const char *replaced_by)
{
	long long before = used_inodes();
	char name[32], in[64];

	for (int i = 0; i < DIRS; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		make(name, 1, 2, S_IFDIR | 0755);
		ABSENT(upper, (snprintf(in, sizeof(in), "%s/no", name), in));
		snprintf(in, sizeof(in), "%s/f", name);
		make(in, 1, 2, S_IFREG | 0644);
		BOTH(in, 1, 2, S_IFREG | 0644);
		BOTH(name, 1, 2, S_IFDIR | 0755);
	}
	CHECK(used_inodes() >= before + 2 * DIRS);
	for (int i = 0; i < DIRS; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		snprintf(in, sizeof(in), "%s/f", name);
		OK(unlinkat(by, in, 0));
		if (!replaced_by) {
			OK(unlinkat(by, name, AT_REMOVEDIR));
			continue;
		}
		make(replaced_by, 3, 4, S_IFDIR | 0700);
		OK(renameat(by, replaced_by, by, name));
		/* the new one was never looked at above */
		OK(unlinkat(lower, name, AT_REMOVEDIR));
	}
	SOON(used_inodes() <= before + DIRS / 10);
	for (int i = 0; i < DIRS; i++)
		ABSENT_BOTH((snprintf(name, sizeof(name), "d%d", i), name));
}

#define NO_INODE_COUNT() \
	SKIP_IF(lower_is("btrfs"), "btrfs does not count inodes")

TEST_F(shift, rmdir_below)
{
	NO_INODE_COUNT();
	directories(lower, NULL);
}

TEST_F(shift, rmdir_above)
{
	NO_INODE_COUNT();
	directories(upper, NULL);
}

TEST_F(shift, replaced_directory)
{
	NO_INODE_COUNT();
	directories(lower, "new");
}

TEST_F(shift, replaced_directory_above)
{
	NO_INODE_COUNT();
	directories(upper, "new");
}

/* The mount stays usable when its own source goes. */
TEST_F(shift, source_removed)
{
	const char *target;
	int view;

	make("d", 1, 1, S_IFDIR | 0755);
	view = open_view(lo("d"), MAP, 0, &target);
	ABSENT(view, "x");
	OK(unlinkat(lower, "d", AT_REMOVEDIR));
	ABSENT(view, "y");
	EQ(SEEN(1), st(view, "").st_uid);
	ABSENT_BOTH("d");
	close(view);
	OK(umount2(target, 0));
}

/* A mount on top of the mount. */
TEST_F(shift, stacked)
{
	long long with;
	int top;

	ONLY_SHIFTFS();
	SKIP_IF(lower_is("overlay"), "three are more than the kernel stacks");
	top = open_view(upper_path, "b:100000:200000:65536", 0, NULL);
	with = big("f");
	cached(upper, "f");
	cached(top, "f");
	ATTR(top, "f", 200001, 200002, S_IFREG | 0644);
	OK(unlinkat(lower, "f", 0));
	SOON(used() <= with - MOST);
	ABSENT_BOTH("f");
	ABSENT(top, "f");

	with = big("f");
	cached(top, "f");
	OK(unlinkat(upper, "f", 0));
	SOON(used() <= with - MOST);
	ABSENT(top, "f");

	with = big("f");
	cached(top, "f");
	OK(unlinkat(top, "f", 0));
	SOON(used() <= with - MOST);
	ABSENT_BOTH("f");
	close(top);
}

/* Mounts come and go while files do. */
TEST_F(shift, umount_race)
{
	const char *target = mount_point(true);
	pid_t pid;

	pid = spawn();
	if (!pid) {
		for (int i = 0; ; i++) {
			char name[16];

			snprintf(name, sizeof(name), "n%d", i % 20);
			close(openat(lower, name, O_CREAT | O_WRONLY, 0644));
			snprintf(name, sizeof(name), "n%d", (i + 10) % 20);
			unlinkat(lower, name, 0);
			if (!faccessat(lower, "stop", F_OK, 0))
				_exit(0);
		}
	}
	for (int i = 0; i < 60; i++) {
		char name[16];
		int view;

		OK(mount_map(lower_path, target, MAP, 0));
		view = OK(open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		for (int j = 0; j < 200; j++) {
			snprintf(name, sizeof(name), "n%d", j % 20);
			faccessat(view, name, F_OK, 0);
			faccessat(upper, name, F_OK, 0);
		}
		close(view);
		OK(umount2(target, 0));
	}
	make("stop", 0, 0, S_IFREG | 0600);
	EQ(0, reap(pid));
}

SHIFT_TEST_MAIN
