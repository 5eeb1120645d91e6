/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of runner: each takes its own arguments, argv[0] being its name,
 * and returns the exit status; what it could not do is in @err.
 */
#ifndef RUNNER_COMMANDS_H
#define RUNNER_COMMANDS_H

#include <stdbool.h>

#include "error.h"
#include "monitor/monitor.h"

typedef int command_fn(int argc, char **argv, struct shift_error *err);

command_fn cmd_run, cmd_create, cmd_spec, cmd_start;
command_fn cmd_ps, cmd_inspect, cmd_kill, cmd_stop, cmd_rm, cmd_wait;
command_fn cmd_pause, cmd_unpause, cmd_logs, cmd_attach, cmd_update;
command_fn cmd_rename, cmd_exec, cmd_device, cmd_check, cmd_uidmap;
command_fn cmd_top, cmd_stats, cmd_events, cmd_side, cmd_volume;

/* Ends and removes the pod @name, for --replace; none is fine. */
int pods_replace(const char *name, struct shift_error *err);

/* Joins the caller to the pod @name, for start -a and attach. */
int attach_pod(int sock, enum monitor_attach how, bool input, const char *name,
	       struct shift_error *err);

#endif
