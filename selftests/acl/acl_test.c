// SPDX-License-Identifier: GPL-2.0-or-later
/* POSIX ACLs: the ids in them are mapped as owners are. */
#include <linux/xattr.h>
#include <sys/xattr.h>

#include "acl.h"
#include "fixture.h"

static bool no_acl(void)
{
	make("probe", 0, 0, S_IFREG | 0644);
	return set_acl(lo("probe"), ACCESS, "u::6 u:1:4 g::4 m::4 o::4") &&
	       errno == EOPNOTSUPP;
}

#define NEED_ACL() SKIP_IF(no_acl(), "the lower has no ACLs")

TEST_F(shift, mapped_both_ways)
{
	NEED_ACL();
	make("f", 1000, 1000, S_IFREG | 0640);
	OK(set_acl(lo("f"), ACCESS, "u::6 u:1:4 u:2:6 g::4 g:3:2 m::6 o::0"));
	ACL_IS(up("f"), ACCESS,
	       "u::6 u:100001:4 u:100002:6 g::4 g:100003:2 m::6 o::0");

	become(SEEN(1000), SEEN(1000));
	OK(set_acl(up("f"), ACCESS,
		   "u::7 u:100005:1 g::0 g:165535:7 m::7 o::4"));
	become_root();
	ACL_IS(lo("f"), ACCESS, "u::7 u:5:1 g::0 g:65535:7 m::7 o::4");
	ACL_IS(up("f"), ACCESS, "u::7 u:100005:1 g::0 g:165535:7 m::7 o::4");
	BOTH("f", 1000, 1000, S_IFREG | 0774);

	AS_NS(userns(MAP), 1000, 1000, 0) {
		ACL_IS(up("f"), ACCESS, "u::7 u:5:1 g::0 g:65535:7 m::7 o::4");
		OK(set_acl(up("f"), ACCESS, "u::6 u:7:4 g::0 m::4 o::0"));
	}
	ACL_IS(lo("f"), ACCESS, "u::6 u:7:4 g::0 m::4 o::0");
	become(SEEN(1000), SEEN(1000));
	OK(removexattr(up("f"), ACCESS));
	become_root();
	ACL_IS(lo("f"), ACCESS, "none");
	ACL_IS(up("f"), ACCESS, "none");
}

TEST_F(shift, decides)
{
	gid_t groups[] = { SEEN(3) };

	NEED_ACL();
	make("f", 1000, 1000, S_IFREG | 0600);
	OK(put(lower, "f", "x"));
	OK(set_acl(lo("f"), ACCESS, "u::6 u:1:4 u:2:7 g::0 g:3:4 m::6 o::0"));
	become(SEEN(1), SEEN(1));
	CONTENT(upper, "f", "x");
	FAILS(openat(upper, "f", O_WRONLY), EACCES);
	become(SEEN(2), SEEN(2));
	close(OK(openat(upper, "f", O_RDWR)));
	FAILS(faccessat(upper, "f", X_OK, AT_EACCESS), EACCES);
	become_groups(SEEN(9), SEEN(9), 1, groups);
	CONTENT(upper, "f", "x");
	become(SEEN(4), SEEN(4));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	/* the stored numbers open nothing */
	become(1, 1);
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	/* a change below decides at once */
	OK(set_acl(lo("f"), ACCESS, "u::6 u:4:4 g::0 m::6 o::0"));
	become(SEEN(4), SEEN(4));
	CONTENT(upper, "f", "x");
	become(SEEN(1), SEEN(1));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
	become_root();
	OK(removexattr(lo("f"), ACCESS));
	become(SEEN(4), SEEN(4));
	FAILS(openat(upper, "f", O_RDONLY), EACCES);
}

