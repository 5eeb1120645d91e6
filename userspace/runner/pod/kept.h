/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that outlives a boot of the host: a pod that keeps its changes has in its
 * folder, poddir.h, besides them
 *
 *	config.json	its description: with it, and only with it, the pod is kept
 *	state.json	its last state; torn by a crash it is as if there were none
 *	stopped		present when somebody asked for its end: runner stop
 *
 * Documentation/design/reboot.rst has the whole.
 */
#ifndef RUNNER_KEPT_H
#define RUNNER_KEPT_H

#include <stdbool.h>

#include "error.h"

/* Whether the pod @name has its description there. */
bool kept_is(const char *name);

/* Durable when it returns. */
int kept_save_config(const char *name, const char *text,
		     struct shift_error *err);

/* A failure loses what a crash would lose; the pod need not hear of it. */
void kept_save_state(const char *name, const char *text);

/* Durable. Nothing happens for a pod that has no folder. */
int kept_set_stopped(const char *name, bool stopped, struct shift_error *err);
bool kept_is_stopped(const char *name);

/*
 * Once after a boot of the host: makes the states, and the reserved ranges, of
 * all pods that are kept.  A fault of one pod is a warning and does not
 * stop the others; an error concerns all.
 */
int kept_restore(struct shift_error *err);

/* It has to be done again. */
void kept_restore_is_due(void);

#endif
