/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pod's first process does to itself. */
#ifndef RUNNER_PROCESS_H
#define RUNNER_PROCESS_H

#include "error.h"
#include "spec.h"

/* Root of the pod's user namespace, no groups, a session of its own. */
int process_become_root(struct shift_error *err);
int process_hostname(const char *name, struct shift_error *err);
int process_loopback(struct shift_error *err);

/*
 * Takes the user, groups, capabilities, directory and no_new_privs of @spec,
 * and dies with runner from here on.
 */
int process_privileges(const struct spec *spec, struct shift_error *err);

/* Whether the other end of the pipe @alive_fd is still open. */
bool process_runner_alive(int alive_fd);

/*
 * Becomes the command.  Returns on failure only: -ENOENT when there is no such
 * command, anything else when it is there and cannot be executed.
 */
int process_exec(const struct spec *spec, struct shift_error *err);

#endif
