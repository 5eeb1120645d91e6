/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pod's supervisor is runner itself only while there is something to do.
 * While it merely waits it is runner-monitor, a small static program in the
 * same process: execve(2) keeps the pid, the children, the locks and whatever
 * descriptors are not closed.  At the pod's end, or when a created pod is to be
 * started, it becomes runner again:
 *
 *	runner-monitor HANDOFF-FD RUNNER-FD
 *	runner -resume HANDOFF-FD [refused]
 *
 * Both programs may be another version's by then; runner is executed by the
 * descriptor, so it understands what it wrote itself, and runner-monitor hands
 * a record that it does not know back, "refused".
 */
#ifndef RUNNER_HANDOFF_H
#define RUNNER_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tty.h"
#include "monitor/monitor.h"

#define HANDOFF_MAGIC "runner " SHIFTFS_VERSION

/* Descriptors that a pod's supervisor merely keeps: launch.h. */
#define HELD_FDS 3

/* In a memfd.  All fds in it stay open over execve(2). */
struct handoff {
	char magic[24];
	uint32_t size;
	bool until_start;	/* what to wait for */
	struct monitor monitor;
	struct tty_state tty;

	/* Runner's own. */
	char pod[64];
	uint32_t lease_base, lease_count;
	int lease_fd, image_fd, state_fd, dir_fd;
	bool dir_ephemeral, dir_fresh;
	bool detached, interactive;
	int announce_fd;
	pid_t child;
	int go_fd, report_fd;
	int keep[HELD_FDS];
	int faults;
};

/* Leaves @fd, if it is one, open over execve(2). */
int fd_keep(int fd);

/* Reads what is whole and of this version. */
int handoff_read(int fd, struct handoff *h);
int handoff_write(int fd, const struct handoff *h);

/* Becomes runner again; returns on failure only. */
int runner_become(int runner_fd, const char *const argv[]);

/*
 * A pidfd, the caller's, of the child @pid that fork(2) returned; a negative errno, also
 * for that of fork(2).  A child that no pidfd is to be had of is ended.
 */
int child_pidfd(pid_t pid);

/*
 * Starts runner with @argv and @in, if it is one, as its standard input; returns a pidfd,
 * the caller's, of a child to be waited for, or a negative errno.
 */
int runner_start(int runner_fd, int in, const char *const argv[]);

#endif
