/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount.shiftfs --explain: a map in words, and as other tools write it. */
#ifndef MOUNT_SHIFTFS_EXPLAIN_H
#define MOUNT_SHIFTFS_EXPLAIN_H

#include "request.h"

/*
 * Prints the map of @req; with a @path also its stored owner and how that is
 * seen.  @req has been resolved.  Returns an exit status of mount(8).
 */
int explain(const struct request *req, const char *path);

#endif
