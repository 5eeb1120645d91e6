/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of run, create and spec. */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"
#include "error.h"
#include "range/lease.h"
#include "spec/spec.h"

struct options {
	const char *image;
	const char *name;
	struct lease_request userns;
	enum spec_shift shift;
	const char *rootfs;	/* in place of image */
	bool read_only;
	bool rm;
	bool dry_run;
	bool help;
	bool detach;
	bool tty;
	bool interactive;
	const char *pod;
	const char *net;
	const char *systemd;
	const char *restart;
	const char *hostname;
	/* What is applied to the description one by one, in this order. */
	struct { int option; const char *value; } *changes;
	size_t n_changes;
	char **command;		/* NULL-terminated, empty: the image's own */
};

/* Reads the arguments of `runner run`; strings stay argv's. */
int options_parse_run(struct options *options, int argc, char **argv,
		      struct shift_error *err);

/* Changes @spec, which has the defaults and what the image says, by them. */
int options_apply(const struct options *options, struct spec *spec,
		  struct shift_error *err);

/* NAME=VALUE, or NAME for the caller's own value, if it has one. */
int options_env(struct spec *spec, const char *value, struct shift_error *err);

/* Whether @text can be a USER[:GROUP]; names are looked up in the pod. */
int options_user(const char *text, struct shift_error *err);

/* "512m": bytes with a suffix b, k, m, g or t; -1 is no limit. */
int options_bytes(const char *text, int64_t *ret, struct shift_error *err);

/* A decimal number from @min to @max and nothing else; else -EINVAL. */
int options_integer(const char *text, long min, long max, long *ret,
		    struct shift_error *err);

/* A name, with or without SIG and +N, or a number; 0 when it is none. */
int options_signal(const char *text);

/* A limit as run and update take it; 1 when @name is none of them. */
int options_limit(const char *name, const char *value,
		  struct spec_resources *res, struct shift_error *err);

void options_clear(struct options *options);

#endif
