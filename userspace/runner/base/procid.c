/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/procid.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"
#include "base/util.h"

const char *procid_boot(void)
{
	static char boot[40];
	_cleanup_free_ char *text = NULL;

	if (!*boot && read_file("/proc/sys/kernel/random/boot_id", 64, &text,
				NULL, NULL) >= 0)
		snprintf(boot, sizeof(boot), "%.*s", (int)strcspn(text, "\n"),
			 text);
	return boot;
}

int64_t procid_booted(void)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return time(NULL) - up.tv_sec;
}

/* Of proc(5)'s stat: the state, the threads, the start in ticks since boot. */
static bool read_stat(pid_t pid, char *state, long *threads, uint64_t *started)
{
	_cleanup_free_ char *text = NULL;
	char path[32], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || read_file(path, 4096, &text, NULL, NULL) < 0)
		return false;
	/* The name, in parentheses, can have anything in it. */
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %" SCNu64,
			   state, threads, started) == 3;
}

uint64_t procid_started(pid_t pid)
{
	uint64_t started;
	long threads;
	char state;

	return read_stat(pid, &state, &threads, &started) ? started : 0;
}

bool procid_is_zombie(pid_t pid)
{
	uint64_t started;
	long threads;
	char state;

	/* A first thread that has ended is in this state beside others that run. */
	return read_stat(pid, &state, &threads, &started) &&
	       (state == 'Z' || state == 'X') && threads <= 1;
}

int procid_open(pid_t pid, uint64_t started, struct shift_error *err)
{
	_cleanup_close_ int fd = pid > 0 ? sys_pidfd_open(pid, 0) : -1;

	if (pid <= 0)
		errno = ESRCH;
	if (fd < 0)
		return shift_err_set(err, errno, "process %d", (int)pid);
	/* Behind the open: from here on the number cannot be given again
	 * without the pidfd's process being dead. */
	if (!started || procid_started(pid) != started)
		return shift_err_set(err, ESRCH, "process %d", (int)pid);
	return steal_fd(&fd);
}