TEST_F(shift, permission_to_set)
{
	NEED_ACL();
	make("f", 1000, 1000, S_IFREG | 0644);
	make("l", 1000, 1000, S_IFLNK | 0777);
	become(SEEN(1001), SEEN(1001));
	FAILS(set_acl(up("f"), ACCESS, "u::7 u:100001:7 g::7 m::7 o::7"),
	      EPERM);
	FAILS(removexattr(up("f"), ACCESS), EPERM);
	become(SEEN(1000), SEEN(1000));
	FAILS(set_acl(up("f"), DEFAULT, "u::7 g::7 o::7"), EACCES);
	FAILS(set_acl(up("f"), ACCESS, "u::7 u:100001:7 g::7 o::7"), EINVAL);
	become_root();
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		OK(set_acl(up("f"), ACCESS, "u::6 u:1:6 g::4 m::6 o::4"));
	ACL_IS(lo("f"), ACCESS, "u::6 u:1:6 g::4 m::6 o::4");
	AS_NS(userns("b:0:200000:65536"), 0, 0, ALL_CAPS) {
		CHECK(set_acl(up("f"), ACCESS, "u::7 u:1:7 g::7 m::7 o::7") < 0);
		/* of an idmapped mount 6.1 looks at the entries first */
		CHECK(errno == EPERM || (on_idmap() && errno == EINVAL));
	}
	ACL_IS(lo("f"), ACCESS, "u::6 u:1:6 g::4 m::6 o::4");
}

TEST_F(shift, unmapped_ids)
{
	NEED_ACL();
	make("f", 1000, 1000, S_IFREG | 0644);
	/* stored and not mapped: shown as no id, never as 0 */
	OK(set_acl(lo("f"), ACCESS, "u::6 u:70000:6 g::4 m::6 o::4"));
	ACL_IS(up("f"), ACCESS, "u::6 u:4294967295:6 g::4 m::6 o::4");
	become(70000, 70000);
	FAILS(openat(upper, "f", O_WRONLY), EACCES);
	become(NOBODY, NOBODY);
	FAILS(openat(upper, "f", O_WRONLY), EACCES);
	/* seen and not mapped: refused, nothing stored */
	become(SEEN(1000), SEEN(1000));
	FAILS(set_acl(up("f"), ACCESS, "u::6 u:500000:6 g::4 m::6 o::4"),
	      EINVAL);
	FAILS(set_acl(up("f"), ACCESS, "u::6 g::4 g:0:6 m::6 o::4"), EINVAL);
	become_root();
	ACL_IS(lo("f"), ACCESS, "u::6 u:70000:6 g::4 m::6 o::4");
}

/* chmod through the mount moves the mask and keeps unmapped entries. */
TEST_F(shift, chmod_and_mask)
{
	NEED_ACL();
	make("f", 1000, 1000, S_IFREG | 0644);
	OK(set_acl(lo("f"), ACCESS,
		   "u::6 u:1:6 u:70000:4 g::4 m::6 o::4"));
	BOTH("f", 1000, 1000, S_IFREG | 0664);
	become(SEEN(1000), SEEN(1000));
	OK(fchmodat(upper, "f", 0740, 0));
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0740);
	ACL_IS(lo("f"), ACCESS, "u::7 u:1:6 u:70000:4 g::4 m::4 o::0");
	ACL_IS(up("f"), ACCESS,
	       "u::7 u:100001:6 u:4294967295:4 g::4 m::4 o::0");
	become(SEEN(1), SEEN(1));
	FAILS(openat(upper, "f", O_WRONLY), EACCES);
	close(OK(openat(upper, "f", O_RDONLY)));
}

/* A minimal ACL becomes the mode and leaves no attribute. */
TEST_F(shift, minimal)
{
	NEED_ACL();
	make("f", 1000, 1000, S_IFREG | 0644);
	become(SEEN(1000), SEEN(1000));
	OK(set_acl(up("f"), ACCESS, "u::7 g::5 o::1"));
	become_root();
	BOTH("f", 1000, 1000, S_IFREG | 0751);
	ACL_IS(up("f"), ACCESS, "none");
	ACL_IS(lo("f"), ACCESS, "none");
}

/* Whether taking one away does so, too, is the lower filesystem's to say. */
TEST_F(shift, setgid_of_a_removal)
{
	static const mode_t modes[] = { 02755, 06770, 02644 };
	mode_t native = 0;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		for (int above = 0; above < 2; above++) {
			uid_t uid = above ? SEEN(1000) : 1000;

			make("r", 1000, 55, S_IFREG | modes[i]);
			become(uid, uid);
			errno = 0;
			removexattr(above ? up("r") : lo("r"),
				    XATTR_NAME_POSIX_ACL_ACCESS);
			if (above)
				EQ(err, errno);
			err = errno;
			become_root();
			if (above)
				BOTH("r", 1000, 55, native);
			native = st(lower, "r").st_mode;
			OK(unlinkat(lower, "r", 0));
		}
	}
}

