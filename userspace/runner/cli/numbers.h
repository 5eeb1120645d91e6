/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people write them; what is not one is refused, never 0. */
#ifndef RUNNER_NUMBERS_H
#define RUNNER_NUMBERS_H

#include <stdint.h>

#include "error.h"

/* "512m": bytes with a suffix b, k, m, g or t; -1 is no limit. */
int numbers_bytes(const char *text, int64_t *ret, struct shift_error *err);

/* A decimal number from @min to @max and nothing else; else -EINVAL. */
int numbers_integer(const char *text, long min, long max, long *ret,
		    struct shift_error *err);

/* A name, with or without SIG and +N, or a number; 0 when it is none. */
int numbers_signal(const char *text);

/*
 * A point in time, in nanoseconds since 1970: a date (2026-11-29), with a time
 * (T or blank, 12:00:00) and a zone (Z, +01:00, else the local one), seconds
 * since 1970, or how long ago (90s, 10m, 1h30m, 2d).
 */
int numbers_time(const char *text, int64_t *ret, struct shift_error *err);

#endif
