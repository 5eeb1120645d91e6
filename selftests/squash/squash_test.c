// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * squash_uid= and squash_gid=: one id is stored for all and one is seen for
 * all. Each test is a line of the table in Documentation/filesystems/shiftfs.rst.
 */
#include <linux/capability.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define SHIFT_HELPER helper
static int helper(int argc, char **argv);
#include "acl.h"
#include "fixture.h"

#define U 1000u			/* stored */
#define G 2000u
#define S 300000u		/* seen */
#define T 400000u

/* Exit status 0 with the ids and capabilities of the caller, else 3. */
static int helper(int argc, char **argv)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	(void)argc, (void)argv;
	if (geteuid() != getuid() || getegid() != getgid())
		return 3;
	if (syscall(SYS_capget, &head, data))
		return 2;
	return data[0].effective ? 3 : 0;
}

static int try_view(const char *source, const char *map, const char *uid,
		    const char *gid, const char **point)
{
	const char *pairs[12] = { "source", source };
	int n = 2, fd, ret, err;

	if (map) {
		pairs[n++] = "idmap";
		pairs[n++] = map;
	}
	if (uid) {
		pairs[n++] = "squash_uid";
		pairs[n++] = uid;
	}
	if (gid) {
		pairs[n++] = "squash_gid";
		pairs[n++] = gid;
	}
	fd = shiftfs_fsmount(pairs, 0);
	if (fd < 0)
		return -1;
	*point = mount_point(true);
	ret = move_mount(fd, "", AT_FDCWD, *point, MOVE_MOUNT_F_EMPTY_PATH);
	err = errno;
	close(fd);
	errno = err;
	return ret ? -1 : OK(open(*point, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int squash(const char *uid, const char *gid)
{
	const char *point;
	int view = try_view(lower_path, MAP, uid, gid, &point);

	if (view < 0)
		fail_at(__FILE__, __LINE__, "squash_uid=%s,squash_gid=%s: %s\n# %s",
			uid, gid, strerror(errno), mount_log);
	return view;
}

#define BOTH_IDS() squash("1000:300000", "2000:400000")

TEST_F(shift, create)
{
	int view, fd;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	/* mapped, or in no map at all, or the host's root */
	become(SEEN(5), SEEN(6));
	OK(touch(view, "mapped", 0644));
	OK(mkdirat(view, "d", 0755));
	OK(symlinkat("t", view, "l"));
	OK(mknodat(view, "p", S_IFIFO | 0600, 0));
	become(STRANGER, STRANGER);
	OK(touch(view, "stranger", 0644));
	become_root();
	OK(touch(view, "root", 0644));
	fd = openat(view, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0) {
		CHECK(errno == EOPNOTSUPP);
	} else {
		ATTR(fd, "", S, T, S_IFREG | 0600);
		/* given a name it can be looked at below */
		OK(linkat(fd, "", view, "tmp", AT_EMPTY_PATH));
		ATTR(lower, "tmp", U, G, S_IFREG | 0600);
	}

	ATTR(view, "mapped", S, T, S_IFREG | 0644);
	ATTR(lower, "mapped", U, G, S_IFREG | 0644);
	ATTR(lower, "d", U, G, S_IFDIR | 0755);
	EQ(U, st(lower, "l").st_uid);
	EQ(G, st(lower, "l").st_gid);
	ATTR(lower, "p", U, G, S_IFIFO | 0600);
	ATTR(lower, "stranger", U, G, S_IFREG | 0644);
	ATTR(lower, "root", U, G, S_IFREG | 0644);
}

TEST_F(shift, seen_by_default)
{
	const char *point;
	int view;

	ONLY_SHIFTFS();
	view = squash("1000", "2000");
	make("f", 7, 8, S_IFREG | 0644);
	ATTR(view, "f", SEEN(U), SEEN(G), S_IFREG | 0644);
	ATTR(lower, "f", 7, 8, S_IFREG | 0644);
	/* what the map lacks needs a SEEN */
	FAILS(try_view(lower_path, MAP, "70000", NULL, &point), EINVAL);
	CHECK(strstr(mount_log, "squash_uid=70000:SEEN"));
	FAILS(try_view(lower_path, MAP, "1:2:3", NULL, &point), EINVAL);
	FAILS(try_view(lower_path, MAP, NULL, "4294967295", &point), EINVAL);
	FAILS(try_view(lower_path, MAP, NULL, "", &point), EINVAL);
}

/* Without a map all other ids stand for themselves: what fsGroup does. */
TEST_F(shift, no_map)
{
	const char *point;
	int view;

	ONLY_SHIFTFS();
	view = OK(try_view(lower_path, NULL, NULL, "2000", &point));
	make("f", 7, 8, S_IFREG | 0660);
	ATTR(view, "f", 7, G, S_IFREG | 0660);
	become(5, G);
	OK(put(view, "f", "member"));
	OK(touch(view, "g", 0640));
	become(5, 8);
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	become_root();
	ATTR(lower, "f", 7, 8, S_IFREG | 0660);
	ATTR(lower, "g", 5, G, S_IFREG | 0640);
}

/* Who is admitted is a matter of the mode and of the ids that are seen. */
TEST_F(shift, stored_by_others)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("f", 7, 8, S_IFREG | 0640);
	make("out", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	ATTR(view, "f", S, T, S_IFREG | 0640);
	become(S, 1);
	OK(put(view, "f", "owner"));
	/* an owner whom the map lacks is squashed like any other */
	OK(put(view, "out", "owner"));
	OK(futimens(OK(openat(view, "f", O_RDONLY)), NULL));
	become(STRANGER, T);
	CONTENT(view, "f", "owner");
	FAILS(openat(view, "f", O_WRONLY), EACCES);
	become(SEEN(7), SEEN(8));
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	become(7, 8);
	FAILS(openat(view, "f", O_RDONLY), EACCES);
	become_root();
	ATTR(lower, "f", 7, 8, S_IFREG | 0640);
	ATTR(lower, "out", OUTSIDE, OUTSIDE, S_IFREG | 0600);
	CONTENT(lower, "out", "owner");
}

TEST_F(shift, chown)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("f", 7, 8, S_IFREG | 0644);
	OK(fchownat(view, "f", S, T, 0));
	OK(fchownat(view, "f", S, -1, 0));
	OK(fchownat(view, "f", -1, T, 0));
	FAILS(fchownat(view, "f", SEEN(5), -1, 0), EPERM);
	FAILS(fchownat(view, "f", -1, SEEN(5), 0), EPERM);
	FAILS(fchownat(view, "f", U, G, 0), EPERM);
	become(S, 1);
	OK(fchownat(view, "f", S, -1, 0));
	OK(fchownat(view, "f", -1, T, 0));
	FAILS(fchownat(view, "f", -1, 1, 0), EPERM);
	become(SEEN(7), SEEN(8));
	FAILS(fchownat(view, "f", S, -1, 0), EPERM);
	become_root();
	ATTR(lower, "f", 7, 8, S_IFREG | 0644);
	/* as any chown it takes privileges away */
	make("s", 7, 8, S_IFREG | 06755);
	OK(fchownat(view, "s", S, T, 0));
	ATTR(lower, "s", 7, 8, S_IFREG | 0755);
}

TEST_F(shift, chgrp_with_a_squashed_owner)
{
	int view;

	ONLY_SHIFTFS();
	view = squash("1000:300000", NULL);
	make("f", 7, 8, S_IFREG | 0644);
	ATTR(view, "f", S, SEEN(8), S_IFREG | 0644);
	OK(fchownat(view, "f", S, SEEN(9), 0));
	ATTR(lower, "f", 7, 9, S_IFREG | 0644);
	FAILS(fchownat(view, "f", SEEN(1), SEEN(9), 0), EPERM);
}

TEST_F(shift, chmod)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("f", 7, 8, S_IFREG | 0644);
	become(S, 1);
	OK(fchmodat(view, "f", 0600, 0));
	become(SEEN(7), SEEN(8));
	FAILS(fchmodat(view, "f", 0666, 0), EPERM);
	become_root();
	ATTR(view, "f", S, T, S_IFREG | 0600);
	ATTR(lower, "f", 7, 8, S_IFREG | 0600);
}

/* S2: nobody gets a stored or a seen owner's rights by a file's mode. */
TEST_F(shift, setid_bits)
{
	int view, fd;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	/* not stored, whoever asks */
	copy_self("f", 0, 0, 0755);
	become(S, T);
	OK(fchmodat(view, "f", 06755, 0));
	become_root();
	ATTR(lower, "f", 0, 0, S_IFREG | 0755);
	OK(fchmodat(view, "f", 06755, 0));
	ATTR(lower, "f", 0, 0, S_IFREG | 0755);
	OK(touch(view, "new", 06755));
	ATTR(lower, "new", U, G, S_IFREG | 0755);
	OK(mknodat(view, "node", S_IFREG | 06755, 0));
	ATTR(lower, "node", U, G, S_IFREG | 0755);
	fd = openat(view, ".", O_TMPFILE | O_RDWR, 06755);
	if (fd >= 0)
		EQ(S_IFREG | 0755, st(fd, "").st_mode);

	/* not effective where it is stored already, but shown */
	copy_self("s", 7, 8, 06755);
	ATTR(view, "s", S, T, S_IFREG | 06755);
	AS_NS(-1, SEEN(5), SEEN(5), 0) {
		EQ(0, run(view, "s"));
		EQ(3, run(upper, "s"));
	}
	/* and written to it goes */
	become(S, T);
	fd = OK(openat(view, "s", O_WRONLY | O_TRUNC));
	close(fd);
	become_root();
	ATTR(lower, "s", 7, 8, S_IFREG | 0755);
	make("w", 7, 8, S_IFREG | 06755);
	become(S, T);
	fd = OK(openat(view, "w", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	become_root();
	ATTR(lower, "w", 7, 8, S_IFREG | 0755);
}

TEST_F(shift, setgid_directory)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("d", 7, 8, S_IFDIR | 02777);
	become(SEEN(5), SEEN(6));
	OK(touch(view, "d/f", 0644));
	OK(mkdirat(view, "d/e", 0755));
	become_root();
	/* the lower filesystem hands the directory's group on */
	ATTR(lower, "d/f", U, 8, S_IFREG | 0644);
	ATTR(lower, "d/e", U, 8, S_IFDIR | 02755);
	ATTR(view, "d/f", S, T, S_IFREG | 0644);
	/* the bit is stored for directories */
	OK(mkdirat(view, "n", 0755));
	OK(fchmodat(view, "n", 02755, 0));
	ATTR(lower, "n", U, G, S_IFDIR | 02755);
}

TEST_F(shift, acl)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("f", 7, 8, S_IFREG | 0640);
	SKIP_IF(set_acl(lo("f"), ACCESS, "u::6 u:5:6 u:7:0 g::4 m::6 o::0") &&
		errno == EOPNOTSUPP, "the lower has no ACLs");
	/* entries are mapped, not squashed; owner and group are those seen */
	{
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d/f", view);
		ACL_IS(path, ACCESS, "u::6 u:100005:6 u:100007:0 g::4 m::6 o::0");
		become(SEEN(5), 1);
		OK(put(view, "f", "named"));
		become(SEEN(7), 1);
		FAILS(openat(view, "f", O_RDONLY), EACCES);
		become(S, 1);
		OK(put(view, "f", "owner"));
		OK(set_acl(path, ACCESS, "u::6 g::0 g:100009:4 m::4 o::0"));
		become(STRANGER, SEEN(9));
		CONTENT(view, "f", "owner");
		become_root();
	}
	ACL_IS(lo("f"), ACCESS, "u::6 g::0 g:9:4 m::4 o::0");
	ATTR(lower, "f", 7, 8, S_IFREG | 0640);
}

TEST_F(shift, file_capabilities)
{
	struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW,
	};
	char path[64];
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	snprintf(path, sizeof(path), "/proc/self/fd/%d/f", view);
	copy_self("f", 7, 8, 0755);
	FAILS(setxattr(path, "security.capability", &cap, sizeof(cap), 0),
	      EPERM);
	FAILS(getxattr(lo("f"), "security.capability", &cap, sizeof(cap)),
	      ENODATA);
	OK(setxattr(lo("f"), "security.capability", &cap, sizeof(cap), 0));
	FAILS(getxattr(path, "security.capability", &cap, sizeof(cap)),
	      ENODATA);
	AS_NS(-1, 1, 1, 0) {
		EQ(3, run(lower, "f"));
		EQ(0, run(view, "f"));
	}
	/* hidden, and gone by what takes privileges away */
	OK(fchownat(view, "f", S, T, 0));
	FAILS(getxattr(lo("f"), "security.capability", &cap, sizeof(cap)),
	      ENODATA);
	for (int i = 0; i < 2; i++) {
		int fd;

		OK(setxattr(lo("f"), "security.capability", &cap, sizeof(cap),
			    0));
		fd = OK(openat(view, "f", O_WRONLY));
		if (i)
			EQ(1, write(fd, "x", 1));
		else
			OK(ftruncate(fd, 10));
		close(fd);
		FAILS(getxattr(lo("f"), "security.capability", &cap,
			       sizeof(cap)), ENODATA);
	}
}

