// SPDX-License-Identifier: GPL-2.0-or-later
/* What the threads of the storm do. */
#include <dirent.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "storm.h"

#define MODE(m)	((m) & 07777)

void act_as(struct thread *t, int v)
{
	t->v = v;
	/* of the thread alone; capabilities stay, see storm.c */
	setfsgid(base[v] + 1000 + t->number);
	setfsuid(base[v] + 1000 + t->number);
}

/* An error that the race with others explains; anything else is a finding. */
static void expect(struct thread *t, long ret, const char *what, int also)
{
	static const int fine[] = { ENOENT, ENOTDIR, EEXIST, EISDIR, ENOTEMPTY,
				    EINVAL, ELOOP, ENXIO, EAGAIN };

	if (ret >= 0 || errno == also)
		return;
	for (size_t i = 0; i < sizeof(fine) / sizeof(*fine); i++)
		if (errno == fine[i])
			return;
	wrong(t, "%s through view %d: %s", what, t->v, strerror(errno));
}

static bool owned(const struct stat *s, int v)
{
	return s->st_uid - base[v] < 65536 && s->st_gid - base[v] < 65536;
}

static const char *any(struct thread *t, char *buf)
{
	unsigned int d = dice(t, 4), sub = dice(t, 6);

	if (sub < 2)
		snprintf(buf, 32, "d%u/s%u/n%u", d, sub, dice(t, 5));
	else if (sub == 2)
		snprintf(buf, 32, "d%u/s%u", d, dice(t, 2));
	else
		snprintf(buf, 32, "d%u/n%u", d, dice(t, 5));
	return buf;
}

static void op_rename(struct thread *t)
{
	static const unsigned int flags[] = { 0, 0, 0, RENAME_EXCHANGE,
					      RENAME_NOREPLACE,
					      RENAME_WHITEOUT };
	char a[32], b[32];
	unsigned int f = flags[dice(t, 6)];

	expect(t, renameat2(view[t->v], any(t, a), view[t->v], any(t, b), f),
	       "rename", 0);
}

