/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few kernel names that fs/shiftfs/idmap.c uses, for userspace. */
#ifndef IDMAP_SHIM_H
#define IDMAP_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define GFP_KERNEL 0

/* Allocations fail while this counts down to 0; negative: never. */
extern int shim_alloc_budget;

static inline bool shim_may_alloc(void)
{
	if (shim_alloc_budget < 0)
		return true;
	return shim_alloc_budget && shim_alloc_budget--;
}

static inline void *krealloc(const void *p, size_t size, int flags)
{
	(void)flags;
	return shim_may_alloc() ? realloc((void *)p, size) : NULL;
}

static inline void *kmemdup(const void *p, size_t size, int flags)
{
	void *copy;

	(void)flags;
	copy = shim_may_alloc() ? malloc(size) : NULL;
	return copy ? memcpy(copy, p, size) : NULL;
}

static inline void kfree(const void *p)
{
	free((void *)p);
}

static inline void sort(void *base, size_t num, size_t size,
			int (*cmp)(const void *, const void *), void *swap)
{
	(void)swap;
	qsort(base, num, size, cmp);
}

#endif
