/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend=: an idmapped mount in place of shiftfs, and the choice between them. */
#ifndef MOUNT_SHIFTFS_BACKEND_H
#define MOUNT_SHIFTFS_BACKEND_H

#include "choose.h"
#include "request.h"

/* What @req asks of a mechanism; borrows from it. */
void backend_want(const struct request *req, struct shift_want *ret);

/* Turns BACKEND_AUTO into one of the others. */
int backend_resolve(struct request *req, struct shift_error *err);

/*
 * A detached idmapped mount for @req, with what its source's mount has of
 * nosuid and the like.  Returns an fd, the caller's.
 */
int backend_idmap(const struct request *req, struct shift_error *err);

/* mount.shiftfs --probe: an exit status of mount(8). */
int backend_probe(const char *path, const struct request *req, bool json);

#endif
