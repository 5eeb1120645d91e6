// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A change through one path is seen through the others at once: the host
 * path below, the mount, and another mount with another map.
 */
#include <endian.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "fixture.h"

static int other = -1;		/* a second mount, ids from 300000 */

static void second_view(void)
{
	other = open_view(lower_path, "b:0:300000:65536", 0, NULL);
}

TEST_F(shift, create_below)
{
	/* a cached negative name first */
	ABSENT(upper, "f");
	ABSENT(upper, "d");
	make("f", 1, 2, S_IFREG | 0644);
	make("d", 1, 2, S_IFDIR | 0755);
	BOTH("f", 1, 2, S_IFREG | 0644);
	BOTH("d", 1, 2, S_IFDIR | 0755);
	ABSENT(upper, "d/x");
	make("d/x", 3, 4, S_IFIFO | 0600);
	BOTH("d/x", 3, 4, S_IFIFO | 0600);
	ABSENT(upper, "l");
	OK(linkat(lower, "f", lower, "l", 0));
	EQ(2, st(upper, "l").st_nlink);
	EQ(2, st(upper, "f").st_nlink);
}

TEST_F(shift, unlink_below)
{
	int fd;

	make("f", 1, 2, S_IFREG | 0644);
	make("d", 1, 2, S_IFDIR | 0755);
	make("d/x", 1, 2, S_IFREG | 0644);
	BOTH("f", 1, 2, S_IFREG | 0644);
	BOTH("d/x", 1, 2, S_IFREG | 0644);
	fd = OK(openat(upper, "f", O_RDONLY));
	OK(unlinkat(lower, "f", 0));
	ABSENT_BOTH("f");
	EQ(0, st(fd, "").st_nlink);
	OK(unlinkat(lower, "d/x", 0));
	OK(unlinkat(lower, "d", AT_REMOVEDIR));
	ABSENT_BOTH("d/x");
	ABSENT_BOTH("d");
	FAILS(openat(upper, "f", O_RDONLY), ENOENT);
}

/* A name that comes back as another thing. */
TEST_F(shift, replaced_below)
{
	for (int i = 0; i < 3; i++) {
		make("n", 1, 1, S_IFREG | 0600);
		BOTH("n", 1, 1, S_IFREG | 0600);
		OK(unlinkat(lower, "n", 0));
		make("n", 2, 2, S_IFDIR | 0700);
		BOTH("n", 2, 2, S_IFDIR | 0700);
		OK(unlinkat(lower, "n", AT_REMOVEDIR));
		make("n", 3, 3, S_IFLNK | 0777);
		BOTH("n", 3, 3, S_IFLNK | 0777);
		OK(unlinkat(lower, "n", 0));
		ABSENT(upper, "n");
	}
	make("a", 1, 1, S_IFREG | 0600);
	make("b", 2, 2, S_IFREG | 0600);
	BOTH("b", 2, 2, S_IFREG | 0600);
	OK(renameat(lower, "a", lower, "b"));
	BOTH("b", 1, 1, S_IFREG | 0600);
	ABSENT_BOTH("a");
	EQ(st(lower, "b").st_ino, st(upper, "b").st_ino);
}

TEST_F(shift, rename_below)
{
	make("f", 1, 1, S_IFREG | 0600);
	make("d", 1, 1, S_IFDIR | 0755);
	make("d/sub", 1, 1, S_IFDIR | 0755);
	make("d/sub/x", 1, 1, S_IFREG | 0600);
	make("e", 1, 1, S_IFDIR | 0755);
	BOTH("f", 1, 1, S_IFREG | 0600);
	BOTH("d/sub/x", 1, 1, S_IFREG | 0600);
	ABSENT(upper, "g");
	ABSENT(upper, "e/moved");
	OK(renameat(lower, "f", lower, "g"));
	ABSENT(upper, "f");
	BOTH("g", 1, 1, S_IFREG | 0600);
	/* a whole directory, to another parent */
	OK(renameat(lower, "d/sub", lower, "e/moved"));
	ABSENT(upper, "d/sub/x");
	ABSENT(upper, "d/sub");
	BOTH("e/moved/x", 1, 1, S_IFREG | 0600);
	EQ(st(upper, "e").st_ino, st(upper, "e/moved/..").st_ino);
	OK(renameat(lower, "e", lower, "d/e2"));
	BOTH("d/e2/moved/x", 1, 1, S_IFREG | 0600);
	ABSENT(upper, "e/moved/x");
	/* and back: the first names resolve again */
	OK(renameat(lower, "d/e2", lower, "e"));
	OK(renameat(lower, "e/moved", lower, "d/sub"));
	BOTH("d/sub/x", 1, 1, S_IFREG | 0600);
}

