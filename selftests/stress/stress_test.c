// SPDX-License-Identifier: GPL-2.0-or-later
/* Several processes at once, through both sides, for a second or two. */
#include <dirent.h>
#include <signal.h>
#include <time.h>

#include "fixture.h"

#define SECONDS 2

static bool time_left(void)
{
	static struct timespec end;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!end.tv_sec) {
		end = now;
		end.tv_sec += SECONDS;
	}
	return now.tv_sec < end.tv_sec ||
	       (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec);
}

static unsigned int seed;

static unsigned int dice(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static char *any(char *buf, size_t size)
{
	snprintf(buf, size, "d%u/n%u", dice(3), dice(6));
	return buf;
}

static void changer(int dir, unsigned int base)
{
	char a[16], b[16];

	while (time_left()) {
		any(a, sizeof(a));
		any(b, sizeof(b));
		switch (dice(10)) {
		case 0:
		case 1:
		case 2:
			renameat(dir, a, dir, b);
			break;
		case 3:
			renameat2(dir, a, dir, b, RENAME_EXCHANGE);
			break;
		case 4:
			unlinkat(dir, a, 0);
			break;
		case 5:
			unlinkat(dir, a, AT_REMOVEDIR);
			break;
		case 6:
			mkdirat(dir, a, 0755);
			break;
		case 7:
			linkat(dir, a, dir, b, 0);
			break;
		case 8:
			put(dir, a, "some text");
			break;
		case 9:
			fchownat(dir, a, base + dice(100), base + dice(100), 0);
			break;
		}
	}
}

static void reader(void)
{
	struct stat s;
	char a[16], buf[64];

	while (time_left()) {
		int fd;

		any(a, sizeof(a));
		if (!fstatat(upper, a, &s, AT_SYMLINK_NOFOLLOW))
			/* what is seen is always in the map, never 0 */
			CHECK(s.st_uid >= SEEN(0) && s.st_uid < SEEN(65536));
		else if (errno != ENOENT && errno != ENOTDIR)
			fail_at(__FILE__, __LINE__, "stat %s: %s", a,
				strerror(errno));
		fd = openat(upper, a, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			if (dice(2))
				CHECK(read(fd, buf, sizeof(buf)) >= 0 ||
				      errno == EISDIR);
			close(fd);
		}
	}
}

static int compare(const char *name)
{
	struct dirent *de;
	int n = 0;
	DIR *d = fdopendir(OK(openat(lower, name, O_RDONLY | O_DIRECTORY)));

	while ((de = readdir(d))) {
		char path[300];
		struct stat a, b;

		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, de->d_name);
		a = st(upper, path);
		b = st(lower, path);
		EQ(b.st_ino, a.st_ino);
		EQ(b.st_mode, a.st_mode);
		EQ(b.st_nlink, a.st_nlink);
		EQ(b.st_size, a.st_size);
		EQ(SEEN(b.st_uid), a.st_uid);
		n++;
	}
	closedir(d);
	return n;
}

TEST_F_TIMEOUT(shift, renames_and_lookups, 120)
{
	char name[16];
	pid_t pid[4];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		make(name, 0, 0, S_IFDIR | 0777);
	}
	for (int i = 0; i < 4; i++) {
		pid[i] = spawn();
		if (pid[i])
			continue;
		seed = i + 1;
		if (i < 2)
			reader();
		else if (i == 2)
			changer(lower, 0);
		become_caps(SEEN(0), SEEN(0));
		changer(upper, SEEN(0));
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		EQ(0, reap(pid[i]));
	for (int i = 0; i < 3; i++) {
		DIR *d;
		int n, m = 0;

		snprintf(name, sizeof(name), "d%d", i);
		n = compare(name);
		d = fdopendir(OK(openat(upper, name, O_RDONLY | O_DIRECTORY)));
		while (readdir(d))
			m++;
		closedir(d);
		EQ(n + 2, m);
	}
}

/* At rest the name leads to the same file through both, or to none. */
static void same_name(const char *name)
{
	struct stat a = {}, b = {};
	int above = fstatat(upper, name, &a, AT_SYMLINK_NOFOLLOW);
	int below = fstatat(lower, name, &b, AT_SYMLINK_NOFOLLOW);

	EQ(below, above);
	EQ(b.st_ino, a.st_ino);
}

/*
 * @above changes names through the mount, @below changes them back beneath, and
 * who looks at them in between must not take what he sees for how it will stay.
 */
