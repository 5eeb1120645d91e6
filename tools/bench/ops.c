// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations. Every one is done on the tree that tools/bench/image makes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ops.h"

#define DEEP "d1/d2/d3/d4/d5/d6/d7/file"
#define BIG_SIZE (64L << 20)
#define WALK 10100	/* 100 directories, 10,000 files */

/* Any failure ends the run: a figure for something that failed is a lie. */
#define must(call) ({							\
	long ret_ = (call);						\
	if (ret_ < 0)							\
		err(1, "%s", #call);					\
	ret_;								\
})

static int fd = -1;
static char *buffer;

void drop_caches(void)
{
	uid_t uid = geteuid();
	int f;

	sync();
	/* The sysctl asks for the user, not for a capability. */
	must(setresuid(-1, 0, -1));
	f = must(open("/proc/sys/vm/drop_caches", O_WRONLY));
	for (int i = 0; i < 3; i++)
		must(write(f, "3", 1));
	close(f);
	must(setresuid(-1, uid, -1));
}

static void finish_fd(void)
{
	close(fd);
	fd = -1;
}

static int setup_open(const char *path, int flags)
{
	if (!buffer)
		buffer = aligned_alloc(4096, 65536);
	memset(buffer, 'b', 65536);
	fd = open(path, flags, 0644);
	return fd;
}

static void stat_deep8(long n)
{
	struct stat st;

	while (n--)
		must(stat(DEEP, &st));
}

static void stat_neg(long n)
{
	struct stat st;

	while (n--)
		if (stat("no-such-file", &st) == 0 || errno != ENOENT)
			err(1, "stat_neg");
}

/* In an order that is not the directory's; 7919 is prime to the number. */
void stat_flat(long n)
{
	struct stat st;
	char path[32];
	long at = 0;

	for (; n--; at = (at + 7919) % FLAT_FILES) {
		char *p = path + 6;

		memcpy(path, "flat/f", 6);
		for (long div = 10000; div; div /= 10)
			*p++ = '0' + at / div % 10;
		*p = 0;
		must(stat(path, &st));
	}
}

static int setup_file(void)
{
	return setup_open("file", O_RDWR);
}

static void run_fstat(long n)
{
	struct stat st;

	while (n--)
		must(fstat(fd, &st));
}

static void run_access(long n)
{
	while (n--)
		must(access("file", R_OK));
}

/* One directory of the tree; returns the number of entries below it. */
static long walk_dir(int dirfd)
{
	DIR *dir = fdopendir(dirfd);
	struct dirent *entry;
	long entries = 0;

	if (!dir)
		err(1, "fdopendir");
	while ((entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		entries++;
		must(fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW));
		if (S_ISDIR(st.st_mode))
			entries += walk_dir(must(openat(dirfd, entry->d_name,
						O_RDONLY | O_DIRECTORY)));
	}
	closedir(dir);
	return entries;
}

/* The whole tree or, for tools/bench/profile, one of its directories. */
static void walk(long n)
{
	const char *top = n < WALK ? "walk/d1" : "walk";

	if (walk_dir(must(open(top, O_RDONLY | O_DIRECTORY))) != n)
		errx(1, "the tree has not got %ld entries", n);
}

static void open_close(long n)
{
	while (n--)
		close(must(open("file", O_RDONLY)));
}

static void open_close_deep8(long n)
{
	while (n--)
		close(must(open(DEEP, O_RDONLY)));
}

static void readdir_10k(long n)
{
	DIR *dir = opendir("flat");
	long entries = 0;

	if (!dir)
		err(1, "flat");
	while (readdir(dir))
		entries++;
	closedir(dir);
	if (entries != n)
		errx(1, "readdir_10k: %ld entries", entries);
}

static void create_unlink(long n)
{
	while (n--) {
		close(must(open("dir/new", O_CREAT | O_EXCL | O_WRONLY, 0644)));
		must(unlink("dir/new"));
	}
}

static void mkdir_rmdir(long n)
{
	while (n--) {
		must(mkdir("dir/new", 0755));
		must(rmdir("dir/new"));
	}
}

