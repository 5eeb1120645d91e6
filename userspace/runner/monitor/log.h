/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output of a detached pod: in the journal, where there is one, with the
 * fields RUNNER_POD and RUNNER_STREAM (stdout or stderr); else a file of lines
 * "TIME STREAM F|P TEXT", the format that the container runtime interface has,
 * P for a line cut in parts.
 *
 * A pod writes as much as it likes, so the file is bounded: at half of the limit
 * it becomes NAME.1, in the place of an earlier one, and a new one is begun.
 */
#ifndef RUNNER_LOG_H
#define RUNNER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* --log-size, where none is given. */
#define LOG_SIZE (16 << 20)

struct log {
	int fd;			/* the file, or journald's socket; -1: neither */
	int dir_fd;		/* the file's folder, -1 with the journal */
	uint64_t size, limit;	/* in bytes; 0: no limit */
	char journal[80];	/* the pod's name when it is journald's */
	struct {
		char text[4096];
		size_t len;
	} line[2];		/* of stdout and stderr, not yet ended */
};

#define LOG_INIT { .fd = -1, .dir_fd = -1 }

/* @path is DIRECTORY/log; @limit is for it and its predecessor together. */
int log_open(struct log *log, const char *path, const char *pod,
	     uint64_t limit, struct shift_error *err);

/* @stream is 1 or 2.  Data that the file does not take are lost. */
void log_write(struct log *log, int stream, const char *data, size_t len);

/* Writes what has no newline yet. */
void log_close(struct log *log);

/*
 * Copies the text to stdout and stderr; with @times the time too.  @tail limits
 * it to the last lines, -1: all.  Follows it until @ended says so.  @since is
 * the time, in seconds, from which on the journal is read; @since_ns the same in
 * nanoseconds for the file.
 */
int log_print_journal(const char *pod, int64_t since, bool times, long tail,
		      bool (*ended)(void *data), void *data,
		      struct shift_error *err);
int log_print(const char *path, int64_t since_ns, bool times, long tail,
	      bool (*ended)(void *data), void *data, struct shift_error *err);

#endif
