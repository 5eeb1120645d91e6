/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "lease.h"
#include "spec.h"

struct options {
	const char *image;
	const char *name;
	struct lease_request userns;
	enum spec_shift shift;
	const char *root;	/* of the image store, NULL: the default */
	const char *rootfs;	/* in place of image */
	bool read_only;
	struct {
		int (*add)(struct spec *spec, const char *text,
			   struct shift_error *err);
		const char *text;
	} *volumes;		/* -v, --tmpfs, --mount in their order */
	size_t n_volumes;
	bool rm;
	bool dry_run;
	bool help;
	char **command;		/* NULL-terminated, empty: the image's own */
};

/* Reads the arguments of `runner run`; strings stay argv's, volumes the caller's to free. */
int options_parse_run(struct options *options, int argc, char **argv,
		      struct shift_error *err);

#endif
