/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that the pod's root stores setuid in a directory of the host, with a
 * map by which it is stored as root's, is root's on the host as well: who can
 * reach it there becomes root.
 */
#ifndef RUNNER_HOST_SETUID_H
#define RUNNER_HOST_SETUID_H

#include <stdbool.h>

#include "error.h"
#include "idmap.h"

/* Whether @map has stored ids of root's: what a pod makes can be root's. */
bool host_setuid_maps_root(const struct shift_idmap *map);

/*
 * Refuses @path, without links, that @fd, which may be O_PATH, stands for: unless
 * the host has mounted it nosuid, or a directory above it lets only root in.
 */
int host_setuid_check(int fd, const char *path, struct shift_error *err);

#endif
