/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases of uid and gid ranges.
 *
 * A lease is a file /run/runner/uids/BASE-COUNT that holds "PID NAME" and on
 * which its holders have a shared flock(2); the kernel drops the lock when a
 * holder ends, however it ends, so a file that nobody has locked is nobody's.
 * Selection runs under a lock of the folder.
 *
 * A pod that keeps its changes keeps its range from other pods while it is not up:
 * /run/runner/reserved/BASE-COUNT-POD, POD being its place_name(), is made with
 * its first lease and, after a boot of the host, from what the pod remembers.  It
 * only keeps runner from choosing that range for another pod while there are
 * others: who asks for it by number has it.
 */
#ifndef RUNNER_LEASE_H
#define RUNNER_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define LEASE_DIR "/run/runner/uids"
#define LEASE_RESERVED "/run/runner/reserved"
#define LEASE_SIZE 65536u

/* ranges_know_map() */
#define LEASE_MAPS "/run/runner/uid-maps"

struct lease {
	uint32_t base;		/* first host id; the same for uids and gids */
	uint32_t count;
	int fd;			/* holds the lock, -1 without a lease */
};

#define LEASE_INIT { 0, 0, -1 }

/* What --userns asks for. */
struct lease_request {
	enum {
		LEASE_AUTO,
		LEASE_FIXED,	/* exactly base and size */
		LEASE_HOST,	/* no user namespace, nothing is leased */
		LEASE_POD,	/* the range that the running pod has */
	} mode;
	uint32_t base;		/* LEASE_FIXED */
	uint32_t size;		/* 0: LEASE_SIZE */
	const char *pod;	/* LEASE_POD */
};

/* auto[:size=N], BASE, host or pod:NAME; request->pod stays a part of @text. */
int lease_parse(const char *text, struct lease_request *request,
		struct shift_error *err);

/*
 * Leases a free range for the pod @name.  Free means: not leased, not in use by
 * a live user namespace, not given to anybody in /etc/subuid and /etc/subgid
 * other than "runner", no user or group of the host in it.  @memory, a file or
 * NULL, holds the range the pod had before, which it gets again if that is
 * free, and is written; with @keep the range is reserved for it.
 */
int lease_take(struct lease *lease, const struct lease_request *request,
	       const char *name, const char *memory, bool keep,
	       struct shift_error *err);

/* Reserves what @memory holds, if anything, for the pod @name, after a boot. */
int lease_keep(const char *name, const char *memory, struct shift_error *err);

/* The pod @name is no more: nothing is reserved for it. */
void lease_forget(const char *name);

/* Drops the lock and, when nobody else holds it, removes the file. */
void lease_release(struct lease *lease);

struct lease_entry {
	uint32_t base, count;
	pid_t pid;		/* of the first holder */
	char name[80];		/* place_name() of its pod */
};

/* All that are held, by base; *ret is the caller's. */
int lease_list(struct lease_entry **ret, size_t *n, struct shift_error *err);

#endif
