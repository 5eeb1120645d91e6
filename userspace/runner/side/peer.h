/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process at the other end of a socket. */
#ifndef RUNNER_PEER_H
#define RUNNER_PEER_H

#include "error.h"

/*
 * Whether the process that connected @fd is root in the running pod @asker: by the
 * credentials that the kernel has taken at connect(2), and by its user namespace.
 * Returns 0, or a negative errno with the reason in @err.
 */
int side_peer_check(int fd, const char *asker, struct shift_error *err);

#endif
