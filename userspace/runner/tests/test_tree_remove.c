/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees are removed whole, whatever is in them, and nothing else is.  Each test
 * looks at what is left beside the tree as well.
 */
#include "base/tree_remove.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/util.h"
#include "cleanup.h"
#include "tap.h"

static char base[64];
static int at = -1;

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void put(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, "keep", 4) == 4, name);
	close(fd);
}

static bool there(const char *name)
{
	struct stat st;

	return !fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* @depth directories within each other, each with two files and a link. */
static void dig(const char *name, int depth, size_t letters)
{
	char each[256];
	int fd = at, next;

	memset(each, 'd', sizeof(each));
	each[letters] = '\0';
	for (int i = 0; i < depth; i++) {
		const char *n = i ? each : name;

		must(!mkdirat(fd, n, 0700), "mkdirat");
		next = openat(fd, n, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(next >= 0, "openat");
		if (fd != at)
			close(fd);
		fd = next;
		put(fd, "file");
		must(!symlinkat("../../outside", fd, "link") &&
		     !symlinkat(base, fd, "absolute"), "symlinkat");
	}
	close(fd);
}

static void deep(void)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct rlimit old, low;
	int r;

	/* 600 * 200 bytes: a path longer than 64 KiB, and than PATH_MAX. */
	dig("deep", 600, 200);
	r = tree_remove_at(at, "deep", &err);
	ok(!r && !there("deep"), "a tree with a path of 120,000 bytes: %s",
	   r ? shift_err_text(&err) : "gone");
	dig("levels", 2000, 1);
	must(!getrlimit(RLIMIT_NOFILE, &old), "getrlimit");
	low = (struct rlimit){ 64, old.rlim_max };
	must(!setrlimit(RLIMIT_NOFILE, &low), "setrlimit");
	r = tree_remove_at(at, "levels", &err);
	ok(!r && !there("levels"), "2000 levels with 64 descriptors: %s",
	   r ? shift_err_text(&err) : "gone");
	must(!setrlimit(RLIMIT_NOFILE, &old), "setrlimit");
	ok(there("outside/keep"), "links in them were not followed");
	shift_err_clear(&err);
}

/* The same by path, as the rest of runner calls it. */
static void by_path(void)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	char *path = NULL;
	int r = strf(&path, &err, "%s/by-path/", base);

	dig("by-path", 600, 200);
	must(!symlinkat("outside", at, "to-outside"), "symlinkat");
	r = remove_tree(path, &err);
	ok(!r && !there("by-path"), "remove_tree() of a deep tree: %s",
	   r ? shift_err_text(&err) : "gone");
	free(path);
	must(strf(&path, &err, "%s/to-outside", base) >= 0, "strf");
	r = remove_tree(path, &err);
	ok(!r && !there("to-outside") && there("outside/keep"),
	   "remove_tree() of a symbolic link takes the link alone");
	r = remove_tree(path, &err);
	is_int(r, 0, "what is not there is no error");
	free(path);
	shift_err_clear(&err);
}

static void refused(void)
{
	static const char *const bad[] = { "", ".", "..", "outside/keep", "/" };
	int n = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		n += tree_remove_at(at, bad[i], NULL) == -EINVAL;
	is_int(n, 5, "a path, '.' and '..' are refused");
	ok(there("outside/keep"), "and nothing is removed");
}

static void wide(void)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	char name[32];
	int fd, r;

	must(!mkdirat(at, "wide", 0000), "mkdirat");
	fd = openat(at, "wide", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (i % 4)
			put(fd, name);
		else
			must(!mkdirat(fd, name, 0000), "mkdirat");
	}
	must(!mknodat(fd, "fifo", S_IFIFO | 0600, 0), "mknodat");
	close(fd);
	r = tree_remove_at(at, "wide", &err);
	ok(!r && !there("wide"), "5,000 names in one directory: %s",
	   r ? shift_err_text(&err) : "gone");
	shift_err_clear(&err);
}

/* What is mounted is not emptied, and the failure is told. */
static void mounted(void)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	char in[128], on[128];
	int r;

	snprintf(in, sizeof(in), "%s/outside", base);
	snprintf(on, sizeof(on), "%s/tree/a/b", base);
	dig("tree", 1, 1);
	must(!mkdirat(at, "tree/a", 0700) && !mkdirat(at, "tree/a/b", 0700), "mkdirat");
	/* of the same filesystem: the device number does not tell */
	must(!mount(in, on, NULL, MS_BIND, NULL), "mount");
	r = tree_remove_at(at, "tree", &err);
	is_int(r, -EXDEV, "a mount in the tree is an error");
	has_text(shift_err_text(&err), "mounted at b", "which says where");
	ok(there("outside/keep"), "what is mounted is left");
	ok(!there("tree/file"), "the rest is removed");
	must(!umount(on), "umount");
	shift_err_clear(&err);
	r = tree_remove_at(at, "tree", &err);
	ok(!r && !there("tree"), "without the mount it can be removed");
	shift_err_clear(&err);
}

/* Swaps directories for links and moves them about until it is killed. */
static void __attribute__((noreturn)) be_hostile(void)
{
	unsigned int seed = 1;
	char a[64], b[64];

	for (;;) {
		snprintf(a, sizeof(a), "shaken/%d/%d", rand_r(&seed) % 8, rand_r(&seed) % 8);
		snprintf(b, sizeof(b), "shaken/%d/%d", rand_r(&seed) % 8, rand_r(&seed) % 8);
		mkdirat(at, a, 0700);
		renameat2(at, a, at, b, rand_r(&seed) % 2 ? RENAME_EXCHANGE : 0);
		symlinkat("../../outside", at, b);
		if (!unlinkat(at, a, 0) || errno == ENOENT)
			symlinkat(base, at, a);
	}
}

static void hostile(void)
{
	struct stat st;
	pid_t pid;
	int r = 0;

	pid = fork();
	must(pid >= 0, "fork");
	if (!pid)
		be_hostile();
	for (int i = 0; i < 100; i++) {
		char name[32];

		mkdirat(at, "shaken", 0700);
		for (int k = 0; k < 8; k++) {
			snprintf(name, sizeof(name), "shaken/%d", k);
			mkdirat(at, name, 0700);
		}
		usleep(2000);
		tree_remove_at(at, "shaken", NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	r = tree_remove_at(at, "shaken", NULL);
	ok(!r && !there("shaken"), "100 removals while somebody swaps directories and links");
	must(!fstatat(at, "outside/keep", &st, 0), "outside/keep");
	ok(st.st_size == 4, "nothing beside the tree was touched");
}

int main(void)
{
	static const char *const places[] = { "/var/tmp", "/dev/shm" };

	must(!unshare(CLONE_NEWNS) &&
	     !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "unshare");
	for (size_t i = 0; i < 2; i++) {
		snprintf(base, sizeof(base), "%s/tree_remove.XXXXXX", places[i]);
		must(mkdtemp(base) != NULL, "mkdtemp");
		at = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(at >= 0 && !mkdirat(at, "outside", 0700), base);
		put(at, "outside/keep");
		printf("# %s\n", base);
		deep();
		by_path();
		refused();
		wide();
		mounted();
		hostile();
		must(!unlinkat(at, "outside/keep", 0) &&
		     !unlinkat(at, "outside", AT_REMOVEDIR) && !rmdir(base),
		     "something is left beside");
		close(at);
	}
	return tap_done();
}
