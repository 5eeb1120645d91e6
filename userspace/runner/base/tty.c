/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tty.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct tty_state now;

void tty_restore(void)
{
	if (now.raw)
		tcsetattr(0, TCSADRAIN, &now.saved);
	now.raw = false;
}

static void restore_at_exit(void)
{
	static bool registered;

	if (!registered)
		atexit(tty_restore);
	registered = true;
}

void tty_raw(void)
{
	struct termios raw;

	if (now.raw || tcgetattr(0, &now.saved) < 0)
		return;
	raw = now.saved;
	cfmakeraw(&raw);
	if (tcsetattr(0, TCSADRAIN, &raw) < 0)
		return;
	now.raw = true;
	restore_at_exit();
}

void tty_get_state(struct tty_state *state)
{
	*state = now;
}

void tty_set_state(const struct tty_state *state)
{
	now = *state;
	restore_at_exit();
}

void tty_copy_size(int master)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}
