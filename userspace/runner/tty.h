/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The caller's terminal. */
#ifndef RUNNER_TTY_H
#define RUNNER_TTY_H

/* Raw, when stdin is a terminal; tty_restore() undoes it, also at exit. */
void tty_raw(void);
void tty_restore(void);

/* Gives the size of the caller's terminal, if it has one, to @master. */
void tty_copy_size(int master);

#endif
