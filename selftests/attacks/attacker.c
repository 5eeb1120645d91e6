// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attacker: what a hostile pod does to runner from inside.  Linked statically,
 * since it has to run in any root filesystem.
 *
 *	watch SECONDS	prints every process of another that it can see, read or
 *			seize while it still is runner
 *	self		prints what its caller left to it
 *	key		prints the caller's secret out of the session keyring
 *	socketcall N	opens a socket of the family N by the i386 system call
 *	calls		prints what fsopen(2) and unshare(2) say
 *	fake-pts	a FIFO in place of /dev/pts/ptmx
 *	mount-tmpfs DIR	a filesystem of its own on DIR
 *	chroot DIR COMMAND...
 *	--insecure-policy, copy or inspect, as if it were skopeo: one line of what it can do
 *	-n -f DEVICE	as if it were e2fsck: ends with 1 when it can do more than read
 *			the device, and with 0 after two seconds
 *	mount-ext4 DEVICE DIR
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEY_SPEC_SESSION (-3)

/* The first @size - 1 bytes of a file, NULs as spaces; the length, or -1. */
static int slurp(const char *path, char *buf, int size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n;

	if (fd < 0)
		return -1;
	n = (int)read(fd, buf, (size_t)size - 1);
	close(fd);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	for (int i = 0; i < n; i++)
		if (!buf[i] || buf[i] == '\n')
			buf[i] = ' ';
	return n;
}

/* Prints each line once. */
static void say(const char *line)
{
	static char *seen[4096];
	static int n;

	for (int i = 0; i < n; i++)
		if (!strcmp(seen[i], line))
			return;
	if (n < 4096)
		seen[n++] = strdup(line);
	printf("%s\n", line);
	fflush(stdout);
}

/* Whether @pid is runner and not yet what it will execute. */
static int is_runner(int pid)
{
	char path[64], comm[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	return slurp(path, comm, sizeof(comm)) > 0 &&
	       !strncmp(comm, "runner", 6);
}

static void look_at(int pid)
{
	char path[64], text[4096], line[5000], target[512];
	int status;
	ssize_t n;
	char *p;

	if (!is_runner(pid))
		return;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (slurp(path, text, sizeof(text)) > 0 && (p = strstr(text, "Uid:"))) {
		snprintf(line, sizeof(line), "uid %d", atoi(p + 4));
		say(line);
	}
	if (slurp(path, text, sizeof(text)) > 0 &&
	    (p = strstr(text, "CapPrm:")) && is_runner(pid)) {
		snprintf(line, sizeof(line), "capabilities %llx",
			 strtoull(p + 8, NULL, 16));
		say(line);
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0 && is_runner(pid)) {
		target[n] = '\0';
		snprintf(line, sizeof(line), "program %s", target);
		say(line);
	}
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (slurp(path, text, sizeof(text)) > 0 && is_runner(pid)) {
		snprintf(line, sizeof(line), "cmdline %s", text);
		say(line);
	}
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	if (slurp(path, text, sizeof(text)) > 0 && is_runner(pid))
		say("environ");
	for (int fd = 0; fd < 32; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0 && is_runner(pid)) {
			target[n] = '\0';
			snprintf(line, sizeof(line), "fd %d %s", fd, target);
			say(line);
		}
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, &status, __WALL);
	if (is_runner(pid))
		say("seized");
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

static int watch(int seconds)
{
	time_t end = time(NULL) + seconds;
	int self = getpid();

	say("watching");
	while (time(NULL) <= end && access("/stop", F_OK) < 0) {
		DIR *dir = opendir("/proc");
		struct dirent *e;

		while (dir && (e = readdir(dir))) {
			int pid = atoi(e->d_name);

			if (pid > 1 && pid != self)
				look_at(pid);
		}
		closedir(dir);
	}
	return 0;
}

static void print_limit(const char *name, int which)
{
	struct rlimit r;

	getrlimit((__rlimit_resource_t)which, &r);
	printf("%s %lld %lld\n", name, (long long)r.rlim_cur,
	       (long long)r.rlim_max);
}

static int self(void)
{
	char text[8192], path[64], target[512];
	mode_t mask = umask(0);
	char *p;

	umask(mask);
	printf("umask %04o\n", (unsigned int)mask);
	printf("personality %lx\n", (unsigned long)personality(0xffffffff));
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
	if (slurp("/proc/self/status", text, sizeof(text)) > 0)
		for (const char *const *k = (const char *const[]){
			     "SigBlk:", "SigIgn:", "CapInh:", "CapAmb:", NULL };
		     *k; k++)
			if ((p = strstr(text, *k)))
				printf("%s %llx\n", *k,
				       strtoull(p + 8, NULL, 16));
	print_limit("nofile", RLIMIT_NOFILE);
	print_limit("fsize", RLIMIT_FSIZE);
	print_limit("core", RLIMIT_CORE);
	print_limit("stack", RLIMIT_STACK);
	print_limit("cpu", RLIMIT_CPU);
	printf("session %s\n", getsid(0) == getpid() ? "own" : "other");
	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0 && fd > 2) {
			target[n] = '\0';
			printf("fd %d %s\n", fd, target);
		}
	}
	for (char **e = environ; *e; e++)
		printf("env %s\n", *e);
	return 0;
}

