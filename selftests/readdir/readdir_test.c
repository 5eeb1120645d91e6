// SPDX-License-Identifier: GPL-2.0-or-later
/* Directory reading: names, types, numbers, positions. */
#include <dirent.h>
#include <sys/syscall.h>

#include "fixture.h"

static DIR *opendirat(int dir, const char *name)
{
	DIR *d = fdopendir(OK(openat(dir, name, O_RDONLY | O_DIRECTORY |
				     O_CLOEXEC)));

	CHECK(d);
	return d;
}

TEST_F(shift, types)
{
	static const struct {
		const char *name;
		mode_t mode;
		int type;
	} all[] = {
		{ "reg", S_IFREG | 0644, DT_REG },
		{ "dir", S_IFDIR | 0755, DT_DIR },
		{ "lnk", S_IFLNK | 0777, DT_LNK },
		{ "fifo", S_IFIFO | 0644, DT_FIFO },
		{ "sock", S_IFSOCK | 0644, DT_SOCK },
		{ "chr", S_IFCHR | 0644, DT_CHR },
	};
	int seen = 0, dots = 0;
	struct dirent *de;
	DIR *d;

	make("d", 0, 0, S_IFDIR | 0755);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/%s", all[i].name);
		make(name, i, i, all[i].mode);
	}
	d = opendirat(upper, "d");
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.') {
			EQ(DT_DIR, de->d_type);
			EQ(st(dirfd(d), de->d_name).st_ino, de->d_ino);
			dots++;
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			if (strcmp(all[i].name, de->d_name))
				continue;
			EQ(all[i].type, de->d_type);
			EQ(st(dirfd(d), de->d_name).st_ino, de->d_ino);
			ATTR(dirfd(d), de->d_name, SEEN(i), SEEN(i),
			     all[i].mode);
			seen++;
		}
	}
	EQ(2, dots);
	EQ(ARRAY_SIZE(all), seen);
	closedir(d);
}

#define MANY 5000

TEST_F_TIMEOUT(shift, many, 120)
{
	static unsigned char count[MANY];
	long where[4] = { 0 };
	char expect[4][16];
	struct dirent *de;
	char name[16];
	int n = 0, sub;
	DIR *d;

	make("d", 1000, 1000, S_IFDIR | 0755);
	sub = OK(openat(lower, "d", O_RDONLY | O_DIRECTORY));
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		OK(mknodat(sub, name, S_IFREG | 0600, 0));
	}
	d = opendirat(upper, "d");
	while ((de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		EQ(DT_REG, de->d_type);
		count[atoi(de->d_name + 4)]++;
		if (n % 1250 == 600) {
			/* remember a position and the name that follows */
			where[n / 1250] = telldir(d);
			de = readdir(d);
			CHECK(de);
			snprintf(expect[n / 1250], 16, "%.15s", de->d_name);
			count[atoi(de->d_name + 4)]++;
			n++;
		}
		n++;
	}
	EQ(MANY, n);
	for (int i = 0; i < MANY; i++)
		EQ(1, count[i]);
	for (int i = 3; i >= 0; i--) {
		seekdir(d, where[i]);
		de = readdir(d);
		CHECK(de);
		CHECK(!strcmp(de->d_name, expect[i]));
	}
	rewinddir(d);
	for (n = 0; (de = readdir(d)); n++)
		;
	EQ(MANY + 2, n);
	closedir(d);
}

TEST_F(shift, changes_while_open)
{
	struct dirent *de;
	bool seen = false;
	DIR *d, *twin;
	int n;

	make("d", 1000, 1000, S_IFDIR | 0777);
	d = opendirat(upper, "d");
	twin = opendirat(lower, "d");
	for (n = 0; readdir(d); n++)
		;
	EQ(2, n);
	make("d/below", 1, 1, S_IFREG | 0644);
	become(SEEN(2), SEEN(2));
	OK(touch(upper, "d/above", 0644));
	become_root();
	rewinddir(d);
	for (n = 0; (de = readdir(d)); n++)
		seen |= !strcmp(de->d_name, "below");
	EQ(4, n);
	CHECK(seen);
	OK(unlinkat(lower, "d/below", 0));
	rewinddir(d);
	for (n = 0; readdir(d); n++)
		;
	EQ(3, n);
	OK(unlinkat(lower, "d/above", 0));
	OK(unlinkat(lower, "d", AT_REMOVEDIR));
	/* a removed directory reads as it does below */
	rewinddir(d);
	rewinddir(twin);
	for (n = 0; readdir(twin); n++)
		;
	for (; readdir(d); n--)
		;
	EQ(0, n);
	closedir(twin);
	closedir(d);
	ABSENT_BOTH("d");
}

TEST_F(shift, permission)
{
	DIR *d;

	make("d", 1000, 1000, S_IFDIR | 0711);
	become(SEEN(1001), SEEN(1001));
	FAILS(openat(upper, "d", O_RDONLY | O_DIRECTORY), EACCES);
	become(SEEN(1000), SEEN(1000));
	d = opendirat(upper, "d");
	CHECK(readdir(d));
	closedir(d);
	become_root();
	BOTH("d", 1000, 1000, S_IFDIR | 0711);
}

/* The same order and positions above as below, from one open to the next. */
TEST_F(shift, same_order)
{
	struct dirent *a, *b;
	char name[16];
	DIR *da, *db;

	make("d", 0, 0, S_IFDIR | 0755);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d/n%d", i);
		make(name, i, i, S_IFREG | 0600);
	}
	da = opendirat(upper, "d");
	db = opendirat(lower, "d");
	do {
		a = readdir(da);
		b = readdir(db);
		CHECK(!a == !b);
		if (a) {
			CHECK(!strcmp(a->d_name, b->d_name));
			if (strcmp(a->d_name, ".."))
				EQ(b->d_ino, a->d_ino);
		}
	} while (a);
	closedir(da);
	closedir(db);
}

TEST_F(shift, small_buffer)
{
	char buf[64];
	int fd;

	make("d", 0, 0, S_IFDIR | 0755);
	fd = OK(openat(upper, "d", O_RDONLY | O_DIRECTORY));
	FAILS(syscall(SYS_getdents64, fd, buf, 8), EINVAL);
	CHECK(syscall(SYS_getdents64, fd, buf, 32) > 0);
	fd = OK(openat(upper, "d/..", O_RDONLY | O_DIRECTORY));
	CHECK(syscall(SYS_getdents64, fd, buf, 64) > 0);
}

SHIFT_TEST_MAIN
