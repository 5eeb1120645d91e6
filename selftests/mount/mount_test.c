// SPDX-License-Identifier: GPL-2.0-or-later
/* Sources, mount flags, stacking, bind mounts and umount. */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define SHIFT_HELPER helper
static int helper(int argc, char **argv);
#include "fixture.h"

/* Exit status 0 when the effective user id is 100000, 3 when not. */
static int helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return geteuid() == SEEN(0) ? 0 : 3;
}

TEST_F(shift, directory_below_the_root)
{
	int view;

	make("d", 5, 5, S_IFDIR | 0755);
	make("d/f", 6, 7, S_IFREG | 0644);
	view = open_view(lo("d"), MAP, 0, NULL);
	ATTR(view, "", SEEN(5), SEEN(5), S_IFDIR | 0755);
	ATTR(view, "f", SEEN(6), SEEN(7), S_IFREG | 0644);
	become(SEEN(5), SEEN(5));
	OK(put(view, "g", "x"));
	become_root();
	BOTH("d/g", 5, 5, S_IFREG | 0644);
	/* the root of a mount can move below, and still is the root */
	OK(renameat(lower, "d", lower, "e"));
	ATTR(view, "f", SEEN(6), SEEN(7), S_IFREG | 0644);
	become(SEEN(5), SEEN(5));
	OK(touch(view, "h", 0600));
	become_root();
	ATTR(lower, "e/h", 5, 5, S_IFREG | 0600);
}

