// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: the input is an idmap= (first byte even) or uidmap=
 * (odd) option. Whatever is accepted must agree with the model, survive
 * being printed and parsed again, and compose with itself.
 */
#include <stdio.h>

#include "model.h"

int shim_alloc_budget = -1;

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static bool build(const char *s, bool typed, struct shiftfs_idmap *map,
		  struct model *m)
{
	bool in_model = true;

	do {
		const char *before = s;
		struct shiftfs_extent e;
		unsigned int which;

		if (shiftfs_idmap_parse(&s, typed, &e, &which)) {
			must(s == before);
			return false;
		}
		must(s > before && which);
		if (!(which & SHIFTFS_MAP_UID))
			continue;
		if (shiftfs_idmap_add(map, &e)) {
			must(!e.count || m->nr == SHIFTFS_MAX_EXTENTS ||
			     (u64)e.stored + e.count > SHIFTFS_INVALID_ID ||
			     (u64)e.seen + e.count > SHIFTFS_INVALID_ID);
			return false;
		}
		m->ext[m->nr++] = e;
	} while (*s);

	in_model = model_valid(m);
	must((shiftfs_idmap_finish(map) == SHIFTFS_IDMAP_OK) == in_model);
	return in_model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[4096], printed[SHIFTFS_MAX_EXTENTS * 40 + 1];
	struct shiftfs_idmap map = { 0 }, again = { 0 }, twice = { 0 };
	static struct model m, m2;
	char *p = printed;

	if (!size || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	m.nr = m2.nr = 0;

	if (build(text, !(data[0] & 1), &map, &m)) {
		MODEL_FOR_EDGES(&m, id) {
			u32 up = shiftfs_idmap_up(&map, id);

			must(up == model_up(&m, id));
			must(shiftfs_idmap_down(&map, id) ==
			     model_down(&m, id));
			if (up != SHIFTFS_INVALID_ID)
				must(shiftfs_idmap_down(&map, up) == id);
		}
		if (map.nr) {
			for (unsigned int i = 0; i < map.nr; i++)
				p += sprintf(p, "%u:%u:%u;",
					     map.by_stored[i].stored,
					     map.by_stored[i].seen,
					     map.by_stored[i].count);
			must(build(printed, false, &again, &m2));
			must(shiftfs_idmap_equal(&map, &again));
		}
		if (!shiftfs_idmap_compose(&twice, &map, &map))
			MODEL_FOR_EDGES(&m, id) {
				u32 mid = model_up(&m, id);

				must(shiftfs_idmap_up(&twice, id) ==
				     (mid == SHIFTFS_INVALID_ID ? mid :
				      model_up(&m, mid)));
			}
	}
	shiftfs_idmap_free(&map);
	shiftfs_idmap_free(&again);
	shiftfs_idmap_free(&twice);
	return 0;
}
