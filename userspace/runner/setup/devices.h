/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pod's /dev.  It is a tmpfs made by the host, because nodes on one that
 * a user namespace made cannot be opened; everything in it belongs to the
 * pod's root, whose host uid and gid are @owner.
 */
#ifndef RUNNER_DEVICES_H
#define RUNNER_DEVICES_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "spec/spec.h"

int devices_tmpfs(const char *path, const struct spec *spec,
		  struct shift_error *err);

/* @mode says S_IFCHR or S_IFBLK too; missing folders are made. */
int devices_node(const char *path, mode_t mode, dev_t dev, uint32_t owner,
		 struct shift_error *err);
int devices_symlink(const char *to, const char *path, uint32_t owner,
		    struct shift_error *err);
int devices_mkdir(const char *path, uint32_t owner, struct shift_error *err);

#endif
