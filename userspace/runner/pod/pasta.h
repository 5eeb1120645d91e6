/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --net pasta: the pod's network is joined to the host's by pasta(1) of passt.
 *
 * pasta reads what the pod sends, so it is the pod's own root, in its user namespace,
 * with the host's network and nothing else of the host: no right that the pod has not
 * but that of a user of the host to use its network.  It is in a pid namespace of its
 * own, which no pod sees, under a process of runner that ends with the pod, and all
 * in that namespace with it.
 */
#ifndef RUNNER_PASTA_H
#define RUNNER_PASTA_H

#include "error.h"
#include "spec/spec.h"

/* Whether @spec asks for it. */
bool pasta_wanted(const struct spec *spec);

/* The checks that need no pod yet. */
int pasta_check(const struct spec *spec, struct shift_error *err);

/*
 * Starts it for the pod whose first process is @pid, by its descriptor @pidfd; it is
 * ready then.
 */
int pasta_start(const struct spec *spec, pid_t pid, int pidfd,
		struct shift_error *err);

#endif
