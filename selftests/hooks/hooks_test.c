// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who watches the lower filesystem is asked about what is done through the
 * mount: fanotify's permission events, swap files, append-only files. Native
 * access, by the lower path, shows that the watcher is one.
 */
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/swap.h>
#include <sys/uio.h>
#include <time.h>
#include <linux/fs.h>

#include "utils.h"

/* What a program of 1000 must not have become. */
static int helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return (geteuid() == SEEN(0)) + 2 * (getegid() == SEEN(0)) +
	       4 * (getegid() == SEEN(1000));
}

#define SHIFT_HELPER helper
#include "fixture.h"
#include "ring.h"

#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS 0x00100000
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x00000020
#endif

#define SIZE 8192

/* A process that answers permission events, and what it is told to answer. */
struct watch {
	volatile int deny;
	volatile unsigned int asked;
};

static struct watch *watch;
static pid_t watcher;

static void listen(int fan, bool reads)
{
	struct fanotify_event_metadata ev[16], *e;
	struct fanotify_response answer;
	char buf[SIZE];
	ssize_t n;

	while ((n = read(fan, ev, sizeof(ev))) > 0) {
		for (e = ev; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n)) {
			if (reads && pread(e->fd, buf, sizeof(buf), 0) < 0)
				_exit(2);
			watch->asked++;
			answer.fd = e->fd;
			answer.response = watch->deny ? FAN_DENY : FAN_ALLOW;
			if (write(fan, &answer, sizeof(answer)) < 0)
				_exit(3);
			close(e->fd);
		}
	}
	_exit(4);
}

/*
 * Start it on the filesystems of these two directories (-1: of one); @reads:
 * it looks at the contents before it answers. Returns -1 where the kernel or
 * the filesystem does not have such events.
 */
static int watch_start(unsigned int class, uint64_t mask, int dir, int dir2,
		       bool reads)
{
	int fan = fanotify_init(class | FAN_CLOEXEC, O_RDONLY | O_LARGEFILE);

	OK(fan);
	if (fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, dir,
			  NULL))
		return -1;
	if (dir2 >= 0)
		OK(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask,
				 dir2, NULL));
	watch = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(watch != MAP_FAILED);
	watcher = OK(fork());
	if (!watcher) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		listen(fan, reads);
	}
	close(fan);
	return 0;
}

static void watch_stop(void)
{
	OK(kill(watcher, SIGKILL));
	OK(waitpid(watcher, NULL, 0));
}

/* Refused where the watcher says no, done where it says yes. */
#define ASKED(call) do {						\
	unsigned int before_ = watch->asked;				\
									\
	watch->deny = 1;						\
	FAILS(call, EPERM);						\
	if (watch->asked == before_)					\
		fail_at(__FILE__, __LINE__, "%s: nobody was asked", #call); \
	watch->deny = 0;						\
	OK(call);							\
} while (0)

static int opened(int dir, const char *name, int flags)
{
	uid_t id = dir == lower ? 1000 : SEEN(1000);
	int fd;

	become(id, id);
	fd = OK(openat(dir, name, flags | O_CLOEXEC));
	become_root();
	return fd;
}

