// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Idmapped mounts of a shiftfs mount. Each operation that gets the map of the
 * mount is done through one; what comes of it is looked at there (`view`),
 * through the plain shiftfs mount (`upper`) and as it is stored (`lower`).
 *
 * The map of shiftfs takes 0..65535, that of the idmapped mount the first 1000
 * of these, so there are ids which the one has and the other has not.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <endian.h>

#define SHIFT_HELPER print_ids
static int print_ids(int argc, char **argv);
#include "fixture.h"

#define OUTER_MAP	"b:100000:400000:1000"
#define OUT(id)		(400000u + (id))	/* seen, for stored id */
#define INNER_ONLY	2000u		/* stored, in the map of shiftfs only */

/* As the pod of the idmapped mount counts: stored ids once more. */
#define POD		"b:0:400000:1000"

#define SETUP()								\
	int view __attribute__((unused));				\
	ONLY_SHIFTFS();							\
	view = idmapped()

/* Owner, group and mode of a name from all three sides. */
#define ALL(name, u, g, m) do {						\
	ATTR(view, name, OUT(u), OUT(g), m);				\
	BOTH(name, u, g, m);						\
} while (0)

#define ABSENT_ALL(name) do {						\
	ABSENT(view, name);						\
	ABSENT_BOTH(name);						\
} while (0)

static char view_path[PATH_MAX];

