/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pod from its description to its end, with all that runner holds for it. */
#ifndef RUNNER_LAUNCH_H
#define RUNNER_LAUNCH_H

#include <stdbool.h>

#include "error.h"
#include "monitor/handoff.h"
#include "pod/pod.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "range/lease.h"
#include "setup/plan.h"
#include "spec/spec.h"
#include "store/image.h"

struct held {
	struct lease lease;
	struct poddir dir;
	struct spec spec;
	struct plan plan;
	struct image image;
	struct state state;
	struct pod pod;
	/*
	 * Open as long as the supervisor lives, under the same numbers, or -1.
	 * The description may name them as /proc/self/fd/N; no pod gets them.
	 */
	int keep[HELD_FDS];
};

#define HELD_INIT { .lease = LEASE_INIT, .dir = PODDIR_INIT, \
		    .image = IMAGE_INIT, .state = STATE_INIT, \
		    .keep = { -1, -1, -1 } }

void held_clear(struct held *h);

/* A pod in another's user namespace has that one's range. */
int launch_lease(struct held *h, const struct lease_request *userns,
		 struct shift_error *err);

/*
 * Starts what h->spec describes; h->state is made and locked.  Returns the exit
 * status, of the pod or, with @detached, of its start.  @keep: its changes
 * stay when it ends.  ECONNRESET in @err: what made it was killed.
 */
int launch_go(struct held *h, const struct lease_request *userns, bool keep,
	      bool detached, struct shift_error *err);

/* runner -resume FD [refused]: goes on with a pod, handoff.h. */
int launch_resume_cmd(int argc, char **argv, struct shift_error *err);

#endif