TEST_F(shift, exchange_below)
{
	make("a", 1, 1, S_IFREG | 0600);
	make("b", 2, 2, S_IFDIR | 0700);
	make("b/in", 3, 3, S_IFREG | 0600);
	BOTH("a", 1, 1, S_IFREG | 0600);
	BOTH("b/in", 3, 3, S_IFREG | 0600);
	OK(renameat2(lower, "a", lower, "b", RENAME_EXCHANGE));
	BOTH("b", 1, 1, S_IFREG | 0600);
	BOTH("a/in", 3, 3, S_IFREG | 0600);
	FAILS(openat(upper, "b/in", O_RDONLY), ENOTDIR);
}

TEST_F(shift, attributes_below)
{
	struct timespec ts[2] = { { 5, 6 }, { 7, 8 } };

	make("f", 1, 1, S_IFREG | 0600);
	BOTH("f", 1, 1, S_IFREG | 0600);
	become(SEEN(2), SEEN(2));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	/* the permission decides anew */
	OK(fchmodat(lower, "f", 0604, 0));
	BOTH("f", 1, 1, S_IFREG | 0604);
	become(SEEN(2), SEEN(2));
	close(OK(openat(upper, "f", O_RDONLY)));
	become_root();
	OK(fchownat(lower, "f", 2, 9, 0));
	BOTH("f", 2, 9, S_IFREG | 0604);
	become(SEEN(2), SEEN(2));
	close(OK(openat(upper, "f", O_RDWR)));
	OK(fchmodat(upper, "f", 0640, 0));
	become(SEEN(1), SEEN(1));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	BOTH("f", 2, 9, S_IFREG | 0640);
	OK(utimensat(lower, "f", ts, 0));
	EQ(8, st(upper, "f").st_mtim.tv_nsec);
	OK(fchownat(lower, "f", OUTSIDE, 0, 0));
	ATTR(upper, "f", NOBODY, SEEN(0), S_IFREG | 0640);
}

/*
 * Who has a file open is its owner no longer from the moment of a chown beneath,
 * though nobody has looked its name up since. The VFS asks for the owner before
 * the file system comes to see that.
 */
static void give_away(void)
{
	become_root();
	OK(fchownat(lower, "f", 1, 1, 0));
	EQ(SEEN(1), st(upper, "f").st_uid);
	OK(fchmodat(upper, "f", 0644, 0));
	OK(fchownat(lower, "f", 2, 2, 0));
	become(SEEN(1), SEEN(1));
}

TEST_F(shift, owner_below_of_an_open_file)
{
	const struct timespec ts[2] = { { 5, 6 }, { 7, 8 } };
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[3];
	} acl = {
		htole32(2), {
			{ htole16(0x01), htole16(7), -1 },
			{ htole16(0x04), htole16(7), -1 },
			{ htole16(0x20), htole16(7), -1 },
		}
	};
	int fd, flags;

	make("f", 1, 1, S_IFREG | 0644);
	become(SEEN(1), SEEN(1));
	fd = OK(openat(upper, "f", O_RDWR));
	OK(fchmod(fd, 0640));
	give_away();
	FAILS(fchmod(fd, 06777), EPERM);
	give_away();
	FAILS(fchown(fd, -1, SEEN(1)), EPERM);
	give_away();
	FAILS(futimens(fd, ts), EPERM);
	give_away();
	errno = 0;
	CHECK(fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0) < 0);
	CHECK(errno == EPERM || errno == EOPNOTSUPP);
	give_away();
	CHECK(fremovexattr(fd, "system.posix_acl_access") < 0);
	CHECK(errno == EPERM || errno == EOPNOTSUPP);
	give_away();
	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
		flags ^= FS_NODUMP_FL;
		FAILS(ioctl(fd, FS_IOC_SETFLAGS, &flags), EPERM);
	}
	EQ(1, write(fd, "x", 1));
	become_root();
	BOTH("f", 2, 2, S_IFREG | 0644);
}

