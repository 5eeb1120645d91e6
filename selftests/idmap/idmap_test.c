// SPDX-License-Identifier: GPL-2.0-or-later
/* The map: its options, its limits, and its translation. */
#include "fixture.h"

/* Set one option; the text of the refusal is in mount_log. */
static int option(const char *key, const char *value)
{
	const char *pairs[] = { "source", lower_path, key, value,
				/* the other half, where only one is tested */
				strcmp(key, "uidmap") ? NULL : "gidmap",
				"0:0:1", NULL };

	if (!strcmp(key, "gidmap")) {
		pairs[4] = "uidmap";
		pairs[5] = "0:0:1";
	}
	return shiftfs_fsmount(pairs, 0);
}

TEST_F(shift, malformed)
{
	static const char *const bad[][2] = {
		{ "idmap", "b" }, { "idmap", "b:" }, { "idmap", "b:0" },
		{ "idmap", "b:0:0" }, { "idmap", "b:0:0:" },
		{ "idmap", "0:0:1" }, { "idmap", "x:0:0:1" },
		{ "idmap", "ug:0:0:1" }, { "idmap", "B:0:0:1" },
		{ "idmap", "b:0:0:1:2" }, { "idmap", "b:-1:0:1" },
		{ "idmap", "b:0:-1:1" }, { "idmap", "b:0x10:0:1" },
		{ "idmap", "b:0:0:1k" }, { "idmap", "b:+1:0:1" },
		{ "idmap", "b: 0:0:1" }, { "idmap", "b:0 :0:1" },
		{ "idmap", "b:0:0:1,b:5:5:1" }, { "idmap", ";" },
		{ "idmap", " " }, { "idmap", "b:0:0:1 x" },
		{ "idmap", "b:0:0:1 ;; u" }, { "idmap", ":0:0:1" },
		{ "idmap", "b0:0:1" }, { "idmap", "b:0.5:0:1" },
		/* empty extents */
		{ "idmap", "b:0:0:0" }, { "idmap", "u:0:0:1 g:0:0:0" },
		/* beyond the last id */
		{ "idmap", "b:4294967295:0:1" },
		{ "idmap", "b:0:4294967295:1" },
		{ "idmap", "b:0:0:4294967296" },
		{ "idmap", "b:1:0:4294967295" },
		{ "idmap", "b:0:4294967290:10" },
		{ "idmap", "b:18446744073709551616:0:1" },
		{ "idmap", "b:99999999999999999999999:0:1" },
		/* overlaps, of what is stored and of what is seen */
		{ "idmap", "b:0:0:10 b:9:100:1" },
		{ "idmap", "b:9:100:1 b:0:0:10" },
		{ "idmap", "b:0:0:10 b:100:9:1" },
		{ "idmap", "b:0:0:10 b:0:0:10" },
		{ "idmap", "b:0:100:10 u:5:200:1" },
		{ "idmap", "b:0:100:10 g:20:105:1" },
		/* the type letter is left out here */
		{ "uidmap", "u:0:0:1" }, { "uidmap", "b:0:0:1" },
		{ "gidmap", "g:0:0:1" }, { "uidmap", "0:0" },
		{ "uidmap", "0:0:1:1" }, { "gidmap", "0" },
		{ "gidmap", "a:b:c" }, { "uidmap", "0:0:10 9:50:1" },
		{ "gidmap", "0:0:10;50:9:1" },
		/* no such option */
		{ "idmaps", "b:0:0:1" }, { "uid", "0" }, { "map", "x" },
	};

	ONLY_SHIFTFS();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd = option(bad[i][0], bad[i][1]);

		if (fd >= 0)
			fail_at(__FILE__, __LINE__, "%s=%s was accepted",
				bad[i][0], bad[i][1]);
		if (errno != EINVAL)
			fail_at(__FILE__, __LINE__, "%s=%s: %s", bad[i][0],
				bad[i][1], strerror(errno));
		if (strncmp(mount_log, "e ", 2) ||
		    (!strstr(mount_log, bad[i][0]) &&
		     !strstr(mount_log, "map is refused")))
			fail_at(__FILE__, __LINE__, "%s=%s: the log says '%s'",
				bad[i][0], bad[i][1], mount_log);
	}
}

