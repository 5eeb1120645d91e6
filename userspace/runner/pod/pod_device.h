/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes in the /dev of a pod that runs, made and removed by the host. */
#ifndef RUNNER_POD_DEVICE_H
#define RUNNER_POD_DEVICE_H

#include "error.h"
#include "pod/state.h"
#include "spec/spec.h"

/* The node of @d, owned by the pod's root, with the folders it lies in. */
int pod_device_make(const struct state *st, const struct spec_device *d,
		    struct shift_error *err);

/* One that is not there is no error. */
int pod_device_remove(const struct state *st, const struct spec_device *d,
		      struct shift_error *err);

#endif
