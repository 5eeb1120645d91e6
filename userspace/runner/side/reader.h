/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's end of a spool: Documentation/design/side.rst. */
#ifndef RUNNER_READER_H
#define RUNNER_READER_H

#include <stdbool.h>

#include "error.h"

/* Below it a spool for each asker, by the name of its pod. */
#define SIDE_SPOOLS "side"

/* place_root()/side/ASKER, the caller's. */
int side_spool_path(const char *asker, char **ret, struct shift_error *err);

/* Makes the spool of @asker, root's alone; one that is there stays. */
int side_spool_make(const char *asker, struct shift_error *err);

/*
 * Works off what is asked for in the spool of @asker by the templates of the
 * directory @templates.  With @follow it goes on until it is ended.  Negative:
 * the spool cannot be used; a request that is refused is no error.
 */
int side_run(const char *asker, const char *templates, bool follow,
	     struct shift_error *err);

#endif
