// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose credentials decide, and what no mount may add to them. */
#include <linux/capability.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "fixture.h"

TEST_F(shift, owner_group_other)
{
	gid_t groups[] = { SEEN(300), SEEN(2000) };

	make("f", 1000, 2000, S_IFREG | 0640);
	OK(put(lower, "f", "secret"));

	become(SEEN(1000), SEEN(1));
	OK(put(upper, "f", "mine"));
	become(SEEN(1001), SEEN(2000));
	CONTENT(upper, "f", "mine");
	FAILS(openat(upper, "f", O_WRONLY), EACCES);
	become_groups(SEEN(1001), SEEN(1), 2, groups);
	CONTENT(upper, "f", "mine");
	become(SEEN(1001), SEEN(1));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	/* stored numbers are not rights */
	become(1000, 2000);
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	groups[0] = 2000;
	become_groups(SEEN(1001), SEEN(1), 1, groups);
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	/* and below they are, whatever is mounted above */
	become(1000, 1);
	CONTENT(lower, "f", "mine");
	become(SEEN(1000), SEEN(1));
	FAILS(openat(lower, "f", O_RDONLY), EACCES);
	become_root();
	BOTH("f", 1000, 2000, S_IFREG | 0640);
	CONTENT(lower, "f", "mine");
}

/* The stored owner 0 is nobody special above. */
TEST_F(shift, stored_root)
{
	make("f", 0, 0, S_IFREG | 0600);
	become(SEEN(0), SEEN(0));
	OK(put(upper, "f", "x"));
	FAILS(fchownat(upper, "f", SEEN(1), -1, 0), EPERM);
	become(SEEN(1), SEEN(1));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	BOTH("f", 0, 0, S_IFREG | 0600);
	CONTENT(lower, "f", "x");
}

TEST_F(shift, directories)
{
	make("d", 1000, 1000, S_IFDIR | 0711);
	make("d/f", 1000, 1000, S_IFREG | 0644);
	make("p", 1000, 1000, S_IFDIR | 0700);
	make("p/f", 1000, 1000, S_IFREG | 0666);
	become(SEEN(1001), SEEN(1001));
	close(OK(openat(upper, "d/f", O_RDONLY)));
	FAILS(openat(upper, "d", O_RDONLY | O_DIRECTORY), EACCES);
	FAILS(openat(upper, "p/f", O_RDONLY), EACCES);
	FAILS(faccessat(upper, "p/f", F_OK, AT_EACCESS), EACCES);
	close(OK(openat(upper, "d", O_PATH)));
	become(SEEN(1000), SEEN(1000));
	close(OK(openat(upper, "p/f", O_RDWR)));
	become_root();
	BOTH("p/f", 1000, 1000, S_IFREG | 0666);
}

/* The mount leads past directories that the caller could not search. */
TEST_F(shift, mounters_path_is_not_the_callers)
{
	int view;

	make("closed", 0, 0, S_IFDIR | 0700);
	make("closed/d", 0, 0, S_IFDIR | 0755);
	make("closed/d/f", 1000, 1000, S_IFREG | 0600);
	view = open_view(lo("closed/d"), MAP, 0, NULL);
	become(SEEN(1000), SEEN(1000));
	OK(put(view, "f", "x"));
	FAILS(openat(upper, "closed/d/f", O_RDONLY), EACCES);
	become_root();
	CONTENT(lower, "closed/d/f", "x");
	ATTR(lower, "closed/d/f", 1000, 1000, S_IFREG | 0600);
}

TEST_F(shift, effective_access)
{
	make("r", 1000, 1000, S_IFREG | 0444);
	make("x", 1000, 1000, S_IFREG | 0755);
	become(SEEN(1000), SEEN(1000));
	OK(faccessat(upper, "r", R_OK, AT_EACCESS));
	FAILS(faccessat(upper, "r", W_OK, AT_EACCESS), EACCES);
	FAILS(faccessat(upper, "r", X_OK, AT_EACCESS), EACCES);
	OK(faccessat(upper, "x", R_OK | W_OK | X_OK, AT_EACCESS));
	become_root();
	/* privilege does not execute what nobody may execute */
	FAILS(faccessat(upper, "r", X_OK, AT_EACCESS), EACCES);
	OK(faccessat(upper, "r", W_OK, AT_EACCESS));
	BOTH("r", 1000, 1000, S_IFREG | 0444);
}

