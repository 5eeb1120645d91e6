/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output of a command whose caller waits for it.  It goes through pipes that are
 * the pod's: what the caller redirected to can be a socket, which nobody can open
 * again, or a file or terminal of the caller's own, and programs open /dev/stdout.
 */
#ifndef RUNNER_RELAY_H
#define RUNNER_RELAY_H

#include <sys/types.h>

#include "error.h"
#include "monitor/monitor.h"

/*
 * Makes the pipes: runner's ends in @m, the command's in @fds[1] and @fds[2], the
 * caller's to close.  One pipe serves both where both lead to the same file, so that
 * the order stays.  @owner is the host's id of the pod's root, which can give them to
 * the command's user.  A stream that is closed or a device like /dev/null stays as it
 * is: -1.
 */
int relay_open(struct monitor *m, int fds[3], uid_t owner,
	       struct shift_error *err);

#endif
