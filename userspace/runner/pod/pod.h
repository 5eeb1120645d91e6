/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a pod, waiting for it, its exit status. */
#ifndef RUNNER_POD_H
#define RUNNER_POD_H

#include <stdbool.h>

#include "error.h"
#include "monitor/monitor.h"
#include "pod/state.h"
#include "setup/plan.h"

/* Exit statuses of `runner run` besides the command's own, as env(1) has. */
enum {
	POD_STATUS_FAILED = 125,	/* runner itself */
	POD_STATUS_CANNOT_EXECUTE = 126,
	POD_STATUS_NOT_FOUND = 127,
	POD_STATUS_SIGNAL = 128,	/* plus the number of the signal */
};

/* The pod's first process, runner's child. */
struct pod_child {
	pid_t pid;
	int pidfd;
	int go_fd;		/* one byte: the id maps are written, another:
				   start */
	int report_fd;		/* reports, or the end: it executes */
};

struct held;

struct pod {
	struct state *st;
	struct plan *plan;
	struct monitor monitor;
	bool detached;		/* keeps what it writes, streams of its own */
	bool interactive;	/* has a stdin */
	bool wait_start;	/* goes on when a client of the monitor says so */
	bool reboot;		/* it ended by reboot(2) and wants to come back */
	int announce_fd;	/* one report when it is up, or -1 */
	struct pod_child child;
	/*
	 * Called when there was nothing to do for a while: becomes a smaller
	 * program, or returns when it cannot.
	 */
	void (*idle)(struct pod *pod);
	struct held *held;	/* whose it is, for that */
};

/*
 * Blocks the signals that pod_run() forwards, so that none of them ends runner
 * between here and there.  A signal that arrives meanwhile reaches the pod, but for those of
 * helper_interrupted(), which end its start.
 */
void pod_block_signals(void);

/*
 * Moves runner into a mount namespace of its own, executes the plan, forwards
 * signals to the pod and waits for its end; no process and no mount of the
 * pod is left then.  Returns 0 with the command's status in *status, or a
 * negative errno with one of the above in it.
 */
int pod_run(struct pod *pod, int *status, struct shift_error *err);

/* The same for a pod that is set up, in the program that goes on with it. */
int pod_resume(struct pod *pod, int *status, struct shift_error *err);

#endif
