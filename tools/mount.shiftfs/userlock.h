// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One mount of a user at a time: only so the number that he has is known, and a
 * crowd of helpers does not queue up behind a lock of libmount's, which any user
 * can hold.  As root.
 */
#ifndef MOUNT_SHIFTFS_USERLOCK_H
#define MOUNT_SHIFTFS_USERLOCK_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* For how many milliseconds the locks are waited for, both together. */
#define USERLOCK_WAIT_MS 10000

/* Until when, if that time begins now: CLOCK_MONOTONIC in milliseconds. */
int64_t userlock_deadline(void);

/*
 * Takes the lock of the user @uid, -ETIMEDOUT at @deadline.  Returns an fd, the
 * caller's, whose closing gives it back.  *ret_unnoted is how many mounts of his
 * utab does not know.
 */
int userlock_take(uid_t uid, int64_t deadline, int *ret_unnoted, struct shift_error *err);

/* Keeps that number. */
int userlock_set_unnoted(int fd, int unnoted);

/* Whether libmount can lock utab, -ETIMEDOUT at @deadline. */
int userlock_utab_is_free(int64_t deadline, struct shift_error *err);

#endif