/* Setting an ACL outside the group loses the setgid bit, as chmod does. */
TEST_F(shift, setgid_lost)
{
	NEED_ACL();
	make("f", 1000, 55, S_IFREG | 02755);
	make("k", 1000, 1000, S_IFREG | 02755);
	become(SEEN(1000), SEEN(1000));
	OK(set_acl(up("f"), ACCESS, "u::7 u:100001:7 g::5 m::7 o::5"));
	OK(set_acl(up("k"), ACCESS, "u::7 u:100001:7 g::5 m::7 o::5"));
	become_root();
	BOTH("f", 1000, 55, S_IFREG | 0775);
	BOTH("k", 1000, 1000, S_IFREG | 02775);
	ACL_IS(lo("f"), ACCESS, "u::7 u:1:7 g::5 m::7 o::5");
}

TEST_F(shift, default_inherited)
{
	NEED_ACL();
	make("d", 1000, 1000, S_IFDIR | 0777);
	become(SEEN(1000), SEEN(1000));
	OK(set_acl(up("d"), DEFAULT, "u::7 u:100007:6 g::5 m::7 o::1"));
	become_root();
	ACL_IS(lo("d"), DEFAULT, "u::7 u:7:6 g::5 m::7 o::1");
	ACL_IS(up("d"), DEFAULT, "u::7 u:100007:6 g::5 m::7 o::1");

	become(SEEN(2000), SEEN(2000));
	umask(077);	/* has no say where a default ACL is */
	OK(touch(upper, "d/f", 0666));
	OK(mkdirat(upper, "d/sub", 0777));
	OK(mknodat(upper, "d/p", S_IFIFO | 0640, 0));
	OK(symlinkat("x", upper, "d/l"));
	umask(0);
	become_root();
	BOTH("d/f", 2000, 2000, S_IFREG | 0660);
	ACL_IS(lo("d/f"), ACCESS, "u::6 u:7:6 g::5 m::6 o::0");
	ACL_IS(up("d/f"), ACCESS, "u::6 u:100007:6 g::5 m::6 o::0");
	BOTH("d/sub", 2000, 2000, S_IFDIR | 0771);
	ACL_IS(lo("d/sub"), DEFAULT, "u::7 u:7:6 g::5 m::7 o::1");
	ACL_IS(lo("d/sub"), ACCESS, "u::7 u:7:6 g::5 m::7 o::1");
	BOTH("d/p", 2000, 2000, S_IFIFO | 0640);
	BOTH("d/l", 2000, 2000, S_IFLNK | 0777);
	become(SEEN(7), SEEN(7));
	OK(put(upper, "d/f", "named"));
	become_root();
	CONTENT(lower, "d/f", "named");
}

TEST_F(shift, default_and_tmpfile)
{
	int fd;

	NEED_ACL();
	fd = openat(lower, ".", O_TMPFILE | O_RDWR, 0600);
	SKIP_IF(fd < 0 && errno == EOPNOTSUPP, "the lower has no O_TMPFILE");
	make("d", 1000, 1000, S_IFDIR | 0777);
	OK(set_acl(lo("d"), DEFAULT, "u::7 u:7:6 g::5 m::7 o::1"));
	become(SEEN(1000), SEEN(1000));
	umask(022);
	fd = OK(openat(upper, "d", O_TMPFILE | O_RDWR, 0666));
	umask(0);
	become_caps(SEEN(1000), SEEN(1000));
	OK(linkat(fd, "", upper, "d/f", AT_EMPTY_PATH));
	become_root();
	ACL_IS(lo("d/f"), ACCESS, "u::6 u:7:6 g::5 m::6 o::0");
	BOTH("d/f", 1000, 1000, S_IFREG | 0660);
}

