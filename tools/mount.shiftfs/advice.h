/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Advice for a wrong option, or for the numbers of a right one swapped. */
#ifndef MOUNT_SHIFTFS_ADVICE_H
#define MOUNT_SHIFTFS_ADVICE_H

#include <stdbool.h>

#include "request.h"

/* The options of shiftfs that the kernel reads, with the values each takes. */
void advice_values(const char *name, struct shift_error *err);

/* Behind an error that no map was given. */
void advice_no_map(struct shift_error *err);

/* Behind the refusal of a mount by an ordinary user: what makes it possible. */
void advice_for_user(struct shift_error *err);

/*
 * Warns when the map of @req shows none of the owners that are stored at its
 * source, in the directory or one of its first entries, and says so if the map
 * with its numbers swapped would.
 */
void advice_swapped(const struct request *req);

#endif
