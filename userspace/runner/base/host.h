/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host has. */
#ifndef RUNNER_HOST_H
#define RUNNER_HOST_H

#include <stdbool.h>

/* Where the host has cgroup version 2 mounted, NULL: nowhere. */
const char *cgroup_mount_point(void);

/* Whether systemd is this host's process 1. */
bool host_has_systemd(void);

#endif
