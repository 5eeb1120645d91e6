/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pod's root filesystem: shared image below, own changes above, shifted. */
#ifndef RUNNER_ROOTFS_H
#define RUNNER_ROOTFS_H

#include "error.h"
#include "spec/spec.h"

/* A tmpfs at @dir with empty directories for the mounts to come. */
int rootfs_stage(const char *dir, struct shift_error *err);

/*
 * The image of @spec alone, with ids as they are stored, not to be written, on the
 * stage; *ret is where.
 */
int rootfs_mount_image(const struct spec *spec, const char **ret,
		       struct shift_error *err);

/*
 * Mounts at @target the layers of the image with the writable layer in
 * @pod_dir/upper and @pod_dir/work, or the root directory itself, every stored
 * id shown in the pod's range.
 */
int rootfs_mount(const struct spec *spec, const char *pod_dir,
		 const char *target, struct shift_error *err);

#endif
