/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /run/host of a pod: what systemd's container interface has the host say to
 * it, and the socket on which it answers.
 */
#ifndef RUNNER_HOSTDIR_H
#define RUNNER_HOSTDIR_H

#include "error.h"
#include "spec/spec.h"

/*
 * Makes it, as a tmpfs at @path.  *ret_notify is the bound socket, the
 * caller's.
 */
int hostdir_make(const struct spec *spec, const char *path, int *ret_notify,
		 struct shift_error *err);

#endif
