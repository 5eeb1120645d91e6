// SPDX-License-Identifier: GPL-2.0-or-later
#include "subid.h"

#include <errno.h>
#include <inttypes.h>
#include <shadow/subid.h>
#include <stdlib.h>

#include "cleanup.h"

/* Up to where the ids from @id on are the user's; @id itself if it is not. */
static uint64_t reach(const struct subid_range *ranges, int n, uint64_t id)
{
	uint64_t far = id;

	for (int i = 0; i < n; i++) {
		uint64_t start = ranges[i].start, end = start + ranges[i].count;

		if (id >= start && id < end && end > far)
			far = end;
	}
	return far;
}

static int check(const char *user, const struct shift_idmap_table *table,
		 int (*get)(const char *, struct subid_range **),
		 const char *file, struct shift_error *err)
{
	_cleanup_free_ struct subid_range *ranges = NULL;
	int n = get(user, &ranges);

	if (n < 0)
		n = 0;
	for (size_t i = 0; i < table->n; i++) {
		uint64_t id = table->extents[i].seen;
		const uint64_t end = id + table->extents[i].count;

		while (id < end) {
			uint64_t far = reach(ranges, n, id);

			if (far > id) {
				id = far;
				continue;
			}
			shift_err_set(err, 0, "the id %" PRIu64 " is none of %s's subordinate ids", id, user);
			shift_err_hint(err, "%s says which are, see subuid(5)", file);
			return -EPERM;
		}
	}
	return 0;
}

int shift_subid_check(const char *user, const struct shift_idmap *map,
		      struct shift_error *err)
{
	int r;

	/* libsubid complains to a stream of its own, which the first call sets. */
	subid_init("shiftfs", stderr);
	r = check(user, &map->uids, subid_get_uid_ranges, "/etc/subuid", err);
	if (r >= 0)
		r = check(user, &map->gids, subid_get_gid_ranges, "/etc/subgid", err);
	return r;
}