/* -1 and errno of what says it by a negative error number. */
static long as_errno(long ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static long by_aio(int op, int fd, void *buf, size_t len)
{
	static aio_context_t ctx;

	if (!ctx)
		OK(sys_io_setup(4, &ctx));
	return as_errno(aio(ctx, op, fd, buf, len, 0));
}

static long by_ring(int op, int fd, void *buf, size_t len, int flags)
{
	static struct ring r;

	if (!r.fd)
		OK(ring_open(&r));
	return as_errno(ring_do(&r, rw(op, fd, buf, len, 0, flags)));
}

static void make_file(const char *name, char c)
{
	char block[SIZE];
	int fd;

	memset(block, c, sizeof(block));
	make(name, 1000, 1000, S_IFREG | 0644);
	fd = OK(openat(lower, name, O_WRONLY));
	EQ(SIZE, write(fd, block, SIZE));
	close(fd);
}

static long splice_from(int fd)
{
	loff_t off = 0;
	int p[2], err;
	long ret;

	OK(pipe2(p, O_CLOEXEC));
	ret = splice(fd, &off, p[1], NULL, 4096, 0);
	err = errno;
	close(p[0]);
	close(p[1]);
	errno = err;
	return ret;
}

static long splice_to(int fd)
{
	loff_t off = 0;
	int p[2], err;
	long ret;

	OK(pipe2(p, O_CLOEXEC));
	EQ(4, write(p[1], "pipe", 4));
	ret = splice(p[0], NULL, fd, &off, 4, 0);
	err = errno;
	close(p[0]);
	close(p[1]);
	errno = err;
	return ret;
}

static long send_to_null(int fd)
{
	int null = OK(open("/dev/null", O_WRONLY));
	off_t off = 0;
	long ret = sendfile(null, fd, &off, 4096);
	int err = errno;

	close(null);
	errno = err;
	return ret;
}

static long copy(int in, int out)
{
	loff_t from = 0, to = 0;

	return copy_file_range(in, &from, out, &to, 4096, 0);
}

static long list(int dir)
{
	char buf[4096];

	OK(lseek(dir, 0, SEEK_SET));
	return syscall(SYS_getdents64, dir, buf, sizeof(buf));
}

static void reads_are_asked(int dir, bool direct)
{
	struct iovec iov;
	int in, out, d;
	char *buf;

	CHECK(!posix_memalign((void **)&buf, 4096, SIZE));
	iov = (struct iovec){ buf, 4096 };
	in = opened(dir, "f", O_RDONLY);
	out = opened(dir, "g", O_RDWR);
	ASKED(pread(in, buf, 16, 0));
	ASKED(read(in, buf, 16));
	ASKED(preadv(in, &iov, 1, 0));
	ASKED(by_aio(IOCB_CMD_PREAD, in, buf, 4096));
	ASKED(by_ring(IORING_OP_READ, in, buf, 4096, 0));
	ASKED(by_ring(IORING_OP_READ, in, buf, 4096, IOSQE_ASYNC));
	ASKED(splice_from(in));
	ASKED(send_to_null(in));
	ASKED(copy(in, out));
	if (direct) {
		d = opened(dir, "f", O_RDONLY | O_DIRECT);
		ASKED(pread(d, buf, 4096, 0));
		ASKED(by_aio(IOCB_CMD_PREAD, d, buf, 4096));
		close(d);
	}
	d = OK(openat(dir, ".", O_RDONLY | O_DIRECTORY));
	ASKED(list(d));
	/* once for each call, and the contents are the right ones */
	watch->asked = 0;
	EQ(16, pread(in, buf, 16, 0));
	EQ(1, watch->asked);
	EQ('f', buf[15]);
	close(d);
	close(in);
	close(out);
	free(buf);
}

TEST_F(shift, reads_are_asked_below)
{
	bool direct;
	int fd;

	make_file("f", 'f');
	make_file("g", 'g');
	fd = openat(lower, "f", O_RDONLY | O_DIRECT);
	direct = fd >= 0;
	close(fd);
	OK(watch_start(FAN_CLASS_CONTENT, FAN_ACCESS_PERM | FAN_ONDIR, lower,
		       -1, false));
	reads_are_asked(lower, direct);
	reads_are_asked(upper, direct);
	watch_stop();
	BOTH("f", 1000, 1000, S_IFREG | 0644);
	EQ(SIZE, st(lower, "f").st_size);
}

static void changes_are_asked(int dir, const char *path)
{
	uid_t id = dir == lower ? 1000 : SEEN(1000);
	char *buf, *map, name[PATH_MAX];
	int in, out;

	snprintf(name, sizeof(name), "%s/g", path);
	CHECK(!posix_memalign((void **)&buf, 4096, SIZE));
	memset(buf, 'w', SIZE);
	in = opened(dir, "f", O_RDONLY);
	out = opened(dir, "g", O_RDWR);
	ASKED(pread(in, buf, 16, 0));
	ASKED(pwrite(out, "w", 1, 0));
	ASKED(by_aio(IOCB_CMD_PWRITE, out, buf, 4096));
	ASKED(by_ring(IORING_OP_WRITE, out, buf, 4096, 0));
	ASKED(by_ring(IORING_OP_WRITE, out, buf, 4096, IOSQE_ASYNC));
	ASKED(splice_to(out));
	ASKED(copy(in, out));
	ASKED(fallocate(out, 0, 0, SIZE));
	ASKED(ftruncate(out, SIZE));
	ASKED(truncate(name, SIZE));
	close(in);
	close(out);
	/* a mapping, where it is made or, where nobody can ask then, at open */
	become(id, id);
	watch->deny = 1;
	watch->asked = 0;
	in = openat(dir, "f", O_RDONLY | O_CLOEXEC);
	map = in < 0 ? MAP_FAILED :
		       mmap(NULL, SIZE, PROT_READ, MAP_SHARED, in, 0);
	CHECK(map == MAP_FAILED && errno == EPERM && watch->asked);
	watch->deny = 0;
	close(in);
	in = OK(openat(dir, "f", O_RDONLY | O_CLOEXEC));
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, in, 0);
	CHECK(map != MAP_FAILED);
	become_root();
	OK(munmap(map, SIZE));
	close(in);
	free(buf);
}

