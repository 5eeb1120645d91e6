/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Maps as crun, podman and Proxmox VE write them.
 *
 * crun(1), which podman hands its text to, stored id first:
 *	uids=STORED-SEEN-COUNT#...;gids=...	'@' before STORED: SEEN is an id
 *						of the container
 * Proxmox VE 9 (pct.conf(5), "idmap" of a mount point), container's id first:
 *	passthrough				stored ids are the container's ids
 *	TYPE:CONTAINER:DISK:COUNT;...
 *
 * The last form cannot be told from TYPE:STORED:SEEN:COUNT, so it is taken only
 * behind the word "pve:".
 */
#ifndef MOUNT_SHIFTFS_FOREIGN_H
#define MOUNT_SHIFTFS_FOREIGN_H

#include "request.h"

/* Whether the value of idmap= is in one of these forms. */
bool foreign_is(const char *value);

/*
 * Adds the extents of @value to req->map, or to req->relative where the second
 * number is an id of the container.  No system call.
 */
int foreign_parse(struct request *req, const char *value, struct shift_error *err);

/*
 * Turns req->relative into extents of req->map by the map of req->userns_fd,
 * which is closed then.  Needs CAP_SYS_ADMIN over that namespace.  Does nothing
 * where no option asked for it.
 */
int foreign_resolve(struct request *req, struct shift_error *err);

/* @map in the other tools' forms; malloc()ed, the caller's, NULL without memory. */
char *foreign_crun_text(const struct shift_idmap *map);
char *foreign_pve_text(const struct shift_idmap *map);

#endif