TEST_F(shift, refusals_say_why)
{
	ONLY_SHIFTFS();
	FAILS(option("idmap", "b:0:0:10 b:9:100:1"), EINVAL);
	CHECK(strstr(mount_log, "overlap") && strstr(mount_log, "stored"));
	FAILS(option("idmap", "b:0:0:10 b:100:9:1"), EINVAL);
	CHECK(strstr(mount_log, "overlap") && strstr(mount_log, "seen"));
	FAILS(option("idmap", "b:0:0:0"), EINVAL);
	CHECK(strstr(mount_log, "0 ids"));
	FAILS(option("idmap", "b:0:0:4294967296"), EINVAL);
	CHECK(strstr(mount_log, "4294967294"));
	FAILS(option("idmap", "q:0:0:1"), EINVAL);
	CHECK(strstr(mount_log, "q:0:0:1"));
	FAILS(option("uidmap", "0:0:0"), EINVAL);
	CHECK(strstr(mount_log, "uidmap"));
}

TEST_F(shift, map_is_required)
{
	static const char *const only[] = { "uidmap", "gidmap" };

	ONLY_SHIFTFS();
	FAILS(shiftfs_fsmount((const char *[]){ "source", lower_path, NULL },
			      0), EINVAL);
	CHECK(strstr(mount_log, "idmap"));
	for (int i = 0; i < 2; i++) {
		const char *pairs[] = { "source", lower_path, only[i],
					"0:100000:10", NULL };

		FAILS(shiftfs_fsmount(pairs, 0), EINVAL);
		CHECK(strstr(mount_log, only[!i]));
	}
	FAILS(shiftfs_fsmount((const char *[]){ "source", lower_path, "idmap",
			      "u:0:100000:10", NULL }, 0), EINVAL);
	CHECK(strstr(mount_log, "gidmap"));
}

/* As many extents as a user namespace takes, and not one more. */
TEST_F(shift, number_of_extents)
{
	static const char *pairs[2 * 342 + 1];
	static char text[341][32];

	ONLY_SHIFTFS();
	pairs[0] = "source";
	pairs[1] = lower_path;
	for (int i = 0; i < 341; i++) {
		snprintf(text[i], sizeof(text[i]), "b:%d:%d:1", 3 * i,
			 500000 - 3 * i);
		pairs[2 + 2 * i] = "idmap";
		pairs[3 + 2 * i] = text[i];
	}
	FAILS(shiftfs_fsmount(pairs, 0), EINVAL);
	CHECK(strstr(mount_log, "340"));
	pairs[2 + 2 * 340] = NULL;
	close(OK(shiftfs_fsmount(pairs, 0)));
}

/* Every extent is found, and the ids between them are not. */
TEST_F(shift, many_extents)
{
	static char map[340 * 24];
	char *p = map;
	int view;

	SKIP_IF(on_shiftfs() && on_idmap(),
		"the map of a user namespace has to fit in a page");
	/* stored 2, 4, 6 ... seen 29998, 29995, ...: opposite orders */
	for (int i = 1; i <= 340; i++)
		p += sprintf(p, "b:%d:%d:1 ", 2 * i, 30001 - 3 * i);
	view = open_view(lower_path, map, 0, NULL);
	make("f", 0, 0, S_IFREG | 0644);
	for (int i = 1; i <= 340; i++) {
		OK(fchownat(lower, "f", 2 * i, 2 * (341 - i), 0));
		ATTR(view, "f", 30001 - 3 * i, 30001 - 3 * (341 - i),
		     S_IFREG | 0644);
		OK(fchownat(lower, "f", 2 * i - 1, 2 * i + 1, 0));
		ATTR(view, "f", NOBODY, NOBODY, S_IFREG | 0644);
	}
	OK(fchownat(lower, "f", 2, 2, 0));
	for (int i = 1; i <= 340; i++) {
		FAILS(fchownat(view, "f", 30000 - 3 * i, -1, 0), EOVERFLOW);
		FAILS(fchownat(view, "f", -1, 30002 - 3 * i, 0), EOVERFLOW);
		OK(fchownat(view, "f", 30001 - 3 * i, 30001 - 3 * (341 - i),
			    0));
		ATTR(lower, "f", 2 * i, 2 * (341 - i), S_IFREG | 0644);
	}
	OK(fchownat(lower, "f", 0, 682, 0));
	ATTR(view, "f", NOBODY, NOBODY, S_IFREG | 0644);
}