static int key(void)
{
	char text[256] = "";
	long id = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION, "user",
			  "runner-attack", 0);

	if (id < 0 && errno == ENOSYS)
		printf("no keyctl\n");
	else if (id < 0)
		printf("no key: %s\n", strerror(errno));
	else if (syscall(SYS_keyctl, KEYCTL_READ, id, text,
			 sizeof(text) - 1) >= 0)
		printf("key %s\n", text);
	else
		printf("key found\n");
	return 0;
}

/* socketcall(2) is 102 there, and its first call is socket(2). */
static int socketcall(int family)
{
#ifdef __x86_64__
	uint32_t *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long r;

	args[0] = (uint32_t)family;
	args[1] = 5 /* SOCK_SEQPACKET */;
	args[2] = 0;
	__asm__ volatile("int $0x80" : "=a"(r)
			 : "a"(102L), "b"(1L), "c"((long)args)
			 : "memory", "r8", "r9", "r10", "r11");
	printf("socketcall %ld\n", (long)(int)r);
#else
	printf("socketcall %d %d\n", -ENOSYS, family);
#endif
	return 0;
}

static int calls(void)
{
	long fd = syscall(430 /* fsopen */, "tmpfs", 0);

	printf("fsopen %s\n", fd < 0 ? strerrorname_np(errno) : "works");
	printf("unshare %s\n", unshare(CLONE_NEWUSER) < 0 ?
	       strerrorname_np(errno) : "works");
	return 0;
}

static int fake_pts(void)
{
	if (mount("fake", "/dev/pts", "tmpfs", 0, NULL) < 0 ||
	    mkfifo("/dev/pts/ptmx", 0666) < 0) {
		perror("fake-pts");
		return 1;
	}
	return 0;
}

static const char *can(int r)
{
	return r >= 0 ? "yes" : "no";
}

/* The names in a directory; or what it says. */
static void print_dir(const char *title, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	fprintf(stderr, " %s", title);
	if (!dir)
		fprintf(stderr, ":%s", strerrorname_np(errno));
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(dir))
			fprintf(stderr, ":%s", e->d_name);
}

