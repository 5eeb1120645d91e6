/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --ulimit: limits of each process of a pod, in the description's annotations. */
#ifndef RUNNER_RLIMIT_OPTION_H
#define RUNNER_RLIMIT_OPTION_H

#include <sys/types.h>

#include "error.h"
#include "spec/spec.h"

/* NAME=SOFT[:HARD]; -1 or unlimited: no limit. */
int rlimit_option(struct spec *spec, const char *text,
		  struct shift_error *err);

/*
 * Gives the limits that @spec has to the process @pid, the caller's child,
 * which has not become the pod's yet, or with 0 to the caller.
 */
int rlimit_apply(const struct spec *spec, pid_t pid, struct shift_error *err);

#endif