static void changed_back(void (*above)(void), void (*below)(void),
			 const char *one, const char *two)
{
	struct stat s;

	while (time_left()) {
		pid_t pid[3];

		for (int i = 0; i < 3; i++) {
			pid[i] = spawn();
			if (pid[i])
				continue;
			for (int n = 0; n < 60; n++) {
				if (i == 0) {
					above();
				} else if (i == 1) {
					below();
				} else {
					fstatat(upper, one, &s, 0);
					fstatat(upper, two, &s, 0);
				}
			}
			_exit(0);
		}
		for (int i = 0; i < 3; i++)
			EQ(0, reap(pid[i]));
		same_name(one);
		same_name(two);
	}
}

static void move_above(void)
{
	renameat(upper, "d0/x", upper, "d1/x");
}

static void move_below(void)
{
	renameat(lower, "d1/x", lower, "d0/x");
}

TEST_F_TIMEOUT(shift, renamed_back, 120)
{
	make("d0", 0, 0, S_IFDIR | 0777);
	make("d1", 0, 0, S_IFDIR | 0777);
	make("d0/x", 0, 0, S_IFREG | 0644);
	changed_back(move_above, move_below, "d0/x", "d1/x");
}

static void unlink_above(void)
{
	unlinkat(upper, "d0/x", 0);
}

static void link_below(void)
{
	linkat(lower, "d0/y", lower, "d0/x", 0);
}

TEST_F_TIMEOUT(shift, linked_back, 120)
{
	make("d0", 0, 0, S_IFDIR | 0777);
	make("d0/x", 0, 0, S_IFREG | 0644);
	make("d0/y", 0, 0, S_IFREG | 0644);
	changed_back(unlink_above, link_below, "d0/x", "d0/y");
}

/* Appends from both sides: not a byte is lost or torn. */
TEST_F_TIMEOUT(shift, appends, 120)
{
	static char back[4 * 300 * 8 + 1];
	int count[4] = { 0 }, fd;
	pid_t pid[4];

	make("f", 0, 0, S_IFREG | 0666);
	for (int i = 0; i < 4; i++) {
		pid[i] = spawn();
		if (pid[i])
			continue;
		fd = OK(openat(i & 1 ? upper : lower, "f",
			       O_WRONLY | O_APPEND));
		for (int n = 0; n < 300; n++) {
			char line[9];

			snprintf(line, sizeof(line), "%d %05d\n", i, n);
			EQ(8, write(fd, line, 8));
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		EQ(0, reap(pid[i]));
	EQ(sizeof(back) - 1, st(upper, "f").st_size);
	fd = OK(openat(upper, "f", O_RDONLY));
	EQ(sizeof(back) - 1, read(fd, back, sizeof(back)));
	for (size_t at = 0; at < sizeof(back) - 1; at += 8) {
		int who = back[at] - '0', n = atoi(back + at + 2);

		CHECK(who >= 0 && who < 4 && back[at + 7] == '\n');
		EQ(count[who]++, n);
	}
	close(fd);
	CHECK(st(lower, "f").st_size == st(upper, "f").st_size);
}

/* Mounts come and go while the tree is in use. */
TEST_F_TIMEOUT(shift, mounts, 120)
{
	const char *point = mount_point(true);
	pid_t pid;

	make("d0", 0, 0, S_IFDIR | 0777);
	make("d1", 0, 0, S_IFDIR | 0777);
	make("d2", 0, 0, S_IFDIR | 0777);
	pid = spawn();
	if (!pid) {
		changer(lower, 0);
		_exit(0);
	}
	for (int i = 0; i < 20; i++) {
		int view, fd;

		OK(mount_map(lower_path, point, "b:0:300000:65536", 0));
		view = OK(open(point, O_RDONLY | O_DIRECTORY));
		EQ(300000, st(view, "d0").st_uid);
		become_caps(300001, 300001);
		fd = OK(openat(view, "d0/mine", O_CREAT | O_RDWR, 0600));
		EQ(1, write(fd, "x", 1));
		OK(unlinkat(view, "d0/mine", 0));
		become_root();
		EQ(1, st(fd, "").st_size);
		close(fd);
		close(view);
		OK(umount(point));
	}
	kill(pid, SIGKILL);
	reap(pid);
	ABSENT_BOTH("d0/mine");
}

SHIFT_TEST_MAIN
