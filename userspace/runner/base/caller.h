/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process of runner has from who called it.  None of it reaches a pod,
 * and none of it changes what runner does.
 */
#ifndef RUNNER_CALLER_H
#define RUNNER_CALLER_H

/*
 * First in main(): takes back umask, signals, limits and descriptors other than
 * the standard streams, and lets nobody look into this process who has no
 * capability over the host.
 */
void caller_forget(int argc, char **argv);

/*
 * How many descriptors from 3 on it has left open, in one row: those that
 * --preserve-fds in @argv or LISTEN_FDS asked to pass on.  They are closed by execve(2).
 */
int caller_passed(void);

/* Signals as a new process ought to find them: all deliverable, none ignored. */
void caller_reset_signals(void);

/* No core, no tracer, nothing to read in /proc.  To repeat after setresuid(2). */
void caller_undumpable(void);

/*
 * Returns a copy of @argv for the life of the process, and hides in the
 * command line, which every user of the host can read, the values of variables
 * that -e and --env have.  NULL without memory.
 */
char **caller_arguments(int argc, char **argv);

/* What that returned. */
char *const *caller_argv(void);

/* Hides all of the command line, in a process that a pod may see. */
void caller_hide(void);

#endif
