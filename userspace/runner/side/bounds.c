/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/bounds.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/util.h"
#include "cleanup.h"
#include "escape.h"

/* Refusals that are logged one by one in LOG_MS milliseconds. */
#define LOGGED 100
#define LOG_MS 10000

/* So it has a fifth of a processor at most. */
#define REST 4
#define REST_MAX_MS 2000

void bounds_log(struct bounds *b, const char *id, const char *text)
{
	_cleanup_free_ char *shown = NULL;

	if (b->refused++ >= LOGGED)
		return;
	shown = shift_escaped(text);
	fprintf(stderr, "runner: request %s of %s: %s\n", id, b->asker,
		shown ?: "?");
}

void bounds_sum_up(struct bounds *b, int now)
{
	if (!now && util_now_ms() < b->since + LOG_MS)
		return;
	if (b->refused > LOGGED)
		fprintf(stderr, "runner: requests of %s: %zu lines more like these\n",
			b->asker, b->refused - LOGGED);
	b->refused = 0;
	b->since = util_now_ms();
}

static int64_t used_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void bounds_work(struct bounds *b)
{
	b->used = used_ms();
}

void bounds_rest(struct bounds *b)
{
	int64_t ms = (used_ms() - b->used) * REST;

	if (ms > REST_MAX_MS)
		ms = REST_MAX_MS;
	poll(NULL, 0, (int)ms);
}
