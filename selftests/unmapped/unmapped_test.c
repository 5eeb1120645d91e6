// SPDX-License-Identifier: GPL-2.0-or-later
/* Ids that the map does not name, on either side. */
#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "fixture.h"

/* Stored, not mapped: seen as the overflow id, never as 0. */
TEST_F(shift, stored_ids_overflow)
{
	make("u", OUTSIDE, 0, S_IFREG | 0644);
	make("g", 0, OUTSIDE, S_IFREG | 0644);
	make("b", OUTSIDE, OUTSIDE, S_IFDIR | 0755);
	/* A stored id equal to a seen one is still not mapped. */
	make("s", SEEN(0), SEEN(0), S_IFREG | 0644);
	ATTR(upper, "u", NOBODY, SEEN(0), S_IFREG | 0644);
	ATTR(upper, "g", SEEN(0), NOBODY, S_IFREG | 0644);
	ATTR(upper, "b", NOBODY, NOBODY, S_IFDIR | 0755);
	ATTR(upper, "s", NOBODY, NOBODY, S_IFREG | 0644);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		ATTR(upper, "u", NOBODY, 0, S_IFREG | 0644);
		ATTR(upper, "b", NOBODY, NOBODY, S_IFDIR | 0755);
	}
}

/* ... and no capability reaches such an inode, neither host root's ... */
TEST_F(shift, stored_ids_refuse_changes)
{
	make("f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	make("w", OUTSIDE, OUTSIDE, S_IFREG | 0666);
	make("d", OUTSIDE, OUTSIDE, S_IFDIR | 0777);
	make("d/in", 1000, 1000, S_IFREG | 0644);

	become_caps(SEEN(0), SEEN(0));
	FAILS(fchmodat(upper, "f", 0777, 0), EOVERFLOW);
	FAILS(fchownat(upper, "f", SEEN(1), -1, 0), EOVERFLOW);
	FAILS(fchownat(upper, "f", -1, SEEN(1), 0), EOVERFLOW);
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	FAILS(openat(upper, "f", O_RDWR), EACCES);
	/* mode 0666 does not help: mtime could not be written back */
	FAILS(openat(upper, "w", O_WRONLY), EACCES);
	FAILS(openat(upper, "w", O_RDONLY | O_TRUNC), EACCES);
	FAILS(utimensat(upper, "w", NULL, 0), EACCES);
	close(OK(openat(upper, "w", O_RDONLY)));
	FAILS(touch(upper, "d/new", 0600), EACCES);
	FAILS(mkdirat(upper, "d/new", 0600), EACCES);
	FAILS(unlinkat(upper, "d/in", 0), EACCES);
	become_root();
	ATTR(lower, "f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	ATTR(lower, "d", OUTSIDE, OUTSIDE, S_IFDIR | 0777);
	ABSENT(lower, "d/new");
	BOTH("d/in", 1000, 1000, S_IFREG | 0644);
}

/* ... nor the container root's. */
TEST_F(shift, stored_ids_refuse_container_root)
{
	make("f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	make("w", OUTSIDE, OUTSIDE, S_IFREG | 0666);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(fchmodat(upper, "f", 0777, 0), EOVERFLOW);
		FAILS(fchownat(upper, "f", 1, 1, 0), EPERM);
		FAILS(openat(upper, "f", O_RDONLY), EACCES);
		FAILS(openat(upper, "w", O_WRONLY), EACCES);
		FAILS(utimensat(upper, "w", NULL, 0), EACCES);
	}
	ATTR(lower, "f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
}

/* Host root with CAP_CHOWN may repair an inode by naming both its ids. */
TEST_F(shift, repaired_by_host_root)
{
	make("f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	OK(fchownat(upper, "f", SEEN(1), SEEN(2), 0));
	BOTH("f", 1, 2, S_IFREG | 0600);
}

TEST_F(shift, stored_ids_refuse_renames)
{
	make("d", 0, 0, S_IFDIR | 0777);
	make("d/f", OUTSIDE, OUTSIDE, S_IFREG | 0666);
	become(SEEN(1000), SEEN(1000));
	FAILS(unlinkat(upper, "d/f", 0), EOVERFLOW);
	FAILS(renameat(upper, "d/f", upper, "d/g"), EOVERFLOW);
	become_caps(SEEN(0), SEEN(0));
	FAILS(unlinkat(upper, "d/f", 0), EOVERFLOW);
	FAILS(linkat(upper, "d/f", upper, "d/h", 0), EOVERFLOW);
	become_root();
	ATTR(lower, "d/f", OUTSIDE, OUTSIDE, S_IFREG | 0666);
	ABSENT(lower, "d/g");
	ABSENT(lower, "d/h");
}

/*
 * Writing through a descriptor from before the owner went takes set-ids and
 * capabilities away, or, where nobody may change them, does not write.
 */
TEST_F(shift, privileges_forbid_writes)
{
	const struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2,
		.data[0].permitted = 1,
	};
	static const mode_t modes[] = { 04755, 02755, 02644, 06777, 0755 };
	char got[sizeof(cap)];
	int fd, in;

	make("in", 1000, 1000, S_IFREG | 0644);
	OK(put(lower, "in", "data"));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		mode_t m = modes[i];
		bool caps = m == 0755;

		make("f", 1000, 1000, S_IFREG | 0644);
		become(SEEN(1000), SEEN(1000));
		fd = OK(openat(upper, "f", O_RDWR));
		in = OK(openat(upper, "in", O_RDONLY));
		become_root();
		OK(fchownat(lower, "f", OUTSIDE, OUTSIDE, 0));
		OK(fchmodat(lower, "f", m, 0));
		if (caps && setxattr(lo("f"), XATTR_NAME_CAPS, &cap,
				     sizeof(cap), 0)) {
			EQ(EOPNOTSUPP, errno);
			OK(fchmodat(lower, "f", 04755, 0));
			m = 04755;
			caps = false;
		}
		become(SEEN(1000), SEEN(1000));
		FAILS(pwrite(fd, "x", 1, 10), EOVERFLOW);
		EQ(0, pwrite(fd, "x", 0, 10));
		FAILS(ftruncate(fd, 5), EOVERFLOW);
		CHECK(fallocate(fd, 0, 0, 4096) < 0);
		CHECK(errno == EOVERFLOW || errno == EOPNOTSUPP);
		FAILS(copy_file_range(in, NULL, fd, NULL, 4, 0), EOVERFLOW);
		FAILS(sendfile(fd, in, &(off_t){ 0 }, 4), EOVERFLOW);
		become_root();
		ATTR(upper, "f", NOBODY, NOBODY, S_IFREG | m);
		ATTR(lower, "f", OUTSIDE, OUTSIDE, S_IFREG | m);
		EQ(0, st(lower, "f").st_size);
		if (caps)
			EQ(sizeof(cap), getxattr(lo("f"), XATTR_NAME_CAPS, got,
						 sizeof(got)));
		/* an ordinary file is written as before */
		if (caps)
			OK(removexattr(lo("f"), XATTR_NAME_CAPS));
		OK(fchmodat(lower, "f", 0755, 0));
		become(SEEN(1000), SEEN(1000));
		EQ(4, pwrite(fd, "text", 4, 0));
		become_root();
		CONTENT(lower, "f", "text");
		close(fd);
		close(in);
		OK(unlinkat(lower, "f", 0));
	}
}

/* A caller without a stored id cannot create, whatever its privilege. */
TEST_F(shift, caller_cannot_create)
{
	const struct {
		uid_t uid;
		gid_t gid;
		bool caps;
	} who[] = {
		{ 0, 0, true }, { STRANGER, STRANGER, false },
		{ STRANGER, STRANGER, true }, { SEEN(1), STRANGER, false },
		{ STRANGER, SEEN(1), false }, { 1000, 1000, false },
		{ SEEN(65536), SEEN(65536), false }, { 99999, 99999, false },
	};

	make("f", 1, 1, S_IFREG | 0666);
	make("e", 1, 1, S_IFREG | 0666);
	for (size_t i = 0; i < ARRAY_SIZE(who); i++) {
		if (who[i].caps)
			become_caps(who[i].uid, who[i].gid);
		else
			become(who[i].uid, who[i].gid);
		FAILS(touch(upper, "new", 0644), EOVERFLOW);
		FAILS(mkdirat(upper, "new", 0755), EOVERFLOW);
		FAILS(symlinkat("x", upper, "new"), EOVERFLOW);
		FAILS(mknodat(upper, "new", S_IFIFO | 0644, 0), EOVERFLOW);
		/*
		 * A link stores no owner, and ->link is not told of the
		 * mount's own idmap, by which the VFS refuses this one.
		 */
		if (!on_idmap()) {
			OK(linkat(upper, "f", upper, "new", 0));
			BOTH("new", 1, 1, S_IFREG | 0666);
			OK(unlinkat(lower, "new", 0));
		} else {
			FAILS(linkat(upper, "f", upper, "new", 0), EOVERFLOW);
		}
		FAILS(renameat(upper, "f", upper, "new"), EOVERFLOW);
		/* reading and writing what the mode allows is no creation */
		OK(put(upper, "e", "ok"));
		become_root();
		ABSENT_BOTH("new");
		BOTH("f", 1, 1, S_IFREG | 0666);
		CONTENT(lower, "e", "ok");
	}
	/* nothing was left behind by the failed attempts */
	become_root();
	EQ(1, st(lower, "f").st_nlink);
}

/* A setgid directory gives the group, so the caller's own does not matter. */
TEST_F(shift, setgid_directory_of_unmapped_caller_group)
{
	make("d", 0, 0, S_IFDIR | 02777);
	become(SEEN(1), STRANGER);
	FAILS(touch(upper, "d/new", 0644), EOVERFLOW);
	become_root();
	ABSENT_BOTH("d/new");
}

TEST_F(shift, chown_to_unmapped)
{
	make("f", 1, 2, S_IFREG | 0644);
	for (int round = 0; round < 2; round++) {
		if (round)
			become_caps(SEEN(0), SEEN(0));
		FAILS(fchownat(upper, "f", STRANGER, -1, 0), EOVERFLOW);
		FAILS(fchownat(upper, "f", -1, STRANGER, 0), EOVERFLOW);
		FAILS(fchownat(upper, "f", 0, 0, 0), EOVERFLOW);
		FAILS(fchownat(upper, "f", NOBODY, NOBODY, 0), EOVERFLOW);
		FAILS(fchownat(upper, "f", SEEN(1), 99999, 0), EOVERFLOW);
		FAILS(fchownat(upper, "f", SEEN(65536), -1, 0), EOVERFLOW);
	}
	become_root();
	BOTH("f", 1, 2, S_IFREG | 0644);
}

/* The overflow id itself is no key to inodes that are shown with it. */
TEST_F(shift, nobody_owns_nothing)
{
	make("f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	make("n", NOBODY, NOBODY, S_IFREG | 0600);
	ATTR(upper, "f", NOBODY, NOBODY, S_IFREG | 0600);
	ATTR(upper, "n", SEEN(NOBODY), SEEN(NOBODY), S_IFREG | 0600);
	become(NOBODY, NOBODY);
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	FAILS(openat(upper, "n", O_RDONLY), EACCES);
	FAILS(fchmodat(upper, "f", 0666, 0), EOVERFLOW);
	become(OUTSIDE, OUTSIDE);
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become(SEEN(NOBODY), SEEN(NOBODY));
	close(OK(openat(upper, "n", O_RDWR)));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	ATTR(lower, "f", OUTSIDE, OUTSIDE, S_IFREG | 0600);
}

/* Group unmapped, owner mapped: the owner's own rights remain, and chmod. */
TEST_F(shift, half_mapped)
{
	make("f", 1000, OUTSIDE, S_IFREG | 0640);
	ATTR(upper, "f", SEEN(1000), NOBODY, S_IFREG | 0640);
	become(SEEN(1000), SEEN(1000));
	CONTENT(upper, "f", "");
	FAILS(openat(upper, "f", O_WRONLY), EACCES);
	FAILS(fchmodat(upper, "f", 0600, 0), EOVERFLOW);
	become_root();
	ATTR(lower, "f", 1000, OUTSIDE, S_IFREG | 0640);
}

TEST_F(shift, two_extents_with_a_hole)
{
	const char *map = "b:0:300000:1000 b:2000:400000:10";
	int v = open_view(lower_path, map, 0, NULL);

	make("a", 999, 2009, S_IFREG | 0644);
	make("b", 1000, 1999, S_IFREG | 0644);
	ATTR(v, "a", 300999, 400009, S_IFREG | 0644);
	ATTR(v, "b", NOBODY, NOBODY, S_IFREG | 0644);
	become(400000, 300000);
	OK(touch(v, "c", 0600));
	become(301000, 300000);
	FAILS(touch(v, "d", 0600), EOVERFLOW);
	become(2000, 2000);
	FAILS(touch(v, "d", 0600), EOVERFLOW);
	become_root();
	ATTR(lower, "c", 2000, 0, S_IFREG | 0600);
	ATTR(v, "c", 400000, 300000, S_IFREG | 0600);
	ABSENT(lower, "d");
}

SHIFT_TEST_MAIN
