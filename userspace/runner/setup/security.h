/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What takes power from the pod's processes. */
#ifndef RUNNER_SECURITY_H
#define RUNNER_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "spec/spec.h"

/*
 * The SELinux context that files of this pod shall have, the caller's to free:
 * that of all containers, or with the level of this one's own.  *ret is NULL
 * where SELinux is not in use, or the pod goes without labels.
 */
int security_file_label(const struct spec *spec, bool of_this_pod,
			char **ret, struct shift_error *err);

/*
 * The same for what is mounted for this pod alone, its root before all: without
 * it a process with a label could not read the program that it shall become.
 * *ret is NULL where its processes have none either.
 */
int security_mount_label(const struct spec *spec, char **ret,
			 struct shift_error *err);

/*
 * Of the command that the calling process will execute, or a child of it; by
 * /proc, so while that is the host's.
 */
int security_label(const struct spec *spec, struct shift_error *err);

/* Of the calling process; in this order around setresuid(2). */
int security_bounding(const struct spec *spec, struct shift_error *err);

/*
 * Sets the other sets.  A process that is not root of the pod gets its
 * ambient capabilities only, or none.
 */
int security_capabilities(const struct spec *spec, bool unprivileged,
			  struct shift_error *err);

/*
 * Loads a filter that makes each mount(2) wait for the listener, *ret, the caller's.
 * fsopen(2) says ENOSYS, as on a kernel without it, so that mount(8) uses mount(2).
 */
int security_listen(int *ret, struct shift_error *err);

/* Loads the filter that seccomp_compile() wrote to @fd; -1: none. */
int security_seccomp(int fd, struct shift_error *err);

#endif