TEST_F(shift, edges_of_an_extent)
{
	int view = open_view(lower_path, "b:10:1000:5", 0, NULL);

	make("f", 10, 14, S_IFREG | 0644);
	ATTR(view, "f", 1000, 1004, S_IFREG | 0644);
	OK(fchownat(lower, "f", 9, 15, 0));
	ATTR(view, "f", NOBODY, NOBODY, S_IFREG | 0644);
	OK(fchownat(lower, "f", 10, 10, 0));
	FAILS(fchownat(view, "f", 999, -1, 0), EOVERFLOW);
	FAILS(fchownat(view, "f", 1005, -1, 0), EOVERFLOW);
	OK(fchownat(view, "f", 1004, 1000, 0));
	ATTR(lower, "f", 14, 10, S_IFREG | 0644);
}

/* The largest ids there are. */
TEST_F(shift, highest_ids)
{
	int view = open_view(lower_path, "b:0:4294967194:100", 0, NULL);

	make("f", 99, 0, S_IFREG | 0644);
	ATTR(view, "f", 4294967293u, 4294967194u, S_IFREG | 0644);
	OK(fchownat(view, "f", 4294967194u, 4294967293u, 0));
	ATTR(lower, "f", 0, 99, S_IFREG | 0644);
}

TEST_F(shift, users_and_groups_apart)
{
	int view = open_view(lower_path, "u:0:200000:10 g:0:300000:20", 0,
			     NULL);

	make("f", 5, 15, S_IFREG | 0644);
	make("g", 15, 5, S_IFREG | 0644);
	ATTR(view, "f", 200005, 300015, S_IFREG | 0644);
	ATTR(view, "g", NOBODY, 300005, S_IFREG | 0644);
	become(200001, 300002);
	OK(touch(view, "n", 0600));
	become(300002, 200001);
	FAILS(touch(view, "m", 0600), EOVERFLOW);
	become_root();
	ATTR(lower, "n", 1, 2, S_IFREG | 0600);
	ABSENT(lower, "m");
}

