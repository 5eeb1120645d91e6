/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a side container: by the engine of runner run. */
#ifndef RUNNER_SIDE_START_H
#define RUNNER_SIDE_START_H

#include <stdbool.h>

#include "ask/message.h"
#include "error.h"
#include "side/template.h"

/* Annotations of a side container. */
#define SIDE_ANNOTATION_ASKER "runner.side.asker"
#define SIDE_ANNOTATION_TEMPLATE "runner.side.template"
#define SIDE_ANNOTATION_KEY "runner.side.key"
#define SIDE_ANNOTATION_ID "runner.side.id"	/* of the request */
#define SIDE_ANNOTATION_ARGS "runner.side.args"	/* digest, with netns */
#define SIDE_ANNOTATION_NETNS "runner.side.netns"
#define SIDE_ANNOTATION_STOP "runner.side.stop-seconds"
#define SIDE_ANNOTATION_ORPHAN "runner.side.orphan-seconds"

/*
 * Makes and starts the pod @name, of which none is up, in a process of its own;
 * waits for that.  @spool is where POD.alive is locked, if not -1.  0: it runs, or has ended
 * already.  -ECONNRESET: what made it was killed; @again: a try after that.
 */
int side_start(const char *name, const char *asker, int spool,
	       const struct side_template *t, const struct side_request *q,
	       bool again, struct shift_error *err);

/* A digest of what a start asks for, the caller's. */
int side_args_digest(const struct side_request *q, char **ret,
		     struct shift_error *err);

#endif
