/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filesystem under a path, for messages and for choosing a mechanism. */
#ifndef SHIFT_LOWER_H
#define SHIFT_LOWER_H

#include <stdbool.h>

#include "error.h"

struct shift_lower {
	char *fstype;	/* as in mountinfo, "unknown" when that is unreadable */
	char *root;	/* its mount point */
	bool is_dir;
	bool mount_ro;	/* this mount of it is read-only */
	bool sb_ro;	/* the filesystem itself is read-only */
	bool idmapped;	/* this mount of it is an idmapped mount */
	unsigned int attrs; /* MOUNT_ATTR_* of this mount: RDONLY NOSUID NODEV NOEXEC */
};

#define SHIFT_LOWER_INIT { NULL, NULL, false, false, false, false, 0 }

/* Looks at @path, following symlinks; needs no privilege beyond reaching it. */
int shift_lower_probe(const char *path, struct shift_lower *ret,
		      struct shift_error *err);
void shift_lower_clear(struct shift_lower *lower);

#define _cleanup_lower_ __attribute__((cleanup(shift_lower_clear)))

/*
 * Adds to @err what is known about @source and, for the negative errno @r, what
 * can be done about it.  Returns @r.
 */
int shift_lower_explain(int r, const char *source, struct shift_error *err);

/*
 * Filesystems which stand on others and count towards the kernel's limit of two
 * in all (FILESYSTEM_MAX_STACK_DEPTH).
 */
bool shift_is_stacked(const char *fstype);

/* The machine's own user namespace, not a container's. */
bool shift_in_initial_userns(void);

#endif