/* What a service brings the contents of, when they are wanted: since 6.14. */
TEST_F(shift, contents_are_brought_below)
{
	make_file("f", 'f');
	make_file("g", 'g');
	SKIP_IF(watch_start(FAN_CLASS_PRE_CONTENT, FAN_PRE_ACCESS, lower, -1,
			    false),
		"no such events: %s", strerror(errno));
	changes_are_asked(lower, lower_path);
	changes_are_asked(upper, upper_path);
	watch_stop();
	BOTH("g", 1000, 1000, S_IFREG | 0644);
	EQ(SIZE, st(lower, "g").st_size);
}

/* Who watches both looks at the contents, and does not wait for itself. */
TEST_F(shift, a_watcher_of_both_reads)
{
	char buf[16];
	int fd;

	make_file("f", 'f');
	OK(watch_start(FAN_CLASS_CONTENT, FAN_ACCESS_PERM | FAN_OPEN_PERM,
		       lower, upper, true));
	fd = opened(upper, "f", O_RDONLY);
	EQ(16, read(fd, buf, 16));
	EQ('f', buf[0]);
	CHECK(watch->asked >= 2);
	close(fd);
	watch_stop();
}

/* A file that the kernel swaps to is nobody else's to write. */
TEST_F(shift, a_swap_file_in_use)
{
	char cmd[PATH_MAX + 64], *page;
	const char *file = lo("swap");
	int fd, below;

	SKIP_IF(lower_is("tmpfs") || lower_is("overlay"),
		"the lower cannot be swapped to");
	make("swap", 1000, 1000, S_IFREG | 0600);
	fd = opened(upper, "swap", O_RDWR);
	below = OK(openat(lower, "swap", O_RDWR));
	if (lower_is("btrfs")) {
		int flags = FS_NOCOW_FL;

		OK(ioctl(below, FS_IOC_SETFLAGS, &flags));
	}
	CHECK(!posix_memalign((void **)&page, 4096, 1 << 20));
	memset(page, 0, 1 << 20);
	EQ(1 << 20, pwrite(below, page, 1 << 20, 0));
	OK(fsync(below));
	snprintf(cmd, sizeof(cmd), "mkswap %s >/dev/null 2>&1", file);
	EQ(0, system(cmd));
	OK(swapon(file, 0));
	CHECK(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, below, 0) == MAP_FAILED &&
	      errno == ETXTBSY);
	CHECK(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == ETXTBSY);
	FAILS(pwrite(fd, "x", 1, 0), ETXTBSY);
	FAILS(ftruncate(fd, 0), ETXTBSY);
	FAILS(fallocate(fd, 0, 0, 2 << 20), ETXTBSY);
	FAILS(splice_to(fd), ETXTBSY);
	become(SEEN(1000), SEEN(1000));
	FAILS(unlinkat(upper, "swap", 0), EPERM);
	FAILS(renameat(upper, "swap", upper, "moved"), EPERM);
	become_root();
	OK(swapoff(file));
	EQ(1, pwrite(fd, "x", 1, 0));
	EQ('x', (pread(below, page, 1, 0), *page));
	EQ(1 << 20, st(lower, "swap").st_size);
	close(fd);
	close(below);
}

