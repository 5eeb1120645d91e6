/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner-monitor: the supervisor of a pod while it only waits; see handoff.h.
 * Linked statically and with as little as possible: it is there once for each
 * pod.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "monitor/handoff.h"

static struct handoff h;

int main(int argc, char **argv)
{
	const char *const resume[] = {
		"runner", "-resume", argc == 3 ? argv[1] : "",
		NULL, NULL,
	};
	const char *const refused[] = {
		"runner", "-resume", resume[2], "refused", NULL,
	};
	int fd, runner_fd;

	if (argc != 3) {
		fputs("runner-monitor is started by runner\n", stderr);
		return 125;
	}
	fd = atoi(argv[1]);
	runner_fd = atoi(argv[2]);
	if (handoff_read(fd, &h) < 0) {
		runner_become(runner_fd, refused);
		return 125;
	}
	prctl(PR_SET_NAME, "runner-monitor", 0, 0, 0);
	monitor_wait(&h.monitor, h.until_start, -1, NULL);
	/* A host without memory or processes for a moment. */
	for (int i = 0; i < 50; i++) {
		struct timespec t = { 0, 100000000 };

		if (monitor_keep(&h.monitor) >= 0 &&
		    handoff_write(fd, &h) >= 0)
			runner_become(runner_fd, resume);
		nanosleep(&t, NULL);
	}
	/* The next runner clears the rest away, as after a kill. */
	fputs("runner-monitor: cannot execute runner\n", stderr);
	return 125;
}
