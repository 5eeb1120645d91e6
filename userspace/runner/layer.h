/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One layer of an image applied to a tree. */
#ifndef RUNNER_LAYER_H
#define RUNNER_LAYER_H

#include <stdbool.h>

#include "error.h"

/*
 * Applies the tar archive (plain, gzip, zstd or xz) in @fd to the tree @root:
 * first its whiteouts, when there is a layer below, then its entries.  @path
 * is the archive's name for messages.
 *
 * The archive may be hostile.  It is read by a child in a chroot of @root with
 * few capabilities and no other descriptor, so that no link and no name of it
 * leads out of @root.  Names with ".." are refused, device nodes left out (the
 * pod's /dev is not the image's), trusted.* and foreign security.* attributes
 * dropped, since overlayfs and security modules would take them as their own.
 */
int layer_apply(const char *root, int fd, const char *path, bool lowest,
		struct shift_error *err);

#endif
