// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Print the frequency of this machine's time stamp counter in kHz. QEMU's TCG
 * shows it to a guest as it is, and a guest that measures it while others want
 * the CPU finds some other frequency, by which its clock then runs.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Counter and clock of one moment: nothing came in between. */
static uint64_t sample(int64_t *time)
{
	int64_t before, after;
	uint64_t tsc;

	do {
		before = now();
		tsc = __rdtsc();
		after = now();
	} while (after - before > 2000);
	*time = before;
	return tsc;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	int64_t begin, end;
	uint64_t first = sample(&begin), last;

	nanosleep(&pause, NULL);
	last = sample(&end);
	printf("%llu\n", (unsigned long long)((last - first) * 1000000 /
					      (uint64_t)(end - begin)));
	return 0;
}
