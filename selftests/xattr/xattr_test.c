// SPDX-License-Identifier: GPL-2.0-or-later
/* Extended attributes other than ACLs and capabilities. */
#include <sys/xattr.h>

#include "fixture.h"

static bool no_user_xattr(void)
{
	make("probe", 0, 0, S_IFREG | 0644);
	return setxattr(lo("probe"), "user.probe", "x", 1, 0) &&
	       errno == EOPNOTSUPP;
}

TEST_F(shift, user)
{
	char buf[64];
	int fd;

	SKIP_IF(no_user_xattr(), "the lower has no user.* attributes");
	make("f", 1000, 1000, S_IFREG | 0644);
	make("l", 1000, 1000, S_IFLNK | 0777);
	become(SEEN(1000), SEEN(1000));
	OK(setxattr(up("f"), "user.a", "value", 5, 0));
	EQ(5, getxattr(up("f"), "user.a", NULL, 0));
	EQ(5, getxattr(up("f"), "user.a", buf, sizeof(buf)));
	CHECK(!memcmp(buf, "value", 5));
	FAILS(getxattr(up("f"), "user.a", buf, 3), ERANGE);
	FAILS(getxattr(up("f"), "user.none", buf, 3), ENODATA);
	FAILS(setxattr(up("f"), "user.a", "v", 1, XATTR_CREATE), EEXIST);
	FAILS(setxattr(up("f"), "user.b", "v", 1, XATTR_REPLACE), ENODATA);
	OK(setxattr(up("f"), "user.a", "new", 3, XATTR_REPLACE));
	OK(setxattr(up("f"), "user.empty", "", 0, XATTR_CREATE));
	fd = OK(openat(upper, "f", O_RDONLY));
	EQ(3, fgetxattr(fd, "user.a", buf, sizeof(buf)));
	OK(fsetxattr(fd, "user.fd", "x", 1, 0));
	OK(fremovexattr(fd, "user.empty"));
	close(fd);
	FAILS(lsetxattr(up("l"), "user.a", "v", 1, 0), EPERM);
	become_root();
	EQ(3, getxattr(lo("f"), "user.a", buf, sizeof(buf)));
	CHECK(!memcmp(buf, "new", 3));
	EQ(1, getxattr(lo("f"), "user.fd", buf, sizeof(buf)));
	FAILS(getxattr(lo("f"), "user.empty", buf, 1), ENODATA);
	BOTH("f", 1000, 1000, S_IFREG | 0644);
	/* and changes made below are seen at once */
	OK(setxattr(lo("f"), "user.a", "below", 5, 0));
	EQ(5, getxattr(up("f"), "user.a", buf, sizeof(buf)));
	CHECK(!memcmp(buf, "below", 5));
	OK(removexattr(lo("f"), "user.a"));
	FAILS(getxattr(up("f"), "user.a", buf, sizeof(buf)), ENODATA);
}

TEST_F(shift, user_permission)
{
	char buf[8];

	SKIP_IF(no_user_xattr(), "the lower has no user.* attributes");
	make("f", 1000, 1000, S_IFREG | 0640);
	make("sticky", 1000, 1000, S_IFDIR | 01777);
	OK(setxattr(lo("f"), "user.a", "v", 1, 0));
	become(SEEN(1001), SEEN(1001));
	FAILS(getxattr(up("f"), "user.a", buf, sizeof(buf)), EACCES);
	FAILS(setxattr(up("f"), "user.a", "w", 1, 0), EACCES);
	FAILS(removexattr(up("f"), "user.a"), EACCES);
	FAILS(setxattr(up("sticky"), "user.a", "w", 1, 0), EPERM);
	become(SEEN(1001), SEEN(1000));
	EQ(1, getxattr(up("f"), "user.a", buf, sizeof(buf)));
	FAILS(setxattr(up("f"), "user.a", "w", 1, 0), EACCES);
	become_root();
	EQ(1, getxattr(lo("f"), "user.a", buf, sizeof(buf)));
	EQ('v', buf[0]);
	/* an inode with unmapped ids refuses the change */
	OK(fchownat(lower, "f", OUTSIDE, OUTSIDE, 0));
	FAILS(setxattr(up("f"), "user.a", "w", 1, 0), EPERM);
	FAILS(removexattr(up("f"), "user.a"), EPERM);
	EQ(1, getxattr(lo("f"), "user.a", buf, sizeof(buf)));
	EQ('v', buf[0]);
}

