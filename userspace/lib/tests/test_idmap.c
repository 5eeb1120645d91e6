// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <unistd.h>

#include "cleanup.h"
#include "idmap.h"
#include "tap.h"

static const struct {
	const char *text;
	const char *want;	/* reprinted with ';' */
} good[] = {
	{ "b:0:100000:65536", "b:0:100000:65536" },
	{ "0:100000:65536", "b:0:100000:65536" },
	{ "u:0:100000:10 g:0:200000:10", "u:0:100000:10;g:0:200000:10" },
	{ "u:0:1000:1;g:0:1000:1", "b:0:1000:1" },
	{ " b:0:1:2 ; b:5:6:7\t;", "b:0:1:2;b:5:6:7" },
	{ "b:0:0:4294967295", "b:0:0:4294967295" },
	{ "b:4294967294:4294967294:1", "b:4294967294:4294967294:1" },
	{ "u:0:1:1", "u:0:1:1" },
	{ "g:7:8:9", "g:7:8:9" },
	{ "b:0:1:1 u:1:0:1", "u:0:1:1;u:1:0:1;g:0:1:1" },
	{ "b:000:0100000:1", "b:0:100000:1" },
};

static const struct {
	const char *text;
	const char *error;	/* part of the message */
} bad[] = {
	{ "", "no extent" },
	{ " ; ", "no extent" },
	{ "b", "not of the form" },
	{ "b:", "not of the form" },
	{ "b:0:1", "not of the form" },
	{ "b:0:1:", "not of the form" },
	{ "b:0:1:2:", "not of the form" },
	{ "b:0:1:2:3", "not of the form" },
	{ "b::1:2", "not of the form" },
	{ "b:-1:1:2", "not of the form" },
	{ "b:+1:1:2", "not of the form" },
	{ "b:0x10:1:2", "not of the form" },
	{ "b:1.5:1:2", "not of the form" },
	{ "b: 0:1:2", "not of the form" },
	{ "bb:0:1:2", "not of the form" },
	{ "x:0:1:2", "unknown type" },
	{ "U:0:1:2", "unknown type" },
	{ "b:0:1:2,b:5:6:7", "not of the form" },
	{ "b:0:1:0", "empty" },
	{ "b:0:4294967295:1", "largest id" },
	{ "b:4294967295:0:1", "largest id" },
	{ "b:1:0:4294967295", "largest id" },
	{ "b:0:4294967290:6", "largest id" },
	{ "b:4294967296:0:1", "larger than" },
	{ "b:0:0:99999999999999999999999", "larger than" },
	{ "b:0:100:10 b:9:200:1", "overlap in the stored ids" },
	{ "b:0:100:10 b:10:109:1", "overlap in the seen ids" },
	{ "b:0:100:10 u:3:300:1", "overlap in the stored ids" },
	{ "b:5:100:1 b:0:200:4294967000", "overlap in the stored ids" },
	{ "b:0:100:1 b:0:100:1", "overlap" },
};

static void test_grammar(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
		struct shift_idmap map = SHIFT_IDMAP_INIT, again = SHIFT_IDMAP_INIT;
		_cleanup_free_ char *text = NULL;
		int r = shift_idmap_parse(&map, good[i].text, &err);

		if (!ok(!r, "\"%s\" is accepted", good[i].text)) {
			printf("# %s\n", shift_err_text(&err));
			continue;
		}
		shift_idmap_format(&map, ';', &text, NULL);
		is_str(text, good[i].want, "and printed");
		ok(!shift_idmap_parse(&again, text, NULL) &&
		   shift_idmap_equal(&map, &again), "and read back as the same");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
		struct shift_idmap map = SHIFT_IDMAP_INIT;
		int r = shift_idmap_parse(&map, bad[i].text, &err);

		ok(r == -EINVAL, "\"%s\" is refused", bad[i].text);
		has_text(r < 0 ? shift_err_text(&err) : NULL, bad[i].error, "with the reason");
		ok(shift_idmap_empty(&map), "and nothing is kept of it");
	}
}

static void test_types(void)
{
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	_cleanup_free_ char *text = NULL;

	is_int(shift_idmap_parse_type(&map, SHIFT_UID, "0:100000:10;20:5:1", NULL), 0, "uidmap");
	is_int(shift_idmap_parse_type(&map, SHIFT_GID, "0:200000:10", NULL), 0, "gidmap");
	shift_idmap_format(&map, ' ', &text, NULL);
	is_str(text, "u:0:100000:10 u:20:5:1 g:0:200000:10", "go to the two tables");
	is_int(shift_idmap_parse_type(&map, SHIFT_UID, "u:30:1:1", NULL), -EINVAL, "a type letter has no place there");
	is_int(shift_idmap_parse_type(&map, SHIFT_UID, "0:7:1", NULL), -EINVAL, "a second option may not overlap the first");
}

static void test_too_many(void)
{
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int r = 0;

	/* Gaps, so that nothing can be joined. */
	for (uint32_t i = 0; i < SHIFT_IDMAP_MAX && !r; i++)
		r = shift_idmap_add(&map, SHIFT_BOTH, i * 2, 1000000 + i * 3, 1, &err);
	is_int(r, 0, "340 extents are accepted");
	is_int((long long)map.uids.n, 340, "all of them");
	is_int(shift_idmap_parse(&map, "u:5000:1:1", &err), -EINVAL, "one more is refused");
	has_text(shift_err_text(&err), "340", "with the limit named");
	is_int((long long)map.uids.n, 340, "and not kept");
}

