// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holes that were found in shiftfs as Ubuntu shipped it, in overlayfs,
 * ecryptfs and others that stack or map ids: none of them here. A test for
 * each; Documentation/holes.rst has the list.
 */
#include <linux/btrfs.h>
#include <linux/capability.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <endian.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define SHIFT_HELPER report
static int report(int argc, char **argv);
#include "fixture.h"

#define CAPS "security.capability"

/*
 * What a program finds that was run through the mount: --helper ids UID GID
 * ends with 0 if those are the effective ids, caps if a capability is
 * effective, undumpable if so, and wait waits to be traced.
 */
static int report(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[0], "ids"))
		return geteuid() != strtoul(argv[1], NULL, 0) ||
		       getegid() != strtoul(argv[2], NULL, 0);
	if (argc == 1 && !strcmp(argv[0], "caps")) {
		struct __user_cap_header_struct head = {
			.version = _LINUX_CAPABILITY_VERSION_3,
		};
		struct __user_cap_data_struct data[2];

		OK(syscall(SYS_capget, &head, data));
		return !data[0].effective;
	}
	if (argc == 1 && !strcmp(argv[0], "undumpable"))
		return prctl(PR_GET_DUMPABLE) == 1;
	if (argc == 1 && !strcmp(argv[0], "wait")) {
		char c = 'r';

		if (write(1, &c, 1) == 1)
			pause();
		return 0;
	}
	return 2;
}

static void execute(int dir, const char *name, char **args)
{
	char *argv[8] = { "prog", "--helper" };
	int fd = OK(openat(dir, name, O_PATH | O_CLOEXEC));

	for (int i = 0; (argv[2 + i] = args[i]); i++)
		;
	execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	_exit(100);
}

static int run_args(int dir, const char *name, char **args)
{
	pid_t pid = spawn();

	if (!pid)
		execute(dir, name, args);
	return reap(pid);
}

static int run_ids(int dir, const char *name, uid_t uid, gid_t gid)
{
	char u[16], g[16];

	snprintf(u, sizeof(u), "%u", uid);
	snprintf(g, sizeof(g), "%u", gid);
	return run_args(dir, name, (char *[]){ "ids", u, g, NULL });
}

/* A shiftfs mount that the test may unmount: nothing may be left behind. */
static int own_view(const char *source, const char **point)
{
	return open_view(source, MAP, 0, point);
}

static void end_view(int view, const char *point)
{
	close(view);
	OK(umount(point));
}

/* Open files in the system, to within what each processor counts alone. */
static long open_files(void)
{
	FILE *f = fopen("/proc/sys/fs/file-nr", "re");
	long n;

	CHECK(f && fscanf(f, "%ld", &n) == 1);
	fclose(f);
	return n;
}

static int set_caps(const char *path, uint32_t revision, uid_t root)
{
	struct vfs_ns_cap_data v = {
		.magic_etc = htole32(revision | VFS_CAP_FLAGS_EFFECTIVE),
		.data[0].permitted = htole32(1u << CAP_NET_RAW),
		.rootid = htole32(root),
	};

	return setxattr(path, CAPS, &v,
			revision == VFS_CAP_REVISION_2 ? XATTR_CAPS_SZ_2 :
							 XATTR_CAPS_SZ_3, 0);
}

static const unsigned long btrfs_ioctls[] = {
	BTRFS_IOC_SNAP_CREATE, BTRFS_IOC_SNAP_CREATE_V2,
	BTRFS_IOC_SUBVOL_CREATE, BTRFS_IOC_SUBVOL_CREATE_V2,
	BTRFS_IOC_SNAP_DESTROY, BTRFS_IOC_SUBVOL_GETFLAGS,
	BTRFS_IOC_SUBVOL_SETFLAGS, BTRFS_IOC_TREE_SEARCH, BTRFS_IOC_INO_PATHS,
};

/*
 * CVE-2019-15791: some ioctls of btrfs were passed on, after the descriptor in
 * the caller's table had been exchanged for the lower file; the argument of
 * theirs, too. Another thread could keep the lower file, and a reference was
 * lost. No ioctl is passed on, so no descriptor is ever exchanged.
 */
