/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner-side under a helper's own name, dnsmasq, haproxy, keepalived or radvd: it
 * has the side container of the template with that name started, and behaves as
 * the helper does.  Documentation/side.rst, "The proxy".
 */
#ifndef RUNNER_WRAPPER_H
#define RUNNER_WRAPPER_H

#include <stdbool.h>

#include "error.h"

/* Whether @name, the last component of argv[0], is one of these. */
bool wrapper_knows(const char *name);

/* The same of NAME-kill, and what that does: SIGNAL PID. */
bool wrapper_is_kill(const char *name);
int wrapper_kill(int argc, char **argv, struct shift_error *err);

/* Returns the exit status; a daemon's parent returns when that is up. */
int wrapper_main(const char *name, int argc, char **argv,
		 struct shift_error *err);

/*
 * Whether an argument has the helper print or check something and end, as --version
 * does.  wrapper_main() then executes the pod's own program of that name, if PATH has
 * one; else the host is asked as for any other call.
 */
bool wrapper_looks(const char *name, int argc, char **argv);

/*
 * For tests: where the helper would write its pid, NULL: nowhere, in *ret_pidfile,
 * the caller's, and whether it would stay in the foreground.
 */
int wrapper_read(const char *name, int argc, char **argv, char **ret_pidfile,
		 bool *ret_foreground, struct shift_error *err);

#endif