TEST_F(shift, single_file)
{
	const char *point = mount_point(false);
	struct stat s;
	char buf[8];
	int fd;

	make("f", 1000, 2000, S_IFREG | 0640);
	OK(put(lower, "f", "file"));
	OK(mount_map(lo("f"), point, MAP, 0));
	OK(stat(point, &s));
	EQ(SEEN(1000), s.st_uid);
	EQ(SEEN(2000), s.st_gid);
	EQ(S_IFREG | 0640, s.st_mode);
	EQ(st(lower, "f").st_ino, s.st_ino);
	become(SEEN(1000), SEEN(1000));
	fd = OK(open(point, O_RDWR | O_APPEND));
	EQ(4, read(fd, buf, 8));
	EQ(4, write(fd, "more", 4));
	OK(chmod(point, 0600));
	become(SEEN(1001), SEEN(1001));
	FAILS(open(point, O_RDONLY), EACCES);
	become_root();
	OK(chown(point, SEEN(7), SEEN(8)));
	FAILS(open(point, O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(unlink(point), EBUSY);
	close(fd);
	CONTENT(lower, "f", "filemore");
	BOTH("f", 7, 8, S_IFREG | 0600);
	/* its name below may go, the mount stays */
	OK(unlinkat(lower, "f", 0));
	fd = OK(open(point, O_RDONLY));
	EQ(8, read(fd, buf, 8));
	EQ(0, st(fd, "").st_nlink);
	close(fd);
	OK(umount(point));
}

TEST_F(shift, single_special_file)
{
	const char *point = mount_point(false);
	struct stat s;

	make("p", 1, 2, S_IFIFO | 0600);
	OK(mount_map(lo("p"), point, MAP, 0));
	OK(stat(point, &s));
	EQ(S_IFIFO | 0600, s.st_mode);
	EQ(SEEN(1), s.st_uid);
	OK(umount(point));
	BOTH("p", 1, 2, S_IFIFO | 0600);
}

static void refuses_writes(int dir)
{
	become(SEEN(0), SEEN(0));
	FAILS(openat(dir, "f", O_WRONLY), EROFS);
	FAILS(touch(dir, "new", 0600), EROFS);
	FAILS(mkdirat(dir, "new", 0700), EROFS);
	FAILS(unlinkat(dir, "f", 0), EROFS);
	FAILS(renameat(dir, "f", dir, "g"), EROFS);
	FAILS(fchmodat(dir, "f", 0600, 0), EROFS);
	FAILS(utimensat(dir, "f", NULL, 0), EROFS);
	close(OK(openat(dir, "f", O_RDONLY)));
	become_root();
	ABSENT_BOTH("new");
	BOTH("f", 0, 0, S_IFREG | 0644);
}

TEST_F(shift, read_only_mount)
{
	struct mount_attr rw = { .attr_clr = MOUNT_ATTR_RDONLY };
	const char *point;
	int view;

	make("f", 0, 0, S_IFREG | 0644);
	view = open_view(lower_path, MAP, MOUNT_ATTR_RDONLY, &point);
	refuses_writes(view);
	OK(mount_setattr(AT_FDCWD, point, 0, &rw, sizeof(rw)));
	become(SEEN(0), SEEN(0));
	OK(touch(view, "new", 0600));
	become_root();
	BOTH("new", 0, 0, S_IFREG | 0600);
}

TEST_F(shift, read_only_superblock)
{
	const char *pairs[] = { "source", lower_path, "idmap", MAP, "ro", NULL,
				NULL };
	const char *point = mount_point(true);
	char source[PATH_MAX], options[PATH_MAX];
	int mnt, view;

	ONLY_SHIFTFS();
	make("f", 0, 0, S_IFREG | 0644);
	mnt = OK(shiftfs_fsmount(pairs, 0));
	OK(move_mount(mnt, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	view = OK(open(point, O_RDONLY | O_DIRECTORY));
	CHECK(mount_info(point, source, options, sizeof(options)));
	CHECK(!strncmp(options, "ro,", 3));
	refuses_writes(view);
	/* remounted writable and back, with the options it shows */
	OK(mount(NULL, point, NULL, MS_REMOUNT, "idmap=" MAP));
	become(SEEN(0), SEEN(0));
	OK(touch(view, "new", 0600));
	become_root();
	BOTH("new", 0, 0, S_IFREG | 0600);
	OK(unlinkat(lower, "new", 0));
	OK(mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	refuses_writes(view);
}

TEST_F(shift, remount_keeps_the_map)
{
	ONLY_SHIFTFS();
	make("f", 1, 2, S_IFREG | 0644);
	FAILS(mount(NULL, upper_path, NULL, MS_REMOUNT,
		    "idmap=b:0:200000:65536"), EINVAL);
	FAILS(mount(NULL, upper_path, NULL, MS_REMOUNT, "nonsense"), EINVAL);
	BOTH("f", 1, 2, S_IFREG | 0644);
	OK(mount(NULL, upper_path, NULL, MS_REMOUNT, NULL));
	BOTH("f", 1, 2, S_IFREG | 0644);
}

/* What the source's own mount forbids stays forbidden. */
TEST_F(shift, read_only_source)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *bind = mount_point(true);
	int view;

	make("f", 0, 0, S_IFREG | 0644);
	OK(mount(lower_path, bind, NULL, MS_BIND, NULL));
	OK(mount_setattr(AT_FDCWD, bind, 0, &ro, sizeof(ro)));
	view = open_view(bind, MAP, 0, NULL);
	refuses_writes(view);
}

TEST_F(shift, nosuid)
{
	int view = open_view(lower_path, MAP, MOUNT_ATTR_NOSUID, NULL);

	copy_self("s", 0, 0, 04755);
	AS_NS(userns(MAP), 1000, 1000, 0)
		EQ(3, run(view, "s"));
	AS_NS(-1, SEEN(1000), SEEN(1000), 0) {
		EQ(3, run(view, "s"));
		/* without it the file is of stored root, seen as 100000 */
		EQ(0, run(upper, "s"));
	}
	BOTH("s", 0, 0, S_IFREG | 04755);
}

TEST_F(shift, nodev)
{
	int view = open_view(lower_path, MAP, MOUNT_ATTR_NODEV, NULL);

	OK(mknodat(lower, "null", S_IFCHR | 0666, makedev(1, 3)));
	become(SEEN(1), SEEN(1));
	FAILS(openat(view, "null", O_RDONLY), EACCES);
	close(OK(openat(upper, "null", O_RDONLY)));
	become_root();
	EQ(makedev(1, 3), st(view, "null").st_rdev);
}

TEST_F(shift, noexec)
{
	int view = open_view(lower_path, MAP, MOUNT_ATTR_NOEXEC, NULL);

	copy_self("p", 0, 0, 0755);
	AS_NS(-1, SEEN(0), SEEN(0), 0) {
		EQ(EXEC_FAILED(EACCES), run(view, "p"));
		EQ(0, run(upper, "p"));
	}
	BOTH("p", 0, 0, S_IFREG | 0755);
}

/* The flags of the source's mount bind the shifted one as well. */
TEST_F(shift, flags_of_the_source)
{
	struct mount_attr set = { .attr_set = MOUNT_ATTR_NOEXEC |
					      MOUNT_ATTR_NODEV };
	const char *bind = mount_point(true);
	int view;

	copy_self("p", 0, 0, 0755);
	OK(mknodat(lower, "null", S_IFCHR | 0666, makedev(1, 3)));
	OK(mount(lower_path, bind, NULL, MS_BIND, NULL));
	OK(mount_setattr(AT_FDCWD, bind, 0, &set, sizeof(set)));
	view = open_view(bind, MAP, 0, NULL);
	AS_NS(-1, SEEN(0), SEEN(0), 0) {
		EQ(EXEC_FAILED(EACCES), run(view, "p"));
		FAILS(openat(view, "null", O_RDONLY), EACCES);
	}
	ATTR(view, "p", SEEN(0), SEEN(0), S_IFREG | 0755);
}

TEST_F(shift, bind_mounts)
{
	const char *bind = mount_point(true);
	int view;

	make("d", 1, 1, S_IFDIR | 0777);
	OK(mount(up("d"), bind, NULL, MS_BIND, NULL));
	view = OK(open(bind, O_RDONLY | O_DIRECTORY));
	become(SEEN(3), SEEN(3));
	OK(put(view, "f", "bound"));
	become_root();
	BOTH("d/f", 3, 3, S_IFREG | 0644);
	ATTR(view, "f", SEEN(3), SEEN(3), S_IFREG | 0644);
	FAILS(renameat(view, "f", upper, "g"), EXDEV);
	FAILS(umount(bind), EBUSY);
	close(view);
	OK(umount(bind));
	CONTENT(lower, "d/f", "bound");
}

TEST_F(shift, umount_of_a_busy_mount)
{
	const char *point;
	int view, fd;

	make("f", 1, 1, S_IFREG | 0644);
	view = open_view(lower_path, MAP, 0, &point);
	fd = OK(openat(view, "f", O_RDWR));
	close(view);
	FAILS(umount(point), EBUSY);
	OK(umount2(point, MNT_DETACH));
	/* detached, the open file goes on */
	EQ(2, write(fd, "on", 2));
	ATTR(fd, "", SEEN(1), SEEN(1), S_IFREG | 0644);
	close(fd);
	CONTENT(lower, "f", "on");
	CONTENT(upper, "f", "on");
}

/* The mount holds its source: the source's mount point is free to go. */
TEST_F(shift, source_unmounted)
{
	const char *disk = mount_point(true);
	int view;

	OK(small_lower(disk, "1m"));
	OK(chmod(disk, 0777));
	if (!on_shiftfs() && mount_map(disk, mount_point(true), MAP, 0))
		return;	/* an oracle without idmapped tmpfs */
	view = open_view(disk, MAP, 0, NULL);
	OK(umount2(disk, on_shiftfs() ? 0 : MNT_DETACH));
	become(SEEN(1), SEEN(1));
	OK(put(view, "f", "kept"));
	become_root();
	ATTR(view, "f", SEEN(1), SEEN(1), S_IFREG | 0644);
	CONTENT(view, "f", "kept");
}

/* Mounts below the source are not part of the tree. */
TEST_F(shift, submounts_are_not_seen)
{
	int view;

	make("d", 1, 1, S_IFDIR | 0755);
	OK(mount("over", lo("d"), "tmpfs", 0, "mode=0700"));
	OK(close(OK(open(lo("d/x"), O_CREAT | O_WRONLY, 0600))));
	view = open_view(lower_path, MAP, 0, NULL);
	ATTR(view, "d", SEEN(1), SEEN(1), S_IFDIR | 0755);
	ABSENT(view, "d/x");
	ABSENT(upper, "d/x");
	OK(umount(lo("d")));
}

/* A lower that is an idmapped mount itself: the maps compose. */
TEST_F(shift, idmapped_lower)
{
	const char *idmapped;
	int view;

	ONLY_SHIFTFS();
	idmapped = idmap_point(lower_path, "b:0:200000:65536");
	SKIP_IF(!idmapped, "the lower has no idmapped mounts");
	/* what is shown as 200000 is stored as 0 and shown as 300000 */
	view = open_view(idmapped, "b:200000:300000:1000", 0, NULL);
	make("f", 5, 6, S_IFREG | 0600);
	make("half", 5, 2000, S_IFREG | 0600);
	ATTR(view, "f", 300005, 300006, S_IFREG | 0600);
	ATTR(view, "half", 300005, NOBODY, S_IFREG | 0600);
	become(300005, 300005);
	CONTENT(view, "f", "");
	OK(touch(view, "new", 0640));
	become(SEEN(5), SEEN(5));
	FAILS(touch(view, "bad", 0640), EOVERFLOW);
	become_root();
	ATTR(lower, "new", 5, 5, S_IFREG | 0640);
	ATTR(view, "new", 300005, 300005, S_IFREG | 0640);
	OK(fchownat(view, "f", 300007, 300008, 0));
	ATTR(lower, "f", 7, 8, S_IFREG | 0600);
	ABSENT(lower, "bad");
	/* ids that the idmapped mount does not show are not shown here */
	make("u", OUTSIDE, 0, S_IFREG | 0644);
	ATTR(view, "u", NOBODY, 300000, S_IFREG | 0644);
}

/* An idmapped mount of a shiftfs mount: the maps compose upwards. */
TEST_F(shift, idmapped_shiftfs)
{
	const char *point = mount_point(true);
	int tree, view;

	ONLY_SHIFTFS();
	tree = OK(idmap_mount(upper_path, "b:100000:400000:1000", 0));
	OK(move_mount(tree, "", AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH));
	view = OK(open(point, O_RDONLY | O_DIRECTORY));
	make("f", 5, 6, S_IFREG | 0600);
	make("out", 2000, 2000, S_IFREG | 0644);
	ATTR(view, "f", 400005, 400006, S_IFREG | 0600);
	ATTR(view, "out", NOBODY, NOBODY, S_IFREG | 0644);
	become(400005, 400005);
	OK(put(view, "f", "x"));
	OK(touch(view, "new", 0640));
	OK(mkdirat(view, "newd", 0750));
	OK(symlinkat("x", view, "newl"));
	OK(fchmodat(view, "f", 0644, 0));
	become(SEEN(5), SEEN(5));
	FAILS(touch(view, "bad", 0640), EOVERFLOW);
	become_root();
	OK(fchownat(view, "f", 400007, 400008, 0));
	FAILS(fchownat(view, "f", SEEN(7), -1, 0), EOVERFLOW);
	BOTH("f", 7, 8, S_IFREG | 0644);
	BOTH("new", 5, 5, S_IFREG | 0640);
	BOTH("newd", 5, 5, S_IFDIR | 0750);
	BOTH("newl", 5, 5, S_IFLNK | 0777);
	ABSENT_BOTH("bad");
	CONTENT(lower, "f", "x");
}

/* Each superblock is one; -1 where shiftfs is no module. */
static int module_users(void)
{
	FILE *f = fopen("/sys/module/shiftfs/refcnt", "re");
	int n = -1;

	if (!f)
		return -1;
	EQ(1, fscanf(f, "%d", &n));
	fclose(f);
	return n;
}

/*
 * shiftfs on shiftfs is as deep as the kernel stacks; on an overlay it is
 * too deep already.
 */
TEST_F(shift, stacking)
{
	const char *point = mount_point(true);
	int users, view = -1;

	ONLY_SHIFTFS();
	make("f", 5, 6, S_IFREG | 0600);
	if (!lower_is("overlay")) {
		view = open_view(upper_path, "b:100000:300000:65536", 0,
				 &point);
		ATTR(view, "f", 300005, 300006, S_IFREG | 0600);
		become(300005, 300005);
		OK(put(view, "f", "deep"));
		OK(touch(view, "g", 0600));
		become_root();
		CONTENT(lower, "f", "deep");
		BOTH("g", 5, 5, S_IFREG | 0600);
	} else {
		point = upper_path;
	}
	users = module_users();
	FAILS(mount_map(point, mount_point(true), MAP, 0), EINVAL);
	CHECK(strstr(mount_log, "stacked"));
	/* of which nothing is kept */
	if (view < 0 || users < 0)
		return;
	close(view);
	OK(umount(point));
	EQ(users - 1, module_users());
}

static int mount_overlay(const char *point, const char *dir)
{
	static char data[PATH_MAX * 3 + 128];

	snprintf(data, sizeof(data),
		 "lowerdir=%s/l,upperdir=%s/u,workdir=%s/w", dir, dir, dir);
	return mount("ovl", point, "overlay", 0, data);
}

/* An overlay with all its layers on the mount. */
TEST_F(shift, overlay_on_top)
{
	const char *point = mount_point(true);
	struct statvfs sfs;
	int view;

	make("l", 0, 0, S_IFDIR | 0755);
	make("u", 0, 0, S_IFDIR | 0777);
	make("w", 0, 0, S_IFDIR | 0777);
	make("l/gone", 1, 1, S_IFREG | 0644);
	make("l/up", 1, 1, S_IFREG | 0666);
	make("l/dir", 1, 1, S_IFDIR | 0755);
	make("l/dir/x", 1, 1, S_IFREG | 0644);
	/* the mounter's ids must have a stored form */
	become_caps(SEEN(0), SEEN(0));
	if (on_shiftfs() && lower_is("overlay")) {
		FAILS(mount_overlay(point, upper_path), EINVAL);
		return;
	}
	OK(mount_overlay(point, upper_path));
	become_root();
	OK(statvfs(point, &sfs));
	CHECK(!(sfs.f_flag & ST_RDONLY));
	view = OK(open(point, O_RDONLY | O_DIRECTORY));
	become(SEEN(1), SEEN(1));
	ATTR(view, "up", SEEN(1), SEEN(1), S_IFREG | 0666);
	OK(put(view, "up", "copied"));
	become_caps(SEEN(0), SEEN(0));
	OK(unlinkat(view, "gone", 0));
	OK(touch(view, "new", 0600));
	OK(fchownat(view, "new", SEEN(9), SEEN(9), 0));
	OK(mkdirat(view, "dir/more", 0755));
	become_root();
	ABSENT(view, "gone");
	BOTH("u/up", 1, 1, S_IFREG | 0666);
	CONTENT(lower, "u/up", "copied");
	BOTH("l/up", 1, 1, S_IFREG | 0666);
	CONTENT(lower, "l/up", "");
	BOTH("u/gone", 0, 0, S_IFCHR);
	BOTH("u/new", 9, 9, S_IFREG | 0600);
	BOTH("u/dir", 1, 1, S_IFDIR | 0755);
	close(view);
	OK(umount(point));
}

/* Other users of the mount namespace cannot mount. */
TEST_F(shift, unprivileged)
{
	ONLY_SHIFTFS();
	become(SEEN(0), SEEN(0));
	FAILS(fsopen("shiftfs", 0), EPERM);
	become_root();
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		int fd;

		OK(unshare(CLONE_NEWNS));
		fd = fsopen("shiftfs", 0);
		if (fd >= 0) {
			OK(fsconfig(fd, FSCONFIG_SET_STRING, "source",
				    lower_path, 0));
			OK(fsconfig(fd, FSCONFIG_SET_STRING, "idmap", MAP, 0));
			FAILS(fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0),
			      EPERM);
		} else {
			CHECK(errno == EPERM);
		}
	}
}

/* What cannot be shown is refused, and its own reason is said. */
TEST_F(shift, refused_kinds)
{
	const char *huge = mount_point(true);

	ONLY_SHIFTFS();
	FAILS(mount_map("/proc", mount_point(true), MAP, 0), EINVAL);
	CHECK(strstr(mount_log, "each process"));
	if (mount("none", huge, "hugetlbfs", 0, NULL)) {
		EQ(ENODEV, errno);
		return;
	}
	FAILS(mount_map(huge, mount_point(true), MAP, 0), EINVAL);
	CHECK(strstr(mount_log, "huge pages"));
}

/* Are the file's contents in the page cache alone, with no place on the disk? */
static bool is_delayed(int fd)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extent;
	} f = { .map = { .fm_length = ~0ULL, .fm_extent_count = 1 } };

	return !ioctl(fd, FS_IOC_FIEMAP, &f) && f.map.fm_mapped_extents &&
	       f.extent.fe_flags & FIEMAP_EXTENT_DELALLOC;
}