/* A list shows trusted.* to CAP_SYS_ADMIN alone, but btrfs does not care. */
#define HIDDEN(name) \
	CHECK(!listed(up(name), "trusted.a") || \
	      (!on_shiftfs() && lower_is("btrfs")))

static bool listed(const char *path, const char *name)
{
	char list[4096];
	ssize_t n = OK(listxattr(path, list, sizeof(list)));

	for (char *p = list; p < list + n; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

/* What is not listed does not count, whatever the buffer. */
TEST_F(shift, length_of_list)
{
	char list[64];

	if (on_idmap() && (lower_is("btrfs") || lower_is("overlay")))
		return;		/* they count what they do not list */
	make("f", 1000, 1000, S_IFREG | 0666);
	OK(setxattr(lo("f"), "trusted.a", "v", 1, 0));
	become(SEEN(1000), SEEN(1000));
	EQ(0, listxattr(up("f"), NULL, 0));
	EQ(0, listxattr(up("f"), list, 1));
	/* before 6.6 a tmpfs has no such attributes */
	if (setxattr(up("f"), "user.b", "v", 1, 0)) {
		EQ(EOPNOTSUPP, errno);
		CHECK(lower_is("tmpfs"));
		return;
	}
	EQ(7, listxattr(up("f"), NULL, 0));
	EQ(7, listxattr(up("f"), list, 7));
	CHECK(!strcmp(list, "user.b"));
	FAILS(listxattr(up("f"), list, 6), ERANGE);
	become_root();
	EQ(17, listxattr(up("f"), NULL, 0));
	EQ(17, listxattr(lo("f"), list, sizeof(list)));
}

TEST_F(shift, trusted)
{
	char buf[8];

	make("f", 1000, 1000, S_IFREG | 0666);
	OK(setxattr(up("f"), "trusted.a", "v", 1, 0));
	EQ(1, getxattr(lo("f"), "trusted.a", buf, sizeof(buf)));
	EQ(1, getxattr(up("f"), "trusted.a", buf, sizeof(buf)));
	CHECK(listed(up("f"), "trusted.a"));

	/* not for the owner, and not for the root of a container */
	become(SEEN(1000), SEEN(1000));
	FAILS(setxattr(up("f"), "trusted.a", "w", 1, 0), EPERM);
	FAILS(getxattr(up("f"), "trusted.a", buf, sizeof(buf)), ENODATA);
	HIDDEN("f");
	become_root();
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(setxattr(up("f"), "trusted.a", "w", 1, 0), EPERM);
		FAILS(setxattr(up("f"), "trusted.overlay.opaque", "y", 1, 0),
		      EPERM);
		FAILS(removexattr(up("f"), "trusted.a"), EPERM);
		FAILS(getxattr(up("f"), "trusted.a", buf, sizeof(buf)),
		      ENODATA);
		HIDDEN("f");
	}
	EQ(1, getxattr(lo("f"), "trusted.a", buf, sizeof(buf)));
	EQ('v', buf[0]);
	CHECK(getxattr(lo("f"), "trusted.overlay.opaque", buf, 8) < 0);
	OK(removexattr(up("f"), "trusted.a"));
	FAILS(getxattr(lo("f"), "trusted.a", buf, 8), ENODATA);
}

/*
 * Before 6.10 a kernel with the BPF LSM forgets to ask for CAP_SYS_ADMIN, on
 * any file system. Then the mount has to let pass what the lower lets pass.
 */
static bool security_unchecked(void)
{
	bool unchecked;

	make("unchecked", 1000, 1000, S_IFREG | 0666);
	become(1000, 1000);
	unchecked = !setxattr(lo("unchecked"), "security.test", "w", 1, 0);
	become_root();
	return unchecked;
}

TEST_F(shift, security)
{
	bool unchecked = security_unchecked();
	char buf[8];

	make("f", 1000, 1000, S_IFREG | 0666);
	OK(setxattr(lo("f"), "security.test", "v", 1, 0));
	EQ(1, getxattr(up("f"), "security.test", buf, sizeof(buf)));
	OK(setxattr(up("f"), "security.test", "root", 4, 0));
	EQ(4, getxattr(lo("f"), "security.test", buf, sizeof(buf)));
	CHECK(!memcmp(buf, "root", 4));
	OK(removexattr(up("f"), "security.test"));
	FAILS(getxattr(lo("f"), "security.test", buf, 8), ENODATA);
	OK(setxattr(lo("f"), "security.test", "root", 4, 0));
	if (unchecked)
		return;
	become(SEEN(1000), SEEN(1000));
	FAILS(setxattr(up("f"), "security.test", "w", 1, 0), EPERM);
	FAILS(removexattr(up("f"), "security.test"), EPERM);
	become_root();
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(setxattr(up("f"), "security.test", "w", 1, 0), EPERM);
		FAILS(setxattr(up("f"), "security.ima", "w", 1, 0), EPERM);
		FAILS(removexattr(up("f"), "security.test"), EPERM);
	}
	EQ(4, getxattr(lo("f"), "security.test", buf, sizeof(buf)));
	FAILS(getxattr(lo("f"), "security.ima", buf, 8), ENODATA);
}

