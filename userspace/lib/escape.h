/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that others chose, for a terminal: what could move the cursor, change a
 * title, or show letters in another order is printed as \xNN or \uNNNN, and so
 * is what is no UTF-8.
 */
#ifndef SHIFT_ESCAPE_H
#define SHIFT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

enum shift_escape {
	SHIFT_ESCAPE_ALL,	/* a text within a line */
	SHIFT_ESCAPE_LINES,	/* newlines and tabs stay */
	SHIFT_ESCAPE_JSON,	/* finished JSON: stays JSON of the same strings */
};

/* Prints @len bytes of @text. */
void shift_print_escaped(FILE *to, const char *text, size_t len,
			 enum shift_escape how);

/* The same as a string within a line, the caller's to free; NULL without memory. */
char *shift_escaped(const char *text);

#endif