TEST_F(shift, cve_2019_15791_ioctl_passed_on)
{
	struct btrfs_ioctl_vol_args args = { .name = "made" };
	const char *point;
	int view, fd;

	SKIP_IF(!on_shiftfs(), "an idmapped mount is the lower file system");
	make("d", 1000, 1000, S_IFDIR | 0777);
	make("sub", 1000, 1000, S_IFREG | 0644);
	view = own_view(lower_path, &point);
	fd = OK(openat(view, "d", O_RDONLY | O_DIRECTORY));
	args.fd = fd;
	for (size_t i = 0; i < ARRAY_SIZE(btrfs_ioctls); i++) {
		become_caps(SEEN(0), SEEN(0));
		FAILS(ioctl(fd, btrfs_ioctls[i], &args), ENOTTY);
		become_root();
		FAILS(ioctl(fd, btrfs_ioctls[i], &args), ENOTTY);
		/* the descriptor is what it was */
		ATTR(fd, "", SEEN(1000), SEEN(1000), S_IFDIR | 0777);
	}
	ABSENT_BOTH("d/made");
	close(fd);
	end_view(view, point);
}

/*
 * CVE-2019-15792: the descriptor named in such an argument was taken for one
 * of shiftfs, whatever it was, and its private data for those of shiftfs.
 */
TEST_F(shift, cve_2019_15792_foreign_descriptor)
{
	struct {
		struct file_dedupe_range range;
		struct file_dedupe_range_info info;
	} dedupe = {
		.range = { .src_length = 4096, .dest_count = 1 },
	};
	int foreign[4], other[2], fd;

	SKIP_IF(!on_shiftfs(), "an idmapped mount is the lower file system");
	make("f", 1000, 1000, S_IFREG | 0666);
	OK(put(lower, "f", "kept"));
	fd = OK(openat(upper, "f", O_RDWR));
	OK(pipe(other));
	foreign[0] = OK(open("/dev/zero", O_RDWR));
	foreign[1] = other[0];
	foreign[2] = OK(openat(lower, "f", O_RDWR));
	foreign[3] = OK(open("/proc/self/mounts", O_RDONLY));
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		struct btrfs_ioctl_vol_args args = {
			.fd = foreign[i], .name = "made",
		};

		for (size_t j = 0; j < ARRAY_SIZE(btrfs_ioctls); j++)
			FAILS(ioctl(upper, btrfs_ioctls[j], &args), ENOTTY);
		CHECK(ioctl(fd, FICLONE, foreign[i]) < 0);
		CHECK(ioctl(foreign[i], FICLONE, fd) < 0);
		dedupe.info.dest_fd = foreign[i];
		dedupe.info.status = 0;
		CHECK(ioctl(fd, FIDEDUPERANGE, &dedupe) < 0 ||
		      dedupe.info.status != FILE_DEDUPE_RANGE_SAME);
		OK(fcntl(foreign[i], F_GETFD));
	}
	ABSENT_BOTH("made");
	CONTENT(lower, "f", "kept");
}

/*
 * CVE-2021-3492: when the argument of such an ioctl could not be read or
 * written back, memory was freed twice or not at all.
 */
TEST_F(shift, cve_2021_3492_faulting_argument)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long requests[] = {
		FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR,
		FS_IOC_FSSETXATTR, FS_IOC_FIEMAP, FICLONERANGE, FIDEDUPERANGE,
		BTRFS_IOC_SNAP_CREATE, BTRFS_IOC_SUBVOL_CREATE_V2,
	};
	const char *point;
	int view, fd;
	long before;

	CHECK(page != MAP_FAILED);
	/* an argument that ends in the middle */
	OK(mprotect(page + 4096, 4096, PROT_NONE));
	make("f", 1000, 1000, S_IFREG | 0666);
	view = own_view(lower_path, &point);
	fd = OK(openat(view, "f", O_RDWR));
	before = open_files();
	for (int round = 0; round < 100; round++)
		for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
			CHECK(ioctl(fd, requests[i], NULL) < 0);
			CHECK(ioctl(fd, requests[i], page + 4096) < 0);
			CHECK(ioctl(fd, requests[i], page + 4094) < 0);
			CHECK(ioctl(view, requests[i], page + 4094) < 0);
		}
	CHECK(open_files() - before < 500);
	BOTH("f", 1000, 1000, S_IFREG | 0666);
	close(fd);
	end_view(view, point);
}

