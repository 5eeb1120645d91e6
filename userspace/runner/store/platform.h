/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of several images for several machines this one runs best. */
#ifndef RUNNER_STORE_PLATFORM_H
#define RUNNER_STORE_PLATFORM_H

/* A machine as images call it: level 1 to 4 of amd64, 5 to 7 of arm, 8 of arm64. */
struct platform {
	const char *arch;
	int level;
};

/* This machine; the strings are static. */
struct platform platform_here(void);

/*
 * How well @machine runs what is for @os, @arch and @variant, each NULL when it
 * is not said: the larger the better, negative: not at all.
 */
int platform_rank(const struct platform *machine, const char *os,
		  const char *arch, const char *variant);

#endif
