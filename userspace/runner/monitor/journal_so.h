/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's journal, in runner-systemd.so: see base/helper.h. */
#ifndef RUNNER_JOURNAL_SO_H
#define RUNNER_JOURNAL_SO_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* log_print_journal() */
int part_print_journal(const char *pod, int64_t since, bool times, long tail,
		       bool (*ended)(void *data), void *data,
		       struct shift_error *err);

#endif
