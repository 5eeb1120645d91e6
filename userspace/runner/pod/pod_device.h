/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that a running pod gets and loses.  The node in its /dev is made and
 * removed by the host, and the pod may have put anything there: so the right to
 * use the device, which the kernel keeps with the cgroup, goes first when it is
 * taken, and does not stay when the node cannot be made.  @spec is changed, also
 * when these fail, and says what the pod may use; the caller saves it.
 */
#ifndef RUNNER_POD_DEVICE_H
#define RUNNER_POD_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "pod/state.h"
#include "spec/spec.h"

/*
 * Gives the last device of @spec, which had @rules_before rules before that one.
 * The node belongs to the pod's root, and so do folders that are made for it.
 * @wait: until the pod's monitor has the device's locks, or has let them go; its
 * own child does not wait.
 */
int pod_device_give(const struct state *st, struct spec *spec,
		    size_t rules_before, bool wait, struct shift_error *err);

/* Takes the device at @path: 1, or 0 when the pod has none there. */
int pod_device_take(const struct state *st, struct spec *spec,
		    const char *path, bool wait, struct shift_error *err);

#endif
