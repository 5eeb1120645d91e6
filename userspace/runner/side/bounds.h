/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an asker can cost the host outside of its own cgroup: lines of the log and
 * time of the processor.
 */
#ifndef RUNNER_BOUNDS_H
#define RUNNER_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

struct bounds {
	const char *asker;
	size_t refused;
	int64_t since, used;	/* ms */
};

/* A line on standard error about its request @id; of too many, only their number. */
void bounds_log(struct bounds *b, const char *id, const char *text);

/* Says how many lines were left out: all @now, else once in ten seconds. */
void bounds_sum_up(struct bounds *b, int now);

/*
 * Around work for an asker that can ask for more without a pause: bounds_rest() waits
 * four times as long as the processor was used since bounds_work(), at most two seconds.
 */
void bounds_work(struct bounds *b);
void bounds_rest(struct bounds *b);

#endif
