/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which namespaces of others a pod is in. */
#ifndef RUNNER_NETWORK_H
#define RUNNER_NETWORK_H

#include "error.h"
#include "spec/spec.h"

/* --net: none, private, host, ns:PATH or pod:NAME; NULL is none. */
int network_option(struct spec *spec, const char *text,
		   struct shift_error *err);

/* --pod: the namespaces and the range of the running pod @name. */
int network_join_pod(struct spec *spec, const char *name,
		     struct shift_error *err);

/* The name of the pod whose namespaces or range @spec has, of the latter's; NULL. */
const char *network_joined(const struct spec *spec);

/*
 * Before each start: what --pod and --net pod: name is looked up again, since
 * numbers in the description can be other processes' by now, and its namespaces
 * are opened.  @fds are the caller's, for network_drop(); -1: none.
 */
int network_hold(struct spec *spec, int fds[SPEC_N_NAMESPACES],
		 struct shift_error *err);
void network_drop(int fds[SPEC_N_NAMESPACES]);

#endif
