// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * creds=caller and chown=ignore: the lower filesystem is asked by the caller
 * himself, without capabilities. The rules C1 to C8 are in
 * Documentation/design/credentials-and-marks.rst.
 */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return 0;
}

#define SHIFT_HELPER helper
#include "fixture.h"

static int view_with(const char *creds, const char *chown, const char **point)
{
	const char *pairs[] = { "source", lower_path, "idmap", MAP,
				"creds", creds, "chown", chown, NULL };
	int fd = shiftfs_fsmount(pairs, 0);

	if (fd < 0)
		return -1;
	*point = mount_point(true);
	OK(move_mount(fd, "", AT_FDCWD, *point, MOVE_MOUNT_F_EMPTY_PATH));
	close(fd);
	return OK(open(*point, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int caller(void)
{
	const char *point;

	return OK(view_with("caller", "fail", &point));
}

TEST_F(shift, owner_and_groups)
{
	gid_t groups[] = { SEEN(300), STRANGER };
	int view;

	ONLY_SHIFTFS();
	view = caller();
	make("f", 1000, 2000, S_IFREG | 0600);
	make("g", 0, 300, S_IFREG | 0660);
	make("d", 1000, 1000, S_IFDIR | 0700);
	become_groups(SEEN(1000), SEEN(1000), 2, groups);
	OK(put(view, "f", "owner"));
	OK(put(view, "g", "member"));
	CONTENT(view, "g", "member");
	OK(touch(view, "d/new", 0640));
	OK(mkdirat(view, "d/dir", 0750));
	OK(symlinkat("x", view, "d/link"));
	OK(linkat(view, "f", view, "d/hard", 0));
	OK(renameat(view, "d/hard", view, "d/moved"));
	OK(fchmodat(view, "f", 0640, 0));
	OK(fchownat(view, "f", -1, SEEN(300), 0));
	OK(utimensat(view, "f", NULL, 0));
	/* the mode is for those who come later */
	close(OK(openat(view, "d/ro", O_CREAT | O_RDWR, 0400)));
	close(OK(openat(view, "d/none", O_CREAT | O_WRONLY, 0)));
	become_root();
	ATTR(lower, "d/new", 1000, 1000, S_IFREG | 0640);
	ATTR(lower, "d/dir", 1000, 1000, S_IFDIR | 0750);
	ATTR(lower, "f", 1000, 300, S_IFREG | 0640);
	ATTR(lower, "d/moved", 1000, 300, S_IFREG | 0640);
	ATTR(lower, "d/none", 1000, 1000, S_IFREG | 0);
	become(SEEN(1000), SEEN(1000));
	ATTR(view, "d/new", SEEN(1000), SEEN(1000), S_IFREG | 0640);
	become_root();
	FAILS(faccessat(view, "d/new", F_OK, 0), EACCES);
}

/* C2: above the root of a namespace has capabilities, below he has none. */
TEST_F(shift, no_capabilities_below)
{
	int view, fd;

	ONLY_SHIFTFS();
	view = caller();
	make("f", 1000, 1000, S_IFREG | 0600);
	make("d", 1000, 1000, S_IFDIR | 0755);
	make("d/f", 1000, 1000, S_IFREG | 0644);
	make("own", 0, 0, S_IFREG | 0600);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		/* as on an idmapped mount */
		close(OK(openat(upper, "f", O_RDONLY)));
		FAILS(openat(view, "f", O_RDONLY), EACCES);
		FAILS(openat(view, "d/f", O_WRONLY), EACCES);
		FAILS(unlinkat(view, "d/f", 0), EACCES);
		FAILS(renameat(view, "d/f", view, "d/g"), EACCES);
		FAILS(touch(view, "d/new", 0600), EACCES);
		FAILS(fchmodat(view, "f", 0666, 0), EPERM);
		FAILS(fchownat(view, "f", 0, 0, 0), EPERM);
		FAILS(fchownat(view, "own", 1000, 1000, 0), EPERM);
		CONTENT(view, "d/f", "");
		/* what is his own is his own */
		OK(put(view, "own", "root"));
		OK(touch(view, "new", 0600));
		fd = OK(openat(view, "new", O_RDWR));
		EQ(4, write(fd, "data", 4));
		OK(ftruncate(fd, 2));
		CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0) != MAP_FAILED);
		OK(fchmod(fd, 0640));
		OK(futimens(fd, NULL));
	}
	CONTENT(lower, "new", "da");
	ATTR(lower, "new", 0, 0, S_IFREG | 0640);
	ATTR(lower, "f", 1000, 1000, S_IFREG | 0600);
	ATTR(lower, "own", 0, 0, S_IFREG | 0600);
	/* the host's root, whom the map lacks, is not one of these: below */
	FAILS(mknodat(view, "null", S_IFCHR | 0666, makedev(1, 3)), EOVERFLOW);
}