static void op_create(struct thread *t)
{
	char a[32], b[32], text[64];
	int dir = view[t->v], fd;

	any(t, a);
	switch (dice(t, 8)) {
	case 0:
		expect(t, mkdirat(dir, a, 0755), "mkdir", 0);
		break;
	case 1:
		expect(t, symlinkat(any(t, b), dir, a), "symlink", 0);
		break;
	case 2:
		expect(t, mknodat(dir, a, S_IFIFO | 0600, 0), "mknod", 0);
		break;
	case 3:
		/* EPERM: a directory */
		expect(t, linkat(dir, any(t, b), dir, a, 0), "link", EPERM);
		break;
	case 4:
		snprintf(b, sizeof(b), "d%u", dice(t, 4));
		fd = openat(dir, b, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
		expect(t, fd, "O_TMPFILE", EOPNOTSUPP);
		if (fd < 0)
			break;
		expect(t, write(fd, "temporary", 9), "write", 0);
		expect(t, linkat(fd, "", dir, a, AT_EMPTY_PATH), "link", 0);
		close(fd);
		break;
	default:
		fd = openat(dir, a, O_CREAT | O_RDWR | O_NONBLOCK | O_CLOEXEC |
			    (dice(t, 2) ? O_TRUNC : 0), 0644);
		expect(t, fd, "create", 0);
		if (fd < 0)
			break;
		snprintf(text, sizeof(text), "thread %u\n", t->number);
		expect(t, write(fd, text, strlen(text)), "write", 0);
		close(fd);
	}
}

static void op_remove(struct thread *t)
{
	char a[32];
	bool dir = !dice(t, 3);

	expect(t, unlinkat(view[t->v], any(t, a), dir ? AT_REMOVEDIR : 0),
	       dir ? "rmdir" : "unlink", 0);
}

static void op_attr(struct thread *t)
{
	const struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
	char a[32];
	int dir = view[t->v];

	any(t, a);
	switch (dice(t, 3)) {
	case 0:
		expect(t, fchownat(dir, a, base[t->v] + dice(t, 65536),
				   base[t->v] + dice(t, 65536),
				   AT_SYMLINK_NOFOLLOW), "chown", 0);
		break;
	case 1:
		expect(t, fchmodat(dir, a, 0600 | dice(t, 0200), 0), "chmod", 0);
		break;
	default:
		expect(t, utimensat(dir, a, times, AT_SYMLINK_NOFOLLOW),
		       "utimensat", 0);
	}
}

static void op_look(struct thread *t)
{
	struct stat s;
	char a[32], buf[64];
	int dir = view[t->v], fd;

	any(t, a);
	if (!fstatat(dir, a, &s, AT_SYMLINK_NOFOLLOW)) {
		if (!owned(&s, t->v))
			wrong(t, "%s through view %d belongs to %u:%u", a, t->v,
			      s.st_uid, s.st_gid);
	} else {
		expect(t, -1, "stat", 0);
	}
	expect(t, readlinkat(dir, a, buf, sizeof(buf)), "readlink", 0);
	snprintf(buf, sizeof(buf), "take%u", dice(t, SLOTS));
	expect(t, fstatat(dir, buf, &s, 0), "stat", 0);
	snprintf(buf, sizeof(buf), "%s%u", dice(t, 2) ? "mine" : "moved",
		 dice(t, SLOTS));
	expect(t, fstatat(dir, buf, &s, 0), "stat", 0);
	fd = openat(dir, a, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	expect(t, fd, "open", 0);
	if (fd < 0)
		return;
	expect(t, read(fd, buf, sizeof(buf)), "read", 0);
	if (fstat(fd, &s))
		wrong(t, "fstat: %s", strerror(errno));
	close(fd);
}

#define MUST(e) do {							\
	if ((long)(e) < 0)						\
		wrong(t, "%s (line %d, slot %u): %s", #e, __LINE__, i,	\
		      strerror(errno));					\
} while (0)
#define MUST_FAIL(e, err) do {						\
	if ((long)(e) >= 0 || errno != (err))				\
		wrong(t, "%s (line %d, slot %u): wanted %s", #e,	\
		      __LINE__, i, #err);				\
} while (0)

/* The holder of a slot is alone with its names: every view must follow. */
static void coherent(struct thread *t, unsigned int i, int a, int b, int c)
{
	struct stat s = { 0 }, s2 = { 0 };
	char mine[16], moved[16], buf[32] = "";
	unsigned int id = 1000 + t->number;
	int fd, fd2;

	snprintf(mine, sizeof(mine), "mine%u", i);
	snprintf(moved, sizeof(moved), "moved%u", i);
	MUST_FAIL(fstatat(view[b], mine, &s, 0), ENOENT);
	act_as(t, a);
	fd = openat(view[a], mine, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	MUST(fd);
	if (fd < 0)
		return;
	MUST(fstatat(view[b], mine, &s, 0));
	MUST(fstat(fd, &s2));
	if (s.st_ino != s2.st_ino || s.st_uid != base[b] + id ||
	    s2.st_uid != base[a] + id)
		wrong(t, "%s made through view %d as %u: through view %d it has owner %u, inode %ju",
		      mine, a, base[a] + id, b, s.st_uid, (uintmax_t)s.st_ino);
	MUST(write(fd, "coherent", 8));
	fd2 = openat(view[c], mine, O_RDONLY | O_CLOEXEC);
	MUST(fd2);
	if (pread(fd2, buf, sizeof(buf), 0) != 8 || memcmp(buf, "coherent", 8))
		wrong(t, "%s written through view %d, read through view %d: '%.8s'",
		      mine, a, c, buf);
	close(fd2);
	act_as(t, b);
	MUST(renameat(view[b], mine, view[b], moved));
	MUST_FAIL(fstatat(view[c], mine, &s, 0), ENOENT);
	MUST_FAIL(fstatat(view[a], mine, &s, 0), ENOENT);
	MUST(fstatat(view[c], moved, &s, 0));
	act_as(t, c);
	MUST(fchmodat(view[c], moved, 0640, 0));
	MUST(fstatat(view[b], moved, &s, 0));
	if (MODE(s.st_mode) != 0640)
		wrong(t, "chmod through view %d is not seen through view %d", c,
		      b);
	MUST(ftruncate(fd, 3));
	MUST(fstatat(view[c], moved, &s, 0));
	if (s.st_size != 3)
		wrong(t, "the size through view %d is %jd, not 3", c,
		      (intmax_t)s.st_size);
	MUST(unlinkat(view[c], moved, 0));
	for (int v = 0; v < VIEWS; v++)
		MUST_FAIL(fstatat(view[v], moved, &s, 0), ENOENT);
	MUST(fstat(fd, &s));
	if (s.st_nlink)
		wrong(t, "a removed file has %ju names", (uintmax_t)s.st_nlink);
	close(fd);
}

static void op_exclusive(struct thread *t)
{
	unsigned int i = dice(t, SLOTS);
	char name[16];
	bool dir = false;
	int v = t->v, fd, ret;

	snprintf(name, sizeof(name), "take%u", i);
	switch (dice(t, 4)) {
	case 0:
		fd = openat(view[v], name, O_CREAT | O_EXCL | O_WRONLY |
			    O_CLOEXEC, 0644);
		ret = fd;
		if (fd >= 0)
			close(fd);
		/* twice in a row made beneath after the look at the name: dir.c */
		else if (errno == ESTALE && kernel_since(7, 3))
			return;
		break;
	case 1:
		dir = true;
		ret = mkdirat(view[v], name, 0700);
		break;
	case 2:
		ret = symlinkat("/", view[v], name);
		break;
	default:
		ret = linkat(view[v], "log", view[v], name, 0);
	}
	if (ret < 0) {
		if (errno != EEXIST)
			wrong(t, "taking %s: %s", name, strerror(errno));
		return;
	}
	if (atomic_fetch_add(&shared->holders[i], 1))
		wrong(t, "%s was taken twice, the second time through view %d",
		      name, v);
	coherent(t, i, dice(t, VIEWS), dice(t, VIEWS), dice(t, VIEWS));
	atomic_fetch_sub(&shared->holders[i], 1);
	act_as(t, dice(t, VIEWS));
	MUST(unlinkat(view[t->v], name, dir ? AT_REMOVEDIR : 0));
}

static void op_readdir(struct thread *t)
{
	unsigned char seen[STABLE] = { 0 };
	char name[32];
	struct dirent *de;
	int fd, n;
	DIR *d;

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "dir/c%u", dice(t, 40));
		if (dice(t, 2))
			expect(t, mknodat(view[t->v], name, S_IFREG | 0600, 0),
			       "mknod", 0);
		else
			expect(t, unlinkat(view[t->v], name, 0), "unlink", 0);
	}
	fd = openat(view[t->v], "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		wrong(t, "opendir: %s", strerror(errno));
		return;
	}
	while ((de = readdir(d)))
		if (sscanf(de->d_name, "a-stable-name-%d", &n) == 1 &&
		    n >= 0 && n < STABLE)
			seen[n]++;
	closedir(d);
	for (n = 0; n < STABLE; n++)
		if (seen[n] != 1)
			wrong(t, "readdir through view %d shows name %d %d times",
			      t->v, n, seen[n]);
}

