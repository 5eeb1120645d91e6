/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner's own program.  A process in a pod executes the program of the process
 * that it comes from as /proc/self/exe, and its pod can then open it.  Where the
 * pod's root is the host's, the file could be written to: so runner executes a
 * copy in memory that nobody can change, before it enters such a pod.
 */
#ifndef RUNNER_SELF_H
#define RUNNER_SELF_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/*
 * The path of the program on the host, also for a process that executes the
 * copy, in @size bytes of @path.  Returns 0 or a negative errno.
 */
int self_path(char *path, size_t size);

/*
 * Makes sure that this process executes such a copy: returns 0 when it does,
 * else begins main() again with caller_argv(), or fails.  Descriptors other
 * than the standard streams do not go along.
 */
int self_seal(struct shift_error *err);

#endif
