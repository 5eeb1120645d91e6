/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pod's first process says to runner, one datagram each. */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

enum report_type {
	REPORT_NONE,		/* end: it became the command, or died */
	REPORT_READY,		/* all set up, waits for the word to start */
	REPORT_CONSOLE,		/* with the terminal's other side */
	REPORT_LISTENER,	/* with a listener of seccomp(2) */
	REPORT_FAILED,
};

struct report {
	enum report_type type;
	int status;		/* REPORT_FAILED: one of POD_STATUS_* */
	int error;		/* and an errno value */
	char text[2048];
};

/*
 * Forks a child that reports to its parent.  Returns the child's pid in the parent, 0
 * in the child, else a negative errno.  *@ret_sock is an end of a socket for each of
 * the two, the caller's to close.
 */
pid_t report_fork(int *ret_sock, struct shift_error *err);

/* @pass goes along unless it is -1. */
int report_send(int sock, const struct report *report, int pass);

/* The end of a process that failed with @r and @err; exits with its status. */
void __attribute__((noreturn)) report_failure(int sock, struct report *report,
					      int r, struct shift_error *err);

/* *ret_fd is -1 or an fd, the caller's. */
int report_receive(int sock, struct report *report, int *ret_fd);

/* The same for any bytes; a negative errno, 0 at the end, or their number. */
int message_send(int sock, const void *data, size_t len, int pass, int flags);
int message_receive(int sock, void *data, size_t len, int *ret_fd);

/* Writes all of it, as far as the other side reads. */
void stream_write(int fd, const char *data, size_t len);

#endif
