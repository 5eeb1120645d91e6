/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ranges of live processes are taken; those of zombies are free.  A process whose
 * first thread has ended while another runs is alive, though both are in state Z.
 */
#include "range/ranges.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/procid.h"
#include "base/util.h"
#include "cleanup.h"
#include "tap.h"

#define BASE 3900000000u

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void *forever(void *unused)
{
	(void)unused;
	pause();
	return NULL;
}

/* A process in a user namespace of its own, which maps the id @BASE. */
static pid_t start(bool leader_ends)
{
	static const char map[] = "0 3900000000 1";
	int ready[2], go[2];
	char path[48], c;
	pid_t pid;

	must(!pipe(ready) && !pipe(go), "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		pthread_t thread;

		if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1 ||
		    read(go[0], &c, 1) != 1)
			_exit(1);
		if (leader_ends && !pthread_create(&thread, NULL, forever, NULL))
			pthread_exit(NULL);
		pause();
		_exit(0);
	}
	must(read(ready[0], &c, 1) == 1, "unshare");
	for (int i = 0; i < 2; i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, i ? "gid_map" : "uid_map");
		fd = open(path, O_WRONLY | O_CLOEXEC);
		must(fd >= 0 && write(fd, map, sizeof(map) - 1) == sizeof(map) - 1, path);
		close(fd);
	}
	must(write(go[1], "", 1) == 1, "go");
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	return pid;
}

/* Until /proc has @pid in state Z. */
static void wait_zombie(pid_t pid)
{
	char path[48], *text, *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; i < 500; i++) {
		must(read_file(path, 4096, &text, NULL, NULL) >= 0, path);
		end = strrchr(text, ')');
		must(end, path);
		if (end[2] == 'Z') {
			free(text);
			return;
		}
		free(text);
		usleep(10000);
	}
	must(false, "no zombie");
}

static bool is_taken(void)
{
	_cleanup_ranges_ struct ranges r = { 0 };
	struct shift_error err = SHIFT_ERROR_INIT;

	must(ranges_add_processes(&r, &err) >= 0, "ranges_add_processes");
	return ranges_hit(&r, BASE, 1);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	pid_t pid = start(false);

	ok(is_taken(), "a process that runs has its range");
	ok(!procid_is_zombie(pid), "and is no zombie");
	kill(pid, SIGKILL);
	wait_zombie(pid);
	ok(procid_is_zombie(pid), "killed and not reaped it is one");
	ok(!is_taken(), "and its range is free");
	end(pid);
	ok(!procid_is_zombie(pid), "reaped it is none");

	pid = start(true);
	wait_zombie(pid);
	ok(!procid_is_zombie(pid), "one whose other thread runs is none");
	ok(is_taken(), "and has its range");
	end(pid);
	ok(!is_taken(), "until its end");
	return tap_done();
}