/*
 * CVE-2019-15793: ids were translated by the wrong user namespace, that of the
 * caller or the initial one, so that root of the one could be root of another.
 * Here the lower file system belongs to a user namespace of its own, the
 * caller to a second, the mounter to the initial one.
 */
TEST_F(shift, cve_2019_15793_wrong_namespace)
{
	const char *disk = mount_point(true), *point;
	struct vfs_ns_cap_data caps;
	int ready[2], view, fd;
	pid_t owner;

	ONLY_SHIFTFS();
	OK(pipe(ready));
	userns("b:0:200000:65536");
	owner = spawn();
	if (!owner) {
		int fs, mnt;

		OK(setns(userns("b:0:200000:65536"), CLONE_NEWUSER));
		OK(setresgid(0, 0, 0));
		OK(setresuid(0, 0, 0));
		OK(unshare(CLONE_NEWNS));
		fs = OK(fsopen("tmpfs", 0));
		OK(fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0777", 0));
		OK(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		mnt = OK(fsmount(fs, 0, 0));
		OK(touch(mnt, "theirs", 0600));
		EQ(sizeof(mnt), write(ready[1], &mnt, sizeof(mnt)));
		pause();
	}
	close(ready[1]);
	EQ(sizeof(fd), read(ready[0], &fd, sizeof(fd)));
	fd = OK(syscall(SYS_pidfd_getfd, OK(syscall(SYS_pidfd_open, owner, 0)),
			fd, 0));
	OK(kill(owner, SIGKILL));
	reap(owner);
	OK(move_mount(fd, "", AT_FDCWD, disk, MOVE_MOUNT_F_EMPTY_PATH));
	/* their ids are shown as 300000 and on, for a third namespace */
	view = open_view(disk, "b:200000:300000:65536", 0, &point);
	ATTR(fd, "theirs", 200000, 200000, S_IFREG | 0600);
	ATTR(view, "theirs", 300000, 300000, S_IFREG | 0600);
	AS_NS(userns("b:0:300000:65536"), 0, 0, ALL_CAPS) {
		ATTR(view, "theirs", 0, 0, S_IFREG | 0600);
		OK(put(view, "theirs", "x"));
		OK(touch(view, "new", 0600));
		OK(fchownat(view, "new", 7, 8, 0));
		FAILS(fchownat(view, "new", 65536, -1, 0), EINVAL);
		OK(touch(view, "caps", 0700));
		OK(fchdir(view));
		OK(set_caps("caps", VFS_CAP_REVISION_2, 0));
	}
	/* good for the root who is stored */
	OK(fchdir(fd));
	EQ(XATTR_CAPS_SZ_3, getxattr("caps", CAPS, &caps, sizeof(caps)));
	EQ(200000, le32toh(caps.rootid));
	OK(chdir("/"));
	/* neither who owns the lower file system nor the initial root's ids */
	AS_NS(userns("b:0:200000:65536"), 0, 0, ALL_CAPS) {
		ATTR(view, "theirs", NOBODY, NOBODY, S_IFREG | 0600);
		FAILS(openat(view, "theirs", O_RDONLY), EACCES);
		FAILS(touch(view, "bad", 0600), EOVERFLOW);
		FAILS(fchmodat(view, "theirs", 0666, 0), EPERM);
	}
	become(0, 0);
	FAILS(fchownat(view, "theirs", 0, 0, 0), EOVERFLOW);
	become_root();
	ATTR(fd, "new", 200007, 200008, S_IFREG | 0600);
	ATTR(fd, "theirs", 200000, 200000, S_IFREG | 0600);
	ABSENT(fd, "bad");
	end_view(view, point);
	close(fd);
}

/*
 * CVE-2019-15794: where mmap(2) of the lower file failed, the reference of the
 * wrong file was dropped, in shiftfs and in overlayfs. What sysfs has cannot be
 * mapped, which its ->mmap says.
 */
TEST_F(shift, cve_2019_15794_failing_mmap)
{
	const char *point;
	char buf[64];
	int view, fd;
	long before;

	ONLY_SHIFTFS();
	view = open_view("/sys/kernel", "b:0:0:65536", 0, &point);
	fd = OK(openat(view, "uevent_seqnum", O_RDONLY));
	before = open_files();
	for (int i = 0; i < 1000; i++) {
		CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) ==
		      MAP_FAILED);
		EQ(ENODEV, errno);
	}
	/* each reference was given back, and once */
	CHECK(open_files() - before < 500);
	CHECK(pread(fd, buf, sizeof(buf), 0) > 0);
	close(fd);
	end_view(view, point);
}

