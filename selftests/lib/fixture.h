/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixture of nearly every test: a mount namespace of its own, a fresh
 * directory `lower` on the file system under test, and `upper`, a mount of it
 * through the backend under test. SHIFT_HELPER defined before the include
 * names a function that `--helper ARGS` runs instead of the tests.
 */
#ifndef SHIFTFS_SELFTEST_FIXTURE_H
#define SHIFTFS_SELFTEST_FIXTURE_H

#include "utils.h"
#include <kselftest_harness.h>

FIXTURE(shift) {
	int unused;
};

FIXTURE_SETUP(shift)
{
	view_setup(MAP);
}

FIXTURE_TEARDOWN(shift)
{
	view_teardown();
}

/* The reason carries the test's name, by which allowed-skips knows it. */
#define SKIP_IF(cond, fmt, ...) do {					\
	if (cond)							\
		SKIP(return, "%s: " fmt, _metadata->name, ##__VA_ARGS__); \
} while (0)

#define ONLY_SHIFTFS() \
	SKIP_IF(on_idmap(), "an idmapped mount has no such thing")

/*
 * Timeouts are there for what hangs; a kernel with checks, in an emulator that
 * shares its host, is slow. SHIFTFS_TEST_PATIENCE says how many times over.
 */
static inline void shift_be_patient(void)
{
	const char *times = getenv("SHIFTFS_TEST_PATIENCE");

	for (struct __fixture_metadata *f = __fixture_list; times && f;
	     f = f->next)
		for (struct __test_metadata *t = f->tests; t; t = t->next)
			t->timeout *= atoi(times);
}

/* test_harness_run() with the tests that -t NAME selects. */
static inline int shift_main(int argc, char **argv)
{
	const char *only = NULL;

	shift_be_patient();

#ifdef SHIFT_HELPER
	/* copy_self() run through the mount */
	if (argc > 1 && !strcmp(argv[1], "--helper"))
		return SHIFT_HELPER(argc - 2, argv + 2);
#endif

	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "-t"))
			only = argv[i + 1];

	for (struct __fixture_metadata *f = __fixture_list; only && f;
	     f = f->next) {
		struct __test_metadata *t = f->tests, *next;

		f->tests = NULL;
		for (; t; t = next) {
			next = t->next;
			if (strcmp(t->name, only))
				continue;
			f->tests = t;
			t->next = NULL;
			t->prev = t;
		}
	}
	return test_harness_run(1, argv);
}

/* Older harnesses go through the tests in the order of their constructors. */
#ifdef _CONSTRUCTOR_ORDER_BACKWARD
#define SHIFT_ORDER							\
	static void __attribute__((constructor)) order_last_(void)	\
	{								\
		if (!__constructor_order)				\
			__constructor_order = _CONSTRUCTOR_ORDER_BACKWARD; \
	}
#else
#define SHIFT_ORDER
#endif

#define SHIFT_TEST_MAIN							\
	SHIFT_ORDER							\
	int main(int argc, char **argv)					\
	{								\
		return shift_main(argc, argv);				\
	}

#endif
