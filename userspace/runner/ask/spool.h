/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spool: a directory of the host's that is a volume of the agent's pod.  In it:
 *
 *	ID.request	message.h; written by the asker
 *	ID.answer	written by the host
 *	POD.alive	flock(2)ed by the supervisor of the side container POD
 *	lock		for as long as somebody writes or reads requests
 *	trigger		closed after writing when there is a request: a path unit
 *			watches it
 *
 * The agent is hostile, and so is everything in here to the host.  All names are
 * looked up in the directory itself, through no link.
 */
#ifndef RUNNER_SPOOL_H
#define RUNNER_SPOOL_H

#include <stddef.h>

#include "error.h"

#define SPOOL_REQUEST ".request"
#define SPOOL_ANSWER ".answer"
#define SPOOL_ALIVE ".alive"
#define SPOOL_LOCK "lock"
#define SPOOL_TRIGGER "trigger"

/* The directory @path, which must not be a link.  Returns an fd, the caller's. */
int spool_open(const char *path, struct shift_error *err);

/*
 * Takes the lock, for at most @ms milliseconds: then -ETIMEDOUT.  Returns an fd
 * which holds it, the caller's.
 */
int spool_lock(int dir, int ms, struct shift_error *err);

/* Makes @name with @text in it, at once and in the place of another. */
int spool_write(int dir, const char *name, const char *text,
		struct shift_error *err);

/* A regular file of at most @max bytes, NUL-terminated, the caller's. */
int spool_read(int dir, const char *name, size_t max, char **ret,
	       size_t *ret_len, struct shift_error *err);

/* Says that there is a request. */
int spool_trigger(int dir, struct shift_error *err);

/*
 * A file @name of the caller's own making, in the place of another, on which it
 * has an exclusive flock(2).  Returns an fd, the caller's.
 */
int spool_alive(int dir, const char *name, struct shift_error *err);

/* "ID.request" and the like, 128 bytes at most. */
void spool_name(char to[128], const char *what, const char *suffix);

/*
 * Takes @name away, whatever it is: a directory that is not empty gets a new name, which is
 * that of nothing.  -ENOENT: there was none.
 */
int spool_discard(int dir, const char *name, struct shift_error *err);

#endif