TEST_F(shift, listed)
{
	char above[256], below[256];
	ssize_t n;

	NEED_ACL();
	make("d", 1000, 1000, S_IFDIR | 0755);
	OK(set_acl(lo("d"), DEFAULT, "u::7 u:7:6 g::5 m::7 o::1"));
	OK(set_acl(lo("d"), ACCESS, "u::7 u:7:6 g::5 m::7 o::1"));
	n = OK(listxattr(lo("d"), below, sizeof(below)));
	EQ(n, listxattr(up("d"), above, sizeof(above)));
	CHECK(memmem(above, n, ACCESS, sizeof(ACCESS)));
	CHECK(memmem(above, n, DEFAULT, sizeof(DEFAULT)));
}

/* An ACL on the directory decides about names in it. */
TEST_F(shift, on_directories)
{
	NEED_ACL();
	make("d", 1000, 1000, S_IFDIR | 0700);
	make("d/f", 1000, 1000, S_IFREG | 0644);
	OK(set_acl(lo("d"), ACCESS, "u::7 u:1:7 u:2:1 g::0 m::7 o::0"));
	become(SEEN(1), SEEN(1));
	OK(touch(upper, "d/g", 0600));
	become(SEEN(2), SEEN(2));
	close(OK(openat(upper, "d/f", O_RDONLY)));
	FAILS(touch(upper, "d/h", 0600), EACCES);
	become(SEEN(3), SEEN(3));
	FAILS(openat(upper, "d/f", O_RDONLY), EACCES);
	become_root();
	BOTH("d/g", 1, 1, S_IFREG | 0600);
	ABSENT_BOTH("d/h");
}

/* What the mode gives to everybody an ACL takes from somebody, at once. */
TEST_F(shift, set_below_on_directories)
{
	NEED_ACL();
	make("d", 1000, 1000, S_IFDIR | 0755);
	make("d/f", 1000, 1000, S_IFREG | 0644);
	for (int i = 0; i < 3; i++) {
		become(SEEN(3), SEEN(3));
		close(OK(openat(upper, "d/f", O_RDONLY)));
		become_root();
		OK(set_acl(lo("d"), ACCESS, "u::7 u:3:0 g::5 m::5 o::5"));
		become(SEEN(3), SEEN(3));
		FAILS(openat(upper, "d/f", O_RDONLY), EACCES);
		become(SEEN(4), SEEN(4));
		close(OK(openat(upper, "d/f", O_RDONLY)));
		become_root();
		OK(set_acl(lo("d"), ACCESS, "u::7 u:4:0 g::5 m::5 o::5"));
		become(SEEN(3), SEEN(3));
		close(OK(openat(upper, "d/f", O_RDONLY)));
		become(SEEN(4), SEEN(4));
		FAILS(openat(upper, "d/f", O_RDONLY), EACCES);
		become_root();
		OK(removexattr(lo("d"), ACCESS));
	}
	ACL_IS(up("d"), ACCESS, get_acl(lo("d"), ACCESS));
}

/* More ACLs than a mount keeps translations of, and each is changed below. */
TEST_F(shift, many)
{
	char name[16], stored[64], seen[64];

	NEED_ACL();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 64; i++) {
			int id = 10 + i + round * 100;

			snprintf(name, sizeof(name), "f%d", i);
			if (!round)
				make(name, 1000, 1000, S_IFREG | 0640);
			snprintf(stored, sizeof(stored),
				 "u::6 u:%d:4 g::4 m::4 o::0", id);
			OK(set_acl(lo(name), ACCESS, stored));
		}
		for (int i = 0; i < 192; i++) {
			int id = 10 + i % 64 + round * 100;

			snprintf(name, sizeof(name), "f%d", i % 64);
			snprintf(seen, sizeof(seen),
				 "u::6 u:%d:4 g::4 m::4 o::0", SEEN(id));
			ACL_IS(up(name), ACCESS, seen);
			become(SEEN(id), SEEN(id));
			close(OK(openat(upper, name, O_RDONLY)));
			become(SEEN(id + 1), SEEN(id + 1));
			FAILS(openat(upper, name, O_RDONLY), EACCES);
			become_root();
		}
	}
}

SHIFT_TEST_MAIN