/* Capabilities in a namespace reach the inodes whose ids are mapped there. */
TEST_F(shift, container_capabilities)
{
	make("f", 1000, 1000, S_IFREG | 0600);
	make("u", OUTSIDE, 0, S_IFREG | 0600);
	make("g", 0, OUTSIDE, S_IFREG | 0040);
	make("d", 1000, 1000, S_IFDIR | 0700);
	AS_NS(userns(MAP), 5, 5, 0)
		FAILS(openat(upper, "f", O_RDONLY), EACCES);
	AS_NS(userns(MAP), 5, 5, CAPBIT(CAP_DAC_OVERRIDE)) {
		OK(put(upper, "f", "x"));
		FAILS(fchmodat(upper, "f", 0666, 0), EPERM);
		FAILS(fchownat(upper, "f", 5, 5, 0), EPERM);
		FAILS(openat(upper, "u", O_RDONLY), EACCES);
		FAILS(openat(upper, "g", O_RDONLY), EACCES);
		OK(touch(upper, "d/new", 0600));
	}
	AS_NS(userns(MAP), 5, 5, CAPBIT(CAP_DAC_READ_SEARCH)) {
		CONTENT(upper, "f", "x");
		FAILS(openat(upper, "f", O_WRONLY), EACCES);
		ATTR(upper, "d/new", 5, 5, S_IFREG | 0600);
	}
	AS_NS(userns(MAP), 5, 5, CAPBIT(CAP_FOWNER)) {
		OK(fchmodat(upper, "f", 0606, 0));
		FAILS(fchownat(upper, "f", 5, 5, 0), EPERM);
	}
	AS_NS(userns(MAP), 5, 5, CAPBIT(CAP_CHOWN))
		OK(fchownat(upper, "f", 5, 6, 0));
	BOTH("f", 5, 6, S_IFREG | 0606);
	BOTH("d/new", 5, 5, S_IFREG | 0600);
	ATTR(lower, "u", OUTSIDE, 0, S_IFREG | 0600);
}

TEST_F(shift, smaller_container)
{
	int ns = userns("b:0:100000:1000");

	make("in", 999, 999, S_IFREG | 0600);
	make("out", 1000, 1000, S_IFREG | 0600);
	make("half", 1, 1000, S_IFREG | 0600);
	AS_NS(ns, 0, 0, ALL_CAPS) {
		OK(put(upper, "in", "x"));
		ATTR(upper, "out", NOBODY, NOBODY, S_IFREG | 0600);
		FAILS(openat(upper, "out", O_RDONLY), EACCES);
		FAILS(openat(upper, "half", O_RDONLY), EACCES);
		FAILS(fchmodat(upper, "out", 0666, 0), EPERM);
		FAILS(fchownat(upper, "out", 0, 0, 0), EPERM);
	}
	BOTH("out", 1000, 1000, S_IFREG | 0600);
	CONTENT(lower, "in", "x");
}

/* Another container's root, and one that shows ids as they are stored. */
TEST_F(shift, foreign_containers)
{
	make("f", 0, 0, S_IFREG | 0600);
	make("d", 0, 0, S_IFDIR | 0777);
	AS_NS(userns("b:0:200000:65536"), 0, 0, ALL_CAPS) {
		ATTR(upper, "f", NOBODY, NOBODY, S_IFREG | 0600);
		FAILS(openat(upper, "f", O_RDONLY), EACCES);
		FAILS(touch(upper, "d/n", 0600), EOVERFLOW);
	}
	AS_NS(userns("b:0:0:65536"), 0, 0, ALL_CAPS) {
		FAILS(openat(upper, "f", O_RDONLY), EACCES);
		FAILS(touch(upper, "d/n", 0600), EOVERFLOW);
	}
	BOTH("f", 0, 0, S_IFREG | 0600);
	ABSENT_BOTH("d/n");
}

TEST_F(shift, noatime_for_owners)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	become(SEEN(1001), SEEN(1001));
	FAILS(openat(upper, "f", O_RDONLY | O_NOATIME), EPERM);
	become(SEEN(1000), SEEN(1000));
	close(OK(openat(upper, "f", O_RDONLY | O_NOATIME)));
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0644);
}

/* An open descriptor is the right; the mode at the time of use is not. */
TEST_F(shift, open_files_keep_their_rights)
{
	char c;
	int fd;

	make("f", 1000, 1000, S_IFREG | 0600);
	OK(put(lower, "f", "abc"));
	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(upper, "f", O_RDWR));
	become_root();
	OK(fchownat(lower, "f", OUTSIDE, OUTSIDE, 0));
	become(SEEN(1000), SEEN(1000));
	EQ(1, pread(fd, &c, 1, 0));
	EQ(1, pwrite(fd, "x", 1, 0));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	CONTENT(lower, "f", "xbc");
	ATTR(lower, "f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
}

/*
 * Blocks kept for the administrator stay kept: the mounter's CAP_SYS_RESOURCE
 * is not lent to callers.
 */
