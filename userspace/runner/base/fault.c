/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int passed;

int fault_passed(void)
{
	return passed;
}

void fault_resume(int n)
{
	passed = n;
}

void fault_point(const char *step)
{
	static int wanted = -1;

	if (wanted < 0) {
		const char *text = getenv("RUNNER_FAULT");

		wanted = text ? atoi(text) : 0;
	}
	if (!wanted || ++passed != wanted)
		return;
	fprintf(stderr, "runner: killed at step %d, %s\n", wanted, step);
	kill(getpid(), SIGKILL);
}
