/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where runner keeps things.  --root moves all of it but the leases of ids,
 * which are the whole host's: the store and the pods' folders are below it, and
 * what is known of running pods, their cgroups and scopes have names of their
 * own, so that pods of two roots may be called the same.
 */
#ifndef RUNNER_PLACE_H
#define RUNNER_PLACE_H

#include <stdbool.h>

#include "error.h"

#define PLACE_ROOT "/var/lib/runner"
#define PLACE_RUN "/run/runner"

/*
 * Takes @root, or RUNNER_ROOT of the environment where it is NULL, and makes
 * it; also for all that this process executes.
 */
int place_set(const char *root, struct shift_error *err);

/* Both without a slash at the end; valid until the next place_set(). */
const char *place_root(void);
const char *place_run(void);

/* "" for the default root, else letters that tell it from others. */
const char *place_tag(void);

/* As a pod of this root is called where those of all roots are: TAG:NAME. */
int place_name(const char *pod, char **ret, struct shift_error *err);

#endif
