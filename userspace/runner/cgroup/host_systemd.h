/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_HOST_SYSTEMD_H
#define RUNNER_HOST_SYSTEMD_H

#include <stdbool.h>

/* Whether systemd is this host's process 1. */
bool host_has_systemd(void);

#endif
