/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd as the pod's process 1: its container interface. */
#ifndef RUNNER_SYSTEMD_H
#define RUNNER_SYSTEMD_H

#include "error.h"
#include "spec/spec.h"

/*
 * Whether --systemd=@mode (auto, always, false; NULL is auto) asks for it, for
 * a command that begins with @command, which may be NULL.
 */
int systemd_wanted(const char *mode, const char *command,
		   struct shift_error *err);

/* Changes the description for it, where it is wanted. */
int systemd_apply(const char *mode, struct spec *spec, struct shift_error *err);

#endif
