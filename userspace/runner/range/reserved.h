/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LEASE_RESERVED, for lease.c: ranges that wait for pods which are not up. */
#ifndef RUNNER_RESERVED_H
#define RUNNER_RESERVED_H

#include <stdint.h>

#include "error.h"
#include "range/ranges.h"

/* Adds those of all pods but @own. */
int reserved_add(struct ranges *to, const char *own, struct shift_error *err);

/* That one, and no other, for @own, a place_name(). */
int reserved_set(const char *own, uint32_t base, uint32_t count,
		 struct shift_error *err);
void reserved_drop(const char *own);

#endif
