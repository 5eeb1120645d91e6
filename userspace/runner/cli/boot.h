/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pods that come up with the host: start --boot and stop --boot. */
#ifndef RUNNER_BOOT_H
#define RUNNER_BOOT_H

#include "base/util.h"
#include "error.h"

/*
 * Adds the names of the pods that --restart brings up after a boot of the host
 * and that are not up: with always each, with unless-stopped those whose end
 * nobody asked for.  One that was never started is none of them.  In the order in
 * which they were started last, by name where that was in the same second; but a
 * pod that joins another comes after it.
 */
int boot_list(struct strv *names, struct shift_error *err);

/*
 * Ends the pods that have such a policy and are up, those that join others first,
 * else at the same time, without its being said that somebody wanted it.
 * @stop_pod ends one.  Negative when one could not be ended; its message is
 * printed.
 */
int boot_stop(int (*stop_pod)(const char *name, struct shift_error *err),
	      struct shift_error *err);

#endif
