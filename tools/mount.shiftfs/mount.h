/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MOUNT_SHIFTFS_MOUNT_H
#define MOUNT_SHIFTFS_MOUNT_H

#include "request.h"

/*
 * Checks what can be checked without privilege: both paths are there and are
 * of the same kind.
 */
int preflight(const struct request *req, struct shift_error *err);

/* A new mount; backend=auto is decided on the way. */
int mount_new(struct request *req, struct shift_error *err);

/* -o remount and -o remount,bind of the mount at the target. */
int mount_again(const struct request *req, struct shift_error *err);

#endif