/*
 * CVE-2021-3493, CVE-2023-2640, CVE-2023-32629: a file capability that root of
 * a user namespace set on an overlay was stored as it came, good for the
 * host's root. Here through the mount and through an overlay on it.
 */
TEST_F(shift, cve_2021_3493_file_capabilities)
{
	char *caps[] = { "caps", NULL };
	char top[PATH_MAX], options[4 * PATH_MAX];
	const char *point;
	int view;

	/* Whoever stores files of 0 owns those of the host's root. */
	view = open_view(lower_path, "b:1000:100000:60000", 0, &point);
	copy_self("p", 1000, 1000, 0755);
	make("l", 1000, 1000, S_IFDIR | 0755);
	make("u", 1000, 1000, S_IFDIR | 0777);
	make("w", 1000, 1000, S_IFDIR | 0777);
	copy_self("l/q", 1000, 1000, 0755);
	snprintf(top, sizeof(top), "%s/l", point);
	snprintf(options, sizeof(options),
		 "userxattr,lowerdir=%s/l,upperdir=%s/u,workdir=%s/w", point,
		 point, point);
	AS_NS(userns("b:0:100000:60000"), 0, 0, ALL_CAPS) {
		OK(fchdir(view));
		OK(set_caps("p", VFS_CAP_REVISION_2, 0));
		FAILS(set_caps("p", VFS_CAP_REVISION_3, 60000), EINVAL);
	}
	AS_NS(-1, 1, 1, 0)
		EQ(1, run_args(lower, "p", caps));
	AS_NS(-1, SEEN(1), SEEN(1), 0)
		EQ(1, run_args(view, "p", caps));
	AS_NS(userns("b:0:200000:65536"), 1, 1, 0)
		EQ(1, run_args(view, "p", caps));
	AS_NS(userns("b:0:100000:60000"), 1, 1, 0)
		EQ(0, run_args(view, "p", caps));

	AS_NS(userns("b:0:100000:60000"), 0, 0, ALL_CAPS) {
		OK(unshare(CLONE_NEWNS));
		if (mount("o", top, "overlay", 0, options)) {
			/* an overlay on this is one too many, or cannot be */
			CHECK(lower_is("overlay") || lower_is("tmpfs"));
			_exit(0);
		}
		OK(chdir(top));
		OK(set_caps("q", VFS_CAP_REVISION_2, 0));
	}
	if (lower_is("overlay") || faccessat(lower, "u/q", F_OK, 0))
		return;
	AS_NS(-1, 1, 1, 0)
		EQ(1, run_args(lower, "u/q", caps));
	AS_NS(userns("b:0:100000:60000"), 1, 1, 0)
		EQ(0, run_args(view, "u/q", caps));
}

/*
 * CVE-2023-0386: a setuid file of somebody whom the map lacks was copied up
 * as a setuid file of root. The owner gives nothing where he is nobody, and a
 * copy is not his.
 */
TEST_F(shift, cve_2023_0386_setuid_of_unmapped)
{
	copy_self("p", OUTSIDE, OUTSIDE, 06755);
	copy_self("r", 0, 0, 06755);
	copy_self("u", OUTSIDE, 7, 06755);
	for (int i = 0; i < 2; i++) {
		int ns = i ? userns(MAP) : -1;
		uid_t base = i ? 0 : SEEN(0);

		AS_NS(ns, base + 5, base + 6, 0) {
			EQ(0, run_ids(upper, "p", base + 5, base + 6));
			EQ(0, run_ids(upper, "u", base + 5, base + 6));
			/* stored root is the container's, not the host's */
			EQ(0, run_ids(upper, "r", base, base));
		}
	}
	/* another container is given nothing */
	AS_NS(userns("b:0:200000:65536"), 5, 6, 0) {
		EQ(0, run_ids(upper, "r", 5, 6));
		EQ(0, run_ids(upper, "p", 5, 6));
	}
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(fchownat(upper, "p", 0, 0, 0), EPERM);
		FAILS(linkat(upper, "p", upper, "new", 0), EOVERFLOW);
		FAILS(renameat(upper, "p", upper, "new"), EOVERFLOW);
	}
	ATTR(lower, "p", OUTSIDE, OUTSIDE, S_IFREG | 06755);
	ABSENT_BOTH("new");
}

