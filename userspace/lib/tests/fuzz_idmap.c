// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The grammar of maps under libFuzzer.  An accepted map must obey the rules
 * of a map, survive printing and reading, and map there and back.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "idmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

static void check_table(const struct shift_idmap *map,
			const struct shift_idmap_table *t, enum shift_id_type type)
{
	MUST(t->n <= SHIFT_IDMAP_MAX);
	for (size_t i = 0; i < t->n; i++) {
		const struct shift_idmap_extent *e = &t->extents[i];
		uint32_t last = e->count - 1, id;

		MUST(e->count);
		MUST((uint64_t)e->stored + e->count <= UINT32_MAX);
		MUST((uint64_t)e->seen + e->count <= UINT32_MAX);
		/* Ends that belong to another extent would mean an overlap. */
		MUST(shift_idmap_seen(map, type, e->stored, &id) && id == e->seen);
		MUST(shift_idmap_seen(map, type, e->stored + last, &id) && id == e->seen + last);
		MUST(shift_idmap_stored(map, type, e->seen, &id) && id == e->stored);
		MUST(shift_idmap_stored(map, type, e->seen + last, &id) && id == e->stored + last);
	}
}

static int collect(const char *piece, void *data, struct shift_error *err)
{
	MUST(strlen(piece) < 256);
	return shift_idmap_parse(data, piece, err);
}

static void check(const struct shift_idmap *map)
{
	struct shift_idmap again = SHIFT_IDMAP_INIT, pieces = SHIFT_IDMAP_INIT;
	struct shift_idmap tidy = *map, proc = SHIFT_IDMAP_INIT;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *uids = NULL;
	_cleanup_free_ char *gids = NULL;

	check_table(map, &map->uids, SHIFT_UID);
	check_table(map, &map->gids, SHIFT_GID);

	MUST(!shift_idmap_format(map, ';', &text, NULL));
	MUST(!shift_idmap_parse(&again, text, NULL));
	MUST(shift_idmap_equal(map, &again));

	MUST(!shift_idmap_foreach_piece(map, 256, collect, &pieces, NULL));
	MUST(shift_idmap_equal(map, &pieces));

	shift_idmap_normalize(&tidy);
	MUST(tidy.uids.n <= map->uids.n && tidy.gids.n <= map->gids.n);
	check_table(&tidy, &tidy.uids, SHIFT_UID);

	MUST(!shift_idmap_format_proc(map, SHIFT_UID, &uids, NULL));
	MUST(!shift_idmap_format_proc(map, SHIFT_GID, &gids, NULL));
	MUST(!shift_idmap_parse_proc(&proc, SHIFT_UID, uids, NULL));
	MUST(!shift_idmap_parse_proc(&proc, SHIFT_GID, gids, NULL));
	MUST(shift_idmap_equal(map, &proc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	_cleanup_free_ char *text = malloc(size + 1);
	int r;

	if (!text || !size)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';

	switch (data[0] % 4) {
	case 0:
		r = shift_idmap_parse(&map, text, &err);
		break;
	case 1:
		r = shift_idmap_parse_type(&map, SHIFT_UID, text, &err);
		break;
	case 2:
		r = shift_idmap_parse_type(&map, SHIFT_GID, text, &err);
		break;
	default:
		r = shift_idmap_parse_proc(&map, SHIFT_UID, text, &err);
		break;
	}
	if (r < 0) {
		MUST(err.msg && *err.msg);
		MUST(shift_idmap_empty(&map));
	} else if (!shift_idmap_empty(&map)) {
		check(&map);
	}
	shift_err_clear(&err);
	return 0;
}
