// SPDX-License-Identifier: GPL-2.0-or-later
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "utils.h"

int lower = -1, upper = -1;
char lower_path[PATH_MAX], upper_path[PATH_MAX];

void fail_at(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	va_list ap;

	printf("# %s:%d: ", base ? base + 1 : file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

bool kernel_since(int major, int minor)
{
	struct utsname u;
	int x, y;

	OK(uname(&u));
	CHECK(sscanf(u.release, "%d.%d", &x, &y) == 2);
	return x > major || (x == major && y >= minor);
}

bool lower_is(const char *type)
{
	static const struct {
		const char *type;
		unsigned int magic;
	} types[] = {
		{ "ext4", EXT4_SUPER_MAGIC }, { "xfs", XFS_SUPER_MAGIC },
		{ "btrfs", BTRFS_SUPER_MAGIC }, { "tmpfs", TMPFS_MAGIC },
		{ "overlay", OVERLAYFS_SUPER_MAGIC },
	};
	struct statfs sfs;

	OK(fstatfs(lower, &sfs));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].type, type))
			return (unsigned int)sfs.f_type == types[i].magic;
	fail_at(__FILE__, __LINE__, "unknown lower type %s", type);
}

void check_attr(const char *file, int line, int dir, const char *name,
		uid_t uid, gid_t gid, mode_t mode)
{
	const char *side = dir == lower ? "below" : "above";
	struct stat s;

	if (fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		fail_at(file, line, "%s %s: %s", side, name, strerror(errno));
	if (s.st_uid != uid || s.st_gid != gid || s.st_mode != mode)
		fail_at(file, line,
			"%s %s: %u:%u mode %o, wanted %u:%u mode %o", side,
			name, s.st_uid, s.st_gid, s.st_mode, uid, gid, mode);
}

void check_content(const char *file, int line, int dir, const char *name,
		   const char *text)
{
	char buf[4096];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail_at(file, line, "open %s: %s", name, strerror(errno));
	n = read(fd, buf, sizeof(buf) - 1);
	if (n < 0)
		fail_at(file, line, "read %s: %s", name, strerror(errno));
	buf[n] = 0;
	close(fd);
	if (strcmp(buf, text))
		fail_at(file, line, "%s %s holds '%s', wanted '%s'",
			dir == lower ? "below" : "above", name, buf, text);
}

int touch(int dir, const char *name, mode_t mode)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
			mode);

	return fd < 0 ? -1 : close(fd);
}

int put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC,
			0644);
	ssize_t len = strlen(text);

	if (fd < 0)
		return -1;
	if (write(fd, text, len) != len) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return close(fd);
}

void make(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	if (S_ISDIR(mode))
		OK(mkdirat(lower, name, 0700));
	else if (S_ISLNK(mode))
		OK(symlinkat("target", lower, name));
	else
		/* 0:0 would be a whiteout, which overlayfs does not make */
		OK(mknodat(lower, name, mode, S_ISCHR(mode) ? makedev(1, 3) :
							     0));
	OK(fchownat(lower, name, uid, gid, AT_SYMLINK_NOFOLLOW));
	if (!S_ISLNK(mode))
		OK(fchmodat(lower, name, mode & 07777, 0));
}

struct stat st(int dir, const char *name)
{
	struct stat s;

