/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The caller's terminal. */
#ifndef RUNNER_TTY_H
#define RUNNER_TTY_H

#include <stdbool.h>
#include <termios.h>

/* Raw, when stdin is a terminal; tty_restore() undoes it, also at exit. */
void tty_raw(void);
void tty_restore(void);

/* What tty_restore() will do, for another program in the same process. */
struct tty_state {
	struct termios saved;
	bool raw;
};

void tty_get_state(struct tty_state *state);
void tty_set_state(const struct tty_state *state);

/* Gives the size of the caller's terminal, if it has one, to @master. */
void tty_copy_size(int master);

#endif
