/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pod's first process, or one that joins it, does to itself. */
#ifndef RUNNER_PROCESS_H
#define RUNNER_PROCESS_H

#include <stdbool.h>

#include "error.h"
#include "spec/spec.h"

/*
 * First in a process that will be the pod's: it takes nothing of its caller's
 * along but the standard streams and the @n descriptors of @keep, has a session
 * of its own, cannot be looked into, and ends with its parent.
 */
int process_begin(const int *keep, size_t n, int passed,
		  struct shift_error *err);

/* Root of the pod's user namespace, no groups, no keys. */
int process_become_root(struct shift_error *err);
int process_hostname(const char *name, struct shift_error *err);
int process_loopback(struct shift_error *err);
int process_cgroup_namespace(struct shift_error *err);

/* Both sides of a new terminal of the pod's own devpts, the caller's. */
int process_open_terminal(int *ret_master, int *ret_slave,
			  struct shift_error *err);

/* The terminal @slave on /dev/console. */
int process_bind_console(int slave, struct shift_error *err);

/* The terminal @slave as standard streams and controlling terminal. */
int process_take_terminal(int slave, struct shift_error *err);

/*
 * Takes the user, groups, capabilities, directory, environment and no_new_privs
 * of @spec.  @seccomp_fd is what seccomp_compile() made, @terminal the terminal
 * which the user shall own; both may be -1.  @own_streams has the bits
 * of the standard streams that are pipes of runner's, which the user shall own too.
 */
int process_privileges(const struct spec *spec, int seccomp_fd, int terminal,
		       int own_streams, struct shift_error *err);

/* Whether the other end of the pipe @alive_fd is still open. */
bool process_runner_alive(int alive_fd);

/*
 * Becomes the command.  Returns on failure only: -ENOENT when there is no such
 * command, anything else when it is there and cannot be executed.
 */
int process_exec(const struct spec *spec, int seccomp_fd, int say_fd,
		 struct shift_error *err);

#endif
