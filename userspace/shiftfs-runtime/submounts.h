/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mounts below a source, which rbind takes along and a shifted mount has not got. */
#ifndef RUNTIME_SUBMOUNTS_H
#define RUNTIME_SUBMOUNTS_H

#include <stdbool.h>

#include "below.h"
#include "error.h"
#include "tree.h"

struct submounts {
	struct below below;	/* as the host has them */
	int *mounts;		/* detached, one for each; or -1 */
};

#define SUBMOUNTS_INIT { BELOW_INIT, NULL }

/*
 * A detached mount for each mount below @want->source: with @map shifted as @want says,
 * without a clone.  The caller clears @ret, on an error as well.
 */
int submounts_make(const struct tree_want *want, bool map, struct submounts *ret,
		   struct shift_error *err);

/*
 * Attaches them on @top, the mount of @source that is attached on the private place, each
 * where it was.  The host sees nothing of it; afterwards all propagate as they did.
 */
int submounts_attach(const struct submounts *submounts, int top, int source,
		     const char *name, struct shift_error *err);

void submounts_clear(struct submounts *submounts);

#endif
