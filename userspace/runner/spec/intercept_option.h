/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --intercept-mount: the annotation runner.intercept-mount. */
#ifndef RUNNER_INTERCEPT_OPTION_H
#define RUNNER_INTERCEPT_OPTION_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

/* TYPE[,TYPE]...[,unchecked]; the types are xfs and ext4. */
int intercept_option(struct spec *spec, const char *text,
		     struct shift_error *err);

/* Whether mounts are to be intercepted at all, and those of @type. */
bool intercept_wanted(const struct spec *spec);
bool intercept_has(const struct spec *spec, const char *type);

/* Whether a device is mounted without fsck. */
bool intercept_unchecked(const struct spec *spec);

/*
 * Checks the conditions of interception: a user namespace of the pod's own, CAP_SYS_ADMIN in
 * it, and the list of devices of a cgroup.
 */
int intercept_possible(const struct spec *spec, struct shift_error *err);

#endif
