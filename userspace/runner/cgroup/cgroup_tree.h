/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cgroup with all below it, which a pod may have made as deep, as wide and
 * with names as long as the kernel lets it.  So a tree is walked from
 * descriptor to descriptor: no path of it has to fit anywhere, and however deep
 * it is, few descriptors are open at a time.
 */
#ifndef RUNNER_CGROUP_TREE_H
#define RUNNER_CGROUP_TREE_H

#include <sys/types.h>

#include "error.h"

/* An fd of the cgroup @path, the caller's, or a negative errno. */
int cgroup_tree_open(const char *path);

/* Writes @value to @file of the cgroup @dir. */
int cgroup_tree_write(int dir, const char *file, const char *value,
		      struct shift_error *err);

/* 1 when cgroup.events says "@key @value", 0 when it does not, or negative. */
int cgroup_tree_event_is(int dir, const char *key, const char *value);

/* Waits until it says so, @ms milliseconds at most: then -ETIMEDOUT. */
int cgroup_tree_wait(int dir, const char *key, const char *value, int ms,
		     struct shift_error *err);

/*
 * Calls @each for each process in @dir and below.  Its number is 0 if it is in no pid
 * namespace of this process.  Threads of a threaded cgroup are processes of one above.
 */
int cgroup_tree_each(int dir, void (*each)(pid_t pid, void *data), void *data,
		     struct shift_error *err);

/* Kills all processes in @dir and below; they may still be dying on return. */
int cgroup_tree_kill(int dir, struct shift_error *err);

/*
 * The same where the kernel has no cgroup.kill: frozen, so that none can fork,
 * one by one, and thawed again to die.
 */
int cgroup_tree_kill_each(int dir, struct shift_error *err);

/* Removes all cgroups below @dir, in which no process is left. */
int cgroup_tree_clear(int dir, struct shift_error *err);

/* Removes the cgroup @name of @parent; -1 for @parent: @name is a path. */
int cgroup_tree_rmdir(int parent, const char *name, struct shift_error *err);

#endif
