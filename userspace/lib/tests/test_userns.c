// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Needs root; makes namespaces and mounts of its own and leaves none behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fscontext.h"
#include "lower.h"
#include "mounttree.h"
#include "syscalls.h"
#include "tap.h"
#include "userns.h"

static void test_open(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int fd = shift_userns_open("/proc/self/ns/user", &err);
	struct shift_idmap map = SHIFT_IDMAP_INIT;

	ok(fd >= 0, "a user namespace is opened");
	is_int(shift_userns_read(fd, &map, &err), -EINVAL, "our own has nothing to shift");
	close(fd);
	ok(shift_userns_open("/proc/self/ns/mnt", &err) < 0, "a mount namespace is refused");
	has_text(shift_err_text(&err), "/proc/self/ns/mnt", "by its path");
	ok(shift_userns_open("/proc/self/status", &err) < 0, "a plain file is refused");
	is_int(shift_userns_open("/nonexistent", &err), -ENOENT, "what is not there is refused");
}

static void round_trip(const char *text)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT, back = SHIFT_IDMAP_INIT;
	_cleanup_close_ int fd = -1;

	shift_idmap_parse(&map, text, NULL);
	fd = shift_userns_create(&map, &err);
	if (!ok(fd >= 0, "a namespace with %s is made", text)) {
		printf("# %s\n", shift_err_text(&err));
		return;
	}
	if (!is_int(shift_userns_read(fd, &back, &err), 0, "and its map read"))
		printf("# %s\n", shift_err_text(&err));
	ok(shift_idmap_equal(&map, &back), "which is the same");
}

static void test_one_type(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT;

	is_int(shift_userns_create(&map, &err), -EINVAL, "no map");
	shift_idmap_parse(&map, "u:0:100000:10", NULL);
	is_int(shift_userns_create(&map, &err), -EINVAL, "a map of uids alone is refused");
	has_text(shift_err_text(&err), "gidmap", "the missing one is named");
}

static void test_sizes(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT, back = SHIFT_IDMAP_INIT;
	int fd;

	/* "2 3 1\n" and the like: 340 short lines fit into a page... */
	for (uint32_t i = 0; i < SHIFT_IDMAP_MAX; i++)
		shift_idmap_add(&map, SHIFT_BOTH, i * 2, i * 2, 1, NULL);
	fd = shift_userns_create(&map, &err);
	if (ok(fd >= 0, "340 short extents fit into a namespace"))
		ok(!shift_userns_read(fd, &back, &err) && shift_idmap_equal(&map, &back), "all of them");
	else
		printf("# %s\n", shift_err_text(&err));
	close(fd);

	/* ... long ones do not. */
	map = (struct shift_idmap)SHIFT_IDMAP_INIT;
	for (uint32_t i = 0; i < SHIFT_IDMAP_MAX; i++)
		shift_idmap_add(&map, SHIFT_BOTH, 4000000000u + i * 2, 3000000000u + i * 2, 1, NULL);
	is_int(shift_userns_create(&map, &err), -E2BIG, "340 long ones do not");
	has_text(shift_err_text(&err), "340 extents", "which is said");
}

static void test_no_map(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	_cleanup_child_ pid_t pid = -1;
	char path[64], c;
	int p[2], fd;

	if (pipe(p))
		abort();
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER) || write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(p[0], &c, 1) != 1)
		abort();
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = shift_userns_open(path, &err);
	ok(fd >= 0, "another process's namespace is opened");
	is_int(shift_userns_read(fd, &map, &err), -ENODATA, "it has no map yet");
	ok(shift_idmap_empty(&map), "and nothing is taken from it");
	close(fd);
	close(p[0]);
	close(p[1]);
}

/*
 *   /tmp/x (tmpfs)        stored            seen in view/
 *     source/  0:0        0:0               100000:100000
 *       file   1000:1000  1000:1000         101000:101000
 *     view/
 */
