/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The description of a pod as config.json of the OCI runtime specification. */
#ifndef RUNNER_SPEC_JSON_H
#define RUNNER_SPEC_JSON_H

#include "error.h"
#include "spec/spec.h"

/*
 * malloc()ed text in *ret, the caller's; ends in a newline.  Without @readable
 * the seccomp profile, most of it, is one line, which takes much less time.
 */
int spec_to_json(const struct spec *spec, bool readable, char **ret,
		 struct shift_error *err);

/*
 * Fills @spec, which is cleared first, from @text.  @name is what messages
 * call it.  A member that runner cannot honour is refused, not ignored.
 */
int spec_from_json(struct spec *spec, const char *text, const char *name,
		   struct shift_error *err);

#endif
