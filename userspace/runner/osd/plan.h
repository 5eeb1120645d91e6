/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options the pod of an OSD needs. */
#ifndef RUNNER_OSD_PLAN_H
#define RUNNER_OSD_PLAN_H

#include <stdbool.h>

#include "base/util.h"
#include "error.h"
#include "osd/layout.h"

struct osd_plan {
	struct strv runner;	/* options of runner run, one a string */
	struct strv podman;	/* of podman run: no locks, nothing that comes later */
	struct strv before;	/* commands for the host, in words for people */
};

/* Adds what @layout needs to @plan, for one of its OSDs. */
int osd_plan_add(struct osd_plan *plan, enum osd_scenario scenario,
		 const struct osd_layout *layout, struct shift_error *err);

/* Prints them; the devices' contents are escaped. */
int osd_plan_print(const struct osd_plan *plan, enum osd_scenario scenario,
		   const struct osd_layout *layouts, int n, bool json,
		   struct shift_error *err);

void osd_plan_clear(struct osd_plan *plan);

#endif
