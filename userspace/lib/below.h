/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mounts below a source, which no mount of the source itself shows. */
#ifndef MOUNT_SHIFTFS_BELOW_H
#define MOUNT_SHIFTFS_BELOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct below_mount {
	char *path;	/* its place, relative to the source */
	uint64_t id;	/* as in statx(2) and mountinfo */
	int fd;		/* O_PATH, its root; -1 unless asked for */
};

struct below {
	struct below_mount *mounts;	/* those that cover others come first */
	size_t n;
};

#define BELOW_INIT { NULL, 0 }

/*
 * Lists the mounts below the directory @source, by mountinfo. Mounts hidden by
 * others are left out. Symbolic links are not followed, because the owner of the
 * tree may put some in meanwhile. With @open each mount is held by an fd. The
 * caller clears @ret, also after an error.
 */
int below_list(const char *source, bool open, struct below *ret,
	       struct shift_error *err);
void below_clear(struct below *below);

#define _cleanup_below_ __attribute__((cleanup(below_clear)))

/* An O_PATH fd of @path beneath the directory @dir, no link followed; or -errno. */
int below_open(int dir, const char *path);

#endif
