/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directories of the host that its pods can write. */
#ifndef RUNNER_WRITTEN_H
#define RUNNER_WRITTEN_H

#include "base/util.h"
#include "error.h"
#include "spec/spec.h"

/*
 * Finds the source of each volume of @spec and puts its path into @spec, once all
 * volumes are known: one may be below another, or below what a pod can write.
 */
int written_find_volumes(struct spec *spec, struct shift_error *err);

/*
 * Adds to @written the volumes and root directories of all pods that are known,
 * running or not, for volume_source_open().  Nothing when @spec has no volume.
 */
int written_by_pods(const struct spec *spec, struct strv *written,
		    struct shift_error *err);

#endif
