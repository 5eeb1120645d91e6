/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend=: an idmapped mount in place of shiftfs, or NFS mounted for a user namespace,
 * and the choice between them.
 */
#ifndef MOUNT_SHIFTFS_BACKEND_H
#define MOUNT_SHIFTFS_BACKEND_H

#include "choose.h"
#include "request.h"

/*
 * What @req asks of a mechanism when its source is @source; borrows from @req, and
 * from *ret_nfs, which the caller frees.
 */
int backend_want(const struct request *req, const char *source, struct shift_want *ret,
		 struct shift_nfs_option **ret_nfs, struct shift_error *err);

/* Whether the source of @req is an export, HOST:/EXPORT, and no path. */
bool backend_mounts_export(const struct request *req);

/* Turns BACKEND_AUTO into one of the others. */
int backend_resolve(struct request *req, struct shift_error *err);

/*
 * A detached idmapped mount for @req, with what its source's mount has of
 * nosuid and the like.  Returns an fd, the caller's.
 */
int backend_idmap(const struct request *req, struct shift_error *err);

/* The same of a mount of an export for the user namespace of the map. */
int backend_delegate(const struct request *req, struct shift_error *err);

/* mount.shiftfs --probe: an exit status of mount(8). */
int backend_probe(const char *path, const struct request *req, bool json);

#endif
