/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a pod, waiting for it, its exit status. */
#ifndef RUNNER_POD_H
#define RUNNER_POD_H

#include "error.h"
#include "plan.h"

/* Exit statuses of `runner run` besides the command's own, as env(1) has. */
enum {
	POD_STATUS_FAILED = 125,	/* runner itself */
	POD_STATUS_CANNOT_EXECUTE = 126,
	POD_STATUS_NOT_FOUND = 127,
	POD_STATUS_SIGNAL = 128,	/* plus the number of the signal */
};

/*
 * Blocks the signals that pod_run() forwards, so that none of them ends runner
 * between here and there; what arrives meanwhile reaches the pod.
 */
void pod_block_signals(void);

/*
 * Moves runner into a mount namespace of its own, executes @plan, forwards
 * signals to the pod and waits for its end; no process and no mount of the
 * pod is left then.  Returns 0 with the command's status in *status, or a
 * negative errno with one of the above in it.
 */
int pod_run(struct plan *plan, int *status, struct shift_error *err);

#endif
