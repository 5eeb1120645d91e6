/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --sys: the annotation runner.sys. */
#ifndef RUNNER_SYS_OPTION_H
#define RUNNER_SYS_OPTION_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

/* "host": all of sysfs, as without the option; "devices": setup/sysdevices.h. */
int sys_option(struct spec *spec, const char *text, struct shift_error *err);

/* The type of a mount: setup/sysdevices.h. */
#define SYS_UDEV "udev"

bool sys_is_devices(const struct spec *spec);

#endif
