// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * security.capability: a capability belongs to a root id, 0 in version 2 and
 * the one in the value in version 3. That id is mapped as an owner is.
 */
#include <endian.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define SHIFT_HELPER has_caps
static int has_caps(int argc, char **argv);
#include "fixture.h"

#define NAME "security.capability"
#define NET_RAW (1u << CAP_NET_RAW)

/* Exit status 0 when CAP_NET_RAW is effective, 3 when not. */
static int has_caps(int argc, char **argv)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	(void)argc, (void)argv;
	if (syscall(SYS_capget, &head, data))
		return 2;
	return data[0].effective & NET_RAW ? 0 : 3;
}

static int set_v2(const char *path)
{
	struct vfs_cap_data v = {
		.magic_etc = htole32(VFS_CAP_REVISION_2 |
				     VFS_CAP_FLAGS_EFFECTIVE),
		.data[0].permitted = htole32(NET_RAW),
	};

	return setxattr(path, NAME, &v, sizeof(v), 0);
}

static int set_v3(const char *path, uid_t root)
{
	struct vfs_ns_cap_data v = {
		.magic_etc = htole32(VFS_CAP_REVISION_3 |
				     VFS_CAP_FLAGS_EFFECTIVE),
		.data[0].permitted = htole32(NET_RAW),
		.rootid = htole32(root),
	};

	return setxattr(path, NAME, &v, sizeof(v), 0);
}

/* The root id that the caller reads, 0 for version 2; -1 and errno if none */
static long root_of(const char *path)
{
	struct vfs_ns_cap_data v;
	ssize_t n = getxattr(path, NAME, &v, sizeof(v));

	if (n < 0)
		return -1;
	CHECK(le32toh(v.data[0].permitted) == NET_RAW);
	CHECK(le32toh(v.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE);
	if (n == XATTR_CAPS_SZ_2) {
		EQ(VFS_CAP_REVISION_2,
		   le32toh(v.magic_etc) & VFS_CAP_REVISION_MASK);
		return 0;
	}
	EQ(XATTR_CAPS_SZ_3, n);
	EQ(VFS_CAP_REVISION_3, le32toh(v.magic_etc) & VFS_CAP_REVISION_MASK);
	return le32toh(v.rootid);
}

/* Stored version 2, as a Debian image has it: the container's root owns it. */
TEST_F(shift, stored_v2)
{
	copy_self("p", 0, 0, 0755);
	OK(set_v2(lo("p")));
	EQ(SEEN(0), root_of(up("p")));
	AS_NS(userns(MAP), 1000, 1000, 0) {
		EQ(0, root_of(up("p")));
		EQ(0, run(upper, "p"));
	}
	/* it gives nothing to a caller outside that namespace */
	AS_NS(-1, SEEN(1000), SEEN(1000), 0)
		EQ(3, run(upper, "p"));
	AS_NS(userns("b:0:200000:65536"), 1000, 1000, 0) {
		EQ(3, run(upper, "p"));
		FAILS(root_of(up("p")), EOVERFLOW);
	}
	EQ(0, root_of(lo("p")));
}

TEST_F(shift, stored_v3)
{
	copy_self("p", 0, 0, 0755);
	copy_self("q", 0, 0, 0755);
	OK(set_v3(lo("p"), 1000));
	EQ(SEEN(1000), root_of(up("p")));
	/* namespaces whose root is that id, and nobody else */
	AS_NS(userns("b:0:101000:100"), 5, 5, 0) {
		EQ(0, root_of(up("p")));
		EQ(0, run(upper, "p"));
	}
	AS_NS(userns(MAP), 5, 5, 0) {
		EQ(1000, root_of(up("p")));
		EQ(3, run(upper, "p"));
	}
	/* a root id that is not mapped owns nothing above */
	OK(set_v3(lo("q"), OUTSIDE));
	FAILS(root_of(up("q")), EOVERFLOW);
	AS_NS(userns(MAP), 5, 5, 0)
		EQ(3, run(upper, "q"));
	EQ(OUTSIDE, root_of(lo("q")));
}

/* Set inside a namespace: bound to what that namespace's root is stored as. */
TEST_F(shift, set_inside)
{
	copy_self("p", 0, 0, 0755);
	copy_self("q", 1000, 1000, 0755);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		OK(set_v2(up("p")));
		EQ(0, root_of(up("p")));
		EQ(0, run(upper, "p"));
	}
	EQ(SEEN(0), root_of(up("p")));
	EQ(0, root_of(lo("p")));
	AS_NS(userns("b:0:101000:100"), 0, 0, ALL_CAPS) {
		OK(set_v2(up("q")));
		EQ(0, root_of(up("q")));
		EQ(0, run(upper, "q"));
		/* not an inode of its own */
		FAILS(set_v2(up("p")), EPERM);
	}
	EQ(SEEN(1000), root_of(up("q")));
	/* never a capability of the host's root below */
	EQ(1000, root_of(lo("q")));
	AS_NS(-1, 1000, 1000, 0)
		EQ(3, run(lower, "q"));
}

