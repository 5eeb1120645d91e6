/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounting a volume; spec/volume_add.h says what one is. */
#ifndef RUNNER_VOLUME_H
#define RUNNER_VOLUME_H

#include <stdint.h>

#include "error.h"
#include "spec/spec.h"

/*
 * Mounts @source with @options at @at, which is made.  The pod's ids are
 * @spec's; its shift says which backend may be used.
 */
int volume_mount(const struct spec *spec, const char *source,
		 const char *options, const char *at, struct shift_error *err);

#endif