/* CVE-2022-0847: a pipe that holds pages of a file was written into them. */
TEST_F(shift, cve_2022_0847_pipe_into_page_cache)
{
	char block[65536];
	int p[2], fd;

	make("f", 0, 0, S_IFREG | 0644);
	OK(put(lower, "f", "read only"));
	become(SEEN(1000), SEEN(1000));
	OK(pipe(p));
	memset(block, 'x', sizeof(block));
	/* every buffer gets the flag that lets it be merged */
	EQ(sizeof(block), write(p[1], block, sizeof(block)));
	EQ(sizeof(block), read(p[0], block, sizeof(block)));
	fd = OK(openat(upper, "f", O_RDONLY));
	EQ(1, splice(fd, &(loff_t){ 0 }, p[1], NULL, 1, 0));
	EQ(8, write(p[1], "OVERRIDE", 8));
	become_root();
	CONTENT(lower, "f", "read only");
	CONTENT(upper, "f", "read only");
}

/*
 * CVE-2015-2925: a directory that is moved out of what is mounted led to
 * everything by "..".
 */
TEST_F(shift, cve_2015_2925_moved_out)
{
	const char *point;
	int view, fd;

	make("secret", 1000, 1000, S_IFREG | 0666);
	make("out", 0, 0, S_IFDIR | 0777);
	make("sub", 0, 0, S_IFDIR | 0777);
	make("sub/a", 1000, 1000, S_IFDIR | 0777);
	make("sub/a/b", 1000, 1000, S_IFDIR | 0777);
	view = own_view(lo("sub"), &point);
	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(view, "a/b", O_RDONLY | O_DIRECTORY));
	become_root();
	OK(renameat(lower, "sub/a", lower, "out/a"));
	become(SEEN(1000), SEEN(1000));
	FAILS(openat(view, "a", O_RDONLY), ENOENT);
	/* wherever it leads: not out of the mount */
	for (int i = 1; i < 6; i++) {
		char path[64] = "";

		for (int j = 0; j < i; j++)
			strcat(path, "../");
		strcat(path, "secret");
		FAILS(openat(fd, path, O_RDONLY), ENOENT);
	}
	close(fd);
	become_root();
	end_view(view, point);
}

/*
 * CVE-2016-1583: a stacking file system on procfs, whose files do not expect
 * it. procfs says that nothing is to be stacked on it.
 */
TEST_F(shift, cve_2016_1583_on_procfs)
{
	ONLY_SHIFTFS();
	FAILS(mount_map("/proc", mount_point(true), MAP, 0), EINVAL);
	CHECK(strstr(mount_log, "proc"));
	FAILS(mount_map("/proc/self/status", mount_point(false), MAP, 0),
	      EINVAL);
}

/*
 * CVE-2015-8660: attributes were set with the mounter's rights, without asking
 * for the caller's.
 */
TEST_F(shift, cve_2015_8660_setattr_unchecked)
{
	make("f", 0, 0, S_IFREG | 0755);
	become(SEEN(1000), SEEN(1000));
	FAILS(fchmodat(upper, "f", 04777, 0), EPERM);
	FAILS(fchownat(upper, "f", SEEN(1000), -1, 0), EPERM);
	FAILS(truncate(up("f"), 0), EACCES);
	FAILS(utimensat(upper, "f", NULL, 0), EACCES);
	become_root();
	AS_NS(userns(MAP), 1000, 1000, 0)
		FAILS(fchmodat(upper, "f", 04777, 0), EPERM);
	BOTH("f", 0, 0, S_IFREG | 0755);
}

