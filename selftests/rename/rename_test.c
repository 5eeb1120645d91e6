// SPDX-License-Identifier: GPL-2.0-or-later
/* renameat2 with every flag. */
#include "fixture.h"

TEST_F(shift, plain)
{
	ino_t ino;

	make("d", 1000, 1000, S_IFDIR | 0755);
	make("f", 1000, 1000, S_IFREG | 0644);
	make("d/over", 1000, 1000, S_IFREG | 0600);
	ino = st(lower, "f").st_ino;
	become(SEEN(1000), SEEN(1000));
	OK(renameat(upper, "f", upper, "g"));
	OK(renameat(upper, "g", upper, "d/over"));
	ABSENT(upper, "g");
	EQ(ino, st(upper, "d/over").st_ino);
	become_root();
	ABSENT_BOTH("f");
	ABSENT_BOTH("g");
	BOTH("d/over", 1000, 1000, S_IFREG | 0644);
	EQ(ino, st(lower, "d/over").st_ino);
}

TEST_F(shift, directories)
{
	make("a", 1000, 1000, S_IFDIR | 0755);
	make("a/b", 1000, 1000, S_IFDIR | 0755);
	make("a/b/f", 1000, 1000, S_IFREG | 0644);
	make("c", 1000, 1000, S_IFDIR | 0755);
	make("full", 1000, 1000, S_IFDIR | 0755);
	make("full/x", 1000, 1000, S_IFREG | 0644);
	make("file", 1000, 1000, S_IFREG | 0644);
	become(SEEN(1000), SEEN(1000));
	FAILS(renameat(upper, "a", upper, "a/b/a"), EINVAL);
	/* POSIX leaves the choice, and xfs answers the other way */
	FAILS(renameat(upper, "a", upper, "full"),
	      lower_is("xfs") ? EEXIST : ENOTEMPTY);
	FAILS(renameat(upper, "a", upper, "file"), ENOTDIR);
	FAILS(renameat(upper, "file", upper, "c"), EISDIR);
	OK(renameat(upper, "a/b", upper, "c"));
	OK(renameat(upper, "c/f", upper, "c/g"));
	OK(renameat(upper, "c", upper, "a/moved"));
	become_root();
	BOTH("a/moved/g", 1000, 1000, S_IFREG | 0644);
	ABSENT_BOTH("c");
	ABSENT_BOTH("a/b");
	EQ(st(lower, "a").st_nlink, st(upper, "a").st_nlink);
	EQ(st(upper, "a").st_ino, st(upper, "a/moved/..").st_ino);
}

TEST_F(shift, noreplace)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	make("g", 1000, 1000, S_IFREG | 0600);
	become(SEEN(1000), SEEN(1000));
	FAILS(renameat2(upper, "f", upper, "g", RENAME_NOREPLACE), EEXIST);
	OK(renameat2(upper, "f", upper, "h", RENAME_NOREPLACE));
	become_root();
	ABSENT_BOTH("f");
	BOTH("h", 1000, 1000, S_IFREG | 0644);
	BOTH("g", 1000, 1000, S_IFREG | 0600);
}

