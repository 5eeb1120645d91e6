/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of a start, at each of which a test can have runner killed. */
#ifndef RUNNER_FAULT_H
#define RUNNER_FAULT_H

/*
 * RUNNER_FAULT=N in the environment kills runner with SIGKILL when it comes to
 * its step number N, from 1 on; the name of the step goes to stderr.
 */
void fault_point(const char *step);

/* How many have gone by, and the same in the program that goes on with it. */
int fault_passed(void);
void fault_resume(int n);

#endif
