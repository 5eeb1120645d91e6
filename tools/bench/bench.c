// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's side of `make bench`: time file operations in the current
 * directory, which is prepared by tools/bench/image.
 *
 *   bench run FS             all operations; prints "FS OPERATION NANOSECONDS"
 *   bench mount FS SRC DST   mount and unmount; the same form
 *   bench overlay OPTS DST   mount an overlay as the owner of the files
 *   bench idmap SRC DST      make an idmapped bind mount of SRC at DST
 *   bench profile FS OP N    do OP N times while tools/bench/profile looks on
 *
 * On a machine whose clock counts instructions (ICOUNT=1 of vm-run) a
 * nanosecond is an executed instruction.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/mount.h>

#include "ops.h"

static const char *fs_name;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/*
 * Of this process: unmounting can wait for an RCU grace period, which is idle
 * time and no instructions.
 */
static double cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] :
	       (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void report(const char *op, double ns)
{
	printf("%s %s %.1f\n", fs_name, op, ns);
	fflush(stdout);
}

#define ROUNDS 9

static void measure(const struct op *op)
{
	double values[ROUNDS];
	int rounds = op->rounds ? op->rounds : ROUNDS;

	if (op->setup && op->setup() < 0) {
		/* What this filesystem has not got is left out, nothing else. */
		if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
			err(1, "%s: %s: set-up", fs_name, op->name);
		warn("%s: %s is left out", fs_name, op->name);
		return;
	}
	op->run(op->count);
	if (op->count < 100000)
		op->run(op->count);
	for (int i = 0; i < rounds; i++) {
		double start;

		if (op->between)
			op->between();
		start = now();
		op->run(op->count);
		values[i] = (now() - start) / op->count;
	}
	if (op->finish)
		op->finish();
	report(op->name, median(values, rounds));
}

/* Bytes in slabs, as the kernel counts them for the whole machine. */
static double slab_bytes(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512];
	double sum = 0;

	if (!f)
		err(1, "/proc/slabinfo");
	while (fgets(line, sizeof(line), f)) {
		unsigned long size, active, num;

		if (sscanf(line, "%*s %lu %lu %lu", &active, &num, &size) == 3)
			sum += (double)active * size;
	}
	fclose(f);
	return sum;
}

static void measure_slab(void)
{
	double values[3];

	for (int i = 0; i < 3; i++) {
		double before;

		drop_caches();
		/* What is freed after an RCU grace period is counted until then. */
		sleep(1);
		before = slab_bytes();
		stat_flat(FLAT_FILES);
		values[i] = (slab_bytes() - before) / FLAT_FILES;
	}
	report("slab_bytes", median(values, 3));
}

/* The caller owns the files and has no use for its capabilities there. */
static void become_owner(void)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 ||
	    setgroups(0, NULL) < 0 || setresgid(OWNER, OWNER, OWNER) < 0 ||
	    setresuid(OWNER, OWNER, OWNER) < 0)
		err(1, "cannot become %d", OWNER);
}

static int user_namespace(void)
{
	char path[64], map[64];
	int fd, pipes[2];
	pid_t pid;

	if (pipe(pipes) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (unshare(CLONE_NEWUSER) < 0)
			err(1, "unshare");
		if (write(pipes[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(pipes[0], path, 1) != 1)
		errx(1, "no user namespace");
	snprintf(map, sizeof(map), "0 %d 65536", OWNER);
	for (const char *const *p = (const char *const[]){ "uid_map", "gid_map",
							   NULL }; *p; p++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, *p);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, map, strlen(map)) < 0)
			err(1, "%s", path);
		close(fd);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	return fd;
}

static void idmap_bind(int userns, const char *source, const char *target)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = userns,
	};
	int fd = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 ||
	    mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		err(1, "idmapped mount of %s", source);
	close(fd);
}

#define MOUNTS 16

static void measure_mount(const char *source, const char *target)
{
	bool shiftfs = !strncmp(fs_name, "shiftfs", 7);
	int userns = !strcmp(fs_name, "idmapped") ? user_namespace() : -1;
	const char *type = shiftfs ? "shiftfs" : NULL, *options = NULL;
	unsigned long flags = 0;
	double values[MOUNTS];

	if (shiftfs) {
		options = getenv("SHIFTFS_MAP") ?: MAP_OPTION;
	} else if (!strncmp(fs_name, "overlayfs", 9)) {
		type = "overlay";
		options = source;
		source = "overlay";
	} else if (!strcmp(fs_name, "native")) {
		type = "ext4";
	} else if (!strcmp(fs_name, "native_tmpfs")) {
		type = "tmpfs";
	} else if (!strcmp(fs_name, "bind")) {
		flags = MS_BIND;
	} else if (userns < 0) {
		errx(1, "%s: do not know how to mount it", fs_name);
	}
	/* overlayfs writes as who mounted it, and 0 is not in the layers' map. */
	if (!strcmp(fs_name, "overlayfs_idmapped"))
		become_owner();
	for (int i = -2; i < MOUNTS; i++) {
		double start = cpu_time();

		if (userns >= 0)
			idmap_bind(userns, source, target);
		else if (mount(source, target, type, flags, options) < 0)
			err(1, "mount -t %s -o %s %s %s", type, options, source,
			    target);
		if (umount2(target, 0) < 0)
			err(1, "umount %s", target);
		if (i >= 0)
			values[i] = cpu_time() - start;
	}
	report("mount_umount", median(values, MOUNTS));
}

/* Tell tools/bench/profile what comes and wait until it is ready. */
static void tell(int port, const char *word, const char *op)
{
	char text[128], answer;
	int len = snprintf(text, sizeof(text), "%s %s.%s\n", word, fs_name, op);

	if (write(port, text, len) != len)
		err(1, "profile");
	do {
		if (read(port, &answer, 1) != 1)
			err(1, "profile");
	} while (answer != '\n');
}

static void profile(int port, const char *name, long count)
{
	const struct op *op = ops;

	while (op->name && strcmp(op->name, name))
		op++;
	if (!op->name)
		errx(2, "%s: no such operation", name);
	if (op->setup && op->setup() < 0)
		err(1, "%s: set-up", name);
	if (!strncmp(name, "readdir", 7))
		count = op->count;
	else if (op->count > FLAT_FILES)
		count = 100;	/* one directory of the tree */
	for (int i = 0; i < 3; i++)
		op->run(count);
	if (op->between)
		op->between();
	tell(port, "begin", name);
	op->run(count);
	tell(port, "end", name);
	if (op->finish)
		op->finish();
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "profile")) {
		int port = open("/dev/virtio-ports/profile", O_RDWR);

		fs_name = argv[2];
		if (port < 0)
			err(1, "/dev/virtio-ports/profile");
		become_owner();
		profile(port, argv[3], atol(argv[4]));
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "run")) {
		fs_name = argv[2];
		become_owner();
		for (const struct op *op = ops; op->name; op++)
			measure(op);
		measure_slab();
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "mount")) {
		fs_name = argv[2];
		measure_mount(argv[3], argv[4]);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "overlay")) {
		become_owner();
		if (mount("overlay", argv[3], "overlay", 0, argv[2]) < 0)
			err(1, "overlay mount -o %s %s", argv[2], argv[3]);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "idmap")) {
		idmap_bind(user_namespace(), argv[2], argv[3]);
		return 0;
	}
	errx(2, "usage: bench run FS | mount FS SRC DST | overlay OPTS DST | "
		"idmap SRC DST | profile FS OP N");
}