/* A directory closed below closes at once, also for cached names in it. */
TEST_F(shift, search_permission_below)
{
	make("d", 0, 0, S_IFDIR | 0755);
	make("d/e", 0, 0, S_IFDIR | 0755);
	make("d/e/f", 0, 0, S_IFREG | 0644);
	become(SEEN(5), SEEN(5));
	for (int i = 0; i < 3; i++)
		close(OK(openat(upper, "d/e/f", O_RDONLY)));
	become_root();
	OK(fchmodat(lower, "d", 0700, 0));
	become(SEEN(5), SEEN(5));
	FAILS(openat(upper, "d/e/f", O_RDONLY), EACCES);
	become_root();
	OK(fchownat(lower, "d", 5, 0, 0));
	become(SEEN(5), SEEN(5));
	close(OK(openat(upper, "d/e/f", O_RDONLY)));
	become_root();
	BOTH("d", 5, 0, S_IFDIR | 0700);
}

/* Nobody writes who is known to own nothing, not even where all may write. */
TEST_F(shift, given_away_below)
{
	make("d", 0, 0, S_IFDIR | 0777);
	make("d/f", 5, 5, S_IFREG | 0644);
	become(SEEN(5), SEEN(5));
	for (int i = 0; i < 3; i++)
		close(OK(openat(upper, "d/f", O_RDONLY)));
	become_root();
	OK(fchownat(lower, "d", OUTSIDE, 0, 0));
	become(SEEN(5), SEEN(5));
	FAILS(touch(upper, "d/g", 0600), EACCES);
	close(OK(openat(upper, "d/f", O_RDONLY)));
	become_root();
	OK(fchownat(lower, "d", 0, 0, 0));
	become(SEEN(5), SEEN(5));
	OK(touch(upper, "d/g", 0600));
	become_root();
	BOTH("d/g", 5, 5, S_IFREG | 0600);
	/* sticky: of others nothing is removed */
	OK(fchmodat(lower, "d", 01777, 0));
	become(SEEN(6), SEEN(6));
	FAILS(unlinkat(upper, "d/g", 0), EPERM);
	become_root();
	OK(fchmodat(lower, "d", 0777, 0));
	become(SEEN(6), SEEN(6));
	OK(unlinkat(upper, "d/g", 0));
	become_root();
	ABSENT_BOTH("d/g");
}

TEST_F(shift, data_below)
{
	char buf[32] = "";
	int fd;

	make("f", 1, 1, S_IFREG | 0666);
	fd = OK(openat(upper, "f", O_RDWR));
	OK(put(lower, "f", "first"));
	EQ(5, st(upper, "f").st_size);
	EQ(5, st(fd, "").st_size);
	EQ(5, read(fd, buf, 32));
	CONTENT(upper, "f", "first");
	OK(put(lower, "f", "2nd"));	/* truncates */
	EQ(3, st(upper, "f").st_size);
	EQ(3, lseek(fd, 0, SEEK_END));
	CONTENT(upper, "f", "2nd");
	EQ(1, pwrite(fd, "X", 1, 5));
	EQ(6, st(lower, "f").st_size);
	OK(truncate(lo("f"), 100));
	EQ(100, lseek(fd, 0, SEEK_END));
	EQ(32, pread(fd, buf, 32, 50));
	close(fd);
}

TEST_F(shift, two_mounts)
{
	second_view();
	ABSENT(other, "f");
	become(SEEN(10), SEEN(11));
	OK(put(upper, "f", "from one"));
	become_root();
	ATTR(other, "f", 300010, 300011, S_IFREG | 0644);
	CONTENT(other, "f", "from one");
	become(300010, 300011);
	OK(put(other, "f", "from two"));
	OK(fchmodat(other, "f", 0600, 0));
	become(SEEN(10), SEEN(11));
	FAILS(openat(other, "f", O_RDONLY), EACCES);
	CONTENT(upper, "f", "from two");
	OK(renameat(upper, "f", upper, "g"));
	become_root();
	ABSENT(other, "f");
	ATTR(other, "g", 300010, 300011, S_IFREG | 0600);
	become(300010, 300011);
	OK(unlinkat(other, "g", 0));
	OK(mkdirat(other, "g", 0700));
	become_root();
	BOTH("g", 10, 11, S_IFDIR | 0700);
	EQ(st(other, "g").st_ino, st(upper, "g").st_ino);
}

