/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mount namespace of this process's own, in which mounts are attached that the host
 * does not see, while all that the host mounts and the runtime mounts propagates as if
 * there was no such namespace.  Documentation/design/runtime.rst says why so.
 */
#ifndef RUNTIME_PLACE_H
#define RUNTIME_PLACE_H

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "error.h"

/* Where the shifted mounts are, in the private namespace alone. */
#define PLACE "/run/shiftfs-runtime"

/* A path to be mounted on, and the mount where it lies, as the host has it. */
struct anchor {
	char *path;
	int root;		/* O_PATH, the root of that mount */
	struct stat root_stat;
	uint64_t id;		/* of that mount */
	FILE *mountinfo;	/* the host's, opened before place_enter() */
};

#define ANCHOR_INIT { NULL, -1, { 0 }, 0, NULL }

/* Before place_enter(): looks at @path, a directory or a file, which is copied. */
int anchor_open(const char *path, struct anchor *ret, struct shift_error *err);
void anchor_clear(struct anchor *anchor);

#define _cleanup_anchor_ __attribute__((cleanup(anchor_clear)))

/* PLACE, made if it is not there. */
int anchor_open_place(struct anchor *ret, struct shift_error *err);

/* unshare(2).  From here on nothing but the end of the process undoes it. */
int place_enter(struct shift_error *err);

/* After place_enter(): attaches the detached mount @mnt there. */
int anchor_attach(const struct anchor *anchor, int mnt, struct shift_error *err);

/* A detached tmpfs for PLACE; an fd, the caller's. */
int place_tmpfs(struct shift_error *err);

/* Attaches the detached mount @mnt as @name on the tmpfs @dir, once that is attached. */
int place_add(int dir, const char *name, int mnt, struct shift_error *err);

/*
 * A file @name on the tmpfs @dir with that text, owner and mode, as a detached mount of
 * its own; an fd, the caller's.
 */
int place_file(int dir, const char *name, const char *text, size_t len,
	       const struct stat *like, struct shift_error *err);

/* The mount @fd leaves its peers, and joins those of the mount where @like lies, if it can. */
int place_part(int fd, const char *name, struct shift_error *err);
void place_rejoin(int fd, int like);

/* No recursive bind takes the mount @fd along. */
int place_hide(int fd, struct shift_error *err);

#endif