/*
 * CVE-2020-16120: files were opened without asking whether the mounter might
 * read them. A mounter who does not override permissions does not lend rights.
 */
TEST_F(shift, cve_2020_16120_mounter_without_rights)
{
	int view;

	ONLY_SHIFTFS();
	make("f", 1000, 1000, S_IFREG | 0600);
	make("d", 1000, 1000, S_IFDIR | 0700);
	make("d/in", 1000, 1000, S_IFREG | 0644);
	make("w", 1000, 1000, S_IFREG | 0644);
	/* with the capabilities to mount and to become somebody else */
	AS_NS(-1, 0, 0, CAPBIT(CAP_SYS_ADMIN) | CAPBIT(CAP_SETUID) |
			CAPBIT(CAP_SETGID) | CAPBIT(CAP_SETPCAP)) {
		view = open_view(lower_path, MAP, 0, NULL);
		AS_NS(-1, SEEN(1000), SEEN(1000), 0) {
			FAILS(openat(view, "f", O_RDONLY), EACCES);
			FAILS(openat(view, "d/in", O_RDONLY), EACCES);
			FAILS(openat(view, "w", O_RDWR), EACCES);
			close(OK(openat(view, "w", O_RDONLY)));
		}
	}
	ATTR(lower, "f", 1000, 1000, S_IFREG | 0600);
}

/*
 * CVE-2016-7097, CVE-2017-5551: setgid survived an ACL set by somebody who is
 * not in the group. CVE-2018-13405, CVE-2021-4037: it came to be on a file
 * that somebody like that made in a setgid directory.
 */
TEST_F(shift, cve_2018_13405_setgid)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[3];
	} acl = {
		htole32(2), {
			{ htole16(0x01), htole16(7), -1 },
			{ htole16(0x04), htole16(5), -1 },
			{ htole16(0x20), htole16(5), -1 },
		}
	};
	int fd;

	make("d", 0, 0, S_IFDIR | 02777);
	make("f", 1000, 0, S_IFREG | 02755);
	become(SEEN(1000), SEEN(1000));
	OK(setxattr(up("f"), "system.posix_acl_access", &acl, sizeof(acl), 0));
	BOTH("f", 1000, 0, S_IFREG | 0755);
	OK(touch(upper, "d/f", 02777));
	OK(mknodat(upper, "d/n", S_IFREG | 02777, 0));
	BOTH("d/f", 1000, 0, S_IFREG | 0777);
	BOTH("d/n", 1000, 0, S_IFREG | 0777);
	fd = openat(upper, "d", O_TMPFILE | O_RDWR, 02777);
	if (fd >= 0) {
		ATTR(fd, "", SEEN(1000), SEEN(0), S_IFREG | 0777);
		close(fd);
	}
	OK(fchmodat(upper, "d/f", 02777, 0));
	BOTH("d/f", 1000, 0, S_IFREG | 0777);
	become_root();
}

/*
 * CVE-2014-4014: capabilities in a user namespace reached inodes whose group
 * it does not have: setgid of such a group.
 */
TEST_F(shift, cve_2014_4014_group_outside)
{
	int ns = userns("b:0:100000:1000");

	make("f", 5, 2000, S_IFREG | 0755);
	AS_NS(ns, 5, 5, ALL_CAPS) {
		int r = fchmodat(upper, "f", 02755, 0);

		CHECK(!r || errno == EPERM);
	}
	BOTH("f", 5, 2000, S_IFREG | 0755);
}

/*
 * A program that its caller may not read is not his to look into, also where
 * his namespace has all capabilities: exec(2) asks the upper inode.
 */
TEST_F(shift, exec_of_the_unreadable)
{
	char *undumpable[] = { "undumpable", NULL };
	int p[2];
	char c;

	copy_self("p", OUTSIDE, OUTSIDE, 0711);
	copy_self("q", 0, 0, 0711);
	copy_self("r", 0, 0, 0755);
	AS_NS(-1, SEEN(1000), SEEN(1000), 0) {
		EQ(0, run_args(upper, "q", undumpable));
		EQ(1, run_args(upper, "r", undumpable));
	}
	OK(pipe(p));
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		pid_t pid = spawn();

		if (!pid) {
			OK(dup2(p[1], 1));
			execute(upper, "p", (char *[]){ "wait", NULL });
		}
		EQ(1, read(p[0], &c, 1));
		FAILS(ptrace(PTRACE_ATTACH, pid, 0, 0), EPERM);
		OK(kill(pid, SIGKILL));
		reap(pid);
	}
}

