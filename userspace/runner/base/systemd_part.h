/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner-systemd.so: the part of runner that needs libsystemd.  It is loaded,
 * by host_systemd.c, only where systemd runs the host: libsystemd brings six
 * other libraries, and linking them is a good part of the time of a start.
 */
#ifndef RUNNER_SYSTEMD_PART_H
#define RUNNER_SYSTEMD_PART_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct systemd_part {
	/* Makes the scope @unit, described by @about, with @pid in it. */
	int (*create_scope)(const char *unit, const char *about, pid_t pid,
			    struct shift_error *err);
	/* Ends it and waits until it is gone; gone already is fine. */
	int (*stop_scope)(const char *unit, struct shift_error *err);
	/* log_print_journal() */
	int (*print_journal)(const char *pod, int64_t since, bool times,
			     long tail, bool (*ended)(void *data), void *data,
			     struct shift_error *err);
};

#define SYSTEMD_PART runner_systemd_part
#define SYSTEMD_PART_NAME "runner_systemd_part"
#define SYSTEMD_PART_FILE "runner-systemd.so"

extern const struct systemd_part SYSTEMD_PART;

int part_create_scope(const char *unit, const char *about, pid_t pid,
		      struct shift_error *err);
int part_stop_scope(const char *unit, struct shift_error *err);
int part_print_journal(const char *pod, int64_t since, bool times, long tail,
		       bool (*ended)(void *data), void *data,
		       struct shift_error *err);

#endif
