/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities and labels in the description, as options change them. */
#ifndef RUNNER_SECURITY_OPTION_H
#define RUNNER_SECURITY_OPTION_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

/* Adds or removes capabilities, CAP_X or x or all, by commas, in all of @caps' sets. */
int security_change_caps(struct spec_capabilities *caps, const char *names,
			 bool add, struct shift_error *err);

/* --security-opt: label=, apparmor=, seccomp=, no-new-privileges. */
int security_option(struct spec *spec, const char *text,
		    struct shift_error *err);

#endif
