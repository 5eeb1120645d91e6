/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options which the helper itself understands, one small file each, in one
 * table (options.c).  An option that is not in the table goes to the kernel as
 * it was written, so that a newer module needs no newer helper.
 *
 * The stages, in order:
 *
 *   parse	the option stands on the command line; check it and note it in
 *		the request.  No privilege, no side effects: -f comes this far.
 *   configure	the filesystem context is open and has its source; add
 *		parameters to it.
 *   attached	the mount is where it belongs.
 *
 * A stage that an option does not need is NULL.  configure and attached run for
 * every entry of the table, whether its option was given or not.
 */
#ifndef MOUNT_SHIFTFS_OPTIONS_H
#define MOUNT_SHIFTFS_OPTIONS_H

#include "request.h"

struct option_handler {
	/* The names handled, ended by NULL. */
	const char *const *names;
	int (*parse)(struct request *req, const char *name, const char *value,
		     struct shift_error *err);
	int (*configure)(const struct request *req, int fsfd,
			 struct shift_error *err);
	int (*attached)(const struct request *req, int mntfd,
			struct shift_error *err);
};

extern const struct option_handler option_backend;	/* opt_backend.c */
extern const struct option_handler option_idmap;	/* opt_idmap.c */
extern const struct option_handler option_userns;	/* opt_userns.c */
extern const struct option_handler option_netns;	/* opt_netns.c */
extern const struct option_handler option_recursive;	/* opt_recursive.c */
extern const struct option_handler option_propagation;	/* opt_propagation.c */

/* After the last option: whether maps and namespaces that were given go together. */
int idmap_check(const struct request *req, struct shift_error *err);

/* The parser of userns=; option_idmap calls it for a value that is a path. */
int userns_parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err);

/*
 * Runs the parse stage over an option string; *ret_rest is the string without
 * the options found in the table, malloc()ed, the caller's.
 */
int options_parse(struct request *req, const char *optstr, char **ret_rest,
		  struct shift_error *err);

/* Notes each option of a string as a parameter for the kernel. */
int options_to_params(struct request *req, const char *optstr,
		      struct shift_error *err);

int options_configure(const struct request *req, int fsfd,
		      struct shift_error *err);
int options_attached(const struct request *req, int mntfd,
		     struct shift_error *err);

#endif
