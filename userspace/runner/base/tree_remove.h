/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removing trees that somebody hostile filled, and may be filling still. */
#ifndef RUNNER_TREE_REMOVE_H
#define RUNNER_TREE_REMOVE_H

#include "error.h"

/*
 * Removes @name in the directory @dirfd, with all that is in it: @name is one
 * component, no path.  Symbolic links are removed, never followed; what is
 * mounted in the tree is not entered and makes the call fail.
 *
 * Every step names one component in a directory that is held open, so trees of
 * any depth can be removed, and nobody who renames or replaces things meanwhile
 * leads it out of the tree.  It holds at most 40 descriptors and removes no
 * more than is there: who adds faster than it removes gets ENOTEMPTY.
 *
 * A @name that does not exist is no error.  After an error it goes on with the
 * rest and returns the first one, a negative errno.
 */
int tree_remove_at(int dirfd, const char *name, struct shift_error *err);

#endif
