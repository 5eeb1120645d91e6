/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities and labels in the description, as options change them. */
#ifndef RUNNER_SECURITY_OPTION_H
#define RUNNER_SECURITY_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "spec/spec.h"

/* Adds or removes capabilities, CAP_X or x or all, by commas, in all of @caps' sets. */
int security_change_caps(struct spec_capabilities *caps, const char *names,
			 bool add, struct shift_error *err);

/* What all --cap-add and all --cap-drop say together. */
struct security_caps {
	uint64_t add, drop;	/* bit N is capability N */
};

int security_collect_caps(struct security_caps *all, const char *names, bool add,
			  struct shift_error *err);

/*
 * Applies them, in whatever order they were said: with "all" dropped only those that
 * are added are left, with "all" added only those that are dropped are missing.  One
 * that is added and dropped by its name is an error.
 */
int security_merge_caps(struct spec_capabilities *caps,
			const struct security_caps *all, struct shift_error *err);

/* 1 when a --security-opt names the profile *ret, a part of @text. */
int security_profile(const char *text, const char **ret);

/* --security-opt: label=, apparmor=, no-new-privileges; a colon for the '=' too. */
int security_option(struct spec *spec, const char *given,
		    struct shift_error *err);

#endif
