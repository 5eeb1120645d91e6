// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The administrator's files under libFuzzer: the list of grants (first byte
 * even) and the configuration (odd).  A list that is accepted grants nothing
 * that its own rules forbid.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

static void check_grant(const struct shift_grant *g)
{
	struct shift_idmap one = SHIFT_IDMAP_INIT;
	const struct shift_idmap_extent *e;
	uint32_t id;

	MUST(g->path && g->path[0] == '/' && g->path[1]);
	MUST(!strstr(g->path, "//") && !strstr(g->path, "/./") && !strstr(g->path, "/../"));
	MUST(g->path[strlen(g->path) - 1] != '/');
	MUST(g->user && *g->user);
	MUST(g->map.uids.n && g->map.gids.n);
	MUST(shift_grant_covers(g, &g->map));

	/* The last id is covered, the one behind it is not unless it is listed. */
	e = &g->map.uids.extents[0];
	MUST(!shift_idmap_add(&one, SHIFT_UID, e->stored + e->count - 1,
			      e->seen + e->count - 1, 1, NULL));
	MUST(shift_grant_covers(g, &one));
	one = (struct shift_idmap)SHIFT_IDMAP_INIT;
	if (shift_idmap_add(&one, SHIFT_UID, e->stored, e->seen, e->count + 1, NULL))
		return;
	MUST(shift_grant_covers(g, &one) ==
	     (shift_idmap_seen(&g->map, SHIFT_UID, e->stored + e->count, &id) &&
	      id == e->seen + e->count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_grants grants = SHIFT_GRANTS_INIT;
	struct shift_config config = SHIFT_CONFIG_INIT;
	char *copy;
	int r;

	if (!size)
		return 0;
	/* Of its own size, so that a read past the end is seen. */
	copy = malloc(size - 1 ? size - 1 : 1);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		r = shift_config_parse(copy, size - 1, "fuzz", &config, &err);
	else
		r = shift_grants_parse(copy, size - 1, "fuzz", &grants, &err);
	free(copy);
	MUST(r <= 0);
	MUST((r < 0) == (err.msg != NULL));
	MUST(config.prefer == SHIFT_BY_IDMAP || config.prefer == SHIFT_BY_SHIFTFS);
	MUST(r >= 0 || !grants.n);
	for (size_t i = 0; i < grants.n; i++)
		check_grant(&grants.list[i]);
	shift_grants_clear(&grants);
	shift_err_clear(&err);
	return 0;
}