static void quota_of(const char *disk, uid_t id, struct dqblk *q)
{
	char src[256], opts[256];

	CHECK(mount_info(disk, src, opts, sizeof(src)));
	OK(quotactl(QCMD(Q_GETQUOTA, USRQUOTA), src, id, (void *)q));
}

/* The stored owner is charged, and limited. */
TEST_F(shift, quota)
{
	const char *disk, *point, *image = lo("image");
	char cmd[PATH_MAX * 2], src[256], opts[256];
	struct dqblk q;
	int view;

	ONLY_SHIFTFS();
	SKIP_IF(!lower_is("ext4"), "made on an ext4 of its own, once");
	disk = mount_point(true);
	snprintf(cmd, sizeof(cmd),
		 "modprobe -q -a quota_v2 loop; mkfs.ext4 -q -F -O quota -E quotatype=usrquota %s 8M && mount -o loop,usrquota %s %s",
		 image, image, disk);
	EQ(0, system(cmd));
	OK(chmod(disk, 0777));
	view = OK(try_view(disk, MAP, "1000:300000", "2000:400000", &point));
	CHECK(mount_info(disk, src, opts, sizeof(src)));
	quota_of(disk, U, &q);
	q.dqb_ihardlimit = q.dqb_curinodes + 2;
	q.dqb_valid = QIF_ILIMITS;
	OK(quotactl(QCMD(Q_SETQUOTA, USRQUOTA), src, U, (void *)&q));
	become(SEEN(5), SEEN(5));
	OK(touch(view, "1", 0644));
	become(STRANGER, STRANGER);
	OK(touch(view, "2", 0644));
	FAILS(touch(view, "3", 0644), EDQUOT);
	become(S, T);
	FAILS(touch(view, "3", 0644), EDQUOT);
	become_root();
	quota_of(disk, U, &q);
	EQ(2, q.dqb_curinodes);
	quota_of(disk, 5, &q);
	EQ(0, q.dqb_curinodes);
	close(view);
	OK(umount(point));
	OK(umount(disk));
}

