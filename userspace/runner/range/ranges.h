/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stretches of host ids and whose they are, for lease.c. */
#ifndef RUNNER_RANGES_H
#define RUNNER_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct range {
	uint64_t first, end;	/* end is exclusive */
	char *whose;		/* for messages; NULL: a lease, by its numbers */
};

struct ranges {
	struct range *v;
	size_t n;
};

/* Whose those are that a namespace maps, when no process is known; not freed. */
extern char ranges_live_map[];

void ranges_clear(struct ranges *r);

/* Drops all but the first @n. */
void ranges_cut(struct ranges *r, size_t n);

#define _cleanup_ranges_ __attribute__((cleanup(ranges_clear)))

/* @fmt says whose the range is; NULL for a lease. */
int ranges_add(struct ranges *r, uint64_t first, uint64_t count,
	       struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The same for the map of a live user namespace: ->whose is ranges_live_map. */
int ranges_add_live(struct ranges *r, uint64_t first, uint64_t count,
		    struct shift_error *err);

/* By their first id, as ranges_free() needs them. */
void ranges_sort(struct ranges *r);

/* One that overlaps with the @count ids from @first, or NULL. */
const struct range *ranges_hit(const struct ranges *r, uint64_t first,
			       uint64_t count);

/*
 * The first stretch of @size ids in @in that no range of @r touches, in steps
 * of @step after one that does; 0 when there is none.
 */
uint64_t ranges_free(const struct ranges *r, const struct range *in,
		     uint32_t size, uint32_t step);

/* The users and groups of this host. */
int ranges_add_host_ids(struct ranges *r, struct shift_error *err);

/*
 * What live user namespaces map.  @table is a file in which the namespaces whose
 * maps are known are kept: where the kernel lists namespaces (listns(2), Linux
 * 6.19) only the others are looked at.  Elsewhere each process of the host is.
 */
int ranges_add_live_maps(struct ranges *r, const char *table,
			 struct shift_error *err);

/* The same by looking at each process of the host, which is named. */
int ranges_add_processes(struct ranges *r, struct shift_error *err);

/* The namespace of @pid, just made, maps @count ids from @base.  May fail. */
void ranges_know_map(const char *table, int pid, uint32_t base,
		     uint32_t count);

#endif
