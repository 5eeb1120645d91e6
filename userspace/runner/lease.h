/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases of uid and gid ranges.
 *
 * A lease is a file /run/runner/uids/BASE-COUNT with an flock(2) held on it;
 * the kernel drops the lock when the holder ends, however it ends, so a file
 * without a lock is nobody's.  Selection runs under a lock of the folder.
 */
#ifndef RUNNER_LEASE_H
#define RUNNER_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define LEASE_DIR "/run/runner/uids"
#define LEASE_SIZE 65536u

struct lease {
	uint32_t base;		/* first host id; the same for uids and gids */
	uint32_t count;
	int fd;			/* holds the lock, -1 without a lease */
};

#define LEASE_INIT { 0, 0, -1 }

/*
 * Leases a free range of LEASE_SIZE ids, or exactly the one that starts at
 * *@base when @base is not NULL.  Free means: not leased, not in use by a live
 * user namespace, not given to anybody in /etc/subuid and /etc/subgid other
 * than "runner", no user or group of the host in it.
 */
int lease_take(struct lease *lease, const uint32_t *base,
	       struct shift_error *err);

/* Removes the file and drops the lock; harmless without a lease. */
void lease_release(struct lease *lease);

#endif
