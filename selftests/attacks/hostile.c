// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a pod does that wants its host harm, or does not want to end:
 *
 *	hostile reboot		reboot(2), as process 1 of the pod
 *	hostile ignore		ignore all signals that can be ignored, sleep
 *	hostile bomb N		N lines of processes, each forks another and ends
 *	hostile stop		process 1 of the pod has a child that is stopped
 *	hostile nest DIR N	N directories, one in the other, with names of 250 letters
 *	hostile deep DIR N	the same in a filesystem, with a file in each
 *	hostile shout FD	write to FD without end
 *	hostile swap TO DIR...	in each DIR: "sub" is a directory and a link to TO,
 *				"file" a file and a link to TO/file, by turns;
 *				cgroups come and go
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int say(const char *what)
{
	perror(what);
	return 1;
}

static void ignore_all(void)
{
	for (int s = 1; s < 65; s++)
		signal(s, SIG_IGN);
}

static int nest(const char *dir, int n, int with_file)
{
	char name[251];

	memset(name, 'n', 250);
	name[250] = '\0';
	if (chdir(dir) < 0)
		return say(dir);
	for (int i = 0; i < n; i++) {
		if (mkdir(name, 0755) < 0 && errno != EEXIST) {
			fprintf(stderr, "depth %d: ", i);
			return say("mkdir");
		}
		if (chdir(name) < 0)
			return say("chdir");
		if (with_file) {
			int fd = open("left", O_CREAT | O_WRONLY, 0644);

			if (fd < 0 || write(fd, "left", 4) != 4)
				return say("left");
			close(fd);
		}
	}
	puts("made");
	return 0;
}

static void __attribute__((noreturn)) bomb(int n)
{
	ignore_all();
	for (int i = 0; i < n; i++) {
		if (fork())
			continue;
		/* Each makes another and ends: no number of theirs stays true. */
		for (;;) {
			if (fork() > 0)
				_exit(0);
			usleep(500);
		}
	}
	for (;;)
		pause();
}

static void __attribute__((noreturn)) stop(void)
{
	pid_t child = fork();

	ignore_all();
	/* Process 1 cannot be stopped from within its pid namespace. */
	while (!child)
		raise(SIGSTOP);
	for (;;)
		pause();
}

static int shout(int fd)
{
	static char line[4096];

	memset(line, 'x', sizeof(line));
	for (size_t i = 79; i < sizeof(line); i += 80)
		line[i] = '\n';
	for (;;)
		if (write(fd, line, sizeof(line)) < 0 && errno != EAGAIN)
			return say("write");
}

static void make_pair(const char *name, const char *link, int is_dir)
{
	char other[64];

	snprintf(other, sizeof(other), "%s.other", name);
	if (is_dir)
		mkdir(name, 0777);
	else
		close(open(name, O_CREAT | O_WRONLY, 0666));
	if (symlink(link, other) < 0 && errno != EEXIST)
		perror(other);
}

static void __attribute__((noreturn)) swap(const char *to, char **dirs)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/file", to);
	for (char **d = dirs; *d; d++) {
		if (chdir(*d) < 0) {
			perror(*d);
			continue;
		}
		make_pair("sub", to, 1);
		make_pair("file", file, 0);
	}
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 0;; i++) {
		for (char **d = dirs; *d; d++) {
			if (chdir(*d) < 0)
				continue;
			syscall(SYS_renameat2, AT_FDCWD, "sub", AT_FDCWD,
				"sub.other", RENAME_EXCHANGE);
			syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD,
				"file.other", RENAME_EXCHANGE);
		}
		if (i % 2)
			rmdir("/sys/fs/cgroup/race");
		else
			mkdir("/sys/fs/cgroup/race", 0755);
		/* The host's side has one of two processors, or none. */
		if (!(i % 17))
			usleep(i % 700);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "reboot")) {
		reboot(RB_AUTOBOOT);
		return say("reboot");
	}
	if (!strcmp(what, "ignore")) {
		ignore_all();
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "bomb") && argc == 3)
		bomb(atoi(argv[2]));
	if (!strcmp(what, "stop"))
		stop();
	if (!strcmp(what, "nest") && argc == 4)
		return nest(argv[2], atoi(argv[3]), 0);
	if (!strcmp(what, "deep") && argc == 4)
		return nest(argv[2], atoi(argv[3]), 1);
	if (!strcmp(what, "shout") && argc == 3)
		return shout(atoi(argv[2]));
	if (!strcmp(what, "swap") && argc > 3)
		swap(argv[2], argv + 3);
	fputs("usage: see the source\n", stderr);
	return 2;
}
