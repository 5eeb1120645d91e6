/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /run/host of a pod in the description; setup/hostdir.h makes it. */
#ifndef RUNNER_HOSTDIR_OPTION_H
#define RUNNER_HOSTDIR_OPTION_H

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

#endif