static int idmapped(void)
{
	int tree = OK(idmap_mount(upper_path, OUTER_MAP, 0));
	const char *point = mount_point(true);

	OK(move_mount(tree, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	close(tree);
	snprintf(view_path, sizeof(view_path), "%s", point);
	return OK(open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static const char *vi(const char *name)
{
	static char buf[4][PATH_MAX + 256];
	static int next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", view_path, name);
	return p;
}

TEST_F(shift, getattr)
{
	struct statx x;

	SETUP();
	make("f", 5, 6, S_IFREG | 0600);
	make("d", 0, 999, S_IFDIR | 02711);
	make("l", 7, 8, S_IFLNK | 0777);
	ALL("f", 5, 6, S_IFREG | 0600);
	ALL("d", 0, 999, S_IFDIR | 02711);
	ALL("l", 7, 8, S_IFLNK | 0777);
	OK(statx(view, "f", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &x));
	EQ(OUT(5), x.stx_uid);
	EQ(OUT(6), x.stx_gid);
	/* one file system, whatever the map */
	EQ(st(upper, "f").st_dev, st(view, "f").st_dev);
	EQ(st(upper, "f").st_ino, st(view, "f").st_ino);
	AS_NS(userns(POD), 0, 0, ALL_CAPS)
		ATTR(view, "f", 5, 6, S_IFREG | 0600);
}

/* In one map and not in the other, or in none: nobody, and never 0. */
TEST_F(shift, getattr_unmapped)
{
	SETUP();
	make("inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0644);
	make("none", OUTSIDE, OUTSIDE, S_IFREG | 0644);
	make("u", INNER_ONLY, 1, S_IFREG | 0644);
	make("g", 1, OUTSIDE, S_IFREG | 0644);
	ATTR(view, "inner", NOBODY, NOBODY, S_IFREG | 0644);
	ATTR(upper, "inner", SEEN(INNER_ONLY), SEEN(INNER_ONLY), S_IFREG | 0644);
	ATTR(view, "none", NOBODY, NOBODY, S_IFREG | 0644);
	ATTR(upper, "none", NOBODY, NOBODY, S_IFREG | 0644);
	ATTR(view, "u", NOBODY, OUT(1), S_IFREG | 0644);
	ATTR(view, "g", OUT(1), NOBODY, S_IFREG | 0644);
	AS_NS(userns(POD), 0, 0, ALL_CAPS)
		ATTR(view, "inner", NOBODY, NOBODY, S_IFREG | 0644);
}

TEST_F(shift, permission)
{
	gid_t groups[] = { OUT(60) };

	SETUP();
	make("f", 5, 60, S_IFREG | 0640);
	make("d", 5, 60, S_IFDIR | 0710);
	make("d/in", 1, 1, S_IFREG | 0666);
	become(OUT(5), OUT(1));
	OK(put(view, "f", "mine"));
	become_groups(OUT(6), OUT(6), 1, groups);
	CONTENT(view, "f", "mine");
	CONTENT(view, "d/in", "");
	FAILS(openat(view, "f", O_WRONLY), EACCES);
	become(OUT(6), OUT(6));
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	FAILS(openat(view, "d/in", O_RDONLY), EACCES);
	/* the ids of the other two sides are no rights on this one */
	become(SEEN(5), SEEN(60));
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	become(5, 60);
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	/* nor those of this one on the others */
	become(OUT(5), OUT(60));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	FAILS(openat(lower, "f", O_RDONLY), EACCES);
	become_root();
	ALL("f", 5, 60, S_IFREG | 0640);
	CONTENT(lower, "f", "mine");
}

TEST_F(shift, capabilities)
{
	SETUP();
	make("f", 5, 5, S_IFREG | 0600);
	make("inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0666);
	AS_NS(userns(POD), 9, 9, CAPBIT(CAP_DAC_OVERRIDE)) {
		OK(put(view, "f", "x"));
		/* the same inode is not theirs through the other mount */
		FAILS(openat(upper, "f", O_RDONLY), EACCES);
		FAILS(fchmodat(view, "f", 0666, 0), EPERM);
	}
	AS_NS(userns(POD), 9, 9, CAPBIT(CAP_FOWNER)) {
		OK(fchmodat(view, "f", 0606, 0));
		FAILS(fchmodat(upper, "f", 0666, 0), EPERM);
	}
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(fchmodat(view, "f", 0666, 0), EPERM);
		/* it is a file of theirs, but not of that mount */
		FAILS(openat(view, "inner", O_WRONLY), EACCES);
		OK(put(upper, "inner", "y"));
	}
	ALL("f", 5, 5, S_IFREG | 0606);
	CONTENT(lower, "f", "x");
	CONTENT(lower, "inner", "y");
}

TEST_F(shift, chown)
{
	SETUP();
	make("f", 5, 6, S_IFREG | 0644);
	make("l", 5, 6, S_IFLNK | 0777);
	OK(fchownat(view, "f", OUT(7), OUT(8), 0));
	ALL("f", 7, 8, S_IFREG | 0644);
	OK(fchownat(view, "l", OUT(0), OUT(999), AT_SYMLINK_NOFOLLOW));
	ALL("l", 0, 999, S_IFLNK | 0777);
	AS_NS(userns(POD), 0, 0, ALL_CAPS) {
		OK(fchownat(view, "f", 999, 0, 0));
		FAILS(fchownat(view, "f", 1000, -1, 0), EINVAL);
	}
	ALL("f", 999, 0, S_IFREG | 0644);
	/* beyond the outer map, though the inner one knows SEEN(2000) */
	FAILS(fchownat(view, "f", OUT(1000), -1, 0), EOVERFLOW);
	FAILS(fchownat(view, "f", -1, OUT(INNER_ONLY), 0), EOVERFLOW);
	FAILS(fchownat(view, "f", SEEN(1), -1, 0), EOVERFLOW);
	FAILS(fchownat(view, "f", -1, 1, 0), EOVERFLOW);
	FAILS(fchownat(view, "f", 0, 0, 0), EOVERFLOW);
	FAILS(fchownat(view, "f", NOBODY, NOBODY, 0), EOVERFLOW);
	ALL("f", 999, 0, S_IFREG | 0644);
}

/* What the outer map knows and the inner does not. */
TEST_F(shift, beyond_the_inner_map)
{
	const char *point = mount_point(true);
	int tree, wide;

	ONLY_SHIFTFS();
	make("f", 5, 5, S_IFREG | 0666);
	tree = OK(idmap_mount(upper_path, "b:100000:400000:100000", 0));
	OK(move_mount(tree, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	wide = OK(open(point, O_RDONLY | O_DIRECTORY));
	FAILS(fchownat(wide, "f", OUT(65536), -1, 0), EOVERFLOW);
	FAILS(fchownat(wide, "f", -1, OUT(99999), 0), EOVERFLOW);
	OK(fchownat(wide, "f", OUT(65535), OUT(65535), 0));
	BOTH("f", 65535, 65535, S_IFREG | 0666);
	become(OUT(70000), OUT(70000));
	FAILS(touch(wide, "new", 0644), EOVERFLOW);
	FAILS(mkdirat(wide, "new", 0755), EOVERFLOW);
	FAILS(mknodat(wide, "new", S_IFIFO | 0644, 0), EOVERFLOW);
	FAILS(symlinkat("x", wide, "new"), EOVERFLOW);
	FAILS(renameat(wide, "f", wide, "new"), EOVERFLOW);
	become_root();
	ABSENT_BOTH("new");
	make("o", OUTSIDE, OUTSIDE, S_IFREG | 0666);
	ATTR(wide, "o", NOBODY, NOBODY, S_IFREG | 0666);
	become(OUT(OUTSIDE), OUT(OUTSIDE));
	FAILS(fchmodat(wide, "o", 0600, 0), EOVERFLOW);
	become_root();
	ATTR(lower, "o", OUTSIDE, OUTSIDE, S_IFREG | 0666);
}

TEST_F(shift, chmod)
{
	gid_t groups[] = { OUT(60) };

	SETUP();
	make("f", 5, 60, S_IFREG | 0644);
	make("inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0644);
	become(OUT(5), OUT(5));
	OK(fchmodat(view, "f", 0750, 0));
	ALL("f", 5, 60, S_IFREG | 0750);
	/* setgid is for members, of the group as it is seen here */
	OK(fchmodat(view, "f", 02755, 0));
	ALL("f", 5, 60, S_IFREG | 0755);
	become_groups(OUT(5), OUT(5), 1, groups);
	OK(fchmodat(view, "f", 02755, 0));
	ALL("f", 5, 60, S_IFREG | 02755);
	groups[0] = SEEN(60);
	become_groups(OUT(5), OUT(5), 1, groups);
	OK(fchmodat(view, "f", 02711, 0));
	ALL("f", 5, 60, S_IFREG | 0711);
	become(OUT(6), OUT(6));
	FAILS(fchmodat(view, "f", 0777, 0), EPERM);
	become(SEEN(5), SEEN(60));
	FAILS(fchmodat(view, "f", 0777, 0), EPERM);
	become_root();
	FAILS(fchmodat(view, "inner", 0600, 0), EOVERFLOW);
	ATTR(lower, "inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0644);
}

TEST_F(shift, truncate_and_times)
{
	const struct timespec t[2] = { { 1000, 1 }, { 2000, 2 } };
	int fd;

	SETUP();
	make("f", 5, 6, S_IFREG | 0600);
	make("inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0666);
	OK(put(lower, "f", "abcdef"));
	become(OUT(5), OUT(5));
	fd = OK(openat(view, "f", O_RDWR));
	OK(ftruncate(fd, 3));
	OK(utimensat(view, "f", t, 0));
	OK(utimensat(view, "f", NULL, 0));
	OK(utimensat(view, "f", t, 0));
	close(fd);
	become(OUT(6), OUT(7));
	FAILS(utimensat(view, "f", t, 0), EPERM);
	FAILS(utimensat(view, "f", NULL, 0), EACCES);
	FAILS(truncate(vi("f"), 1), EACCES);
	FAILS(utimensat(view, "inner", NULL, 0), EACCES);
	FAILS(truncate(vi("inner"), 1), EACCES);
	become_root();
	CONTENT(lower, "f", "abc");
	EQ(2000, st(lower, "f").st_mtim.tv_sec);
	EQ(2000, st(view, "f").st_mtim.tv_sec);
	FAILS(utimensat(view, "inner", t, 0), EOVERFLOW);
}

TEST_F(shift, create)
{
	int fd;

	SETUP();
	make("s", 0, 60, S_IFDIR | 02777);
	become(OUT(5), OUT(6));
	OK(touch(view, "f", 0640));
	OK(mkdirat(view, "d", 0750));
	OK(symlinkat("f", view, "l"));
	OK(mknodat(view, "p", S_IFIFO | 0600, 0));
	OK(linkat(view, "f", view, "h", 0));
	OK(touch(view, "s/f", 0644));
	OK(mkdirat(view, "s/d", 0755));
	ALL("f", 5, 6, S_IFREG | 0640);
	ALL("d", 5, 6, S_IFDIR | 0750);
	ALL("l", 5, 6, S_IFLNK | 0777);
	ALL("p", 5, 6, S_IFIFO | 0600);
	ALL("h", 5, 6, S_IFREG | 0640);
	EQ(2, st(view, "f").st_nlink);
	ALL("s/f", 5, 60, S_IFREG | 0644);
	ALL("s/d", 5, 60, S_IFDIR | 02755);
	/* setgid of an executable is for members */
	OK(touch(view, "s/x", 02755));
	ALL("s/x", 5, 60, S_IFREG | 0755);
	fd = openat(view, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0) {
		EQ(EOPNOTSUPP, errno);
		CHECK(lower_is("overlay"));
	} else {
		ATTR(fd, "", OUT(5), OUT(6), S_IFREG | 0600);
		become_caps(OUT(5), OUT(6));
		OK(linkat(fd, "", view, "t", AT_EMPTY_PATH));
		ALL("t", 5, 6, S_IFREG | 0600);
		close(fd);
	}
	become_root();
	AS_NS(userns(POD), 0, 0, ALL_CAPS) {
		OK(touch(view, "pod", 0600));
		ATTR(view, "pod", 0, 0, S_IFREG | 0600);
	}
	ALL("pod", 0, 0, S_IFREG | 0600);
}

/* No id in the outer map, none in the inner: no file, and no owner 0. */
TEST_F(shift, create_unmapped)
{
	const struct {
		uid_t uid;
		gid_t gid;
	} who[] = {
		{ SEEN(5), SEEN(5) }, { 5, 5 }, { OUT(5), SEEN(5) },
		{ SEEN(5), OUT(5) }, { OUT(1000), OUT(1000) },
		{ OUT(INNER_ONLY), OUT(5) }, { STRANGER, STRANGER }, { 0, 0 },
	};

	SETUP();
	make("f", 1, 1, S_IFREG | 0666);
	for (size_t i = 0; i < ARRAY_SIZE(who) * 2; i++) {
		if (i & 1)
			become_caps(who[i / 2].uid, who[i / 2].gid);
		else
			become(who[i / 2].uid, who[i / 2].gid);
		FAILS(touch(view, "new", 0644), EOVERFLOW);
		FAILS(mkdirat(view, "new", 0755), EOVERFLOW);
		FAILS(symlinkat("x", view, "new"), EOVERFLOW);
		FAILS(mknodat(view, "new", S_IFIFO | 0644, 0), EOVERFLOW);
		FAILS(linkat(view, "f", view, "new", 0), EOVERFLOW);
		FAILS(renameat(view, "f", view, "new"), EOVERFLOW);
		if (!lower_is("overlay"))
			FAILS(openat(view, ".", O_TMPFILE | O_RDWR, 0600),
			      EOVERFLOW);
		OK(put(view, "f", "ok"));
		become_root();
		ABSENT_ALL("new");
	}
	ALL("f", 1, 1, S_IFREG | 0666);
}

TEST_F(shift, remove_and_sticky)
{
	SETUP();
	make("d", 0, 0, S_IFDIR | 01777);
	make("d/a", 5, 5, S_IFREG | 0644);
	make("d/b", 6, 6, S_IFREG | 0644);
	make("d/sub", 6, 6, S_IFDIR | 0755);
	make("d/inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0666);
	become(OUT(5), OUT(5));
	FAILS(unlinkat(view, "d/b", 0), EPERM);
	FAILS(unlinkat(view, "d/sub", AT_REMOVEDIR), EPERM);
	FAILS(renameat(view, "d/b", view, "d/c"), EPERM);
	FAILS(renameat(view, "d/a", view, "d/b"), EPERM);
	OK(unlinkat(view, "d/a", 0));
	become(SEEN(6), SEEN(6));
	FAILS(unlinkat(view, "d/b", 0), EPERM);
	become(OUT(6), OUT(6));
	OK(unlinkat(view, "d/sub", AT_REMOVEDIR));
	become_caps(OUT(0), OUT(0));
	FAILS(unlinkat(view, "d/inner", 0), EOVERFLOW);
	FAILS(renameat(view, "d/inner", view, "d/x"), EOVERFLOW);
	become_root();
	ABSENT_ALL("d/a");
	ABSENT_ALL("d/sub");
	ALL("d/b", 6, 6, S_IFREG | 0644);
	ATTR(lower, "d/inner", INNER_ONLY, INNER_ONLY, S_IFREG | 0666);
}

TEST_F(shift, rename)
{
	SETUP();
	make("d", 5, 5, S_IFDIR | 0755);
	make("a", 5, 5, S_IFREG | 0644);
	make("b", 6, 6, S_IFREG | 0644);
	become(OUT(5), OUT(5));
	OK(renameat(view, "a", view, "d/a"));
	OK(renameat2(view, "b", view, "d/a", RENAME_EXCHANGE));
	ALL("b", 5, 5, S_IFREG | 0644);
	ALL("d/a", 6, 6, S_IFREG | 0644);
	if (renameat2(view, "b", view, "c", RENAME_WHITEOUT)) {
		EQ(EINVAL, errno);
		CHECK(lower_is("overlay"));
	} else {
		ALL("c", 5, 5, S_IFREG | 0644);
		EQ(OUT(5), st(view, "b").st_uid);
		EQ(5, st(lower, "b").st_uid);
		CHECK(S_ISCHR(st(view, "b").st_mode));
	}
	/* between the two mounts there is no way */
	FAILS(renameat(view, "d/a", upper, "e"), EXDEV);
	FAILS(linkat(view, "d/a", upper, "e", 0), EXDEV);
	become_root();
	ABSENT_ALL("e");
}

static ssize_t acl_of(const char *path, const char *name, uint32_t *id)
{
	char buf[4 + 8 * 8];
	ssize_t n = getxattr(path, name, buf, sizeof(buf));

	/* the entry of a named user or group, if there is one */
	for (ssize_t i = 4; n > 0 && i + 8 <= n; i += 8) {
		uint16_t tag;

		memcpy(&tag, buf + i, 2);
		tag = le16toh(tag);
		if (tag != 0x02 && tag != 0x08)
			continue;
		memcpy(id, buf + i + 4, 4);
		*id = le32toh(*id);
	}
	return n;
}

#define ACL_IS(path, name, want) do {					\
	uint32_t id_ = 0;						\
	OK(acl_of(path, name, &id_));					\
	EQ(want, id_);							\
} while (0)

/* u::rw-,TAG:ID:PERM,g::r--,m::rw-,o::--- */
static int set_acl(const char *path, const char *name, uint16_t tag,
		   uint32_t id, uint16_t perm)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[5];
	} acl = {
		htole32(2), {
			{ htole16(0x01), htole16(6), -1 },
			{ htole16(0x02), htole16(perm), htole32(id) },
			{ htole16(0x04), htole16(4), -1 },
			{ htole16(0x10), htole16(6), -1 },
			{ htole16(0x20), 0, -1 },
		}
	};

	if (tag == 0x08) {
		acl.e[1] = acl.e[2];
		acl.e[2].tag = htole16(tag);
		acl.e[2].perm = htole16(perm);
		acl.e[2].id = htole32(id);
	}
	return setxattr(path, name, &acl, sizeof(acl), 0);
}

#define ACCESS	"system.posix_acl_access"
#define DEFAULT	"system.posix_acl_default"

TEST_F(shift, acl)
{
	SETUP();
	make("f", 5, 60, S_IFREG | 0640);
	make("g", 5, 60, S_IFREG | 0640);
	make("d", 5, 5, S_IFDIR | 0777);
	become(OUT(5), OUT(5));
	OK(set_acl(vi("f"), ACCESS, 0x02, OUT(7), 6));
	OK(set_acl(vi("g"), ACCESS, 0x08, OUT(8), 6));
	OK(set_acl(vi("d"), DEFAULT, 0x02, OUT(9), 6));
	/* ids of no use here */
	FAILS(set_acl(vi("f"), ACCESS, 0x02, SEEN(7), 6), EINVAL);
	FAILS(set_acl(vi("f"), ACCESS, 0x08, OUT(1000), 6), EINVAL);
	FAILS(set_acl(vi("f"), ACCESS, 0x02, 7, 6), EINVAL);
	become(OUT(6), OUT(6));
	FAILS(set_acl(vi("f"), ACCESS, 0x02, OUT(6), 6), EPERM);
	FAILS(removexattr(vi("f"), ACCESS), EPERM);
	become_root();
	ACL_IS(vi("f"), ACCESS, OUT(7));
	ACL_IS(up("f"), ACCESS, SEEN(7));
	ACL_IS(lo("f"), ACCESS, 7);
	ACL_IS(vi("g"), ACCESS, OUT(8));
	ACL_IS(lo("g"), ACCESS, 8);
	ACL_IS(vi("d"), DEFAULT, OUT(9));
	ACL_IS(lo("d"), DEFAULT, 9);
	/* they decide */
	become(OUT(7), OUT(1));
	OK(put(view, "f", "seven"));
	FAILS(openat(view, "g", O_WRONLY), EACCES);
	become(OUT(1), OUT(8));
	OK(put(view, "g", "eight"));
	become(SEEN(7), SEEN(8));
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	OK(put(upper, "f", "eleven"));
	/* and are inherited */
	become(OUT(5), OUT(5));
	OK(touch(view, "d/new", 0666));
	become_root();
	ACL_IS(vi("d/new"), ACCESS, OUT(9));
	ACL_IS(up("d/new"), ACCESS, SEEN(9));
	ACL_IS(lo("d/new"), ACCESS, 9);
	AS_NS(userns(POD), 0, 0, ALL_CAPS) {
		ACL_IS(vi("f"), ACCESS, 7);
		OK(set_acl(vi("f"), ACCESS, 0x02, 11, 4));
	}
	ACL_IS(lo("f"), ACCESS, 11);
	ACL_IS(vi("f"), ACCESS, OUT(11));
	/* an entry that the outer map lacks is for nobody */
	OK(set_acl(lo("g"), ACCESS, 0x02, INNER_ONLY, 6));
	ACL_IS(up("g"), ACCESS, SEEN(INNER_ONLY));
	ACL_IS(vi("g"), ACCESS, (uint32_t)-1);
	become(OUT(INNER_ONLY), OUT(INNER_ONLY));
	FAILS(openat(view, "g", O_RDONLY), EACCES);
	become_root();
}

/* setgid goes with an ACL that is set by somebody who is not in the group. */
TEST_F(shift, acl_and_setgid)
{
	gid_t groups[] = { OUT(60) };

	SETUP();
	make("f", 5, 60, S_IFREG | 02755);
	make("g", 5, 60, S_IFREG | 02755);
	become_groups(OUT(5), OUT(5), 1, groups);
	OK(set_acl(vi("g"), ACCESS, 0x02, OUT(7), 6));
	groups[0] = SEEN(60);
	become_groups(OUT(5), OUT(5), 1, groups);
	OK(set_acl(vi("f"), ACCESS, 0x02, OUT(7), 6));
	become_root();
	ALL("f", 5, 60, S_IFREG | 0660);
	ALL("g", 5, 60, S_IFREG | 02660);
}

static int set_caps(const char *path, uint32_t revision, uid_t root)
{
	struct vfs_ns_cap_data v = {
		.magic_etc = htole32(revision | VFS_CAP_FLAGS_EFFECTIVE),
		.data[0].permitted = htole32(1u << CAP_NET_RAW),
		.rootid = htole32(root),
	};

	return setxattr(path, "security.capability", &v,
			revision == VFS_CAP_REVISION_2 ? XATTR_CAPS_SZ_2 :
							 XATTR_CAPS_SZ_3, 0);
}

/* The root id, 0 also for version 2; -1 and errno if none */
static long caps_root(const char *path)
{
	struct vfs_ns_cap_data v;
	ssize_t n = getxattr(path, "security.capability", &v, sizeof(v));

	if (n < 0)
		return -1;
	return n == XATTR_CAPS_SZ_3 ? le32toh(v.rootid) : 0;
}

TEST_F(shift, file_capabilities)
{
	SETUP();
	make("f", 5, 5, S_IFREG | 0755);
	make("g", 5, 5, S_IFREG | 0755);
	make("stored", 5, 5, S_IFREG | 0755);
	make("inner", 5, 5, S_IFREG | 0755);
	OK(set_caps(lo("stored"), VFS_CAP_REVISION_2, 0));
	EQ(OUT(0), caps_root(vi("stored")));
	EQ(SEEN(0), caps_root(up("stored")));
	OK(set_caps(lo("inner"), VFS_CAP_REVISION_3, INNER_ONLY));
	CHECK(caps_root(vi("inner")) < 0);
	CHECK(errno == EOVERFLOW || errno == ENODATA);
	EQ(SEEN(INNER_ONLY), caps_root(up("inner")));
	AS_NS(userns(POD), 0, 0, ALL_CAPS) {
		EQ(0, caps_root(vi("stored")));
		OK(set_caps(vi("f"), VFS_CAP_REVISION_2, 0));
		FAILS(set_caps(up("f"), VFS_CAP_REVISION_2, 0), EPERM);
	}
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		FAILS(set_caps(vi("g"), VFS_CAP_REVISION_2, 0), EPERM);
	EQ(OUT(0), caps_root(vi("f")));
	EQ(SEEN(0), caps_root(up("f")));
	EQ(0, caps_root(lo("f")));
	/* the host's root names its own 0, which this mount does not have */
	FAILS(set_caps(vi("g"), VFS_CAP_REVISION_2, 0), EINVAL);
	FAILS(set_caps(vi("g"), VFS_CAP_REVISION_3, SEEN(1)), EINVAL);
	OK(set_caps(vi("g"), VFS_CAP_REVISION_3, OUT(3)));
	EQ(3, caps_root(lo("g")));
	/* chown takes them away */
	OK(fchownat(view, "g", OUT(6), -1, 0));
	FAILS(caps_root(lo("g")), ENODATA);
}

/* Prints nothing: 0 when the effective ids are those of argv. */
static int print_ids(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	return geteuid() == strtoul(argv[0], NULL, 0) &&
	       getegid() == strtoul(argv[1], NULL, 0) ? 0 : 3;
}

static int run_as(int dir, const char *name, uid_t uid, gid_t gid)
{
	char u[16], g[16];
	char *argv[] = { "prog", "--helper", u, g, NULL };
	pid_t pid = spawn();

	if (!pid) {
		int fd = OK(openat(dir, name, O_PATH | O_CLOEXEC));

		snprintf(u, sizeof(u), "%u", uid);
		snprintf(g, sizeof(g), "%u", gid);
		execveat(fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(5);
	}
	return reap(pid);
}

TEST_F(shift, set_ids_on_exec)
{
	SETUP();
	copy_self("p", 7, 8, 06755);
	copy_self("inner", INNER_ONLY, INNER_ONLY, 06755);
	AS_NS(-1, OUT(5), OUT(5), 0) {
		EQ(0, run_as(view, "p", OUT(7), OUT(8)));
		EQ(0, run_as(upper, "p", SEEN(7), SEEN(8)));
		/* an owner who is nobody here gives nothing */
		EQ(0, run_as(view, "inner", OUT(5), OUT(5)));
	}
	AS_NS(userns(POD), 5, 5, 0) {
		EQ(0, run_as(view, "p", 7, 8));
		EQ(0, run_as(upper, "p", 5, 5));
		EQ(0, run_as(view, "inner", 5, 5));
	}
	/* writing takes them away */
	make("w", 7, 8, S_IFREG | 06777);
	become(OUT(5), OUT(5));
	OK(put(view, "w", "x"));
	become_root();
	ALL("w", 7, 8, S_IFREG | 0777);
}

/* Without group execution setgid is a member's to keep, as seen here. */
TEST_F(shift, set_ids_and_members)
{
	gid_t groups[] = { OUT(60) };
	int fd;

	SETUP();
	make("m", 5, 60, S_IFREG | 02666);
	make("s", 5, 60, S_IFREG | 02666);
	make("a", 5, 60, S_IFREG | 02666);
	become_groups(OUT(6), OUT(6), 1, groups);
	fd = OK(openat(view, "m", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	fd = OK(openat(view, "a", O_WRONLY));
	if (fallocate(fd, 0, 0, 4096))
		EQ(EOPNOTSUPP, errno);
	close(fd);
	groups[0] = SEEN(60);
	become_groups(OUT(6), OUT(6), 1, groups);
	fd = OK(openat(view, "s", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	become_root();
	ALL("m", 5, 60, S_IFREG | 02666);
	ALL("a", 5, 60, S_IFREG | 02666);
	ALL("s", 5, 60, S_IFREG | 0666);
}

TEST_F(shift, xattr)
{
	char c;

	SETUP();
	make("f", 5, 5, S_IFREG | 0644);
	SKIP_IF(setxattr(lo("f"), "user.probe", "", 0, 0) &&
		errno == EOPNOTSUPP, "the lower has no user attributes");
	become(OUT(5), OUT(5));
	OK(setxattr(vi("f"), "user.a", "v", 1, 0));
	become(SEEN(5), SEEN(5));
	FAILS(setxattr(vi("f"), "user.b", "v", 1, 0), EACCES);
	become_root();
	EQ(1, getxattr(lo("f"), "user.a", &c, 1));
	FAILS(getxattr(lo("f"), "user.b", &c, 1), ENODATA);
	OK(fchownat(lower, "f", INNER_ONLY, INNER_ONLY, 0));
	FAILS(setxattr(vi("f"), "user.b", "v", 1, 0), EPERM);
	OK(setxattr(up("f"), "user.b", "w", 1, 0));
	EQ(1, getxattr(lo("f"), "user.b", &c, 1));
	EQ('w', c);
}

static int chattr(int dir, const char *name, int flags)
{
	int fd = OK(openat(dir, name, O_RDONLY | O_CLOEXEC)), r, err;

	r = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	err = errno;
	close(fd);
	errno = err;
	return r;
}

/* Who owns the file, as this mount shows it, sets its flags. */
TEST_F(shift, inode_flags)
{
	int flags = 0, fd;

	SETUP();
	make("f", 5, 5, S_IFREG | 0644);
	fd = OK(openat(lower, "f", O_RDONLY));
	SKIP_IF(ioctl(fd, FS_IOC_GETFLAGS, &flags), "the lower has no flags");
	CHECK(!(flags & FS_NOATIME_FL));
	become(SEEN(5), SEEN(5));
	FAILS(chattr(view, "f", flags | FS_NOATIME_FL), EPERM);
	become(OUT(5), OUT(5));
	FAILS(chattr(upper, "f", flags | FS_NOATIME_FL), EPERM);
	OK(chattr(view, "f", flags | FS_NOATIME_FL));
	FAILS(chattr(view, "f", flags | FS_NOATIME_FL | FS_IMMUTABLE_FL),
	      EPERM);
	become_root();
	OK(ioctl(fd, FS_IOC_GETFLAGS, &flags));
	CHECK(flags & FS_NOATIME_FL);
	CHECK(!(flags & FS_IMMUTABLE_FL));
	close(fd);
}

TEST_F(shift, noatime)
{
	SETUP();
	make("f", 5, 5, S_IFREG | 0644);
	become(SEEN(5), SEEN(5));
	FAILS(openat(view, "f", O_RDONLY | O_NOATIME), EPERM);
	become(OUT(5), OUT(5));
	close(OK(openat(view, "f", O_RDONLY | O_NOATIME)));
	FAILS(openat(upper, "f", O_RDONLY | O_NOATIME), EPERM);
	become_root();
	ALL("f", 5, 5, S_IFREG | 0644);
}

/* A descriptor shows what its mount shows, however it came about. */
TEST_F(shift, descriptors)
{
	char path[64];
	int fd, again;

	SETUP();
	make("f", 5, 6, S_IFREG | 0644);
	fd = OK(openat(view, "f", O_RDONLY));
	ATTR(fd, "", OUT(5), OUT(6), S_IFREG | 0644);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = OK(open(path, O_RDONLY));
	ATTR(again, "", OUT(5), OUT(6), S_IFREG | 0644);
	close(again);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", upper);
	again = OK(open(path, O_RDONLY));
	ATTR(again, "f", SEEN(5), SEEN(6), S_IFREG | 0644);
	close(again);
	OK(fchown(fd, OUT(7), OUT(8)));
	FAILS(fchown(fd, SEEN(7), SEEN(8)), EOVERFLOW);
	OK(unlinkat(lower, "f", 0));
	ATTR(fd, "", OUT(7), OUT(8), S_IFREG | 0644);
	close(fd);
}

/* What makes an idmapped mount: not twice, not in sight, not by anybody. */
TEST_F(shift, making_one)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };
	int tree;

	SETUP();
	a.userns_fd = userns("b:400000:500000:1000");
	FAILS(mount_setattr(view, "", AT_EMPTY_PATH, &a, sizeof(a)), EPERM);
	/* before 7.x it has got its map already, since it takes no second one */
	FAILS(mount_setattr(upper, "", AT_EMPTY_PATH, &a, sizeof(a)), EINVAL);
	tree = OK(open_tree(AT_FDCWD, upper_path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	/* the root of a container does not own the superblock */
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		FAILS(mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof(a)),
		      EPERM);
	close(tree);
}

SHIFT_TEST_MAIN
