/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/platform.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/util.h"
#include "cleanup.h"

static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = line; (p = strstr(p, word)); p += n)
		if (p[-1] == ' ' && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* The levels of the x86-64 psABI, by the names that the kernel has. */
static int amd64_level(void)
{
	static const char *const needed[][10] = {
		{ "cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3" },
		{ "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave" },
		{ "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl" },
	};
	_cleanup_free_ char *text = NULL;
	char *flags;
	int level = 1;

	if (read_file("/proc/cpuinfo", 64 << 20, &text, NULL, NULL) < 0)
		return 1;
	flags = strstr(text, "\nflags");
	if (!flags)
		return 1;
	flags++;
	flags[strcspn(flags, "\n")] = '\0';
	for (size_t i = 0; i < 3; i++, level++)
		for (size_t k = 0; k < 10 && needed[i][k]; k++)
			if (!has_word(flags, needed[i][k]))
				return level;
	return level;
}

struct platform platform_here(void)
{
	static const struct { const char *machine; struct platform is; } names[] = {
		{ "aarch64", { "arm64", 8 } }, { "armv7l", { "arm", 7 } },
		{ "armv6l", { "arm", 6 } }, { "armv5tel", { "arm", 5 } },
		{ "i686", { "386", 0 } },
	};
	static struct utsname uts;
	static int level;

	uname(&uts);
	if (!strcmp(uts.machine, "x86_64")) {
		level = level ? level : amd64_level();
		return (struct platform){ "amd64", level };
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(uts.machine, names[i].machine))
			return names[i].is;
	return (struct platform){ uts.machine, 0 };
}

/* What an image for @arch needs that does not say so. */
static int default_level(const char *arch)
{
	return !strcmp(arch, "amd64") ? 1 : !strcmp(arch, "arm") ? 7 :
	       !strcmp(arch, "arm64") ? 8 : 0;
}

int platform_rank(const struct platform *machine, const char *os,
		  const char *arch, const char *variant)
{
	int level;

	if (os && *os && strcmp(os, "linux"))
		return -1;
	if (!arch || !*arch)
		return 0;
	if (strcmp(arch, machine->arch))
		return -1;
	level = default_level(arch);
	if (variant && *variant) {
		char *end;

		if (*variant != 'v')
			return -1;
		/* "v8.2" needs more than "v8", which is all that is known. */
		level = (int)strtol(variant + 1, &end, 10);
		if (*end || end == variant + 1)
			return -1;
	}
	return level > machine->level ? -1 : 1 + level;
}
