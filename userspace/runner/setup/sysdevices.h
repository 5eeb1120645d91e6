/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A /sys with the pod's own block devices and of no others: --sys devices.
 *
 * A tmpfs has sysfs's directories and links as far as they lead to these devices. What
 * is behind them is bound there from a sysfs: all of a disk, of a partition's disk its
 * queue and its attributes without the other partitions, of the hardware what it is
 * called. A device that comes to the host later is not in it.
 */
#ifndef RUNNER_SYSDEVICES_H
#define RUNNER_SYSDEVICES_H

#include "error.h"
#include "spec/spec.h"

/* Mounts a whole sysfs at @target, read-only, in runner's own mount namespace. */
int sysdevices_mount_all(const char *target, struct shift_error *err);

/*
 * Mounts it at @target, read-only, in runner's own mount namespace. @from is a place for
 * the sysfs that it is made of, which is gone when this returns.
 */
int sysdevices_mount(const struct spec *spec, const char *from,
		     const char *target, struct shift_error *err);

/*
 * Mounts a tmpfs for /run/udev at @target, read-only: copies of what udev knows of the
 * pod's block devices.  udev replaces its files whenever a device is closed, so a bind
 * of one would be of a file that is gone.
 */
int sysdevices_udev(const struct spec *spec, const char *target,
		    struct shift_error *err);

#endif