TEST_F(shift, exchange)
{
	ino_t f, d;

	make("f", 1000, 1000, S_IFREG | 0644);
	make("d", 1000, 1000, S_IFDIR | 0755);
	make("d/in", 1000, 1000, S_IFREG | 0600);
	make("e", 1000, 1000, S_IFDIR | 0755);
	OK(put(lower, "f", "text"));
	f = st(lower, "f").st_ino;
	d = st(lower, "d").st_ino;
	become(SEEN(1000), SEEN(1000));
	FAILS(renameat2(upper, "f", upper, "none", RENAME_EXCHANGE), ENOENT);
	OK(renameat2(upper, "f", upper, "d", RENAME_EXCHANGE));
	EQ(f, st(upper, "d").st_ino);
	EQ(d, st(upper, "f").st_ino);
	CONTENT(upper, "d", "text");
	ATTR(upper, "f/in", SEEN(1000), SEEN(1000), S_IFREG | 0600);
	/* across directories */
	OK(renameat2(upper, "d", upper, "f/in", RENAME_EXCHANGE));
	FAILS(renameat2(upper, "f", upper, "f/in", RENAME_EXCHANGE), EINVAL);
	FAILS(renameat2(upper, "d", upper, "e",
			RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	become_root();
	EQ(f, st(lower, "f/in").st_ino);
	EQ(d, st(lower, "f").st_ino);
	CONTENT(lower, "f/in", "text");
	CONTENT(upper, "f/in", "text");
	BOTH("f", 1000, 1000, S_IFDIR | 0755);
	BOTH("d", 1000, 1000, S_IFREG | 0600);
}

TEST_F(shift, whiteout)
{
	int r;

	make("probe", 0, 0, S_IFREG | 0644);
	r = renameat2(lower, "probe", lower, "probe2", RENAME_WHITEOUT);
	SKIP_IF(r && errno == EINVAL, "the lower has no RENAME_WHITEOUT");
	OK(r);

	make("f", 1000, 1000, S_IFREG | 0644);
	make("g", 1000, 1000, S_IFREG | 0600);
	become(SEEN(1000), SEEN(1000));
	OK(renameat2(upper, "f", upper, "g", RENAME_WHITEOUT));
	ATTR(upper, "f", SEEN(1000), SEEN(1000), S_IFCHR);
	EQ(0, st(upper, "f").st_rdev);
	FAILS(renameat2(upper, "g", upper, "h",
			RENAME_WHITEOUT | RENAME_EXCHANGE), EINVAL);
	become_root();
	BOTH("g", 1000, 1000, S_IFREG | 0644);
	EQ(0, st(lower, "f").st_rdev);
	BOTH("f", 1000, 1000, S_IFCHR);
}

TEST_F(shift, bad_flags)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	become(SEEN(1000), SEEN(1000));
	FAILS(renameat2(upper, "f", upper, "g", 0x100), EINVAL);
	FAILS(renameat2(upper, ".", upper, "g", 0), EBUSY);
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0644);
	FAILS(renameat(upper, "f", lower, "g"), EXDEV);
	FAILS(renameat(lower, "f", upper, "g"), EXDEV);
	ABSENT_BOTH("g");
}

/* Renaming a name to another link of the same inode changes nothing. */
TEST_F(shift, same_inode)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	OK(linkat(lower, "f", lower, "g", 0));
	become(SEEN(1000), SEEN(1000));
	OK(renameat(upper, "f", upper, "g"));
	OK(renameat(upper, "f", upper, "f"));
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0644);
	BOTH("g", 1000, 1000, S_IFREG | 0644);
}

TEST_F(shift, open_file_survives_replacement)
{
	char buf[8] = "";
	int fd;

	make("f", 1000, 1000, S_IFREG | 0644);
	make("g", 1000, 1000, S_IFREG | 0644);
	OK(put(lower, "g", "old"));
	fd = OK(openat(upper, "g", O_RDWR));
	become(SEEN(1000), SEEN(1000));
	OK(renameat(upper, "f", upper, "g"));
	become_root();
	EQ(0, st(fd, "").st_nlink);
	EQ(3, pread(fd, buf, sizeof(buf), 0));
	EQ(3, pwrite(fd, "new", 3, 3));
	EQ(6, st(fd, "").st_size);
	EQ(0, st(lower, "g").st_size);
	EQ(0, st(upper, "g").st_size);
}

/* An unmapped caller, host root included, cannot rename. */
TEST_F(shift, unmapped_caller)
{
	make("f", 1000, 1000, S_IFREG | 0644);
	FAILS(renameat(upper, "f", upper, "g"), EOVERFLOW);
	BOTH("f", 1000, 1000, S_IFREG | 0644);
	ABSENT_BOTH("g");
}

SHIFT_TEST_MAIN
