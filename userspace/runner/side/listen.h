/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's end of a socket: Documentation/design/side.rst. */
#ifndef RUNNER_LISTEN_H
#define RUNNER_LISTEN_H

#include "error.h"

/* place_run()/side/ASKER.socket, the caller's. */
int side_socket_path(const char *asker, char **ret, struct shift_error *err);

/*
 * Serves what the pod @asker asks for by the templates of the directory @templates:
 * on the listening socket @fd, or, -1, on one of its own at side_socket_path().
 * Returns 0 when for @idle seconds, 0: for ever, nobody was connected; negative: the
 * socket cannot be used.
 */
int side_listen(const char *asker, const char *templates, int fd, int idle,
		struct shift_error *err);

#endif