/* The last line of skopeo's standard error is what runner shows. */
static int like_skopeo(void)
{
	static const char *const spaces[] = {
		"pid", "net", "ipc", "mnt", "uts", "cgroup", "user",
	};
	char text[4096], path[64], name[64];
	const char *const keys[] = { "CapEff:", "CapBnd:", "Seccomp:", "NoNewPrivs:" };
	int child;
	ssize_t n;
	char *p;

	for (int i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", spaces[i]);
		n = readlink(path, name, sizeof(name) - 1);
		fprintf(stderr, " %.*s", n > 0 ? (int)n : 0, name);
	}
	if (slurp("/proc/self/status", text, sizeof(text)) > 0)
		for (int i = 0; i < 4; i++)
			if ((p = strstr(text, keys[i])))
				fprintf(stderr, " %s%llx", keys[i],
					strtoull(p + strlen(keys[i]), NULL, 16));
	fprintf(stderr, " number:%d uid:%d", getpid(), getuid());
	print_dir("fds", "/proc/self/fd");
	print_dir("root", "/");
	print_dir("etc", "/etc");
	fprintf(stderr, " terminal:%s", can(open("/dev/tty", O_RDWR)));
	fprintf(stderr, " network:%s", can((int)syscall(SYS_socket, 2, 1, 0)));
	child = (int)syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
	if (!child)
		_exit(0);
	fprintf(stderr, " process:%s", can(child));
	fprintf(stderr, " process3:%s", can((int)syscall(SYS_clone3, NULL, 0)));
	fprintf(stderr, " mount:%s", can(mount("x", "/in", "tmpfs", 0, NULL)));
	fprintf(stderr, " write:%s", can(open("/usr/of-the-image", O_CREAT | O_RDWR, 0600)));
	unlink("/usr/of-the-image");
	fprintf(stderr, " out:%s", can(open("/out/file", O_CREAT | O_RDWR, 0600)));
	/* runner shows some kilobytes at most. */
	for (int i = 0; environ[i] && i < 8; i++)
		fprintf(stderr, " env:%.*s", (int)strcspn(environ[i], "="), environ[i]);
	fprintf(stderr, "\n");
	return 1;
}

static volatile sig_atomic_t continued;

static void goes_on(int number)
{
	continued = number;
}

/* Only its status is seen. It stays until SIGCONT comes, half a minute at most. */
static int like_checker(const char *device)
{
	int child = (int)syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
	char text[16];

	if (!child)
		_exit(0);
	if (child > 0 || open(device, O_RDONLY) < 0 || read(3, text, 16) != 16 ||
	    open(device, O_RDWR) >= 0 || chmod(device, 0666) == 0 ||
	    syscall(SYS_socket, 2, 1, 0) >= 0 || syscall(SYS_clone3, NULL, 0) >= 0 ||
	    mount("x", "/proc", "tmpfs", 0, NULL) == 0 || open("/dev/tty", O_RDWR) >= 0 ||
	    getpid() != 1 || getuid() == 0 || access("/etc/passwd", F_OK) == 0 ||
	    access("/run", F_OK) == 0 || open("/new", O_CREAT | O_RDWR, 0600) >= 0 ||
	    !environ[0] || strncmp(environ[0], "PATH=", 5) || environ[1])
		return 1;
	signal(SIGCONT, goes_on);
	for (int i = 0; i < 30 && !continued; i++)
		sleep(1);
	return 0;
}

static int change_root(char **argv)
{
	if (chroot(argv[0]) < 0 || chdir("/") < 0)
		perror(argv[0]);
	else
		execvp(argv[1], argv + 1);
	return 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(what, "watch"))
		return watch(number);
	if (!strcmp(what, "self"))
		return self();
	if (!strcmp(what, "key"))
		return key();
	if (!strcmp(what, "socketcall"))
		return socketcall(number);
	if (!strcmp(what, "calls"))
		return calls();
	if (!strcmp(what, "fake-pts"))
		return fake_pts();
	if (!strcmp(what, "--insecure-policy") || !strcmp(what, "copy") ||
	    !strcmp(what, "inspect"))
		return like_skopeo();
	if (!strcmp(what, "-n") && argc == 4)
		return like_checker(argv[3]);
	if (!strcmp(what, "mount-ext4") && argc == 4) {
		if (mount(argv[2], argv[3], "ext4", 0, NULL) == 0)
			return 0;
		perror(argv[3]);
		return 1;
	}
	if (!strcmp(what, "mount-tmpfs") && argc == 3)
		return mount("own", argv[2], "tmpfs", 0, NULL) < 0;
	if (!strcmp(what, "chroot") && argc > 3)
		return change_root(argv + 2);
	return 2;
}
