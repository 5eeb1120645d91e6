/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a plan to the pod: `runner osd run`. */
#ifndef RUNNER_OSD_START_H
#define RUNNER_OSD_START_H

#include "error.h"
#include "osd/layout.h"
#include "osd/plan.h"

/*
 * Mounts what the host mounts for the pod (struct osd_device.into), with nosuid and
 * nodev, in a mount namespace of this process's own.  Only runner, the pod's
 * monitor and the pod have the mounts, since they come of this process.  The mounts go with
 * the last of them, however it ends, and nothing has to be unmounted.
 */
int osd_mount(const struct osd_layout *layouts, int n, bool unchecked,
	      struct shift_error *err);

/*
 * Becomes `runner run` with the plan's options in front of the @argc words of @argv;
 * only a failure returns.
 */
int osd_become_run(const struct osd_plan *plan, int argc, char **argv,
		   struct shift_error *err);

#endif