static int view_of(int mnt)
{
	const char *point = mount_point(true);

	OK(move_mount(mnt, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	close(mnt);
	return OK(open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* The ways to write one map. */
TEST_F(shift, forms)
{
	const char *const forms[][9] = {
		{ "source", lower_path, "idmap", "b:0:100000:10" },
		{ "source", lower_path, "idmap", "u:0:100000:10;g:0:100000:10" },
		{ "source", lower_path, "idmap", " b:0:100000:10 " },
		{ "source", lower_path, "idmap", "b:0:100000:5 b:5:100005:5" },
		{ "source", lower_path, "idmap", "b:0:100000:5",
		  "idmap", "b:5:100005:5" },
		{ "source", lower_path, "uidmap", "0:100000:10",
		  "gidmap", "0:100000:10" },
		{ "source", lower_path, "uidmap", "0:100000:3;3:100003:7",
		  "gidmap", "9:100009:1 0:100000:9" },
		{ "idmap", "u:0:100000:10", "gidmap", "0:100000:10",
		  "source", lower_path },
		{ "source", lower_path, "idmap", "b:0000:0100000:010" },
	};

	ONLY_SHIFTFS();
	make("f", 9, 0, S_IFREG | 0644);
	make("g", 10, 10, S_IFREG | 0644);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		int fd = shiftfs_fsmount(forms[i], 0);

		if (fd < 0)
			fail_at(__FILE__, __LINE__, "form %zu (%s=%s): %s", i,
				forms[i][2], forms[i][3], mount_log);
		ATTR(fd, "f", 100009, 100000, S_IFREG | 0644);
		ATTR(fd, "g", NOBODY, NOBODY, S_IFREG | 0644);
		close(fd);
	}
}

TEST_F(shift, user_namespace)
{
	const char *map = "u:0:300000:100 u:100:500000:5 g:0:400000:100";
	char fd[16];
	int view;

	ONLY_SHIFTFS();
	make("f", 7, 8, S_IFREG | 0644);
	make("g", 104, 104, S_IFREG | 0644);
	snprintf(fd, sizeof(fd), "%d", userns(map));
	view = view_of(OK(shiftfs_fsmount((const char *[]){
		"source", lower_path, "userns", fd, NULL }, 0)));
	ATTR(view, "f", 300007, 400008, S_IFREG | 0644);
	ATTR(view, "g", 500004, NOBODY, S_IFREG | 0644);
	AS_NS(userns(map), 3, 4, 0) {
		OK(touch(view, "n", 0600));
		ATTR(view, "n", 3, 4, S_IFREG | 0600);
	}
	ATTR(lower, "n", 3, 4, S_IFREG | 0600);
}

TEST_F(shift, user_namespace_refused)
{
	char ns[16], mnt[16], file[32];

	ONLY_SHIFTFS();
	snprintf(ns, sizeof(ns), "%d", userns(MAP));
	snprintf(mnt, sizeof(mnt), "%d",
		 (int)OK(open("/proc/self/ns/mnt", O_RDONLY)));
	snprintf(file, sizeof(file), "%d",
		 (int)OK(open("/proc/self/exe", O_RDONLY)));
	FAILS(shiftfs_fsmount((const char *[]){ "userns", mnt, NULL }, 0),
	      EINVAL);
	CHECK(strstr(mount_log, "user namespace"));
	FAILS(shiftfs_fsmount((const char *[]){ "userns", file, NULL }, 0),
	      EINVAL);
	CHECK(strstr(mount_log, "user namespace"));
	/* not together with a map, in either order, and once */
	FAILS(shiftfs_fsmount((const char *[]){ "idmap", MAP, "userns", ns,
			      NULL }, 0), EINVAL);
	CHECK(strstr(mount_log, "userns"));
	FAILS(shiftfs_fsmount((const char *[]){ "userns", ns, "idmap", MAP,
			      NULL }, 0), EINVAL);
	CHECK(strstr(mount_log, "userns"));
	FAILS(shiftfs_fsmount((const char *[]){ "userns", ns, "userns", ns,
			      NULL }, 0), EINVAL);
	/* a number in a string is no descriptor */
	snprintf(file, sizeof(file), "userns=%s", ns);
	FAILS(mount(lower_path, mount_point(true), "shiftfs", 0, file),
	      EINVAL);
	/* a closed one */
	FAILS(shiftfs_fsmount((const char *[]){ "userns", "999", NULL }, 0),
	      EBADF);
}

/* What mountinfo shows can be given again, and gives the same mount. */
TEST_F(shift, mountinfo)
{
	static const char *const maps[] = {
		MAP, "u:0:200000:10 g:0:300000:20",
		"b:0:300000:1000 b:2000:400000:10 b:5000:1000:1",
		"b:10:20:5 b:0:100:10",
	};
	static char source[65536], options[65536], again[65536];

	ONLY_SHIFTFS();
	make("f", 5, 0, S_IFREG | 0644);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		const char *pairs[64] = { "source", source }, *point, *second;
		char *copy, *save = NULL;
		int n = 2, a, b;

		a = open_view(lower_path, maps[i], 0, &point);
		CHECK(mount_info(point, source, options, sizeof(options)));
		CHECK(!strcmp(source, lower_path));
		/* mount(2) takes the text as it is ... */
		second = mount_point(true);
		copy = strdup(options);
		CHECK(!strncmp(copy, "rw,", 3));
		OK(mount(source, second, "shiftfs", 0, copy + 3));
		CHECK(mount_info(second, source, again, sizeof(again)));
		if (strcmp(options, again))
			fail_at(__FILE__, __LINE__, "%s and then %s", options,
				again);
		b = OK(open(second, O_RDONLY | O_DIRECTORY));
		EQ(st(a, "f").st_uid, st(b, "f").st_uid);
		EQ(st(a, "f").st_gid, st(b, "f").st_gid);
		EQ(st(a, "").st_gid, st(b, "").st_gid);
		close(b);
		OK(umount(second));
		/* ... and fsconfig(2) option by option */
		for (char *t = strtok_r(copy + 3, ",", &save); t;
		     t = strtok_r(NULL, ",", &save)) {
			pairs[n++] = strsep(&t, "=");
			pairs[n++] = t;
		}
		pairs[n] = NULL;
		b = OK(shiftfs_fsmount(pairs, 0));
		EQ(st(a, "f").st_uid, st(b, "f").st_uid);
		close(b);
		close(a);
		free(copy);
	}
}

SHIFT_TEST_MAIN
