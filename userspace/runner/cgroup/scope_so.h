/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scopes of the host's systemd, in runner-systemd.so: see base/helper.h. */
#ifndef RUNNER_SCOPE_SO_H
#define RUNNER_SCOPE_SO_H

#include <sys/types.h>

#include "error.h"

/* Makes the scope @unit, described by @about, with @pid in it. */
int part_create_scope(const char *unit, const char *about, pid_t pid,
		      struct shift_error *err);

/* Ends it and waits until it is gone; gone already is fine. */
int part_stop_scope(const char *unit, struct shift_error *err);

#endif