static int collect(const char *piece, void *data, struct shift_error *err)
{
	if (strlen(piece) >= 256)
		return shift_err_set(err, 0, "a piece of %zu bytes", strlen(piece));
	return shift_idmap_parse(data, piece, err);
}

static void test_pieces(void)
{
	struct shift_idmap map = SHIFT_IDMAP_INIT, joined = SHIFT_IDMAP_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;

	for (uint32_t i = 0; i < SHIFT_IDMAP_MAX; i++)
		shift_idmap_add(&map, SHIFT_BOTH, 4000000000u + i * 2, 2000000000u + i * 3, 1, NULL);
	is_int(shift_idmap_foreach_piece(&map, 256, collect, &joined, &err), 0, "a long map is cut into pieces");
	ok(shift_idmap_equal(&map, &joined), "which make the whole together");
	is_int(shift_idmap_foreach_piece(&map, 8, collect, &joined, &err), -EINVAL, "but never within an extent");

	joined = (struct shift_idmap)SHIFT_IDMAP_INIT;
	map = (struct shift_idmap)SHIFT_IDMAP_INIT;
	is_int(shift_idmap_foreach_piece(&map, 256, collect, &joined, &err), 0, "an empty map has no piece");
	/* "b:10:20:1;b:30:40:1": 9 bytes each, 10 with the NUL. */
	shift_idmap_parse(&map, "b:10:20:1;b:30:40:1", NULL);
	is_int(shift_idmap_foreach_piece(&map, 10, collect, &joined, &err), 0, "a piece may fill its space");
	ok(shift_idmap_equal(&map, &joined), "to the last byte");
	is_int(shift_idmap_foreach_piece(&map, 9, collect, &joined, &err), -EINVAL, "and not beyond");
}

static void test_proc(void)
{
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	_cleanup_free_ char *text = NULL;

	is_int(shift_idmap_parse_proc(&map, SHIFT_UID,
		"         0     100000      65536\n     70000    1000   1\n", NULL), 0, "a uid_map is read");
	shift_idmap_format(&map, ';', &text, NULL);
	is_str(text, "u:0:100000:65536;u:70000:1000:1", "inside is stored, outside is seen");
	free(text);
	text = NULL;
	shift_idmap_format_proc(&map, SHIFT_UID, &text, NULL);
	is_str(text, "0 100000 65536\n70000 1000 1\n", "and written");
	is_int(shift_idmap_parse_proc(&map, SHIFT_UID, "1 2\n", NULL), -EINVAL, "two numbers are refused");
	is_int(shift_idmap_parse_proc(&map, SHIFT_UID, "1 2\n3", NULL), -EINVAL, "three on two lines are refused");
	is_int(shift_idmap_parse_proc(&map, SHIFT_UID, "1 2 3 4\n", NULL), -EINVAL, "four numbers are refused");
	is_int(shift_idmap_parse_proc(&map, SHIFT_UID, "x 2 3\n", NULL), -EINVAL, "letters are refused");
	is_int(shift_idmap_parse_proc(&map, SHIFT_UID, "", NULL), 0, "no line is no extent");
}

static void test_arithmetic(void)
{
	struct shift_idmap map = SHIFT_IDMAP_INIT, cut = SHIFT_IDMAP_INIT;
	uint32_t id = 77;

	shift_idmap_parse(&map, "u:0:100000:65536 g:0:0:10 u:4294967294:5:1", NULL);
	ok(shift_idmap_seen(&map, SHIFT_UID, 0, &id) && id == 100000, "stored 0 is seen as 100000");
	ok(shift_idmap_seen(&map, SHIFT_UID, 65535, &id) && id == 165535, "the last of an extent");
	id = 77;
	ok(!shift_idmap_seen(&map, SHIFT_UID, 65536, &id) && id == 77, "the one behind it is not mapped");
	ok(shift_idmap_stored(&map, SHIFT_UID, 100001, &id) && id == 1, "seen 100001 is stored as 1");
	id = 77;
	ok(!shift_idmap_stored(&map, SHIFT_UID, 0, &id) && id == 77, "seen 0 is not mapped");
	ok(shift_idmap_stored(&map, SHIFT_UID, 5, &id) && id == 4294967294u, "the largest id");
	ok(!shift_idmap_seen(&map, SHIFT_UID, UINT32_MAX, &id), "-1 is no id");
	ok(shift_idmap_seen(&map, SHIFT_GID, 9, &id) && id == 9, "gids have their own table");
	ok(!shift_idmap_is_identity(&map), "this shifts something");

	map = (struct shift_idmap)SHIFT_IDMAP_INIT;
	shift_idmap_parse(&map, "b:0:0:10", NULL);
	ok(shift_idmap_is_identity(&map), "this shifts nothing");
	shift_idmap_parse(&cut, "b:7:7:3 b:0:0:5 b:5:5:2", NULL);
	ok(shift_idmap_equal(&map, &cut), "equal although cut otherwise");
	shift_idmap_normalize(&cut);
	is_int((long long)cut.gids.n, 1, "adjacent extents are joined");
	shift_idmap_parse(&cut, "u:10:20:1", NULL);
	shift_idmap_normalize(&cut);
	is_int((long long)cut.uids.n, 2, "but not where only one side continues");
	ok(!shift_idmap_equal(&map, &cut), "and the maps differ now");
}

int main(void)
{
	test_grammar();
	test_types();
	test_too_many();
	test_pieces();
	test_proc();
	test_arithmetic();
	return tap_done();
}
