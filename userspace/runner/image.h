/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --image names: a directory with a root filesystem or an OCI layout. */
#ifndef RUNNER_IMAGE_H
#define RUNNER_IMAGE_H

#include <stdbool.h>

#include "error.h"
#include "oci_layout.h"
#include "spec.h"

struct image {
	char *rootfs;		/* where it is, or will be once prepared */
	bool is_layout;
	struct oci_image oci;	/* of a layout only */
};

/*
 * Reads what @path describes without unpacking anything.  A layout with
 * several images takes DIR:NAME.
 */
int image_open(struct image *image, const char *path, struct shift_error *err);

/*
 * Applies the image's environment, command, directory and user to @spec.
 * @command is the user's own, empty for the image's default.
 */
int image_apply(const struct image *image, char *const *command,
		struct spec *spec, struct shift_error *err);

/* Unpacks a layout into the store unless it is there; verified by digest. */
int image_prepare(struct image *image, struct shift_error *err);

void image_clear(struct image *image);

#endif