/*
 * The mounter's capabilities are not the caller's: relatives of
 * CVE-2020-16120, by way of what the lower file system asks capabilities for.
 */
TEST_F(shift, mounters_capabilities)
{
	int flags = 0, fd;

	make("f", 1000, 1000, S_IFREG | 0666);
	AS_NS(userns(MAP), 0, 0, ALL_CAPS) {
		FAILS(mknodat(upper, "n", S_IFBLK | 0600, 0x700), EPERM);
		FAILS(mknodat(upper, "n", S_IFCHR | 0600, 0x103), EPERM);
		FAILS(setxattr(up("f"), "trusted.mark", "y", 1, 0),
		      EPERM);
		FAILS(setxattr(up("f"), "security.evm", "y", 1, 0), EPERM);
		fd = OK(openat(upper, "f", O_RDWR));
		if (!ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
			flags |= FS_IMMUTABLE_FL;
			FAILS(ioctl(fd, FS_IOC_SETFLAGS, &flags), EPERM);
		}
		FAILS(ioctl(fd, FIFREEZE, 0), EPERM);
	}
	ABSENT_BOTH("n");
	BOTH("f", 1000, 1000, S_IFREG | 0666);
	FAILS(getxattr(lo("f"), "trusted.mark", NULL, 0), ENODATA);
}

/*
 * Whatever can be had of an open file leads to the upper one: else its
 * descriptor would show, and change, stored ids.
 */
TEST_F(shift, lower_file_is_not_handed_out)
{
	char path[64];
	struct stat s;
	int fd, again;
	char *p;

	make("f", 1000, 1000, S_IFREG | 0666);
	OK(put(lower, "f", "x"));
	fd = OK(openat(upper, "f", O_RDWR));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	/* before there were backing files it had the lower one's name */
	if (kernel_since(6, 8)) {
		snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
			 (long)p, (long)p + 4096);
		again = OK(open(path, O_RDONLY));
		ATTR(again, "", SEEN(1000), SEEN(1000), S_IFREG | 0666);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = OK(open(path, O_RDWR));
	ATTR(again, "", SEEN(1000), SEEN(1000), S_IFREG | 0666);
	OK(fstatat(AT_FDCWD, path, &s, 0));
	EQ(SEEN(1000), s.st_uid);
	copy_self("p", 1000, 1000, 0755);
	AS_NS(userns(MAP), 5, 5, 0) {
		int p[2];
		pid_t pid;
		char c;

		OK(pipe(p));
		pid = spawn();
		if (!pid) {
			OK(dup2(p[1], 1));
			execute(upper, "p", (char *[]){ "wait", NULL });
		}
		EQ(1, read(p[0], &c, 1));
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		again = OK(open(path, O_RDONLY));
		ATTR(again, "", 1000, 1000, S_IFREG | 0755);
		OK(kill(pid, SIGKILL));
		reap(pid);
	}
}

/* CVE-2016-6197, -6198: a file renamed to another name of itself. */
TEST_F(shift, cve_2016_6197_rename_to_itself)
{
	make("a", 1, 1, S_IFREG | 0644);
	make("d", 0, 0, S_IFDIR | 0777);
	OK(linkat(lower, "a", lower, "b", 0));
	OK(linkat(lower, "a", lower, "d/c", 0));
	become_caps(SEEN(0), SEEN(0));
	OK(renameat(upper, "a", upper, "b"));
	OK(renameat(upper, "a", upper, "d/c"));
	OK(renameat2(upper, "a", upper, "d/c", RENAME_EXCHANGE));
	become_root();
	EQ(3, st(upper, "a").st_nlink);
	EQ(3, st(lower, "a").st_nlink);
	BOTH("b", 1, 1, S_IFREG | 0644);
	BOTH("d/c", 1, 1, S_IFREG | 0644);
	EQ(st(lower, "a").st_ino, st(lower, "d/c").st_ino);
}

SHIFT_TEST_MAIN