/* The lower filesystem stays mounted: it is not written out, but by syncfs(2). */
TEST_F(shift, end_writes_nothing_out)
{
	static char text[65536];
	bool delayed = true, kept = false;
	const char *target;
	int fd, view;

	ONLY_SHIFTFS();
	memset(text, 'x', sizeof(text));
	fd = OK(openat(lower, "f", O_CREAT | O_RDWR, 0600));
	/* the kernel writes it out by itself after a while, but not five times */
	for (int i = 0; i < 5 && !kept; i++) {
		OK(ftruncate(fd, 0));
		EQ(sizeof(text), pwrite(fd, text, sizeof(text), 0));
		/* no more to see on tmpfs and overlayfs */
		delayed = is_delayed(fd);
		if (!delayed)
			break;
		view = open_view(lower_path, MAP, 0, &target);
		OK(mount(NULL, target, NULL, MS_REMOUNT | MS_RDONLY, NULL));
		kept = is_delayed(fd);
		close(view);
		OK(umount2(target, 0));
		kept = kept && is_delayed(fd);
	}
	if (delayed) {
		CHECK(kept);
		OK(syncfs(upper));
		CHECK(!is_delayed(fd));
	}
	close(fd);
}

/* The device that a mount keeps busy can be found. */
TEST_F(shift, mountstats)
{
	char line[4096], want[64];
	bool found = false;
	FILE *f;

	ONLY_SHIFTFS();
	snprintf(want, sizeof(want), " dev=%u:%u", major(st(lower, "").st_dev),
		 minor(st(lower, "").st_dev));
	f = fopen("/proc/self/mountstats", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "with fstype shiftfs") && strstr(line, " lower="))
			found |= lower_is("btrfs") || strstr(line, want);
	fclose(f);
	CHECK(found);
}

/* Handles of an exported mount are good for the next one of the same. */
TEST_F(shift, fsid)
{
	struct statfs one, two, other, below;
	const char *target;
	int view;

	ONLY_SHIFTFS();
	OK(fstatfs(lower, &below));
	view = open_view(lower_path, "b:0:300000:65536", 0, &target);
	OK(fstatfs(view, &one));
	close(view);
	OK(umount2(target, 0));
	/* another device number than before */
	view = open_view(lower_path, "b:0:400000:65536", 0, NULL);
	OK(fstatfs(view, &other));
	two = one;
	close(open_view(lower_path, "b:0:300000:65536", 0, &target));
	OK(statfs(target, &two));
	CHECK(!memcmp(&one.f_fsid, &two.f_fsid, sizeof(one.f_fsid)));
	CHECK(memcmp(&one.f_fsid, &other.f_fsid, sizeof(one.f_fsid)));
	CHECK(memcmp(&one.f_fsid, &below.f_fsid, sizeof(one.f_fsid)));
	close(view);
}

SHIFT_TEST_MAIN
