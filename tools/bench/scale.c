// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's side of `make bench-scale`. Prints "WHAT FS N VALUE UNIT".
 *
 *   scale mount FS SRC DST N       mount and unmount SRC of N files at DST
 *   scale time WHAT FS N CMD...    run a command
 *   scale mounts FS SRC DIR N      N mounts of SRC below DIR at once
 *   scale contend OP FS DIR1 DIR2  one process, then two at a time, one in each:
 *                                  OP is "names" (make, rename, remove) or
 *                                  "files" (open, stat, read and close one file)
 *   scale both OP DIR1 DIR2        only the two, once, no output
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAP_OPTION "idmap=b:0:100000:65536"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static void result(const char *what, const char *fs, long n, double value,
		   const char *unit)
{
	printf("%s %s %ld %.1f %s\n", what, fs, n, value, unit);
	fflush(stdout);
}

static void do_mount(const char *fs, const char *source, const char *target)
{
	int shiftfs = !strcmp(fs, "shiftfs");

	if (mount(source, target, shiftfs ? "shiftfs" : NULL,
		  shiftfs ? 0 : MS_BIND, shiftfs ? MAP_OPTION : NULL) < 0)
		err(1, "%s mount of %s at %s", fs, source, target);
}

static void do_umount(const char *target)
{
	if (umount2(target, 0) < 0)
		err(1, "umount %s", target);
}

/* The first one after a boot pays for what later ones find ready. */
static void one_mount(const char *fs, const char *source, const char *target,
		      long files)
{
	double start, mounted = 0;

	for (int i = 0; i < 4; i++) {
		start = now();
		do_mount(fs, source, target);
		mounted = now() - start;
		do_umount(target);
	}
	result("mount", fs, files, mounted, "us");
}

static void timed(const char *what, const char *fs, long n, char **argv)
{
	double start = now();
	int status;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		execvp(*argv, argv);
		err(127, "%s", *argv);
	}
	if (waitpid(pid, &status, 0) < 0 || status)
		errx(1, "%s failed", *argv);
	result(what, fs, n, now() - start, "us");
}

static double cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

/*
 * Bytes in slab objects and in per-CPU memory. Shrinking first takes back what
 * CPUs keep for themselves, which counts as used: so the number is exact.
 */
static double kernel_bytes(void)
{
	char line[512];
	double sum = 0;
	glob_t caches;
	FILE *f;

	/* What RCU still holds is freed in idle time. */
	sleep(1);
	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches))
		errx(1, "/sys/kernel/slab: no caches");
	for (size_t i = 0; i < caches.gl_pathc; i++) {
		int fd = open(caches.gl_pathv[i], O_WRONLY);

		if (fd < 0 || write(fd, "1", 1) != 1)
			err(1, "%s", caches.gl_pathv[i]);
		close(fd);
	}
	globfree(&caches);
	f = fopen("/proc/slabinfo", "r");
	if (!f)
		err(1, "/proc/slabinfo");
	while (fgets(line, sizeof(line), f)) {
		unsigned long active, size;

		if (sscanf(line, "%*s %lu %*u %lu", &active, &size) == 2)
			sum += (double)active * size;
	}
	fclose(f);
	f = fopen("/proc/meminfo", "r");
	if (!f)
		err(1, "/proc/meminfo");
	while (fgets(line, sizeof(line), f)) {
		unsigned long kib;

		if (sscanf(line, "Percpu: %lu", &kib) == 1)
			sum += kib * 1024.0;
	}
	fclose(f);
	return sum;
}

/* The directories are there before, so that they are not counted. */
static void many_mounts(const char *fs, const char *source, const char *dir,
			long n)
{
	char path[256];
	struct stat st;
	double start, spent, before;

	for (long i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%ld", dir, i);
		mkdir(path, 0755);
		if (stat(path, &st) < 0)
			err(1, "%s", path);
	}
	/* The first look leaves the inodes of what it reads. */
	kernel_bytes();
	before = kernel_bytes();
	start = now();
	for (long i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%ld", dir, i);
		do_mount(fs, source, path);
	}
	spent = now() - start;
	result("mounts", fs, n, spent / n, "us");
	result("mounts", fs, n, (kernel_bytes() - before) / n, "bytes");
	spent = cpu_time();
	start = now();
	for (long i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%ld", dir, i);
		do_umount(path);
	}
	start = now() - start;
	spent = cpu_time() - spent;
	result("umounts", fs, n, spent / n, "us");
	result("umounts", fs, n, (start - spent) / n, "us-idle");
}

#define ROUNDS 3000

static void names(const char *dir, int cpu)
{
	char a[256], b[256];
	struct stat st;

	snprintf(a, sizeof(a), "%s/a%d", dir, cpu);
	snprintf(b, sizeof(b), "%s/b%d", dir, cpu);
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open(a, O_CREAT | O_EXCL | O_RDWR, 0644);

		if (fd < 0 || close(fd) < 0 || stat(a, &st) < 0 ||
		    rename(a, b) < 0 || unlink(b) < 0)
			err(1, "in %s", dir);
	}
}

static void files(const char *dir, int cpu)
{
	char path[256], byte;
	struct stat st;

	(void)cpu;
	snprintf(path, sizeof(path), "%s/shared", dir);
	for (int i = 0; i < 10 * ROUNDS; i++) {
		int fd = open(path, O_RDONLY);

		if (fd < 0 || read(fd, &byte, 1) != 1 || stat(path, &st) < 0 ||
		    close(fd) < 0)
			err(1, "%s", path);
	}
}

static void hammer(const char *op, const char *dir, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		err(1, "CPU %d", cpu);
	if (!strcmp(op, "names"))
		names(dir, cpu);
	else if (!strcmp(op, "files"))
		files(dir, cpu);
	else
		errx(2, "%s: no such operation", op);
}

/* Milliseconds until @n processes, one for each CPU, are done. */
static double together(const char *op, char *const dirs[], int n)
{
	double start = now();
	int status;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid) {
			hammer(op, dirs[i], i);
			_exit(0);
		}
	}
	for (int i = 0; i < n; i++)
		if (wait(&status) < 0 || status)
			errx(1, "a process failed");
	return (now() - start) / 1e3;
}

#define TRIES 5

/* The best of some: whatever else the machine does only ever adds. */
static void contend(const char *op, const char *fs, char *const dirs[])
{
	char what[32];

	snprintf(what, sizeof(what), "contend_%s", op);
	for (int n = 1; n <= 2; n++) {
		double best = together(op, dirs, n);

		for (int i = 1; i < TRIES; i++) {
			double again = together(op, dirs, n);

			best = again < best ? again : best;
		}
		result(what, fs, n, best, "ms");
	}
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "mount")) {
		one_mount(argv[2], argv[3], argv[4], atol(argv[5]));
	} else if (argc > 5 && !strcmp(argv[1], "time")) {
		timed(argv[2], argv[3], atol(argv[4]), argv + 5);
	} else if (argc == 6 && !strcmp(argv[1], "mounts")) {
		many_mounts(argv[2], argv[3], argv[4], atol(argv[5]));
	} else if (argc == 6 && !strcmp(argv[1], "contend")) {
		contend(argv[2], argv[3], argv + 4);
	} else if (argc == 5 && !strcmp(argv[1], "both")) {
		together(argv[2], argv + 3, 2);
	} else {
		errx(2, "usage: see scale.c");
	}
	return 0;
}
