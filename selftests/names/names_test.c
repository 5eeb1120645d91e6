// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which file a name stands for, when names change beneath, also where several
 * names stand for one: casefolded directories of ext4, vfat.
 *
 * Files are told apart by what is in them, since vfat stores no owners.
 */
#include <dirent.h>

#include "fixture.h"

/* Are names that differ in case the same here? */
static bool caseless(void)
{
	bool same;

	OK(put(lower, "CaSe", ""));
	same = !faccessat(lower, "case", F_OK, 0);
	OK(unlinkat(lower, "CaSe", 0));
	return same;
}

#define IN_BOTH(name, text) do {		\
	CONTENT(upper, name, text);		\
	CONTENT(lower, name, text);		\
} while (0)

/* Can rename(2) be told not to replace here? NTFS of 7.x knows no flags. */
static bool knows_noreplace(void)
{
	bool known;

	OK(put(lower, "flag", ""));
	known = !renameat2(lower, "flag", lower, "flag2", RENAME_NOREPLACE);
	OK(unlinkat(lower, known ? "flag2" : "flag", 0));
	return known;
}

/* How many names there are below, and nothing but these. */
static int names(void)
{
	int fd = OK(openat(lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int n = 0;

	CHECK(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void act_as_root_of_the_map(void)
{
	become_caps(SEEN(0), SEEN(0));
}

/* Beneath the host's root makes it; with a text a file, else a directory. */
static void make_below(const char *name, const char *text)
{
	become_root();
	if (text)
		OK(put(lower, name, text));
	else
		OK(mkdirat(lower, name, 0755));
	act_as_root_of_the_map();
}

TEST_F(shift, removed_after_a_rename_beneath)
{
	act_as_root_of_the_map();
	make_below("old", "1");
	CONTENT(upper, "old", "1");
	OK(renameat(lower, "old", lower, "new"));
	ABSENT(upper, "old");
	FAILS(unlinkat(upper, "old", 0), ENOENT);
	IN_BOTH("new", "1");

	/* and where nobody has looked in between */
	OK(renameat(lower, "new", lower, "newer"));
	FAILS(unlinkat(upper, "new", 0), ENOENT);
	IN_BOTH("newer", "1");

	/* the old name is another file's */
	OK(renameat(lower, "newer", lower, "newest"));
	make_below("newer", "2");
	OK(unlinkat(upper, "newer", 0));
	ABSENT_BOTH("newer");
	IN_BOTH("newest", "1");
	EQ(1, names());
}

TEST_F(shift, directory_removed_after_a_rename_beneath)
{
	act_as_root_of_the_map();
	make_below("old", NULL);
	OK(faccessat(upper, "old", F_OK, 0));
	OK(renameat(lower, "old", lower, "new"));
	FAILS(unlinkat(upper, "old", AT_REMOVEDIR), ENOENT);
	OK(faccessat(lower, "new", F_OK, 0));
	make_below("old", NULL);
	OK(unlinkat(upper, "old", AT_REMOVEDIR));
	ABSENT_BOTH("old");
	OK(faccessat(upper, "new", F_OK, 0));
	EQ(1, names());
}

TEST_F(shift, in_use_and_renamed_beneath)
{
	int fd;

	act_as_root_of_the_map();
	make_below("old", "1");
	fd = OK(openat(upper, "old", O_RDWR | O_CLOEXEC));
	OK(renameat(lower, "old", lower, "new"));
	FAILS(renameat(upper, "old", upper, "other"), ENOENT);
	FAILS(linkat(upper, "old", upper, "other", 0), ENOENT);
	FAILS(unlinkat(upper, "old", 0), ENOENT);
	EQ(1, pwrite(fd, "3", 1, 0));
	close(fd);
	IN_BOTH("new", "3");
	EQ(1, names());
}

TEST_F(shift, renamed_to_new_names)
{
	bool noreplace = knows_noreplace();

	act_as_root_of_the_map();
	OK(put(upper, "a", "1"));
	OK(renameat(upper, "a", upper, "b"));
	if (noreplace)
		OK(renameat2(upper, "b", upper, "c", RENAME_NOREPLACE));
	else
		OK(renameat(upper, "b", upper, "c"));
	ABSENT_BOTH("a");
	ABSENT_BOTH("b");
	IN_BOTH("c", "1");

	OK(put(upper, "d", "2"));
	FAILS(renameat2(upper, "c", upper, "d", RENAME_NOREPLACE), EEXIST);
	OK(renameat(upper, "c", upper, "d"));
	ABSENT_BOTH("c");
	IN_BOTH("d", "1");

	/* what appeared beneath is replaced as what was seen */
	make_below("e", "3");
	OK(renameat(upper, "d", upper, "e"));
	IN_BOTH("e", "1");

	OK(mkdirat(upper, "dir", 0755));
	OK(renameat(upper, "dir", upper, "dir2"));
	OK(renameat(upper, "e", upper, "dir2/f"));
	IN_BOTH("dir2/f", "1");
	OK(renameat(upper, "dir2/f", upper, "g"));
	FAILS(renameat(upper, "dir2", upper, "dir2/dir3"), EINVAL);
	OK(unlinkat(upper, "dir2", AT_REMOVEDIR));
	ABSENT_BOTH("dir2");
	EQ(1, names());
}

TEST_F(shift, names_of_another_case)
{
	SKIP_IF(!caseless(), "names differ in case here");
	act_as_root_of_the_map();
	OK(put(upper, "File", "1"));
	CONTENT(upper, "fILE", "1");
	FAILS(openat(upper, "file", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	FAILS(mkdirat(upper, "FILE", 0755), EEXIST);
	OK(renameat(upper, "FILE", upper, "Other"));
	ABSENT_BOTH("file");
	ABSENT_BOTH("File");
	IN_BOTH("oTHER", "1");

	/* both cases are known above when the name changes beneath */
	CONTENT(upper, "OTHER", "1");
	OK(renameat(lower, "Other", lower, "New"));
	FAILS(unlinkat(upper, "oTHER", 0), ENOENT);
	FAILS(unlinkat(upper, "OTHER", 0), ENOENT);
	IN_BOTH("new", "1");
	OK(unlinkat(upper, "NEW", 0));
	ABSENT_BOTH("New");

	OK(mkdirat(upper, "Dir", 0755));
	OK(put(upper, "dIR/f", "2"));
	IN_BOTH("DIR/F", "2");
	OK(renameat(upper, "DIR", upper, "Dir2"));
	IN_BOTH("dir2/f", "2");
	OK(unlinkat(upper, "dir2/F", 0));
	OK(unlinkat(upper, "DIR2", AT_REMOVEDIR));
	ABSENT_BOTH("Dir2");
	EQ(0, names());
}

/* 8.3 names: only vfat knows that they are the same. */
TEST_F(shift, short_names)
{
	OK(put(lower, "a long name.text", "1"));
	SKIP_IF(faccessat(lower, "ALONGN~1.TEX", F_OK, 0),
		"there are no short names here");
	act_as_root_of_the_map();
	CONTENT(upper, "ALONGN~1.TEX", "1");
	CONTENT(upper, "a long name.text", "1");
	OK(unlinkat(upper, "ALONGN~1.TEX", 0));
	ABSENT_BOTH("a long name.text");
	make_below("a long directory", NULL);
	OK(faccessat(upper, "a long directory", F_OK, 0));
	OK(renameat(upper, "ALONGD~1", upper, "d"));
	OK(renameat(upper, "d", upper, "another directory"));
	OK(unlinkat(upper, "ANOTHE~1", AT_REMOVEDIR));
	EQ(0, names());
}

/* The race is in the dcache, which is the same for all: the first lower has most. */
static int rounds(void)
{
	const char *type = getenv("SHIFTFS_TEST_LOWER");

	/* a call of the server for each step */
	if (type && !strcmp(type, "nocase"))
		return 100;
	return type && !strcmp(type, "ext4") ? 5000 : 2000;
}

/*
 * A child makes a, or a directory a, and renames it to b beneath, again and
 * again. b may not go away, whatever is done to a above meanwhile.
 */
static void race(bool is_dir, int (*above)(void))
{
	int n = rounds();
	pid_t pid = spawn();
	int status;

	if (!pid) {
		for (int i = 0; i < n; i++) {
			if (is_dir)
				OK(mkdirat(lower, "a", 0755));
			else
				OK(put(lower, "a", ""));
			if (renameat(lower, "a", lower, "b")) {
				EQ(ENOENT, errno);
				continue;
			}
			OK(faccessat(lower, "b", F_OK, 0));
			OK(unlinkat(lower, "b", is_dir ? AT_REMOVEDIR : 0));
		}
		_exit(0);
	}
	act_as_root_of_the_map();
	while (!waitpid(pid, &status, WNOHANG)) {
		/* ESTALE: twice in a row somebody was faster */
		if (above())
			CHECK(errno == ENOENT || errno == ESTALE);
	}
	EQ(0, status);
}

static int unlink_a(void)
{
	return unlinkat(upper, "a", 0);
}

static int rmdir_a(void)
{
	return unlinkat(upper, "a", AT_REMOVEDIR);
}

static int rename_a(void)
{
	return renameat(upper, "a", upper, "c");
}

TEST_F_TIMEOUT(shift, removed_while_it_is_renamed, 120)
{
	race(false, unlink_a);
}

TEST_F_TIMEOUT(shift, rmdir_while_it_is_renamed, 120)
{
	race(true, rmdir_a);
}

TEST_F_TIMEOUT(shift, renamed_while_it_is_renamed, 120)
{
	race(false, rename_a);
}

SHIFT_TEST_MAIN
