/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A progress bar on stderr, when that is a terminal. */
#ifndef RUNNER_PROGRESS_H
#define RUNNER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	bool drawn;		/* there is a line to clear */
	char what[48];
	uint64_t done, total;	/* of the file being read; total 0: unknown */
	int64_t last;		/* ms of CLOCK_MONOTONIC of the last drawing */
};

/* @force draws although stderr is no terminal. */
void progress_init(struct progress *p, bool force);
void progress_begin(struct progress *p, const char *what, uint64_t total);
void progress_at(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

#endif