	if (fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		fail_at(__FILE__, __LINE__, "stat %s: %s", name,
			strerror(errno));
	return s;
}

static const char *join(const char *dir, const char *name)
{
	static char buf[8][PATH_MAX + 512];
	static int next;
	char *p = buf[next++ % 8];

	snprintf(p, sizeof(buf[0]), "%s/%s", dir, name);
	return p;
}

const char *up(const char *name)
{
	return join(upper_path, name);
}

const char *lo(const char *name)
{
	return join(lower_path, name);
}

void copy_self(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	int in = OK(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	int out = OK(openat(lower, name, O_CREAT | O_EXCL | O_WRONLY |
			    O_CLOEXEC, 0700));
	off_t size = st(in, "").st_size;

	while (size > 0)
		size -= OK(sendfile(out, in, NULL, size));
	OK(fchown(out, uid, gid));
	OK(fchmod(out, mode));
	close(out);
	close(in);
}

int run(int dir, const char *name)
{
	char *argv[] = { "prog", "--helper", NULL };
	pid_t pid = spawn();

	if (!pid) {
		int fd = OK(openat(dir, name, O_PATH | O_CLOEXEC));

		execveat(fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(EXEC_FAILED(errno));
	}
	return reap(pid);
}

static int remove_one(const char *path, const struct stat *s, int flag,
		      struct FTW *ftw)
{
	(void)s, (void)flag, (void)ftw;
	remove(path);
	return 0;
}

void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Callers */

static void securebits(unsigned int bits)
{
	OK(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0));
}

void become_groups(uid_t uid, gid_t gid, int n, const gid_t *groups)
{
	become_root();
	OK(setgroups(n, groups));
	OK(setresgid(-1, gid, -1));
	OK(setresuid(-1, uid, -1));
}

void become(uid_t uid, gid_t gid)
{
	become_groups(uid, gid, 0, NULL);
}

void become_caps(uid_t uid, gid_t gid)
{
	become_root();
	securebits(SECBIT_NO_SETUID_FIXUP);
	OK(setgroups(0, NULL));
	setfsgid(gid);
	setfsuid(uid);
	EQ(uid, setfsuid(-1));
	EQ(gid, setfsgid(-1));
}

void become_root(void)
{
	OK(setresuid(-1, 0, -1));
	OK(setresgid(-1, 0, -1));
	OK(setgroups(0, NULL));
	setfsuid(0);
	setfsgid(0);
	securebits(0);
}

int map_lines(const char *map, char type, char *out, size_t size)
{
	char *copy = strdup(map), *save = NULL;
	size_t used = 0;
	int n = 0;

	*out = 0;
	for (char *tok = strtok_r(copy, " ;", &save); tok;
	     tok = strtok_r(NULL, " ;", &save)) {
		unsigned long stored, seen, count;
		char t;

		if (sscanf(tok, "%c:%lu:%lu:%lu", &t, &stored, &seen,
			   &count) != 4)
			fail_at(__FILE__, __LINE__, "bad map %s", tok);
		if (t != 'b' && t != type)
			continue;
		used += snprintf(out + used, size - used, "%lu %lu %lu\n",
				 stored, seen, count);
		if (used >= size)
			fail_at(__FILE__, __LINE__, "map too long");
		n++;
	}
	free(copy);
	return n;
}

static void write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];
	ssize_t len = strlen(text);
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = OK(open(path, O_WRONLY | O_CLOEXEC));
	if (write(fd, text, len) != len)
		fail_at(__FILE__, __LINE__, "%s: %s", file, strerror(errno));
	close(fd);
}

int userns(const char *map)
{
	static struct {
		char *map;
		int fd;
	} cache[16];
	static int cached;
	static char uids[16384], gids[16384];
	char path[64];
	int go[2], fd;
	pid_t pid;

	for (int i = 0; i < cached; i++)
		if (!strcmp(cache[i].map, map))
			return cache[i].fd;

	OK(pipe2(go, O_CLOEXEC));
	/* glibc has no plain fork with flags; the child only waits. */
	pid = OK(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL,
			 NULL));
	if (!pid) {
		char c;

		close(go[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	close(go[0]);
	map_lines(map, 'u', uids, sizeof(uids));
	map_lines(map, 'g', gids, sizeof(gids));
	write_map(pid, "uid_map", uids);
	write_map(pid, "gid_map", gids);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = OK(open(path, O_RDONLY | O_CLOEXEC));
	close(go[1]);
	reap(pid);
	if (cached < 16) {
		cache[cached].map = strdup(map);
		cache[cached++].fd = fd;
	}
	return fd;
}

pid_t spawn(void)
{
	pid_t pid;

	fflush(stdout);
	pid = OK(fork());
	if (!pid)
		OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	return pid;
}

int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail_at(__FILE__, __LINE__, "waitpid: %s",
				strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

static void set_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	OK(syscall(SYS_capget, &head, data));
	for (int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(caps >> (32 * i));

		data[i].permitted &= word;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	OK(syscall(SYS_capset, &head, data));
}

int child_start(const char *file, int line, int ns, uid_t uid, gid_t gid,
		uint64_t caps)
{
	pid_t pid = spawn();

	if (!pid) {
		if (ns >= 0)
			OK(setns(ns, CLONE_NEWUSER));
		OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0));
		OK(setgroups(0, NULL));
		OK(setresgid(gid, gid, gid));
		OK(setresuid(uid, uid, uid));
		OK(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
		set_caps(caps);
		/* A change of ids clears this and /proc/self turns to root. */
		OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
		return 1;
	}
	if (reap(pid))
		fail_at(file, line, "the child failed");
	return 0;
}
