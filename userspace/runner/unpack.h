/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacking the layers of an image into the store, once:
 * /var/lib/runner/images/sha256-DIGEST/rootfs, DIGEST being the manifest's.
 * What is stored is what the layers say, ids unshifted.
 */
#ifndef RUNNER_UNPACK_H
#define RUNNER_UNPACK_H

#include "error.h"
#include "oci_layout.h"

/* Where the image with this manifest is or would be; *ret is the caller's. */
int unpack_place(const char *manifest, char **ret, struct shift_error *err);

/*
 * Unpacks @image so that @rootfs, its unpack_place(), exists.  Safe to be
 * called by several runners at once and after one was killed in here.
 */
int unpack_image(const struct oci_image *image, const char *rootfs,
		 struct shift_error *err);

#endif