/*
 * Host root names its own id 0, which is stored nowhere: no version 2
 * capability may come to lie below.
 */
TEST_F(shift, set_by_host_root)
{
	copy_self("p", 0, 0, 0755);
	FAILS(set_v2(up("p")), EINVAL);
	FAILS(set_v3(up("p"), 0), EINVAL);
	FAILS(set_v3(up("p"), STRANGER), EINVAL);
	FAILS(root_of(lo("p")), ENODATA);
	FAILS(root_of(up("p")), ENODATA);
	OK(set_v3(up("p"), SEEN(7)));
	EQ(7, root_of(lo("p")));
	EQ(SEEN(7), root_of(up("p")));
	OK(removexattr(up("p"), NAME));
	FAILS(root_of(lo("p")), ENODATA);
}

TEST_F(shift, permission_to_set)
{
	bool unchecked;

	make("q", 1000, 1000, S_IFREG | 0755);
	make("p", 1000, 1000, S_IFREG | 0755);
	become(SEEN(1000), SEEN(1000));
	FAILS(set_v2(up("p")), EPERM);
	FAILS(set_v3(up("p"), SEEN(0)), EPERM);
	become_root();
	AS_NS(userns(MAP), 1000, 1000, 0)
		FAILS(set_v2(up("p")), EPERM);
	AS_NS(userns("b:0:200000:65536"), 0, 0, ALL_CAPS)
		FAILS(set_v2(up("p")), EPERM);
	FAILS(root_of(lo("p")), ENODATA);
	OK(set_v2(lo("p")));
	/*
	 * Before 6.10 a kernel with the BPF LSM forgets to ask for CAP_SETFCAP
	 * here, on any file system.
	 */
	OK(set_v2(lo("q")));
	become(1001, 1001);
	unchecked = !removexattr(lo("q"), NAME);
	become(SEEN(1001), SEEN(1001));
	if (!unchecked)
		FAILS(removexattr(up("p"), NAME), EPERM);
	become_root();
	AS_NS(userns(MAP), 0, 0, ALL_CAPS)
		OK(removexattr(up("p"), NAME));
	FAILS(root_of(lo("p")), ENODATA);
}

TEST_F(shift, malformed)
{
	struct vfs_ns_cap_data v = { .magic_etc = htole32(0x07000000) };

	make("f", 0, 0, S_IFREG | 0755);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(setxattr(up("f"), NAME, &v, sizeof(v), 0), EINVAL);
		FAILS(setxattr(up("f"), NAME, &v, 3, 0), EINVAL);
	}
	FAILS(getxattr(lo("f"), NAME, &v, sizeof(v)), ENODATA);
}

/* chown, write and truncate take them away, below as well. */
TEST_F(shift, killed)
{
	int fd;

	for (int i = 0; i < 4; i++) {
		char name[2] = { "cwto"[i], 0 };

		make(name, 1000, 1000, S_IFREG | 0777);
		OK(set_v2(lo(name)));
		EQ(SEEN(0), root_of(up(name)));
	}
	OK(fchownat(upper, "c", SEEN(5), -1, 0));
	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(upper, "w", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	fd = OK(openat(upper, "t", O_WRONLY));
	OK(ftruncate(fd, 5));
	close(fd);
	close(OK(openat(upper, "o", O_WRONLY | O_TRUNC)));
	become_root();
	FAILS(root_of(lo("c")), ENODATA);
	FAILS(root_of(lo("w")), ENODATA);
	FAILS(root_of(lo("t")), ENODATA);
	FAILS(root_of(lo("o")), ENODATA);
	FAILS(root_of(up("w")), ENODATA);
	BOTH("c", 5, 1000, S_IFREG | 0777);
}

TEST_F(shift, nosuid_mount)
{
	int view;

	copy_self("p", 0, 0, 0755);
	OK(set_v2(lo("p")));
	view = open_view(lower_path, MAP, MOUNT_ATTR_NOSUID, NULL);
	AS_NS(userns(MAP), 1000, 1000, 0)
		EQ(3, run(view, "p"));
	AS_NS(userns(MAP), 1000, 1000, 0)
		EQ(0, run(upper, "p"));
}

/* The lower mount does not show whose it is: it is nobody's, and no error. */
TEST_F(shift, nobodys_below)
{
	const char *idmapped, *point;
	char path[PATH_MAX];
	int view;

	ONLY_SHIFTFS();
	idmapped = idmap_point(lower_path, "b:1000:200000:1000");
	SKIP_IF(!idmapped, "the lower has no idmapped mounts");
	copy_self("p", 1000, 1000, 0755);
	OK(set_v2(lo("p")));
	view = open_view(idmapped, "b:200000:300000:1000", 0, &point);
	AS_NS(-1, 300000, 300000, 0)
		EQ(3, run(view, "p"));
	snprintf(path, sizeof(path), "%s/p", point);
	FAILS(root_of(path), EOVERFLOW);
	ATTR(view, "p", 300000, 300000, S_IFREG | 0755);
	EQ(0, root_of(lo("p")));
}

SHIFT_TEST_MAIN
