/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending pods and removing them, from another process than their supervisor. */
#ifndef RUNNER_END_H
#define RUNNER_END_H

#include <stdbool.h>

#include "error.h"
#include "pod/state.h"

/*
 * Asks the pod to end by @signal, waits for @seconds, then takes it by force;
 * waits for its end.  With @force it is taken at once, and its monitor with it
 * when that does not see its end in time.
 */
int pod_stop(const struct state *st, int seconds, int signal, bool force,
	     struct shift_error *err);

/*
 * Removes an ended pod, or with @force any; with @volumes its anonymous ones too.
 * -ENOENT: there is none.
 */
int pod_remove(const char *name, bool force, bool volumes,
	       struct shift_error *err);

#endif
