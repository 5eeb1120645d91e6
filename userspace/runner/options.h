/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "spec.h"

struct options {
	const char *image;
	const char *name;
	bool have_uid_base;
	uint32_t uid_base;
	enum spec_shift shift;
	bool rm;
	bool dry_run;
	bool help;
	char **command;		/* NULL-terminated, empty: the image's own */
};

/* Reads the arguments of `runner run`; strings stay argv's. */
int options_parse_run(struct options *options, int argc, char **argv,
		      struct shift_error *err);

#endif
