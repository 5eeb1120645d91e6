/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors of the userspace tools.
 *
 * A function that can fail takes a struct shift_error last, returns a negative
 * errno and fills the object with a text for the person at the keyboard: the
 * path, the filesystem, what is missing, what to do next.  A caller which knows
 * more adds its context in front with shift_err_prefix() or a hint behind with
 * shift_err_hint(), and passes the negative number on.
 *
 * The object belongs to the caller; NULL is accepted where only the number
 * matters.  Output parameters are left alone on failure.
 */
#ifndef SHIFT_ERROR_H
#define SHIFT_ERROR_H

#include <stdio.h>

struct shift_error {
	int status;	/* errno value, 0 when no system call is to blame */
	char *msg;	/* malloc()ed, NULL while nothing has failed */
};

#define SHIFT_ERROR_INIT { 0, NULL }

/*
 * Replaces what @err holds.  @status is an errno value whose text is appended
 * to the message, or 0 for a refusal of our own.  Returns -@status, or -EINVAL
 * for 0, so that "return shift_err_set(...)" is the usual last line.  A newline
 * in the message is written as \x0a, here and in the next ones.
 */
int shift_err_set(struct shift_error *err, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Replaces what @err holds by what shift_err_text() said in another process of
 * this program, or of another error, with its hints.  Returns -EINVAL.
 */
int shift_err_relay(struct shift_error *err, const char *text);

/* Puts "text: " before the message.  Returns -status as shift_err_set() did. */
int shift_err_prefix(struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds a line behind the message, indented when printed. */
void shift_err_hint(struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The whole text, never NULL; valid until @err is changed or cleared. */
const char *shift_err_text(const struct shift_error *err);

/* Writes "@prog: text\n"; further lines are indented. */
void shift_err_print(const struct shift_error *err, FILE *to, const char *prog);

/* Frees the message; the object can be used again. */
void shift_err_clear(struct shift_error *err);

#define _cleanup_error_ __attribute__((cleanup(shift_err_clear)))

#endif
