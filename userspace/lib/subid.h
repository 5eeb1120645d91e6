/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subordinate ids, /etc/subuid and /etc/subgid.  A program with these functions links -lsubid. */
#ifndef SHIFT_SUBID_H
#define SHIFT_SUBID_H

#include "error.h"
#include "idmap.h"

/*
 * Checks that every id seen through @map is a subordinate one of @user, users
 * and groups each: what newuidmap(1) would let him use.  -EPERM if not.
 */
int shift_subid_check(const char *user, const struct shift_idmap *map,
		      struct shift_error *err);

#endif
