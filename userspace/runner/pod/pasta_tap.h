/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames that a pod cannot send to its pasta.
 *
 * pasta connects to the address in a frame, in the host's network.  passt of Debian 12
 * does so for 127.0.0.1 and ::1 as well, and --no-map-gw does not change that.  A pod
 * sends such a frame by a packet socket (CAP_NET_RAW, which pods have), or by a route.
 */
#ifndef RUNNER_PASTA_TAP_H
#define RUNNER_PASTA_TAP_H

#include "error.h"

/*
 * Puts a filter on the tap device, as soon as pasta has it: the caller is process 1 of
 * the pid namespace in which pasta runs, and may trace it.  The pod cannot take the
 * filter away, since it does not have the device's file.
 */
int pasta_tap_filter(struct shift_error *err);

#endif