TEST_F(shift, reserved_blocks)
{
	static char block[65536];
	const char *disk, *image = lo("image"), *data;
	char cmd[PATH_MAX * 2];
	struct statfs sfs;
	int view, fd;
	ssize_t n;

	SKIP_IF(!lower_is("ext4"), "only ext4 reserves blocks");
	disk = mount_point(true);
	snprintf(cmd, sizeof(cmd),
		 "mkfs.ext4 -q -F -m 50 -O ^has_journal %s 4M 2>/dev/null && mount -o loop %s %s",
		 image, image, disk);
	EQ(0, system(cmd));
	OK(chmod(disk, 0777));
	view = open_view(disk, MAP, 0, &data);
	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(view, "f", O_CREAT | O_WRONLY, 0600));
	do {
		n = write(fd, block, sizeof(block));
	} while (n > 0);
	CHECK(n < 0 && errno == ENOSPC);
	/* which is asked of other credentials than a write */
	FAILS(fallocate(fd, 0, 2 << 20, 512 << 10), ENOSPC);
	become_root();
	close(fd);
	OK(statfs(disk, &sfs));
	CHECK(sfs.f_bavail * sfs.f_bsize < 256 * 1024);
	CHECK(sfs.f_bfree * sfs.f_bsize > 1024 * 1024);
	/* nor to a container's root */
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		fd = OK(openat(view, "f", O_WRONLY | O_APPEND));
		FAILS(write(fd, block, sizeof(block)), ENOSPC);
		FAILS(fallocate(fd, 0, 2 << 20, 512 << 10), ENOSPC);
	}
	close(view);
	OK(umount(data));
	OK(umount(disk));
}

/* How many blocks a user could take; his are all taken by now. */
static unsigned long left_for_users(const char *disk)
{
	struct statfs sfs;

	OK(statfs(disk, &sfs));
	return sfs.f_bavail;
}

static unsigned long reserve(const char *disk)
{
	struct statfs sfs;

	OK(statfs(disk, &sfs));
	return sfs.f_bfree;
}

/*
 * Nor do names, directories, links and attributes take of them, which have an
 * owner that is root below: a container's root makes as many as fit in what
 * is left for users, and ENOSPC is what he gets then.
 */
TEST_F(shift, reserved_blocks_of_names)
{
	static char block[4096], value[3000], name[256], target[1000];
	const char *disk, *image = lo("image"), *data;
	char cmd[PATH_MAX * 2];
	unsigned long kept;
	int view, fd, i;

	SKIP_IF(!lower_is("ext4"), "only ext4 reserves blocks");
	disk = mount_point(true);
	snprintf(cmd, sizeof(cmd),
		 "mkfs.ext4 -q -F -b 4096 -m 40 -N 2000 -O ^has_journal %s 8M 2>/dev/null && mount -o loop %s %s",
		 image, image, disk);
	EQ(0, system(cmd));
	view = open_view(disk, MAP, 0, &data);
	memset(target, 't', sizeof(target) - 1);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		OK(mkdirat(view, "d", 0700));
		OK(mkdirat(view, "e", 0700));
		OK(touch(view, "e/moved", 0600));
		fd = OK(openat(view, "f", O_CREAT | O_WRONLY, 0600));
		while (write(fd, block, sizeof(block)) > 0)
			;
		EQ(ENOSPC, errno);
		close(fd);
	}
	kept = reserve(disk);
	EQ(0, left_for_users(disk));
	CHECK(kept > 300);

	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(mkdirat(view, "new", 0755), ENOSPC);
		FAILS(symlinkat(target, view, "link"), ENOSPC);
		memset(value, 'v', sizeof(value));
		{
			int e = OK(openat(view, "e/moved", O_RDONLY));

			FAILS(fsetxattr(e, "user.big", value, sizeof(value), 0),
			      ENOSPC);
			close(e);
		}
		/* until the directory would have to grow */
		memset(name, 'n', 250);
		for (i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "d/%0240d", i);
			if (touch(view, name, 0600) < 0)
				break;
		}
		CHECK(i > 0 && i < 1000);
		EQ(ENOSPC, errno);
		FAILS(mknodat(view, name, S_IFIFO | 0600, 0), ENOSPC);
		FAILS(linkat(view, "f", view, name, 0), ENOSPC);
		FAILS(renameat(view, "e/moved", view, name), ENOSPC);
		FAILS(mkdirat(view, name, 0700), ENOSPC);
		/* what needs no block is done, and is stored as root's */
		OK(touch(view, "e/small", 04711));
		OK(symlinkat("short", view, "e/short"));
		fd = OK(openat(view, "e", O_TMPFILE | O_RDWR, 0600));
		close(fd);
	}
	EQ(kept, reserve(disk));
	fd = OK(open(disk, O_RDONLY));
	ATTR(fd, "e/small", 0, 0, S_IFREG | 04711);
	ATTR(fd, "e/short", 0, 0, S_IFLNK | 0777);
	ATTR(view, "e/small", SEEN(0), SEEN(0), S_IFREG | 04711);
	ABSENT(fd, "new");
	ABSENT(fd, "link");
	close(fd);
	/* the host's root, whose they are, takes them */
	snprintf(cmd, sizeof(cmd), "%s/below", disk);
	OK(mkdir(cmd, 0755));
	CHECK(reserve(disk) < kept);
	close(view);
	OK(umount(data));
	OK(umount(disk));
}

SHIFT_TEST_MAIN
