/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders that are closed to other users, and locks in them.  flock(2) asks for
 * no more than an open file, so whoever can read a folder or a file can keep
 * every runner of the host waiting: nobody else can open what is locked here,
 * and no wait is without an end.
 */
#ifndef RUNNER_LOCKFILE_H
#define RUNNER_LOCKFILE_H

#include <sys/types.h>

#include "error.h"

/* For how many milliseconds lockfile_wait() waits. */
#define LOCKFILE_WAIT_MS 30000

/*
 * Makes the folder @path with all above it, or takes the one that is there: it
 * has to be the caller's own and no link, and gets @mode where it has another.
 * @mode is 0700, or 0711 for one that others go through.  Returns an fd of it,
 * the caller's.
 */
int lockfile_dir(const char *path, mode_t mode, struct shift_error *err);

/*
 * Opens @name below @dir, -1: @name is a path, with @flags of open(2); no link
 * is followed there, and a file that is made or found is closed to others.
 */
int lockfile_open(int dir, const char *name, int flags,
		  struct shift_error *err);

/*
 * Takes the lock @operation, LOCK_EX or LOCK_SH, on @fd, which @path names in
 * messages.  -ETIMEDOUT when others held it for all of LOCKFILE_WAIT_MS; the
 * error says who.
 */
int lockfile_wait(int fd, int operation, const char *path,
		  struct shift_error *err);

#endif