TEST_F(shift, working_directory)
{
	char cwd[PATH_MAX];

	make("d", 0, 0, S_IFDIR | 0777);
	make("d/e", 0, 0, S_IFDIR | 0777);
	make("d/e/f", 1, 1, S_IFREG | 0644);
	OK(fchdir(OK(openat(upper, "d/e", O_RDONLY | O_DIRECTORY))));
	OK(renameat(lower, "d", lower, "moved"));
	/* as before, for one that is inside */
	ATTR(AT_FDCWD, "f", SEEN(1), SEEN(1), S_IFREG | 0644);
	become(SEEN(1), SEEN(1));
	OK(touch(AT_FDCWD, "g", 0600));
	become_root();
	BOTH("moved/e/g", 1, 1, S_IFREG | 0600);
	EQ(st(upper, "moved/e").st_ino, st(AT_FDCWD, ".").st_ino);
	EQ(st(upper, "moved").st_ino, st(AT_FDCWD, "..").st_ino);
	CHECK(getcwd(cwd, sizeof(cwd)));
	/* the removed one */
	OK(unlinkat(lower, "moved/e/f", 0));
	OK(unlinkat(lower, "moved/e/g", 0));
	OK(unlinkat(lower, "moved/e", AT_REMOVEDIR));
	FAILS(touch(AT_FDCWD, "h", 0600), ENOENT);
	become(SEEN(1), SEEN(1));
	FAILS(touch(AT_FDCWD, "h", 0600), ENOENT);
	FAILS(mkdirat(AT_FDCWD, "h", 0700), ENOENT);
	become_root();
	FAILS(openat(AT_FDCWD, "f", O_RDONLY), ENOENT);
	EQ(0, st(AT_FDCWD, ".").st_nlink > 1);
	ABSENT_BOTH("moved/e");
	OK(chdir("/"));
}

TEST_F(shift, open_files_survive)
{
	char buf[16] = "";
	int a, b;

	make("f", 1000, 1000, S_IFREG | 0644);
	OK(put(lower, "f", "alive"));
	a = OK(openat(upper, "f", O_RDWR));
	b = OK(openat(lower, "f", O_RDWR));
	OK(unlinkat(lower, "f", 0));
	make("f", 7, 7, S_IFREG | 0644);
	OK(put(lower, "f", "new"));
	EQ(5, pread(a, buf, 16, 0));
	CHECK(!strcmp(buf, "alive"));
	EQ(5, pwrite(a, "STILL", 5, 0));
	EQ(5, pread(b, buf, 16, 0));
	CHECK(!strcmp(buf, "STILL"));
	OK(ftruncate(a, 2));
	EQ(2, st(b, "").st_size);
	OK(fchmod(a, 0600));
	OK(fchown(a, SEEN(3), SEEN(3)));
	EQ(3, st(b, "").st_uid);
	ATTR(a, "", SEEN(3), SEEN(3), S_IFREG | 0600);
	EQ(0, st(a, "").st_nlink);
	CONTENT(upper, "f", "new");
	BOTH("f", 7, 7, S_IFREG | 0644);
}

/* Made through the mount, by an owner whom it maps. */
static void make_above(const char *name, mode_t type)
{
	become(SEEN(7), SEEN(8));
	if (S_ISDIR(type))
		OK(mkdirat(upper, name, 0755));
	else if (S_ISLNK(type))
		OK(symlinkat("x", upper, name));
	else
		OK(touch(upper, name, 0644));
	become_root();
}

