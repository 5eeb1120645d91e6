/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device that a pod has, and does not share, is nobody else's: the pod's
 * monitor holds locks on the host's node of it, blockdev/lock.h.
 */
#ifndef RUNNER_POD_BLOCKDEV_H
#define RUNNER_POD_BLOCKDEV_H

#include <stdbool.h>

#include "error.h"
#include "monitor/monitor.h"
#include "pod/state.h"
#include "spec/spec.h"

/* At the start: those of @spec.  -EBUSY with a text that says whose one is. */
int pod_blockdev_hold(const struct spec *spec, struct monitor *m,
		      struct shift_error *err);

/*
 * The device number @i of @spec, for a pod that runs; its monitor gets the locks.
 * @wait: until the monitor says so; -EPIPE when it does not.
 */
int pod_blockdev_add(const struct state *st, const struct spec *spec, size_t i,
		     bool wait, struct shift_error *err);

/* Before it goes out of @spec: its locks go, unless another device needs them. */
int pod_blockdev_remove(const struct state *st, const struct spec *spec,
			size_t i, bool wait);

#endif
