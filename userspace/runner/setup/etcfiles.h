/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod: spec/etc_option.h. */
#ifndef RUNNER_ETCFILES_H
#define RUNNER_ETCFILES_H

#include "error.h"
#include "spec/spec.h"

/*
 * Makes those that the pod is offered, in a tmpfs at @path, which is made.  They
 * belong to the pod's root.
 */
int etcfiles_make(const struct spec *spec, const char *path,
		  struct shift_error *err);

#endif