static void op_mmap(struct thread *t)
{
	for (int i = 0; i < 50; i++)
		atomic_fetch_add(t->counter[dice(t, VIEWS)], 1);
	atomic_fetch_add(&shared->added, 50);
}

static void op_append(struct thread *t)
{
	int fd = openat(view[t->v], "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	char line[17];

	snprintf(line, sizeof(line), "%4u %10lu\n", t->number,
		 atomic_load(&shared->appended[t->number]));
	if (fd < 0 || write(fd, line, 16) != 16)
		wrong(t, "append through view %d: %s", t->v, strerror(errno));
	else
		atomic_fetch_add(&shared->appended[t->number], 1);
	close(fd);
}

static void op_lock(struct thread *t)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 10 };
	int kind = (int)dice(t, 2), fd, ret;

	fd = openat(view[t->v], kind ? "flock" : "ofd", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		wrong(t, "open: %s", strerror(errno));
		return;
	}
	ret = kind ? flock(fd, LOCK_EX) : fcntl(fd, F_OFD_SETLKW, &l);
	if (ret)
		wrong(t, "lock through view %d: %s", t->v, strerror(errno));
	if (atomic_fetch_add(&shared->in_lock[kind], 1))
		wrong(t, "two have the %s lock, one of them through view %d",
		      kind ? "flock" : "OFD", t->v);
	sched_yield();
	atomic_fetch_sub(&shared->in_lock[kind], 1);
	close(fd);
}

/* Version 2 of the ACL xattr: tag, permissions and id of each entry. */
struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[5];
};

static void op_xattr(struct thread *t)
{
	struct acl acl = { 2, { { 1, 6, -1 }, { 2, 4, base[t->v] + 7 },
				{ 4, 4, -1 }, { 16, 4, -1 }, { 32, 4, -1 } } };
	static const char acl_name[] = "system.posix_acl_access";
	char name[16], value[1024];
	int fd;
	ssize_t n;

	snprintf(name, sizeof(name), "x%u", dice(t, 3));
	fd = openat(view[t->v], name, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		wrong(t, "open %s: %s", name, strerror(errno));
		return;
	}
	switch (dice(t, 6)) {
	case 0:
		memset(value, 'a' + dice(t, 26), sizeof(value));
		expect(t, fsetxattr(fd, "user.x", value, 1 + dice(t, 900), 0),
		       "setxattr", 0);
		break;
	case 1:
		expect(t, fremovexattr(fd, "user.x"), "removexattr", ENODATA);
		break;
	case 2:
		expect(t, fsetxattr(fd, acl_name, &acl, sizeof(acl), 0),
		       "setting an ACL", EOPNOTSUPP);
		break;
	case 3:
		expect(t, fremovexattr(fd, acl_name), "removing an ACL",
		       ENODATA);
		break;
	case 4:
		n = fgetxattr(fd, acl_name, &acl, sizeof(acl));
		expect(t, n, "reading an ACL", ENODATA);
		if (n == sizeof(acl) && acl.e[1].id != base[t->v] + 7)
			wrong(t, "the ACL through view %d names %u, not %u",
			      t->v, acl.e[1].id, base[t->v] + 7);
		break;
	default:
		n = fgetxattr(fd, "user.x", value, sizeof(value));
		expect(t, n, "getxattr", ENODATA);
		for (ssize_t i = 1; i < n; i++)
			if (value[i] != value[0])
				wrong(t, "a torn attribute");
		expect(t, flistxattr(fd, value, sizeof(value)), "listxattr", 0);
	}
	close(fd);
}

