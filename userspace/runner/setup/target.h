/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in the pod what is mounted, and in which order.  The administrator chose
 * the paths, the image and earlier pods the links on them.  So all links are
 * followed first, within the pod's root, which is the caller's; what is nearer to
 * the root is mounted first, and at each place one thing only.
 */
#ifndef RUNNER_TARGET_H
#define RUNNER_TARGET_H

#include <stddef.h>

#include "error.h"

/*
 * The path without links that @path leads to, in *ret, the caller's.  What is
 * not there, for example behind a link that dangles, has no links.
 */
int target_resolve(const char *path, char **ret, struct shift_error *err);

/* Ascending: of two at one place the one that is more wanted. */
enum target_kind {
	TARGET_OFFERED,		/* given where nothing else is wanted */
	TARGET_FILESYSTEM,
	TARGET_OF_IMAGE,	/* a volume that the image wants */
	TARGET_VOLUME,
};

struct target {
	const char *path;	/* as target_resolve() gave it */
	enum target_kind kind;
	size_t what;		/* the caller's */
};

/*
 * Puts the *n targets into the order in which they are mounted; *n becomes
 * less where two have one place.  Two volumes at one place are an error.
 */
int targets_arrange(struct target *t, size_t *n, struct shift_error *err);

#endif
