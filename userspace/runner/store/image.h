/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --image and --rootfs name, as the pod's root filesystem. */
#ifndef RUNNER_IMAGE_H
#define RUNNER_IMAGE_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"
#include "store/oci_layout.h"
#include "store/store.h"

struct image {
	struct store store;
	char *given;		/* as the user wrote it */
	char *identity;		/* a path that tells it from other images */
	struct strv layers;	/* directories, lowest first; there once prepared */
	bool in_store;
	bool direct;		/* --rootfs: the directory itself is written to */
	char id[DIGEST_HEX + 1];
	int hold_fd;		/* keeps it in the store */
	struct oci_image oci;	/* its config, if it has one */
};

#define IMAGE_INIT { .store = STORE_INIT, .hold_fd = -1 }

/*
 * Reads what @ref describes without unpacking anything: an image of the store
 * by name or id, an OCI image layout (DIR or DIR:NAME), or a directory
 * with a root filesystem.  What has a '/' or begins with '.' is a path first.
 */
int image_open(struct image *image, const char *ref, struct shift_error *err);

/* The directory @path itself. */
int image_open_rootfs(struct image *image, const char *path,
		      struct shift_error *err);

/*
 * Applies the image's environment, command, directory, user and layers to
 * @spec.  @command is the user's own, empty for the image's default.
 */
int image_apply(const struct image *image, char *const *command,
		struct spec *spec, struct shift_error *err);

/*
 * Brings a layout into the store unless it is there, holds it there, and tells
 * @spec where its layers are.
 */
int image_prepare(struct image *image, struct spec *spec,
		  struct shift_error *err);

/*
 * Holds, and needs, the image of the store that @spec, a description that was
 * kept, lies over; nothing when it lies over no such image.
 */
int image_hold_described(struct image *image, const struct spec *spec,
			 struct shift_error *err);

void image_clear(struct image *image);

#endif