/* What is made append-only while it is open for appending is that at once. */
TEST_F(shift, append_only_while_open)
{
	int fd, flags = FS_APPEND_FL, none = 0, below;
	struct iovec iov = { "new", 3 };
	char *map;

	make_file("f", 'f');
	below = OK(openat(lower, "f", O_RDONLY));
	fd = opened(upper, "f", O_RDWR | O_APPEND);
	SKIP_IF(ioctl(below, FS_IOC_SETFLAGS, &flags),
		"the lower has no append-only files");
	/* in the kernel's own order, or when it comes to the write */
	if (!fcntl(fd, F_SETFL, 0))
		FAILS(pwrite(fd, "x", 1, 0), EPERM);
	OK(fcntl(fd, F_SETFL, O_APPEND));
	if (pwritev2(fd, &iov, 1, 0, RWF_NOAPPEND) >= 0 ||
	    (errno != EPERM && errno != EOPNOTSUPP))
		fail_at(__FILE__, __LINE__, "RWF_NOAPPEND: %s",
			strerror(errno));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map == MAP_FAILED && errno == EACCES);
	FAILS(ftruncate(fd, 0), EPERM);
	FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			4096), EPERM);
	EQ(3, write(fd, "new", 3));
	close(fd);
	become(SEEN(1000), SEEN(1000));
	FAILS(openat(upper, "f", O_WRONLY), EPERM);
	FAILS(truncate(up("f"), 0), EPERM);
	become_root();
	EQ(SIZE + 3, st(lower, "f").st_size);
	OK(ioctl(below, FS_IOC_SETFLAGS, &none));
	close(below);
}

/* Both shall run at once; with one CPU they take turns. */
static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	OK(sched_setaffinity(0, sizeof(set), &set));
}

/*
 * A set-id program is given to root beneath, by which it is one no longer, while
 * it is executed above: who executes it becomes its old owner or nobody else. The
 * moment is hit with a mutant that makes it long: set-ids-of-another-owner.
 */
TEST_F(shift, exec_beside_a_chown)
{
	int code, fd, was_old = 0;
	struct timespec from, to;
	long whole;
	pid_t pid;

	copy_self("p", 1000, 1000, 06755);
	fd = OK(openat(lower, "p", O_RDONLY | O_CLOEXEC));
	become(SEEN(2000), SEEN(2000));
	clock_gettime(CLOCK_MONOTONIC, &from);
	EQ(4, run(upper, "p"));
	clock_gettime(CLOCK_MONOTONIC, &to);
	become_root();
	whole = (to.tv_sec - from.tv_sec) * 1000000 +
		(to.tv_nsec - from.tv_nsec) / 1000;
	run_on(0);
	/* at each moment of an execution, and after it */
	for (int round = 0; round < 30; round++) {
		OK(fchown(fd, 1000, 1000));
		OK(fchmod(fd, 06755));
		ATTR(upper, "p", SEEN(1000), SEEN(1000), S_IFREG | 06755);
		pid = spawn();
		if (!pid) {
			run_on(1);
			become(SEEN(2000), SEEN(2000));
			_exit(run(upper, "p"));
		}
		usleep(whole * round / 25);
		OK(fchown(fd, 0, 0));
		ATTR(upper, "p", SEEN(0), SEEN(0), S_IFREG | 0755);
		code = reap(pid);
		was_old += code == 4;
		if (code && code != 4)
			fail_at(__FILE__, __LINE__,
				"round %d: the program became root's: %d",
				round, code);
	}
	/* else this says nothing */
	CHECK(was_old);
	OK(fchown(fd, 1000, 1000));
	OK(fchmod(fd, 06755));
	ATTR(lower, "p", 1000, 1000, S_IFREG | 06755);
	close(fd);
}

SHIFT_TEST_MAIN
