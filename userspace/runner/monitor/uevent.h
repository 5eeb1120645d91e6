/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's messages on devices, in the monitor.  A device that the pod waits
 * for is the affair of another process, `runner -device`: device_wait.h.
 */
#ifndef RUNNER_UEVENT_H
#define RUNNER_UEVENT_H

#include "error.h"
#include "monitor/monitor.h"

/* *ret is the caller's. */
int uevent_open(int *ret, struct shift_error *err);

/* Starts, in m->device_pidfd, a process that looks at all devices that are awaited. */
void uevent_look(struct monitor *m);

/* Takes an event off m->uevent_fd; m->device_pidfd does what it asks for. */
void uevent_take(struct monitor *m);

#endif