static void test_tree(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	char dir[] = "/tmp/shift-test-XXXXXX";
	struct shift_lower lower = SHIFT_LOWER_INIT;
	struct stat st;
	int fd;

	if (!mkdtemp(dir) || mount("tmpfs", dir, "tmpfs", 0, NULL) || chdir(dir) ||
	    mkdir("source", 0755) || mkdir("view", 0755))
		abort();
	fd = open("source/file", O_CREAT | O_RDWR, 0644);
	if (fd < 0 || fchown(fd, 1000, 1000))
		abort();
	close(fd);
	shift_idmap_parse(&map, "b:0:100000:65536", NULL);

	is_int(shift_lower_probe("source", &lower, &err), 0, "the lower is probed");
	is_str(lower.fstype, "tmpfs", "its type");
	is_str(lower.root, dir, "its mount point");
	ok(lower.is_dir && !lower.mount_ro && !lower.idmapped, "a writable directory, not idmapped");
	shift_lower_clear(&lower);

	fd = shift_idmap_tree("source", &map, MOUNT_ATTR_NOSUID, &err);
	if (fd == -EINVAL && strstr(shift_err_text(&err), "does not support idmapped mounts")) {
		skip("an idmapped mount of tmpfs", "this kernel cannot, Linux 6.3 and later can");
		goto refusals;
	}
	if (!ok(fd >= 0, "an idmapped mount is made"))
		printf("# %s\n", shift_err_text(&err));
	is_int(shift_attach(fd, "source/file", &err), -ENOTDIR, "a directory is not attached to a file");
	is_int(shift_attach(fd, "nothing", &err), -ENOENT, "nor to nothing");
	is_int(shift_attach(fd, "view", &err), 0, "it is attached");
	close(fd);
	ok(!stat("view/file", &st) && st.st_uid == 101000 && st.st_gid == 101000, "above: 101000");
	ok(!stat("source/file", &st) && st.st_uid == 1000 && st.st_gid == 1000, "below: 1000");
	is_int(mkdir("view/by-root", 0755), -1, "unmapped root cannot create there");
	is_int(errno, EOVERFLOW, "for its id has no place below");
	ok(!chown("view/file", 100007, 100008), "chown above");
	ok(!stat("source/file", &st) && st.st_uid == 7 && st.st_gid == 8, "is stored shifted below");
	ok(!shift_lower_probe("view", &lower, &err) && lower.idmapped, "the view is known as idmapped");
	shift_lower_clear(&lower);

refusals:
	is_int(shift_idmap_tree("nothing", &map, 0, &err), -ENOENT, "no source");
	has_text(shift_err_text(&err), "nothing", "is named");
	ok(shift_idmap_tree("/proc/sys", &map, 0, &err) < 0, "procfs cannot be idmapped");
	has_text(shift_err_text(&err), "on proc, mounted at /proc", "the filesystem is named");
	has_text(shift_err_text(&err), "does not support idmapped mounts", "and what is missing");

	if (chdir("/") || umount2(dir, MNT_DETACH) || rmdir(dir))
		abort();
}

static void test_log(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_close_ int fd = shift_fsctx_open("tmpfs", &err);
	char longest[300];

	ok(fd >= 0, "a context of tmpfs");
	is_int(shift_fsctx_string(fd, "no-such-option", "x", &err), -EINVAL, "refuses an option");
	has_text(shift_err_text(&err), "kernel: tmpfs: Unknown parameter 'no-such-option'", "in the kernel's words");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	is_int(shift_fsctx_string(fd, "size", longest, &err), -ENAMETOOLONG, "too long a value is refused here");
	is_int(shift_fsctx_open("nosuchfs", &err), -ENODEV, "an unknown filesystem");
	has_text(shift_err_text(&err), "modprobe nosuchfs", "comes with advice");
}

int main(void)
{
	if (geteuid()) {
		skip("user namespaces and mounts", "needs root");
		return tap_done();
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		abort();
	test_open();
	round_trip("b:0:100000:65536");
	round_trip("u:0:100000:10 u:10:5:1 g:0:200000:10");
	test_one_type();
	test_sizes();
	test_no_map();
	test_tree();
	test_log();
	return tap_done();
}
