/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pod's first process, or one that joins it, does to itself. */
#ifndef RUNNER_PROCESS_H
#define RUNNER_PROCESS_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

/* Root of the pod's user namespace, no groups, a session of its own. */
int process_become_root(struct shift_error *err);
int process_hostname(const char *name, struct shift_error *err);
int process_loopback(struct shift_error *err);
int process_cgroup_namespace(struct shift_error *err);

/*
 * A new terminal of the pod's own devpts as standard streams and controlling
 * terminal, on /dev/console too with @bind.  *ret_master is its other side,
 * the caller's.
 */
int process_console(bool bind, int *ret_master, struct shift_error *err);

/*
 * Takes the user, groups, capabilities, label, directory, environment and
 * no_new_privs of @spec; with @tied it dies with its parent from here on.
 * @seccomp_fd is what seccomp_compile() made, or -1.
 */
int process_privileges(const struct spec *spec, int seccomp_fd, bool tied,
		       struct shift_error *err);

/* Whether the other end of the pipe @alive_fd is still open. */
bool process_runner_alive(int alive_fd);

/*
 * Becomes the command.  Returns on failure only: -ENOENT when there is no such
 * command, anything else when it is there and cannot be executed.
 */
int process_exec(const struct spec *spec, int seccomp_fd,
		 struct shift_error *err);

#endif
