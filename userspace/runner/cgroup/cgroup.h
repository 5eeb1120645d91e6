/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pod's cgroup, version 2 only. */
#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "spec/spec.h"

/* Whether the host's cgroup version 2 has @controller. */
bool cgroup_can_limit(const char *controller);

/*
 * Where the cgroup of the pod @name will be when there is no systemd to ask,
 * in *ret, the caller's; known before it exists, so that whoever finds the
 * rest of a killed runner finds this too.
 */
int cgroup_path(const struct spec *spec, const char *name, char **ret,
		struct shift_error *err);

/* Whether systemd runs this host, and so makes the pod's cgroup, as a scope. */
bool cgroup_by_systemd(const struct spec *spec);

/*
 * Makes the cgroup @path with the process @pid in it, with the controllers
 * the host has for it.
 */
int cgroup_create(const char *path, pid_t pid, struct shift_error *err);

/*
 * The same as a scope of the host's systemd; *ret is its cgroup, the caller's
 * to free.
 */
int cgroup_create_scope(const char *name, pid_t pid, char **ret,
			struct shift_error *err);

/*
 * Has systemd end the scope whose cgroup is @path, and waits until it is gone.
 * Removed under its hands, systemd would take it for alive.
 */
int cgroup_stop_scope(const char *path, struct shift_error *err);

/* Writes the limits; 0 and empty ones are left alone. */
int cgroup_limit(const char *path, const struct spec_resources *res,
		 struct shift_error *err);

/*
 * How many cgroups a pod to which its own is given can make, and how deep: each
 * costs the host memory that no limit of the pod's counts.  --cgroup-conf
 * cgroup.max.descendants=N says otherwise, after this.
 */
#define CGROUP_MAX_DESCENDANTS "2000"
#define CGROUP_MAX_DEPTH "32"
int cgroup_bound(const char *path, struct shift_error *err);

/*
 * Gives to @uid the directory and what /sys/kernel/cgroup/delegate names, as
 * the OCI runtime specification says under "cgroup ownership".
 */
int cgroup_delegate(const char *path, uid_t uid, struct shift_error *err);

/* Kills all processes in it and below; they may still be dying on return. */
int cgroup_kill(const char *path, struct shift_error *err);

/* Stops or continues all processes in it, waits until that is so. */
int cgroup_freeze(const char *path, bool freeze, struct shift_error *err);

/* Whether all in it is stopped by cgroup_freeze(), or by a cgroup above. */
bool cgroup_is_frozen(const char *path);

/*
 * Kills what is left, waits for it, CGROUP_END_MS at most, removes it with all
 * below.  Gone is fine.  The second one waits for @ms milliseconds.
 */
#define CGROUP_END_MS 10000
int cgroup_remove(const char *path, struct shift_error *err);
int cgroup_remove_within(const char *path, int ms, struct shift_error *err);

/* How many processes the kernel killed in it for lack of memory. */
uint64_t cgroup_oom_kills(const char *path);

/* The cgroup of @pid as a path of the host, in *ret, the caller's. */
int cgroup_of(pid_t pid, char **ret, struct shift_error *err);

#endif
