/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options the pod of an OSD needs. */
#ifndef RUNNER_OSD_PLAN_H
#define RUNNER_OSD_PLAN_H

#include <stdbool.h>

#include "base/util.h"
#include "error.h"
#include "osd/layout.h"

/* The types of filesystems that a pod may mount, for --intercept-mount. */
#define OSD_TYPES "xfs,ext4"

struct osd_plan {
	struct strv runner;	/* options of runner run, one a string */
	struct strv podman;	/* of podman run: no locks, nothing that comes later */
	struct strv before;	/* commands for the host, in words for people */
};

/*
 * Where the host mounts @d for the pod, see osd_mount(): text of the caller's.
 */
int osd_plan_place(const struct osd_device *d, char **ret,
		   struct shift_error *err);

/*
 * The pod mounts its data partition itself, by interception: nothing when none of the
 * @n layouts has such a one.
 */
int osd_plan_intercept(struct osd_plan *plan, enum osd_scenario scenario,
		       const struct osd_layout *layouts, int n, bool unchecked,
		       struct shift_error *err);

/* Adds what @layout needs to @plan, for one of its OSDs. */
int osd_plan_add(struct osd_plan *plan, enum osd_scenario scenario,
		 const struct osd_layout *layout, struct shift_error *err);

/* Prints them; the devices' contents are escaped. */
int osd_plan_print(const struct osd_plan *plan, enum osd_scenario scenario,
		   const struct osd_layout *layouts, int n, bool json,
		   struct shift_error *err);

void osd_plan_clear(struct osd_plan *plan);

#endif
