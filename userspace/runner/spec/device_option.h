/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices as they are named on the command line. */
#ifndef RUNNER_DEVICE_OPTION_H
#define RUNNER_DEVICE_OPTION_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

/* ACCESS[,shared] of such an option; false when it is something else. */
bool devices_access(const char *text, char access_[4], bool *shared);

/*
 * --device HOST[:CTR][:ACCESS[,shared]]: the node and the right to use it.  A
 * block device that is not shared is the pod's alone: pod/pod_blockdev.h.
 */
int devices_option(struct spec *spec, const char *text,
		   struct shift_error *err);

/*
 * The devices of the description as they are on the host now: a device's number
 * can be another one's after a boot.  An error names one that is no more.
 */
int devices_again(struct spec *spec, struct shift_error *err);

/*
 * DEVICE:rbps=N,wbps=N,riops=N,wiops=N as "io.max=" and lines, together with
 * those that @res has, the caller's.
 */
int devices_io_max(const char *text, const struct spec_resources *res,
		   char **ret, struct shift_error *err);

#endif
