/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --device-wait: devices that the host does not have yet.  They are kept in
 * annotations runner.device-wait.HOST-PATH=PATH:ACCESS; the monitor hears from
 * the kernel when one comes or goes, and sees links in /dev come and go.
 */
#ifndef RUNNER_DEVICE_WAIT_H
#define RUNNER_DEVICE_WAIT_H

#include "error.h"
#include "monitor/monitor.h"
#include "spec/spec.h"

/* HOST[:PATH][:rwm].  One that is there already is given at once as well. */
int device_wait_option(struct spec *spec, const char *text,
		       struct shift_error *err);

/* Tells @m what to listen for, if @spec waits for anything. */
int device_wait_open(const struct spec *spec, struct monitor *m,
		     struct shift_error *err);

/*
 * For another start of a pod: what it waits for may have come or gone while it had
 * ended.  It gets those that are there, with their numbers of now.
 */
int device_wait_again(struct spec *spec, struct shift_error *err);

/*
 * runner -device POD add|remove HOST-PATH SUBSYSTEM MAJOR MINOR, which the
 * monitor calls; and runner -device POD look, where it has missed something: gives and
 * takes by what the host's /dev has now.
 */
int device_wait_cmd(int argc, char **argv, struct shift_error *err);

#endif
