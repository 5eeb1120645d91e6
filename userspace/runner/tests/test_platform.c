/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of images for several machines, each machine takes the one it runs best. */
#include "store/platform.h"

#include <string.h>

#include "tap.h"

struct offer { const char *os, *arch, *variant; };

/* The number of the best, -1: none. */
static int best(const char *arch, int level, const struct offer *offers)
{
	const struct platform machine = { arch, level };
	int found = -1, rank = -1;

	for (int i = 0; offers[i].os; i++) {
		int r = platform_rank(&machine, offers[i].os, offers[i].arch,
				      offers[i].variant);

		if (r > rank) {
			rank = r;
			found = i;
		}
	}
	return found;
}

int main(void)
{
	static const struct offer all[] = {
		{ "windows", "amd64", NULL }, { "linux", "amd64", NULL },
		{ "linux", "amd64", "v2" }, { "linux", "amd64", "v3" },
		{ "linux", "arm", "v5" }, { "linux", "arm", "v6" },
		{ "linux", "arm", "v7" }, { "linux", "arm64", "v8" },
		{ "unknown", "unknown", NULL }, { "linux", "s390x", NULL },
		{ "linux", "arm64", "v8.2" }, { "linux", "amd64", "odd" },
		{ NULL, NULL, NULL },
	};
	const struct platform here = platform_here();

	is_int(best("amd64", 1, all), 1, "amd64, the first level");
	is_int(best("amd64", 2, all), 2, "amd64, v2");
	is_int(best("amd64", 4, all), 3, "amd64, v4, for which there is none: v3");
	is_int(best("arm", 7, all), 6, "arm, v7");
	is_int(best("arm", 6, all), 5, "arm, v6");
	is_int(best("arm", 5, all), 4, "arm, v5");
	is_int(best("arm64", 8, all), 7, "arm64");
	is_int(best("s390x", 0, all), 9, "another");
	is_int(best("riscv64", 0, all), -1, "one for which there is nothing");
	is_int(platform_rank(&here, NULL, NULL, NULL), 0, "what says nothing may do");
	ok(platform_rank(&here, "linux", here.arch, NULL) > 0, "what is for this machine does better");
	return tap_done();
}
