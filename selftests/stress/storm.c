// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm [-t THREADS] [-d SECONDS] [-s SEED]: many threads of two processes on
 * one tree, each operation through a side taken at random: the lower path, or
 * one of two mounts with different maps. What no interleaving may break is
 * checked at each step, and the tree at the end. Meanwhile a third mount comes
 * and goes and caches are dropped.
 */
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <linux/securebits.h>
#include <time.h>

#include "storm.h"

#define PROCESSES 2

struct shared *shared;
int view[VIEWS];
const unsigned int base[VIEWS] = { 0, 100000, 200000 };

static unsigned int n_threads = 12, seconds = 20;
static unsigned long seed;

unsigned int dice(struct thread *t, unsigned int n)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (unsigned int)((t->random >> 16) % n);
}

void wrong(const struct thread *t, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!atomic_exchange(&shared->failed, true) || !t->number)
		printf("# thread %u: %s\n", t->number, text);
	fflush(stdout);
	atomic_store(&shared->stop, true);
}

static void put_number(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			printf("# %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

static void *threaded(void *arg)
{
	struct thread *t = arg;
	unsigned int total = 0;

	for (int i = 0; ops[i].name; i++)
		total += ops[i].weight;
	while (!atomic_load(&shared->stop)) {
		unsigned int n = dice(t, total);
		int i = 0;

		for (; n >= ops[i].weight; i++)
			n -= ops[i].weight;
		act_as(t, (int)dice(t, VIEWS));
		ops[i].run(t);
		atomic_fetch_add(&shared->done[i], 1);
	}
	return NULL;
}

static void hang(int sig)
{
	static const char text[] = "# the threads did not stop: a hang; the kernel log has the tasks\n";

	(void)sig;
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(3);
	put_number("/proc/sysrq-trigger", "w");
	put_number("/proc/sysrq-trigger", "d");
	_exit(3);
}

/* The file is mapped through every view: one page, so one counter. */
static void map_counters(_Atomic uint64_t **counter)
{
	for (int v = 0; v < VIEWS; v++) {
		int fd = OK(openat(view[v], "counter", O_RDWR | O_CLOEXEC));
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			       fd, 0);

		CHECK(p != MAP_FAILED);
		counter[v] = p;
		close(fd);
	}
}

/* A process of the storm; the first also mounts and drops caches. */
static void process(unsigned int p)
{
	struct thread threads[MAXTHREADS] = { 0 };
	_Atomic uint64_t *counter[VIEWS];
	pthread_t id[MAXTHREADS];
	unsigned int n = n_threads / PROCESSES;

	map_counters(counter);
	for (unsigned int i = 0; i < n; i++) {
		struct thread *t = &threads[i];

		t->number = 1 + p * n + i;
		t->random = (seed + t->number) * 0x9e3779b97f4a7c15u | 1;
		memcpy(t->counter, counter, sizeof(counter));
		CHECK(!pthread_create(&id[i], NULL, threaded, t));
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(id[i], NULL);
}

static bool busy(const char *point)
{
	return umount(point) && errno == EBUSY;
}

/* A third mount comes and goes; a file open in it outlives a lazy umount. */
static void mounts(void)
{
	struct thread t = { .random = (seed + 77) * 0x9e3779b97f4a7c15u | 1 };
	const char *point = mount_point(true);
	unsigned long n = 0;

	for (; !atomic_load(&shared->stop); n++) {
		struct stat s;
		char buf[8];
		int dir, fd;

		OK(mount_map(lower_path, point, "b:0:300000:65536", 0));
		dir = OK(open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		setfsgid(300001);
		setfsuid(300001);
		fd = openat(dir, "dir/of-the-third", O_CREAT | O_EXCL | O_RDWR |
			    O_CLOEXEC, 0600);
		if (fd < 0 || fstatat(view[1], "dir/of-the-third", &s, 0) ||
		    s.st_uid != 100001 || unlinkat(dir, "dir/of-the-third", 0))
			wrong(&t, "a file in a new mount: %s", strerror(errno));
		for (int i = 0; i < 20; i++) {
			snprintf(buf, sizeof(buf), "d%u/n%u", dice(&t, 4),
				 dice(&t, 5));
			if (!fstatat(dir, buf, &s, AT_SYMLINK_NOFOLLOW) &&
			    s.st_uid - 300000 > 65535)
				wrong(&t, "%s in a new mount belongs to %u",
				      buf, s.st_uid);
		}
		setfsuid(0);
		setfsgid(0);
		close(dir);
		if (!busy(point))
			wrong(&t, "umount with an open file: %s",
			      strerror(errno));
		if (dice(&t, 2)) {
			close(fd);
			OK(umount(point));
		} else {
			OK(umount2(point, MNT_DETACH));
			if (write(fd, "x", 1) != 1 || fstat(fd, &s) ||
			    s.st_uid != 300001 || s.st_size != 1)
				wrong(&t, "a file after umount -l: %s",
				      strerror(errno));
			close(fd);
		}
		if (!dice(&t, 5))
			put_number("/proc/sys/vm/drop_caches",
				   dice(&t, 2) ? "2" : "3");
		usleep(20000);
	}
	printf("# %lu mounts came and went\n", n);
}

int main(int argc, char **argv)
{
	pid_t pid[PROCESSES], mounter;
	struct timespec end, now;
	unsigned long names;
	int opt;

	if (argc > 2 && !strcmp(argv[1], "--child"))
		return exec_child(argc - 2, argv + 2);
	seed = time(NULL);
	while ((opt = getopt(argc, argv, "t:d:s:")) != -1) {
		switch (opt) {
		case 't':
			n_threads = atoi(optarg);
			break;
		case 'd':
			seconds = atoi(optarg);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	CHECK(n_threads >= PROCESSES && n_threads < MAXTHREADS - 1);
	printf("# storm -s %lu -t %u -d %u\n", seed, n_threads, seconds);
	fflush(stdout);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	view_setup(MAP);
	view[0] = lower;
	view[1] = upper;
	view[2] = open_view(lower_path, "b:0:200000:65536", 0, NULL);
	make_tree();
	/* the threads change their fsuid alone and keep their capabilities */
	OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0));
	for (unsigned int p = 0; p < PROCESSES; p++) {
		pid[p] = spawn();
		if (!pid[p]) {
			process(p);
			_exit(0);
		}
	}
	mounter = spawn();
	if (!mounter) {
		mounts();
		fflush(stdout);
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	do {
		usleep(200000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!atomic_load(&shared->stop) && now.tv_sec < end.tv_sec);
	atomic_store(&shared->stop, true);
	signal(SIGALRM, hang);
	alarm(180);
	for (unsigned int p = 0; p < PROCESSES; p++)
		EQ(0, reap(pid[p]));
	EQ(0, reap(mounter));
	alarm(0);
	OK(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
	printf("#");
	for (int i = 0; ops[i].name; i++)
		printf(" %s %lu", ops[i].name, atomic_load(&shared->done[i]));
	printf("\n");
	names = verify();
	put_number("/proc/sys/vm/drop_caches", "3");
	CHECK(verify() == names);
	printf("# %lu names agree\n", names);
	if (!names || atomic_load(&shared->failed))
		return 1;
	view_teardown();
	return 0;
}