static void run_rename(long n)
{
	while (n--) {
		if (n % 2)
			must(rename("dir/a", "dir/b"));
		else
			must(rename("dir/b", "dir/a"));
	}
}

static void symlink_cycle(long n)
{
	char target[16];

	while (n--) {
		must(symlink("file", "dir/link"));
		must(readlink("dir/link", target, sizeof(target)));
		must(unlink("dir/link"));
	}
}

static void run_readlink(long n)
{
	char target[16];

	while (n--)
		must(readlink("link", target, sizeof(target)));
}

static void link_unlink(long n)
{
	while (n--) {
		must(link("file", "dir/hard"));
		must(unlink("dir/hard"));
	}
}

static void run_chmod(long n)
{
	while (n--)
		must(chmod("file", n % 2 ? 0640 : 0644));
}

static void run_chown(long n)
{
	while (n--)
		must(chown("file", OWNER, OWNER + n % 2));
}

static int setup_xattr(void)
{
	return setxattr("file", "user.bench", "value", 5, 0);
}

static void run_setxattr(long n)
{
	while (n--)
		must(setxattr("file", "user.bench", n % 2 ? "valu1" : "valu2",
			      5, 0));
}

static void run_getxattr(long n)
{
	char value[16];

	while (n--)
		must(getxattr("file", "user.bench", value, sizeof(value)));
}

static int setup_acl(void)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entry[5];
	} acl = {
		.header.a_version = POSIX_ACL_XATTR_VERSION,
		.entry = {
			{ ACL_USER_OBJ, 6, ACL_UNDEFINED_ID },
			{ ACL_USER, 4, OWNER + 7 },
			{ ACL_GROUP_OBJ, 4, ACL_UNDEFINED_ID },
			{ ACL_MASK, 4, ACL_UNDEFINED_ID },
			{ ACL_OTHER, 4, ACL_UNDEFINED_ID },
		},
	};

	return setxattr("acl", "system.posix_acl_access", &acl, sizeof(acl), 0);
}

static void getacl(long n)
{
	char value[128];

	while (n--)
		if (must(getxattr("acl", "system.posix_acl_access", value,
				  sizeof(value))) != 44)
			errx(1, "getacl: not what was set");
}

static void touch_big(void)
{
	for (long at = 0; at < BIG_SIZE; at += 65536)
		must(pread(fd, buffer, 65536, at));
}

static int setup_big(void)
{
	if (setup_open("big", O_RDONLY) < 0)
		return -1;
	touch_big();
	return 0;
}

static void pread4k(long n)
{
	while (n--)
		if (must(pread(fd, buffer, 4096, n % 1024 * 4096)) != 4096)
			errx(1, "short read");
}

static void seqread64k(long n)
{
	must(lseek(fd, 0, SEEK_SET));
	while (n--)
		if (must(read(fd, buffer, 65536)) != 65536)
			errx(1, "short read");
}

static int setup_pwrite(void)
{
	return setup_open("dir/data", O_CREAT | O_RDWR);
}

static void pwrite4k(long n)
{
	while (n--)
		if (must(pwrite(fd, buffer, 4096, n % 64 * 4096)) != 4096)
			errx(1, "short write");
}

static int setup_append(void)
{
	return setup_open("dir/log", O_CREAT | O_WRONLY | O_APPEND);
}

static void between_append(void)
{
	must(ftruncate(fd, 0));
	must(fsync(fd));
}

static void append4k_fsync(long n)
{
	while (n--) {
		must(write(fd, buffer, 4096));
		must(fsync(fd));
	}
}

static int setup_direct(void)
{
	return setup_open("big", O_RDONLY | O_DIRECT);
}

static void randread4k_direct(long n)
{
	unsigned int seed = 1;

	while (n--) {
		seed = seed * 1103515245 + 12345;
		if (must(pread(fd, buffer, 4096,
			       (off_t)(seed >> 8) % (BIG_SIZE / 4096) * 4096)) !=
		    4096)
			errx(1, "short read");
	}
}

static void map_touch(size_t size)
{
	volatile char *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	char sum = 0;

	if (p == MAP_FAILED)
		err(1, "mmap");
	for (size_t at = 0; at < size; at += 4096)
		sum += p[at];
	(void)sum;
	munmap((void *)p, size);
}