TEST_F(shift, list)
{
	char above[1024], below[1024];
	ssize_t n;

	make("f", 1000, 1000, S_IFREG | 0644);
	make("d", 1000, 1000, S_IFDIR | 0755);
	make("l", 1000, 1000, S_IFLNK | 0777);
	EQ(listxattr(lo("d"), below, sizeof(below)),
	   listxattr(up("d"), above, sizeof(above)));
	OK(setxattr(lo("f"), "trusted.one", "1", 1, 0));
	OK(setxattr(lo("f"), "security.two", "2", 1, 0));
	OK(lsetxattr(lo("l"), "trusted.link", "3", 1, 0));
	n = OK(listxattr(lo("f"), below, sizeof(below)));
	EQ(n, listxattr(up("f"), NULL, 0));
	EQ(n, listxattr(up("f"), above, sizeof(above)));
	CHECK(listed(up("f"), "trusted.one"));
	CHECK(listed(up("f"), "security.two"));
	FAILS(listxattr(up("f"), above, n - 1), ERANGE);
	n = OK(llistxattr(lo("l"), below, sizeof(below)));
	EQ(n, llistxattr(up("l"), above, sizeof(above)));
	CHECK(!memcmp(above, below, n));
	BOTH("f", 1000, 1000, S_IFREG | 0644);
}

TEST_F(shift, limits)
{
	static char big[2000], back[4096];
	char name[300] = "trusted.";

	make("f", 1000, 1000, S_IFREG | 0644);
	memset(big, 'B', sizeof(big));
	OK(setxattr(up("f"), "trusted.big", big, sizeof(big), 0));
	EQ(sizeof(big), getxattr(lo("f"), "trusted.big", back, sizeof(back)));
	CHECK(!memcmp(big, back, sizeof(big)));
	EQ(sizeof(big), getxattr(up("f"), "trusted.big", back, sizeof(back)));
	CHECK(!memcmp(big, back, sizeof(big)));
	FAILS(setxattr(up("f"), "other.name", "x", 1, 0), EOPNOTSUPP);
	FAILS(setxattr(up("f"), "trusted.", "x", 1, 0), EINVAL);
	FAILS(getxattr(up("f"), "other.name", back, 1), EOPNOTSUPP);
	memset(name + 8, 'n', 255 - 8);
	name[255] = 0;
	OK(setxattr(up("f"), name, "x", 1, 0));
	EQ(1, getxattr(lo("f"), name, back, sizeof(back)));
	name[255] = 'n';
	name[256] = 0;
	FAILS(setxattr(up("f"), name, "x", 1, 0), ERANGE);
}

SHIFT_TEST_MAIN
