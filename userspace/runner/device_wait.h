/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --device-wait: devices that the host does not have yet.  They are kept in
 * annotations runner.device-wait.HOST-PATH=PATH:ACCESS; the monitor hears from
 * the kernel when one comes or goes.
 */
#ifndef RUNNER_DEVICE_WAIT_H
#define RUNNER_DEVICE_WAIT_H

#include "error.h"
#include "spec.h"
#include "state.h"

/* HOST[:PATH][:rwm].  One that is there already is given at once as well. */
int device_wait_option(struct spec *spec, const char *text,
		       struct shift_error *err);

/* A socket to wait on, the caller's, or -1 when @spec waits for nothing. */
int device_wait_open(const struct spec *spec, int *ret,
		     struct shift_error *err);

/* Takes an event off the socket and does what it asks for. */
void device_wait_event(int fd, const struct state *st);

#endif