/* A name removed through the mount, of which the kernel may keep a "no". */
TEST_F(shift, after_removal)
{
	second_view();
	for (int i = 0; i < 3; i++) {
		make_above("f", S_IFREG);
		BOTH("f", 7, 8, S_IFREG | 0644);
		OK(unlinkat(upper, "f", 0));
		ABSENT_BOTH("f");
		ABSENT(other, "f");
		/* comes back beneath, as another thing each time */
		make("f", 1, 2, S_IFREG | 0600);
		BOTH("f", 1, 2, S_IFREG | 0600);
		ATTR(other, "f", 300001, 300002, S_IFREG | 0600);
		OK(unlinkat(upper, "f", 0));
		make("f", 3, 4, S_IFDIR | 0700);
		BOTH("f", 3, 4, S_IFDIR | 0700);
		OK(unlinkat(upper, "f", AT_REMOVEDIR));
		ABSENT(other, "f");
		make("g", 5, 6, S_IFREG | 0640);
		OK(renameat(lower, "g", lower, "f"));
		BOTH("f", 5, 6, S_IFREG | 0640);
		OK(unlinkat(other, "f", 0));
		ABSENT_BOTH("f");
		/* comes back through the mount */
		make_above("f", S_IFDIR);
		BOTH("f", 7, 8, S_IFDIR | 0755);
		OK(unlinkat(upper, "f", AT_REMOVEDIR));
		FAILS(unlinkat(upper, "f", 0), ENOENT);
		make_above("f", S_IFLNK);
		BOTH("f", 7, 8, S_IFLNK | 0777);
		OK(unlinkat(upper, "f", 0));
	}
	/* the directory of a removed name goes, and another takes its name */
	make_above("d", S_IFDIR);
	make_above("d/f", S_IFREG);
	OK(unlinkat(upper, "d/f", 0));
	OK(unlinkat(upper, "d", AT_REMOVEDIR));
	make("d", 1, 1, S_IFDIR | 0755);
	make("d/f", 2, 2, S_IFREG | 0644);
	BOTH("d/f", 2, 2, S_IFREG | 0644);
}

/* Who holds a name when it is removed goes on with the file. */
TEST_F(shift, removed_in_use)
{
	int path, file, dir;

	make("f", 1, 2, S_IFREG | 0644);
	make("d", 3, 4, S_IFDIR | 0755);
	path = OK(openat(upper, "f", O_PATH));
	OK(unlinkat(upper, "f", 0));
	ATTR(path, "", SEEN(1), SEEN(2), S_IFREG | 0644);
	EQ(0, st(path, "").st_nlink);
	ABSENT_BOTH("f");
	make("f", 5, 6, S_IFREG | 0600);
	file = OK(openat(lower, "f", O_RDWR));
	OK(unlinkat(upper, "f", 0));
	EQ(0, st(file, "").st_nlink);
	EQ(5, st(file, "").st_uid);
	ABSENT_BOTH("f");
	dir = OK(openat(upper, "d", O_PATH | O_DIRECTORY));
	OK(unlinkat(upper, "d", AT_REMOVEDIR));
	ATTR(dir, "", SEEN(3), SEEN(4), S_IFDIR | 0755);
	FAILS(touch(dir, "x", 0644), ENOENT);
	ABSENT_BOTH("d");
}

/* Whoever comes in the middle of a removal finds the file or none. */
TEST_F(shift, removal_race)
{
	struct stat other_st;
	pid_t pid;
	int found = 0, status, fd;

	pid = OK(fork());
	if (!pid) {
		become(SEEN(7), SEEN(8));
		for (int i = 0;; i++) {
			if (touch(upper, "f", 0644) < 0)
				_exit(errno);
			/* an emulator may let one of the two run for long */
			if (i % 16 == 0)
				usleep(2000);
			if (unlinkat(upper, "f", 0) < 0)
				_exit(errno);
		}
	}
	for (int i = 0; i < 4000 || (!found && i < 40000); i++) {
		if (!fstatat(upper, "f", &other_st, 0))
			found++;
		else
			EQ(ENOENT, errno);
		fd = openat(upper, "f", i % 2 ? O_PATH : O_RDONLY);
		if (fd < 0) {
			EQ(ENOENT, errno);
			continue;
		}
		OK(fstat(fd, &other_st));
		close(fd);
	}
	EQ(0, waitpid(pid, &status, WNOHANG) ? WEXITSTATUS(status) : 0);
	OK(kill(pid, SIGKILL));
	CHECK(found > 0);
	OK(waitpid(pid, NULL, 0));
}

/* One moment's answers from many names, each changed in between. */
TEST_F(shift, many_rounds)
{
	char name[16];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d", i % 7);
		if (i >= 7) {
			ATTR(upper, name, SEEN(i - 7), 100000, S_IFREG | 0644);
			OK(unlinkat(lower, name, 0));
		}
		ABSENT(upper, name);
		make(name, i, 0, S_IFREG | 0644);
		BOTH(name, i, 0, S_IFREG | 0644);
	}
}

SHIFT_TEST_MAIN
