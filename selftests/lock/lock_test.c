// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks: taken on the lower, so that the host path, the mount and another
 * mount of the same tree stand in each other's way.
 *
 * Each test runs over three pairs of descriptors:
 *     above, below      below, above      above, above of a second mount
 */
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#include "fixture.h"

static int second = -1;

static const struct pair {
	const char *text;
	int *a, *b;
} pairs[] = {
	{ "above and below", &upper, &lower },
	{ "below and above", &lower, &upper },
	{ "two mounts", &upper, &second },
};

#define FOR_PAIRS(p)							\
	for (const struct pair *p = start(); p < pairs + ARRAY_SIZE(pairs); \
	     p++)

static const struct pair *start(void)
{
	second = open_view(lower_path, "b:0:300000:65536", 0, NULL);
	make("f", 1000, 1000, S_IFREG | 0666);
	return pairs;
}

static int get(int dir)
{
	return OK(openat(dir, "f", O_RDWR | O_CLOEXEC));
}

static int posix(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET,
			    .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

TEST_F(shift, flock)
{
	FOR_PAIRS(p) {
		int a = get(*p->a), b = get(*p->b), dupped;

		OK(flock(a, LOCK_EX | LOCK_NB));
		FAILS(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		FAILS(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
		OK(flock(a, LOCK_SH | LOCK_NB));
		OK(flock(b, LOCK_SH | LOCK_NB));
		FAILS(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		OK(flock(b, LOCK_UN));
		OK(flock(a, LOCK_EX | LOCK_NB));
		/* it goes with the last descriptor of the open file */
		dupped = OK(dup(a));
		close(a);
		FAILS(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		close(dupped);
		OK(flock(b, LOCK_EX | LOCK_NB));
		close(b);
	}
}

TEST_F(shift, posix)
{
	FOR_PAIRS(p) {
		int a = get(*p->a), other;

		OK(posix(a, F_SETLK, F_WRLCK, 10, 10));
		AS_NS(-1, 0, 0, ALL_CAPS) {
			struct flock fl = { .l_type = F_RDLCK, .l_start = 15,
					    .l_whence = SEEK_SET, .l_len = 1 };
			int b = get(*p->b);

			FAILS(posix(b, F_SETLK, F_RDLCK, 15, 1), EAGAIN);
			OK(posix(b, F_SETLK, F_WRLCK, 20, 5));
			OK(posix(b, F_SETLK, F_UNLCK, 20, 5));
			OK(fcntl(b, F_GETLK, &fl));
			EQ(F_WRLCK, fl.l_type);
			EQ(getppid(), fl.l_pid);
			EQ(10, fl.l_start);
			EQ(10, fl.l_len);
		}
		/* any close of the file by the process drops them */
		other = get(*p->a);
		close(other);
		AS_NS(-1, 0, 0, ALL_CAPS) {
			int b = get(*p->b);

			OK(posix(b, F_SETLK, F_WRLCK, 0, 0));
		}
		/* the child is gone, and its lock with it */
		OK(posix(a, F_SETLK, F_WRLCK, 0, 0));
		OK(posix(a, F_SETLK, F_UNLCK, 5, 5));
		AS_NS(-1, 0, 0, ALL_CAPS) {
			int b = get(*p->b);

			OK(posix(b, F_SETLK, F_WRLCK, 5, 5));
			FAILS(posix(b, F_SETLK, F_WRLCK, 5, 6), EAGAIN);
		}
		close(a);
	}
}

TEST_F(shift, ofd)
{
	FOR_PAIRS(p) {
		int a = get(*p->a), b = get(*p->b), c;
		struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		OK(posix(a, F_OFD_SETLK, F_WRLCK, 0, 0));
		/* one process, two open files: they conflict */
		FAILS(posix(b, F_OFD_SETLK, F_RDLCK, 0, 1), EAGAIN);
		FAILS(posix(b, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
		OK(fcntl(b, F_OFD_GETLK, &fl));
		EQ(F_WRLCK, fl.l_type);
		EQ(-1, fl.l_pid);
		/* another open and close of the file leaves them alone */
		c = get(*p->a);
		close(c);
		FAILS(posix(b, F_OFD_SETLK, F_RDLCK, 0, 1), EAGAIN);
		c = OK(dup(a));
		close(a);
		FAILS(posix(b, F_OFD_SETLK, F_RDLCK, 0, 1), EAGAIN);
		close(c);
		OK(posix(b, F_OFD_SETLK, F_WRLCK, 0, 0));
		close(b);
	}
}

/* What keeps @b from locking when @a, locked and mapped, has been closed. */
static void lock_mapped(int a, int b, int *by_flock, int *by_ofd)
{
	void *map;

	EQ(1, write(a, "x", 1));
	OK(flock(a, LOCK_EX));
	OK(posix(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, a, 0);
	CHECK(map != MAP_FAILED);
	close(a);
	*by_flock = flock(b, LOCK_SH | LOCK_NB) ? errno : 0;
	*by_ofd = posix(b, F_OFD_SETLK, F_RDLCK, 0, 1) ? errno : 0;
	OK(munmap(map, 4096));
	OK(flock(b, LOCK_EX | LOCK_NB));
	OK(posix(b, F_OFD_SETLK, F_WRLCK, 0, 0));
	close(b);
}

/* A mapping keeps the open file, whose locks these are; an overlay's does not. */
TEST_F(shift, locks_of_a_mapped_file)
{
	FOR_PAIRS(p) {
		int native[2], here[2];

		lock_mapped(get(lower), get(lower), &native[0], &native[1]);
		if (!lower_is("overlay"))
			EQ(EAGAIN, native[1]);
		lock_mapped(get(*p->a), get(*p->b), &here[0], &here[1]);
		EQ(native[0], here[0]);
		EQ(native[1], here[1]);
	}
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void pause_ms(int ms)
{
	struct timespec ts = { 0, ms * 1000000l };

	nanosleep(&ts, NULL);
}

/* True when /proc/locks shows a waiter of this process; OFD locks have -1. */
static bool waits(pid_t pid)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256];
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		int p = 0;

		if (strstr(line, "->") &&
		    sscanf(line, "%*d: -> %*s %*s %*s %d", &p) == 1 &&
		    (p == pid || p == -1))
			found = true;
	}
	if (f)
		fclose(f);
	return found;
}

enum kind { FLOCK, POSIX, OFD };

static int take(enum kind kind, int fd, bool wait)
{
	if (kind == FLOCK)
		return flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	if (kind == POSIX)
		return posix(fd, wait ? F_SETLKW : F_SETLK, F_WRLCK, 0, 0);
	return posix(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, F_WRLCK, 0, 0);
}

static int drop(enum kind kind, int fd)
{
	if (kind == FLOCK)
		return flock(fd, LOCK_UN);
	return posix(fd, kind == POSIX ? F_SETLK : F_OFD_SETLK, F_UNLCK, 0, 0);
}

static pid_t waiter(enum kind kind, int dir, int held)
{
	pid_t pid = spawn();

	if (!pid) {
		struct sigaction sa = { .sa_handler = on_alarm };
		int fd = get(dir);

		/* the inherited descriptor would keep the lock */
		close(held);
		OK(sigaction(SIGUSR1, &sa, NULL));
		if (take(kind, fd, true))
			_exit(errno == EINTR ? 7 : 8);
		_exit(0);
	}
	for (int i = 0; i < 2000 && !waits(pid); i++)
		pause_ms(5);
	CHECK(waits(pid));
	return pid;
}

TEST_F_TIMEOUT(shift, waiters, 90)
{
	FOR_PAIRS(p) {
		for (enum kind k = FLOCK; k <= OFD; k++) {
			int a = get(*p->a), b = get(*p->b);
			pid_t pid;

			/* woken by the unlock */
			OK(take(k, a, false));
			pid = waiter(k, *p->b, a);
			OK(drop(k, a));
			EQ(0, reap(pid));
			/* woken by the close */
			OK(take(k, a, false));
			pid = waiter(k, *p->b, a);
			close(a);
			EQ(0, reap(pid));
			a = get(*p->a);
			/* interrupted: it leaves nothing behind */
			OK(take(k, a, false));
			pid = waiter(k, *p->b, a);
			OK(kill(pid, SIGUSR1));
			EQ(7, reap(pid));
			pid = waiter(k, *p->b, a);
			OK(kill(pid, SIGKILL));
			EQ(128 + SIGKILL, reap(pid));
			OK(drop(k, a));
			AS_NS(-1, 0, 0, ALL_CAPS)
				OK(take(k, get(*p->b), false));
			close(a);
			close(b);
		}
	}
}

/* Who waits with one open file does not wait for one another. */
TEST_F_TIMEOUT(shift, waiters_with_one_file, 60)
{
	FOR_PAIRS(p) {
		int a = get(*p->a), b = get(*p->b);
		pid_t pids[2];

		OK(take(OFD, a, false));
		for (int i = 0; i < 2; i++) {
			pids[i] = OK(fork());
			if (!pids[i]) {
				alarm(20);
				_exit(posix(b, F_OFD_SETLKW, F_WRLCK, 0, 0) ?
				      errno : 0);
			}
		}
		/* OFD locks do not say whose they are: both are given time */
		pause_ms(300);
		OK(drop(OFD, a));
		EQ(0, reap(pids[0]));
		EQ(0, reap(pids[1]));
		FAILS(posix(a, F_OFD_SETLK, F_RDLCK, 0, 1), EAGAIN);
		close(b);
		OK(take(OFD, a, false));
		close(a);
	}
}

struct thread {
	enum kind kind;
	int fd;
	int error;
};

static void *take_and_wait(void *arg)
{
	struct thread *t = arg;

	t->error = take(t->kind, t->fd, true) ? errno : 0;
	return NULL;
}

/* What is left of a file that is closed by one thread: nothing, or ... */
enum left { NOTHING, A_DUP, ANOTHER_PROCESS, ONE_THREAD };

struct closer {
	int fd, waits_on;
};

/* Closes what another thread waits by, and ends before that is granted. */
static void *close_and_end(void *arg)
{
	struct closer *c = arg;

	for (int i = 0; i < 2000 && !waits(getpid()); i++)
		pause_ms(5);
	close(c->fd);
	EQ(1, write(c->waits_on, "w", 1));
	return NULL;
}

static int n_threads(pid_t pid)
{
	char path[64], line[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	CHECK(f);
	while (!n && fgets(line, sizeof(line), f))
		sscanf(line, "Threads: %d", &n);
	fclose(f);
	return n;
}

/* In a child: what comes of the lock that a thread waited for. */
static void close_while_waiting(enum kind kind, enum left left, int dir,
				int waits_on, int go_on)
{
	struct thread t = { .kind = kind, .fd = get(dir) };
	int dupped = -1, hold[2];
	pid_t other = 0;
	pthread_t id;
	char c;

	if (left == A_DUP)
		dupped = OK(dup(t.fd));
	OK(pipe2(hold, O_CLOEXEC));
	if (left == ANOTHER_PROCESS) {
		other = OK(fork());
		if (!other) {
			close(hold[1]);
			_exit(read(hold[0], &c, 1));
		}
	}
	if (left == ONE_THREAD) {
		struct closer closer = { .fd = t.fd, .waits_on = waits_on };

		EQ(0, pthread_create(&id, NULL, close_and_end, &closer));
		take_and_wait(&t);
	} else {
		EQ(0, pthread_create(&id, NULL, take_and_wait, &t));
		for (int i = 0; i < 2000 && !waits(getpid()); i++)
			pause_ms(5);
		close(t.fd);
		EQ(1, write(waits_on, "w", 1));
	}
	EQ(0, pthread_join(id, NULL));
	/* OFD locks and flocks are of the open file, which went with the call */
	if (kind == POSIX && left != A_DUP)
		EQ(EBADF, t.error);
	else if (kind != POSIX)
		EQ(0, t.error);
	if (left == A_DUP && kind == POSIX)
		close(dupped);
	/* the lock is looked for while this process still lives */
	EQ(1, write(waits_on, "x", 1));
	EQ(1, read(go_on, &c, 1));
	close(hold[1]);
	if (other)
		reap(other);
}

/* Nobody holds a lock any more; and who reads the list does not fall over. */
static bool is_listed(pid_t pid)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256];
	bool found = false;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		int p = 0;

		if (sscanf(line, "%*d: %*s %*s %*s %d", &p) == 1 && p == pid)
			found = true;
	}
	fclose(f);
	return found;
}

/* A descriptor that is closed while another thread waits for a lock by it. */
static void closed(enum kind kind, enum left left)
{
	FOR_PAIRS(p) {
		int b = get(*p->b), said[2], go_on[2];
		pid_t pid;
		char c;

		OK(take(kind, b, false));
		OK(pipe2(said, O_CLOEXEC));
		OK(pipe2(go_on, O_CLOEXEC));
		pid = spawn();
		if (!pid) {
			close(b);
			close_while_waiting(kind, left, *p->a, said[1],
					    go_on[0]);
			_exit(0);
		}
		EQ(1, read(said[0], &c, 1));
		for (int i = 0; left == ONE_THREAD && n_threads(pid) > 1; i++) {
			CHECK(i < 2000);
			pause_ms(5);
		}
		OK(drop(kind, b));
		EQ(1, read(said[0], &c, 1));
		EQ('x', c);
		CHECK(!is_listed(pid));
		OK(take(kind, b, false));
		EQ(1, write(go_on[1], "x", 1));
		EQ(0, reap(pid));
		CHECK(!is_listed(pid));
		close(b);
		close(said[0]);
		close(said[1]);
	}
}

TEST_F_TIMEOUT(shift, posix_closed_while_it_waits, 60)
{
	closed(POSIX, NOTHING);
}

TEST_F_TIMEOUT(shift, posix_closed_while_another_process_has_it, 60)
{
	closed(POSIX, ANOTHER_PROCESS);
}

TEST_F_TIMEOUT(shift, posix_closed_by_a_thread_that_has_ended, 60)
{
	closed(POSIX, ONE_THREAD);
}

/* On an idmapped mount EBADF; here it is given, until the dup is closed. */
TEST_F_TIMEOUT(shift, posix_closed_while_dupped, 60)
{
	closed(POSIX, A_DUP);
}

TEST_F_TIMEOUT(shift, ofd_closed_while_it_waits, 60)
{
	closed(OFD, NOTHING);
}

TEST_F_TIMEOUT(shift, flock_closed_while_it_waits, 60)
{
	closed(FLOCK, NOTHING);
}

/* Many threads lock and close: whatever comes of it, nothing is left. */
static volatile bool stop;

static void *lock_and_unlock(void *arg)
{
	int *fd = arg;

	while (!stop) {
		take(POSIX, *fd, false);
		drop(POSIX, *fd);
		take(POSIX, *fd, false);
	}
	return NULL;
}

TEST_F_TIMEOUT(shift, closed_while_locked, 60)
{
	int b, fd, said[2], go_on[2];
	pid_t pid;
	char c;

	start();
	OK(pipe2(said, O_CLOEXEC));
	OK(pipe2(go_on, O_CLOEXEC));
	pid = spawn();
	if (!pid) {
		pthread_t ids[3];

		fd = get(upper);
		for (int i = 0; i < 3; i++)
			EQ(0, pthread_create(&ids[i], NULL, lock_and_unlock,
					     &fd));
		for (int i = 0; i < 2000; i++) {
			int other = fd;

			/* in a moment without a descriptor it is some other */
			close(other);
			fd = get(upper);
		}
		stop = true;
		for (int i = 0; i < 3; i++)
			EQ(0, pthread_join(ids[i], NULL));
		close(fd);
		EQ(1, write(said[1], "x", 1));
		EQ(1, read(go_on[0], &c, 1));
		_exit(0);
	}
	EQ(1, read(said[0], &c, 1));
	CHECK(!is_listed(pid));
	b = get(lower);
	OK(take(POSIX, b, false));
	EQ(1, write(go_on[1], "x", 1));
	EQ(0, reap(pid));
}

TEST_F(shift, lock_of_a_killed_process)
{
	FOR_PAIRS(p) {
		int b = get(*p->b), ready[2];
		pid_t pid;
		char c;

		OK(pipe2(ready, O_CLOEXEC));
		pid = spawn();
		if (!pid) {
			int a = get(*p->a);

			OK(take(POSIX, a, false));
			OK(take(FLOCK, a, false));
			EQ(1, write(ready[1], "x", 1));
			pause();
		}
		EQ(1, read(ready[0], &c, 1));
		FAILS(take(POSIX, b, false), EAGAIN);
		FAILS(take(FLOCK, b, false), EWOULDBLOCK);
		OK(kill(pid, SIGKILL));
		reap(pid);
		OK(take(POSIX, b, false));
		OK(take(FLOCK, b, false));
		close(b);
		close(ready[0]);
		close(ready[1]);
	}
}

TEST_F(shift, deadlock_is_found)
{
	int a, b;
	pid_t pid;

	start();
	a = get(upper);
	b = get(lower);
	(void)b;
	OK(posix(a, F_SETLK, F_WRLCK, 0, 1));
	pid = spawn();
	if (!pid) {
		int c = get(lower);

		OK(posix(c, F_SETLK, F_WRLCK, 1, 1));
		OK(posix(c, F_SETLKW, F_WRLCK, 0, 1));
		_exit(0);
	}
	for (int i = 0; i < 2000 && !waits(pid); i++)
		pause_ms(5);
	FAILS(posix(a, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	OK(posix(a, F_SETLK, F_UNLCK, 0, 1));
	EQ(0, reap(pid));
}

TEST_F(shift, wrong_mode)
{
	int r, w;

	start();
	r = OK(openat(upper, "f", O_RDONLY));
	w = OK(openat(upper, "f", O_WRONLY));
	FAILS(posix(r, F_SETLK, F_WRLCK, 0, 0), EBADF);
	FAILS(posix(w, F_SETLK, F_RDLCK, 0, 0), EBADF);
	OK(flock(r, LOCK_EX | LOCK_NB));
	FAILS(flock(OK(openat(lower, "f", O_RDONLY)), LOCK_SH | LOCK_NB),
	      EWOULDBLOCK);
}

static volatile sig_atomic_t told;

static void tell(int sig)
{
	told = sig;
}

/* Who has cached the file by a lease is told that it is truncated. */
TEST_F(shift, truncate_and_lease)
{
	int ready[2];
	pid_t pid;
	char c;

	OK(put(lower, "f", "text"));
	OK(fchownat(lower, "f", 1000, 1000, 0));
	OK(pipe(ready));
	pid = spawn();
	if (!pid) {
		int fd = OK(openat(lower, "f", O_RDONLY));

		signal(SIGIO, tell);
		OK(fcntl(fd, F_SETLEASE, F_RDLCK));
		OK(write(ready[1], "x", 1));
		for (int i = 0; i < 100 && !told; i++)
			usleep(100000);
		EQ(4, st(lower, "f").st_size);
		OK(fcntl(fd, F_SETLEASE, F_UNLCK));
		CHECK(told);
		_exit(0);
	}
	EQ(1, read(ready[0], &c, 1));
	become(SEEN(1000), SEEN(1000));
	OK(truncate(up("f"), 0));
	become_root();
	EQ(0, reap(pid));
	CONTENT(lower, "f", "");
	CONTENT(upper, "f", "");
}

SHIFT_TEST_MAIN
