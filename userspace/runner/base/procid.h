/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which process a number meant.  A pid that was written down is another's as
 * soon as its process is reaped; the time at which that was started, which the
 * kernel counts in ticks since boot, tells the two apart.  What was written down
 * before the host was booted means no process: procid_boot() is another then.
 */
#ifndef RUNNER_PROCID_H
#define RUNNER_PROCID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* The boot that this is, as the kernel names it; "" when it does not say. */
const char *procid_boot(void);

/* Seconds since 1970 when that was. */
int64_t procid_booted(void);

/* When the process @pid was started; 0 when there is none, or one is not told. */
uint64_t procid_started(pid_t pid);

/* Whether all threads of the process @pid have ended and its parent has not reaped it. */
bool procid_is_zombie(pid_t pid);

/*
 * A pidfd of the process @pid that was started at @started, the caller's.
 * -ESRCH when it has ended, even if the number is another's by now.
 */
int procid_open(pid_t pid, uint64_t started, struct shift_error *err);

#endif