static void mmap64M_touch(long n)
{
	while (n--)
		map_touch(BIG_SIZE);
}

static void mmap4k_touch_unmap(long n)
{
	while (n--)
		map_touch(4096);
}

static void exec_tiny(long n)
{
	char *const argv[] = { "tiny", NULL }, *const env[] = { NULL };

	while (n--) {
		int status;
		pid_t pid;

		errno = posix_spawn(&pid, "./tiny", NULL, NULL, argv, env);
		if (errno)
			err(1, "tiny");
		must(waitpid(pid, &status, 0));
		if (status)
			errx(1, "tiny ended with status %#x", status);
	}
}

static void flock_pair(long n)
{
	while (n--) {
		must(flock(fd, LOCK_EX));
		must(flock(fd, LOCK_UN));
	}
}

static void fcntl_pair(long n)
{
	struct flock lock = { .l_whence = SEEK_SET, .l_len = 100 };

	while (n--) {
		lock.l_type = F_WRLCK;
		must(fcntl(fd, F_SETLK, &lock));
		lock.l_type = F_UNLCK;
		must(fcntl(fd, F_SETLK, &lock));
	}
}

const struct op ops[] = {
	{ "stat_deep8", .run = stat_deep8, .count = 400 },
	{ "stat_neg", .run = stat_neg, .count = 1000 },
	{ "stat_10k_files", .run = stat_flat, .count = FLAT_FILES, .rounds = 3 },
	{ "fstat", setup_file, run_fstat, NULL, finish_fd, 1000, 0 },
	{ "access", .run = run_access, .count = 800 },
	{ "cold_walk_10k", .run = walk, .between = drop_caches, .count = WALK,
	  .rounds = 3 },
	{ "warm_walk_10k", .run = walk, .count = WALK, .rounds = 3 },
	{ "open_close", .run = open_close, .count = 400 },
	{ "open_close_deep8", .run = open_close_deep8, .count = 300 },
	{ "readdir_10k", .run = readdir_10k, .count = FLAT_FILES + 2,
	  .rounds = 3 },
	{ "create_unlink", .run = create_unlink, .count = 50 },
	{ "mkdir_rmdir", .run = mkdir_rmdir, .count = 40 },
	{ "rename", .run = run_rename, .count = 100 },
	{ "symlink_cycle", .run = symlink_cycle, .count = 50 },
	{ "readlink", .run = run_readlink, .count = 800 },
	{ "link_unlink", .run = link_unlink, .count = 100 },
	{ "chmod", .run = run_chmod, .count = 400 },
	{ "chown", .run = run_chown, .count = 300 },
	{ "setxattr", setup_xattr, run_setxattr, NULL, NULL, 300, 0 },
	{ "getxattr", setup_xattr, run_getxattr, NULL, NULL, 500, 0 },
	{ "getacl", setup_acl, getacl, NULL, NULL, 500, 0 },
	{ "pread4k", setup_big, pread4k, NULL, finish_fd, 1000, 0 },
	{ "seqread64k", setup_big, seqread64k, NULL, finish_fd, 200, 0 },
	{ "pwrite4k", setup_pwrite, pwrite4k, NULL, finish_fd, 640, 0 },
	{ "append4k_fsync", setup_append, append4k_fsync, between_append,
	  finish_fd, 40, 0 },
	{ "randread4k_direct", setup_direct, randread4k_direct, NULL, finish_fd,
	  200, 0 },
	{ "mmap64M_touch", setup_big, mmap64M_touch, NULL, finish_fd, 1, 5 },
	{ "mmap4k_touch_unmap", setup_big, mmap4k_touch_unmap, NULL, finish_fd,
	  200, 0 },
	{ "exec_tiny", .run = exec_tiny, .count = 20 },
	{ "flock_pair", setup_file, flock_pair, NULL, finish_fd, 500, 0 },
	{ "fcntl_pair", setup_file, fcntl_pair, NULL, finish_fd, 500, 0 },
	{ .name = NULL },
};
