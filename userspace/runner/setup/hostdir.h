/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /run/host of a pod: what systemd's container interface has the host say to
 * it, and the socket on which it answers.
 */
#ifndef RUNNER_HOSTDIR_H
#define RUNNER_HOSTDIR_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

#define HOSTDIR_IN_POD "/run/host"
#define HOSTDIR_NOTIFY HOSTDIR_IN_POD "/notify"

/* Annotation runner.credential.ID=PATH: a file of the host. */
#define HOSTDIR_CREDENTIAL "runner.credential."

bool hostdir_wanted(const struct spec *spec);

/* --credential ID:PATH and --sdnotify=pod. */
int hostdir_credential(struct spec *spec, const char *text,
		       struct shift_error *err);
int hostdir_notify(struct spec *spec, struct shift_error *err);

/*
 * Makes it, as a tmpfs at @path.  *ret_notify is the bound socket, the
 * caller's.
 */
int hostdir_make(const struct spec *spec, const char *path, int *ret_notify,
		 struct shift_error *err);

#endif