static void op_chmod(struct thread *t)
{
	static const mode_t modes[] = { 0755, 0700, 0644, 04755, 06755, 02755 };
	static const unsigned int owners[] = { 1, 5, 9 };
	unsigned int o = base[t->v] + owners[dice(t, 3)];

	if (dice(t, 2))
		expect(t, fchmodat(view[t->v], "program", modes[dice(t, 6)], 0),
		       "chmod", 0);
	else
		expect(t, fchownat(view[t->v], "program", o, o, 0), "chown", 0);
}

static void op_exec(struct thread *t)
{
	unsigned int id = base[t->v] + 3000;
	char text[16], *argv[] = { "storm", "--child", text, NULL };
	int status;
	pid_t pid;

	snprintf(text, sizeof(text), "%u", base[t->v]);
	/* only async-signal-safe calls in the child: the process has threads */
	pid = fork();
	if (!pid) {
		if (syscall(SYS_setresgid, id, id, id) ||
		    syscall(SYS_setresuid, id, id, id))
			_exit(10);
		/* SECBIT_NO_SETUID_FIXUP left the capabilities */
		if (syscall(SYS_capset, &(uint32_t[]){ 0x20080522, 0 },
			    &(uint32_t[6]){ 0 }))
			_exit(11);
		syscall(SYS_execveat, view[t->v], "program", argv, environ, 0);
		_exit(errno == EACCES || errno == ETXTBSY ? 0 : 12);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		wrong(t, "fork: %s", strerror(errno));
	else if (status)
		wrong(t, "exec through view %d ended with %x", t->v, status);
}

/* The program on the tree, run by id BASE + 3000, setuid at times. */
int exec_child(int argc, char **argv)
{
	unsigned int from = argc > 0 ? (unsigned int)atoi(argv[0]) : 0;
	unsigned int ids[] = { geteuid() - from, getegid() - from };

	for (int i = 0; i < 2; i++)
		if (ids[i] != 3000 && ids[i] != 1 && ids[i] != 5 && ids[i] != 9)
			return 20 + i;
	return 0;
}

/* An open file outlives its name, and what is read is what was written. */
static void op_open_unlink(struct thread *t)
{
	char name[24], buf[16];
	int fd, v = (int)dice(t, VIEWS);
	unsigned int i = t->number;

	snprintf(name, sizeof(name), "d%u/open%u", dice(t, 4), t->number);
	fd = openat(view[t->v], name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC,
		    0600);
	if (fd < 0) {
		expect(t, fd, "create", 0);
		return;
	}
	MUST(unlinkat(view[v], name, 0));
	MUST(pwrite(fd, "still here", 10, 0));
	if (pread(fd, buf, sizeof(buf), 0) != 10 ||
	    memcmp(buf, "still here", 10))
		wrong(t, "a removed file lost its contents");
	MUST(fchmod(fd, 0400));
	MUST(ftruncate(fd, 0));
	close(fd);
}

const struct op ops[] = {
	{ "rename", 14, op_rename }, { "create", 16, op_create },
	{ "remove", 8, op_remove }, { "attr", 6, op_attr },
	{ "look", 14, op_look }, { "exclusive", 10, op_exclusive },
	{ "readdir", 2, op_readdir }, { "mmap", 4, op_mmap },
	{ "append", 5, op_append }, { "lock", 5, op_lock },
	{ "xattr", 8, op_xattr }, { "chmod", 3, op_chmod },
	{ "exec", 1, op_exec }, { "open-unlink", 6, op_open_unlink },
	{ NULL, 0, NULL },
};

void make_tree(void)
{
	char name[40];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		OK(mkdirat(lower, name, 0777));
	}
	OK(mkdirat(lower, "dir", 0777));
	for (int i = 0; i < STABLE; i++) {
		snprintf(name, sizeof(name), "dir/a-stable-name-%03d", i);
		OK(touch(lower, name, 0644));
	}
	OK(put(lower, "log", ""));
	OK(put(lower, "flock", "x"));
	OK(put(lower, "ofd", "x"));
	OK(put(lower, "counter", ""));
	OK(truncate(lo("counter"), 4096));
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		OK(touch(lower, name, 0666));
	}
	copy_self("program", 5, 5, 0755);
}
