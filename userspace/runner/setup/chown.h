/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --shift=chown: a private copy that has the host ids of one pod. */
#ifndef RUNNER_CHOWN_H
#define RUNNER_CHOWN_H

#include <stdint.h>

#include "error.h"

/*
 * Copies the tree @from to @to, which must not exist, with @base added to every
 * uid and gid: of owners, access control lists and file capabilities.  An id of
 * @count or more is refused, the pod could not see it.
 */
int chown_copy(const char *from, const char *to, uint32_t base, uint32_t count,
	       struct shift_error *err);

#endif