/* C3: the host's root has no stored id. He is neither 0 below nor nobody. */
TEST_F(shift, unmapped_callers)
{
	int view;

	ONLY_SHIFTFS();
	view = caller();
	make("root", 0, 0, S_IFREG | 0600);
	make("nobody", NOBODY, NOBODY, S_IFREG | 0660);
	make("all", 0, 0, S_IFREG | 0644);
	CONTENT(view, "all", "");
	FAILS(openat(view, "root", O_RDONLY), EACCES);
	FAILS(openat(view, "nobody", O_RDONLY), EACCES);
	FAILS(openat(view, "all", O_WRONLY), EACCES);
	FAILS(touch(view, "new", 0600), EOVERFLOW);
	FAILS(fchmodat(view, "root", 0666, 0), EPERM);
	become_groups(SEEN(5), STRANGER, 0, NULL);
	FAILS(openat(view, "nobody", O_RDONLY), EACCES);
	FAILS(touch(view, "new", 0600), EOVERFLOW);
	become_root();
	ATTR(lower, "root", 0, 0, S_IFREG | 0600);
	ABSENT(lower, "new");
}

/* The capabilities with which it was mounted would do all of these. */
TEST_F(shift, nothing_of_the_mounter)
{
	int view;

	ONLY_SHIFTFS();
	view = caller();
	make("f", 5, 5, S_IFREG | 0644);
	become_caps(SEEN(5), SEEN(5));
	FAILS(mknodat(view, "null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
	FAILS(fchownat(view, "f", SEEN(6), -1, 0), EPERM);
	{
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d/f", view);
		errno = 0;
		CHECK(setxattr(path, "trusted.x", "", 0, 0) < 0);
		CHECK(errno == EPERM || errno == EOPNOTSUPP);
	}
	become_root();
	ATTR(lower, "f", 5, 5, S_IFREG | 0644);
	ABSENT(lower, "null");
}

TEST_F(shift, chown_ignore)
{
	const char *point;
	int view, fd;

	ONLY_SHIFTFS();
	view = OK(view_with("caller", "ignore", &point));
	make("f", 0, 0, S_IFREG | 0644);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		OK(fchownat(view, "f", 1000, 1000, 0));
		fd = OK(openat(view, "f", O_RDWR));
		OK(fchown(fd, 5, -1));
		/* who may not chown here is refused here */
		FAILS(fchownat(view, "f", OUTSIDE, -1, 0), EINVAL);
	}
	AS_NS(userns(MAP), 1000, 1000, 0)
		FAILS(fchownat(view, "f", 1000, -1, 0), EPERM);
	ATTR(view, "f", SEEN(0), SEEN(0), S_IFREG | 0644);
	ATTR(lower, "f", 0, 0, S_IFREG | 0644);

	/* where it is not refused it is done */
	view = OK(view_with("mounter", "ignore", &point));
	OK(fchownat(view, "f", SEEN(7), SEEN(8), 0));
	ATTR(lower, "f", 7, 8, S_IFREG | 0644);
	/* an error that is no refusal stays one */
	FAILS(fchownat(view, "f", STRANGER, -1, 0), EOVERFLOW);
	OK(mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	FAILS(fchownat(view, "f", SEEN(9), -1, 0), EROFS);
}

/* cp -a and tar as root of a container, over a filesystem which refuses. */
TEST_F(shift, archivers)
{
	const char *point;
	char cmd[PATH_MAX];
	int view;

	ONLY_SHIFTFS();
	view = OK(view_with("caller", "ignore", &point));
	make("to", 0, 0, S_IFDIR | 0755);
	make("src", 0, 0, S_IFDIR | 0755);
	make("src/f", 1000, 1000, S_IFREG | 0644);
	OK(put(lower, "src/f", "text"));
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		snprintf(cmd, sizeof(cmd),
			 "cp -a %s/src %s/to/copy && tar -C %s -c src | tar -C %s/to -xp",
			 point, point, point, point);
		EQ(0, system(cmd));
	}
	CONTENT(lower, "to/copy/f", "text");
	CONTENT(lower, "to/src/f", "text");
	ATTR(lower, "to/copy/f", 0, 0, S_IFREG | 0644);
	close(view);
}

/* With chown=ignore a squash hides that nobody can be given a file. */
TEST_F(shift, chown_ignore_and_squash)
{
	const char *pairs[] = { "source", lower_path, "squash_uid", "5",
				"squash_gid", "6", "chown", "ignore",
				"creds", "caller", NULL };
	const char *point = mount_point(true);
	int fd, view;

	ONLY_SHIFTFS();
	fd = OK(shiftfs_fsmount(pairs, 0));
	OK(move_mount(fd, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	view = OK(open(point, O_RDONLY | O_DIRECTORY));
	/* everybody is stored as 5:6 and asks as 5:6 */
	OK(touch(view, "f", 0644));
	OK(fchownat(view, "f", 1000, 1000, 0));
	ATTR(view, "f", 5, 6, S_IFREG | 0644);
	ATTR(lower, "f", 5, 6, S_IFREG | 0644);
	make("other", 7, 7, S_IFREG | 0600);
	FAILS(openat(view, "other", O_RDONLY), EACCES);
}

/* To execute is not to read: below the caller is asked for what he wants. */
TEST_F(shift, exec_of_what_cannot_be_read)
{
	int view;

	ONLY_SHIFTFS();
	view = caller();
	copy_self("x", 0, 0, 0711);
	copy_self("r", 0, 0, 0744);
	become(SEEN(1000), SEEN(1000));
	EQ(0, run(view, "x"));
	FAILS(openat(view, "x", O_RDONLY), EACCES);
	EQ(EXEC_FAILED(EACCES), run(view, "r"));
	close(OK(openat(view, "r", O_RDONLY)));
	become_root();
	BOTH("x", 0, 0, S_IFREG | 0711);
}

/* C6 */
TEST_F(shift, no_idmapped_mount_of_it)
{
	const char *point;
	int view;

	ONLY_SHIFTFS();
	view = OK(view_with("caller", "fail", &point));
	close(OK(idmap_mount(upper_path, "b:100000:200000:65536", 0)));
	SKIP_IF(!kernel_since(6, 12),
		"only the filesystem type can refuse it before 6.12");
	FAILS(idmap_mount(point, "b:100000:200000:65536", 0), EINVAL);
	close(view);
}

TEST_F(shift, options)
{
	char src[PATH_MAX], opts[256];
	const char *point, *again = mount_point(true);

	ONLY_SHIFTFS();
	FAILS(view_with("root", "fail", &point), EINVAL);
	FAILS(view_with("caller", "maybe", &point), EINVAL);
	OK(view_with("caller", "ignore", &point));
	CHECK(mount_info(point, src, opts, sizeof(opts)));
	CHECK(strstr(opts, "idmap=b:0:100000:65536,creds=caller,chown=ignore"));
	OK(mount(lower_path, again, "shiftfs", 0, strstr(opts, "idmap")));
	FAILS(mount(NULL, point, NULL, MS_REMOUNT, "creds=mounter"), EINVAL);
	FAILS(mount(NULL, point, NULL, MS_REMOUNT, "chown=fail"), EINVAL);
	OK(mount(NULL, point, NULL, MS_REMOUNT, strstr(opts, "idmap")));
	OK(view_with("mounter", "fail", &point));
	CHECK(mount_info(point, src, opts, sizeof(opts)));
	CHECK(!strstr(opts, "creds") && !strstr(opts, "chown"));
}

/* Who may not remove a capability may well change a file that has one. */
TEST_F(shift, capability_of_a_changed_file)
{
	struct vfs_cap_data v = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW,
	};
	int view, fd;

	ONLY_SHIFTFS();
	view = caller();
	make("f", 1000, 1000, S_IFREG | 0755);
	make("g", 1000, 1000, S_IFREG | 0755);
	OK(setxattr(lo("f"), "security.capability", &v, sizeof(v), 0));
	OK(setxattr(lo("g"), "security.capability", &v, sizeof(v), 0));
	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(view, "f", O_WRONLY));
	OK(ftruncate(fd, 10));
	close(fd);
	OK(fchownat(view, "g", -1, SEEN(1000), 0));
	become_root();
	FAILS(getxattr(lo("f"), "security.capability", NULL, 0), ENODATA);
	FAILS(getxattr(lo("g"), "security.capability", NULL, 0), ENODATA);
	EQ(10, st(view, "f").st_size);
	BOTH("f", 1000, 1000, S_IFREG | 0755);
}

SHIFT_TEST_MAIN
