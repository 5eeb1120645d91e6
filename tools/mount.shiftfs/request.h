/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of mount.shiftfs: its options and paths, filled in stage by stage. */
#ifndef MOUNT_SHIFTFS_REQUEST_H
#define MOUNT_SHIFTFS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "idmap.h"

/* The tests build the helper for a filesystem which every kernel has. */
#ifndef MOUNT_FSTYPE
# define MOUNT_FSTYPE "shiftfs"
#endif

/* A parameter for the kernel as it was written; no value: a flag. */
struct param {
	char *name;
	char *value;
};

enum backend { BACKEND_SHIFTFS, BACKEND_IDMAP, BACKEND_DELEGATE, BACKEND_AUTO };

struct request {
	/* Borrowed from libmount's context. */
	const char *source;
	const char *target;

	/* For a delegated mount: @target, checked and held; else -1. */
	int target_fd;

	bool fake;		/* -f: everything but the system calls */
	bool sloppy;		/* -s: tolerate options unknown to the kernel */

	unsigned long mflags;	/* MS_* of the generic options */

	/* Owned by opt_backend.c: backend= */
	enum backend backend;

	/* Owned by opt_recursive.c: recursive */
	bool recursive;

	/* Owned by opt_idmap.c: idmap=, uidmap=, gidmap=, X-mount.idmap= */
	struct shift_idmap map;

	/* Owned by foreign.c: extents whose seen ids are a container's */
	struct shift_idmap relative;
	bool passthrough;	/* the word: the whole map of userns_fd */
	bool fall_back;		/* ids of the container not in relative stay the host's */

	/* Owned by opt_userns.c: userns=, and idmap= with a path */
	int userns_fd;
	char *userns_path;

	/* Owned by opt_netns.c: netns= */
	int netns_fd;

	/* All the rest, for the kernel to accept or refuse. */
	struct param *params;
	size_t n_params;
};

#define REQUEST_INIT { .map = SHIFT_IDMAP_INIT, .relative = SHIFT_IDMAP_INIT, .target_fd = -1, .userns_fd = -1, .netns_fd = -1 }

void request_clear(struct request *req);

/* Forgets the namespace of userns=. */
void request_drop_userns(struct request *req);

/* Copies both strings; @value may be NULL. */
int request_add_param(struct request *req, const char *name, size_t name_len,
		      const char *value, size_t value_len,
		      struct shift_error *err);

/* Prints a step when -v or SHIFTFS_DEBUG asks for it. */
void set_verbose(bool on);
void verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void verbose_line(const char *line);
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define PROGRAM "mount.shiftfs"

#endif
