/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a command line, by tables: which options a command has, how
 * many operands, and what --help prints of both.
 *
 * An option is written whole: there are no abbreviations, so that no option
 * comes to mean another one.  Operands and options may be mixed, unless what
 * follows the first operand belongs to a command of the pod.  "--" ends the
 * options.  A flag may be given as --flag=true or --flag=false.
 */
#ifndef RUNNER_WORDS_H
#define RUNNER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct words_option {
	char letter;		/* 0: it has none */
	const char *name;	/* without the dashes; NULL: it has none */
	int code;		/* for words_is(); 0: the letter */
	const char *value;	/* as --help calls the value, NULL: a flag */
	const char *help;	/* one line */
	const char *refused;	/* NULL, or why it is refused */
};

#define WORDS_END { 0, NULL, 0, NULL, NULL, NULL }
#define WORDS_MANY 9999

struct words_command {
	const char *name;	/* as after "runner" */
	const char *operands;	/* as in "POD...", "" without any */
	const char *summary;	/* one line */
	int least, most;	/* operands; WORDS_MANY: any number */
	bool command_follows;
	const struct words_option *options;	/* up to WORDS_END */
	const char *notes;	/* printed behind the options, or NULL */
};

struct words {
	const struct words_command *command;
	int argc;
	char **argv;
	int at;
	const char *letters;	/* the rest of "-it" */
	/* Set by words_next(). */
	const struct words_option *option;
	char *value;		/* NULL with a flag */
	bool on;		/* a flag: false with --flag=false */
	/* In the end; NULL-terminated, until the next words_begin(). */
	char **operands;
	int n;
};

void words_begin(struct words *w, const struct words_command *command,
		 int argc, char **argv);

/*
 * 1 for an option, 0 when all is read and the operands are known, negative with
 * a message.  --help is answered here and ends the program.
 */
int words_next(struct words *w, struct shift_error *err);

/* The code of the option that was found. */
int words_code(const struct words *w);

/* words_next() for a command that has no option. */
int words_only(struct words *w, const struct words_command *command,
	       int argc, char **argv, struct shift_error *err);

/* Adds where to read on: one line. */
void words_hint(const struct words_command *command, struct shift_error *err);

/*
 * "; did you mean PREFIXNAME?" with the one of the @n names in @names, each @stride
 * bytes after the one before, that the word may have been meant for, or --help; ""
 * when none is near.  The text is good until the next call.
 */
const char *words_suggest(const char *word, const char *prefix,
			  const char *const *names, size_t n, size_t stride);

#endif
