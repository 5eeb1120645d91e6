/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP for the unit tests.  One test program is one plan; "return tap_done();"
 * ends main().  With SHIFTFS_NO_SKIP=1 in the environment a skip is a failure.
 */
#ifndef SHIFT_TESTS_TAP_H
#define SHIFT_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_run, tap_failed, tap_skipped;

static inline bool __attribute__((format(printf, 2, 3)))
ok(bool cond, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", cond ? "" : "not ", ++tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	if (!cond)
		tap_failed++;
	return cond;
}

static inline bool is_int(long long got, long long want, const char *what)
{
	bool same = ok(got == want, "%s", what);

	if (!same)
		printf("# got %lld, want %lld\n", got, want);
	return same;
}

static inline bool is_str(const char *got, const char *want, const char *what)
{
	bool same = ok(got && !strcmp(got, want), "%s", what);

	if (!same)
		printf("# got  \"%s\"\n# want \"%s\"\n", got ? got : "(null)", want);
	return same;
}

static inline bool has_text(const char *got, const char *part, const char *what)
{
	bool found = ok(got && strstr(got, part), "%s", what);

	if (!found)
		printf("# got  \"%s\"\n# want \"...%s...\"\n", got ? got : "(null)", part);
	return found;
}

static inline void skip(const char *what, const char *why)
{
	const char *no_skip = getenv("SHIFTFS_NO_SKIP");

	if (no_skip && !strcmp(no_skip, "1")) {
		ok(false, "%s (skipped: %s)", what, why);
	} else {
		printf("ok %d - %s # SKIP %s\n", ++tap_run, what, why);
		tap_skipped++;
	}
}

static inline int tap_done(void)
{
	printf("1..%d\n# totals: pass:%d fail:%d skip:%d\n", tap_run,
	       tap_run - tap_failed - tap_skipped, tap_failed, tap_skipped);
	return tap_failed ? 1 : 0;
}

#endif