TEST_F(shift, link_to_a_foreign_file)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("f", 7, 8, S_IFREG | 0600);
	/* fs.protected_hardlinks asks who the owner is: who is seen */
	become(SEEN(7), SEEN(8));
	FAILS(linkat(view, "f", view, "g", 0), EPERM);
	become(S, 1);
	OK(linkat(view, "f", view, "g", 0));
	become_root();
	ATTR(view, "g", S, T, S_IFREG | 0600);
	ATTR(lower, "g", 7, 8, S_IFREG | 0600);
	EQ(2, st(lower, "f").st_nlink);
}

TEST_F(shift, sticky_directory)
{
	int view;

	ONLY_SHIFTFS();
	view = BOTH_IDS();
	make("d", 7, 8, S_IFDIR | 01777);
	make("d/f", 9, 9, S_IFREG | 0600);
	become(SEEN(9), SEEN(9));
	FAILS(unlinkat(view, "d/f", 0), EPERM);
	become(S, 1);
	OK(renameat(view, "d/f", view, "d/g"));
	OK(unlinkat(view, "d/g", 0));
	become_root();
	ABSENT(lower, "d/g");
}

/* What mountinfo shows makes the same mount; a remount changes none of it. */
TEST_F(shift, options_are_shown)
{
	char src[4096], opts[4096], cmd[8192];
	const char *point, *again = mount_point(true);

	ONLY_SHIFTFS();
	OK(try_view(lower_path, MAP, "1000", "2000:400000", &point));
	CHECK(mount_info(point, src, opts, sizeof(opts)));
	CHECK(strstr(opts, "idmap=b:0:100000:65536,squash_uid=1000:101000,squash_gid=2000:400000"));
	OK(mount(lower_path, again, "shiftfs", 0, strstr(opts, "idmap")));
	snprintf(cmd, sizeof(cmd), "mount -o remount,ro %s", point);
	EQ(0, system(cmd));
	snprintf(cmd, sizeof(cmd),
		 "! mount -o remount,squash_uid=1001 %s 2>/dev/null", point);
	EQ(0, system(cmd));
}

SHIFT_TEST_MAIN
