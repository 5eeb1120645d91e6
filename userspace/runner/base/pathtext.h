/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as text, before anything is looked up. */
#ifndef RUNNER_PATHTEXT_H
#define RUNNER_PATHTEXT_H

#include <limits.h>

#include "error.h"

/* Takes the first component off @rest; "" at its end.  0 or -ENAMETOOLONG. */
int pathtext_next(char rest[PATH_MAX], char name[NAME_MAX + 1]);

/* Takes the last component off @path. */
void pathtext_drop(char path[PATH_MAX]);

/* Puts @name behind @path, with a '/' between.  0 or -ENAMETOOLONG. */
int pathtext_add(char path[PATH_MAX], const char *name);

/*
 * The absolute path @text without "//", "." and "..", in *ret, the caller's.  An
 * error when it is relative, or "/": it is the place of something in the pod.
 */
int pathtext_clean(const char *text, char **ret, struct shift_error *err);

/* The error of a place that is the root. */
int pathtext_is_root(const char *text, struct shift_error *err);

#endif
