// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One mount of a user at a time: only so the number that he has is known, and a
 * crowd of helpers does not queue up behind a lock of libmount's, which any user
 * can hold.  As root.
 */
#ifndef MOUNT_SHIFTFS_USERLOCK_H
#define MOUNT_SHIFTFS_USERLOCK_H

#include <sys/types.h>

#include "error.h"

/* For how many milliseconds each lock is waited for. */
#define USERLOCK_WAIT_MS 10000

/*
 * Takes the lock of the user @uid.  Returns an fd, the caller's, whose closing
 * gives it back.  *ret_unnoted is how many mounts of his utab does not know.
 */
int userlock_take(uid_t uid, int *ret_unnoted, struct shift_error *err);

/* Keeps that number. */
int userlock_set_unnoted(int fd, int unnoted);

/* Whether libmount can lock utab within that time. */
int userlock_utab_is_free(struct shift_error *err);

#endif
