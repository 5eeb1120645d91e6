/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links and nodes in the host's /dev that others than the kernel make, in the monitor:
 * udev's in /dev/disk and /dev/mapper, libdevmapper's without udev.  The kernel's events
 * do not name them: uevent.h.
 */
#ifndef RUNNER_DEV_WATCH_H
#define RUNNER_DEV_WATCH_H

#include "error.h"
#include "monitor/monitor.h"

/* Watches, by inotify(7), the folders of what @m awaits, in m->dev_watch_fd. */
int dev_watch_open(struct monitor *m, struct shift_error *err);

/* Takes events off m->dev_watch_fd; m->device_pidfd looks if one is of such a path. */
void dev_watch_take(struct monitor *m);

#endif
