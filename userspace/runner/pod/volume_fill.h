/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contents of an image's directory, for a new volume there. */
#ifndef RUNNER_VOLUME_FILL_H
#define RUNNER_VOLUME_FILL_H

#include "error.h"
#include "spec/spec.h"

/*
 * Copies what the image of @spec has at @destination, found within the image's
 * root, to the empty directory @data, which gets the owner and mode of that one.
 * Ids stay as they are stored.  Nothing when the image has no directory there.
 */
int volume_fill(const struct spec *spec, const char *destination,
		const char *data, struct shift_error *err);

#endif
