/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a command runs as, by the files of the image. */
#ifndef RUNNER_USER_H
#define RUNNER_USER_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define USER_MAX_GROUPS 256

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_MAX_GROUPS];
	size_t n_groups;
	char home[PATH_MAX];
};

/*
 * Finds USER[:GROUP], names or numbers, in /etc/passwd and /etc/group; hence
 * to be called in the pod's root.
 */
int user_resolve(const char *user, struct identity *id,
		 struct shift_error *err);

/* Adds the groups of @list, names or numbers, separated by commas. */
int user_add_groups(const char *list, struct identity *id,
		    struct shift_error *err);

#endif
