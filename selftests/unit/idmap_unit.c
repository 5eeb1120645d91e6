// SPDX-License-Identifier: GPL-2.0-or-later
/* Unit tests of fs/shiftfs/idmap.c, run natively under ASan and UBSan. */
#include <stdio.h>

#include "model.h"

int shim_alloc_budget = -1;

static int tests, failures;

#define CHECK(c) do {							\
	if (!(c)) {							\
		printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #c); \
		return 1;						\
	}								\
} while (0)

#define IS(want, got) do {						\
	long long w_ = (long long)(want), g_ = (long long)(got);	\
	if (w_ != g_) {							\
		printf("# %s:%d: %s is %lld, wanted %lld\n", __FILE__,	\
		       __LINE__, #got, g_, w_);				\
		return 1;						\
	}								\
} while (0)

#define RUN(test) run(#test, test())

static void run(const char *name, int failed)
{
	printf("%sok %d %s\n", failed ? "not " : "", ++tests, name);
	failures += failed;
}

#define NONE SHIFTFS_INVALID_ID
#define UID SHIFTFS_MAP_UID
#define GID SHIFTFS_MAP_GID

/* Parse a whole option into a map; the caller frees it in any case. */
static enum shiftfs_idmap_error build(struct shiftfs_idmap *map,
				      const char *s)
{
	struct shiftfs_extent ext;
	enum shiftfs_idmap_error err;
	unsigned int which;

	memset(map, 0, sizeof(*map));
	do {
		err = shiftfs_idmap_parse(&s, false, &ext, &which);
		if (!err)
			err = shiftfs_idmap_add(map, &ext);
		if (err)
			return err;
	} while (*s);
	return shiftfs_idmap_finish(map);
}

static int parse_good(void)
{
	static const struct {
		const char *text;
		bool typed;
		u32 stored, seen, count;
		unsigned int which, used;
	} good[] = {
		{ "0:100000:65536", false, 0, 100000, 65536, UID | GID, 14 },
		{ "b:0:100000:65536", true, 0, 100000, 65536, UID | GID, 16 },
		{ "u:1:2:3", true, 1, 2, 3, UID, 7 },
		{ "g:1:2:3", true, 1, 2, 3, GID, 7 },
		{ "  u:1:2:3 ", true, 1, 2, 3, UID, 10 },
		{ ";u:1:2:3;g:4:5:6", true, 1, 2, 3, UID, 9 },
		{ "1:2:3 \t\n;; 4:5:6", false, 1, 2, 3, UID | GID, 11 },
		{ "4294967295:4294967295:4294967295", false, NONE, NONE, NONE,
		  UID | GID, 32 },
		{ "007:08:0009", false, 7, 8, 9, UID | GID, 11 },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *s = good[i].text;
		struct shiftfs_extent e;
		unsigned int which = 0;

		IS(SHIFTFS_IDMAP_OK,
		   shiftfs_idmap_parse(&s, good[i].typed, &e, &which));
		IS(good[i].stored, e.stored);
		IS(good[i].seen, e.seen);
		IS(good[i].count, e.count);
		IS(good[i].which, which);
		IS(good[i].used, s - good[i].text);
	}
	return 0;
}

static int parse_bad(void)
{
	static const struct {
		const char *text;
		bool typed;
		enum shiftfs_idmap_error err;
	} bad[] = {
		{ "", false, SHIFTFS_IDMAP_SYNTAX },
		{ "", true, SHIFTFS_IDMAP_TYPE },
		{ " ", false, SHIFTFS_IDMAP_SYNTAX },
		{ ";;", true, SHIFTFS_IDMAP_TYPE },
		{ "1", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:2", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:2:", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:2:3:", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:2:3x", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:2:3,", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1::3", false, SHIFTFS_IDMAP_SYNTAX },
		{ ":1:2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "-1:2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "+1:2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "0x1:2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1 :2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1: 2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "u:1:2:3", false, SHIFTFS_IDMAP_SYNTAX },
		{ "1:2:3", true, SHIFTFS_IDMAP_TYPE },
		{ "x:1:2:3", true, SHIFTFS_IDMAP_TYPE },
		{ "u1:2:3", true, SHIFTFS_IDMAP_SYNTAX },
		{ "ug:1:2:3", true, SHIFTFS_IDMAP_SYNTAX },
		{ "u", true, SHIFTFS_IDMAP_SYNTAX },
		{ "u:", true, SHIFTFS_IDMAP_SYNTAX },
		{ "4294967296:0:1", false, SHIFTFS_IDMAP_OVERFLOW },
		{ "0:4294967296:1", false, SHIFTFS_IDMAP_OVERFLOW },
		{ "0:0:18446744073709551617", false, SHIFTFS_IDMAP_OVERFLOW },
		{ "0:0:99999999999999999999999999999", false,
		  SHIFTFS_IDMAP_OVERFLOW },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *s = bad[i].text;
		struct shiftfs_extent e;
		unsigned int which;

		IS(bad[i].err, shiftfs_idmap_parse(&s, bad[i].typed, &e,
						   &which));
		/* the option is left where it was, for the message */
		CHECK(s == bad[i].text);
	}
	return 0;
}

static int pairs(void)
{
	static const struct {
		const char *text;
		enum shiftfs_idmap_error err;
		bool second;
		u32 a, b;
	} pair[] = {
		{ "0", SHIFTFS_IDMAP_OK, false, 0, 7 },
		{ "1000:2", SHIFTFS_IDMAP_OK, true, 1000, 2 },
		{ "4294967294:0", SHIFTFS_IDMAP_OK, true, 4294967294u, 0 },
		{ "", SHIFTFS_IDMAP_SYNTAX, false, 7, 7 },
		{ ":1", SHIFTFS_IDMAP_SYNTAX, false, 7, 7 },
		{ "1:", SHIFTFS_IDMAP_SYNTAX, true, 1, 7 },
		{ "1:2:3", SHIFTFS_IDMAP_SYNTAX, true, 1, 2 },
		{ "1-2", SHIFTFS_IDMAP_SYNTAX, false, 1, 7 },
		{ "1 ", SHIFTFS_IDMAP_SYNTAX, false, 1, 7 },
		{ "-1", SHIFTFS_IDMAP_SYNTAX, false, 7, 7 },
		{ "4294967295", SHIFTFS_IDMAP_OVERFLOW, false, 4294967295u, 7 },
		{ "1:4294967295", SHIFTFS_IDMAP_OVERFLOW, true, 1, 4294967295u },
		{ "4294967296", SHIFTFS_IDMAP_OVERFLOW, false, 7, 7 },
	};

	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		u32 a = 7, b = 7;
		bool second;

		IS(pair[i].err, shiftfs_id_pair_parse(pair[i].text, ':', &a, &b,
						      &second));
		IS(pair[i].second, second);
		IS(pair[i].a, a);
		IS(pair[i].b, b);
	}
	return 0;
}

static int add_limits(void)
{
	static const struct {
		struct shiftfs_extent e;
		enum shiftfs_idmap_error err;
	} cases[] = {
		{ { 0, 0, 0 }, SHIFTFS_IDMAP_EMPTY },
		{ { NONE, NONE, 0 }, SHIFTFS_IDMAP_EMPTY },
		{ { 0, 0, 1 }, SHIFTFS_IDMAP_OK },
		{ { 0, 0, NONE }, SHIFTFS_IDMAP_OK },
		{ { 1, 0, NONE }, SHIFTFS_IDMAP_OVERFLOW },
		{ { 0, 1, NONE }, SHIFTFS_IDMAP_OVERFLOW },
		{ { 1, 1, NONE - 1 }, SHIFTFS_IDMAP_OK },
		{ { NONE - 1, 0, 1 }, SHIFTFS_IDMAP_OK },
		{ { 0, NONE - 1, 1 }, SHIFTFS_IDMAP_OK },
		{ { NONE, 0, 1 }, SHIFTFS_IDMAP_OVERFLOW },
		{ { 0, NONE, 1 }, SHIFTFS_IDMAP_OVERFLOW },
		{ { 0, NONE - 1, 2 }, SHIFTFS_IDMAP_OVERFLOW },
		{ { NONE - 1, 0, 2 }, SHIFTFS_IDMAP_OVERFLOW },
	};
	struct shiftfs_extent e = { 0, 0, 1 };
	struct shiftfs_idmap map = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shiftfs_idmap one = { 0 };
		enum shiftfs_idmap_error err;

		err = shiftfs_idmap_add(&one, &cases[i].e);
		shiftfs_idmap_free(&one);
		IS(cases[i].err, err);
	}
	for (int i = 0; i < SHIFTFS_MAX_EXTENTS; i++) {
		e.stored = e.seen = 2 * i;
		IS(SHIFTFS_IDMAP_OK, shiftfs_idmap_add(&map, &e));
	}
	e.stored = e.seen = 100000;
	IS(SHIFTFS_IDMAP_TOO_MANY, shiftfs_idmap_add(&map, &e));
	IS(SHIFTFS_IDMAP_OK, shiftfs_idmap_finish(&map));
	IS(SHIFTFS_MAX_EXTENTS, map.nr);
	shiftfs_idmap_free(&map);
	IS(0, map.nr);
	return 0;
}

static int overlaps(void)
{
	static const struct {
		const char *text;
		enum shiftfs_idmap_error err;
	} cases[] = {
		{ "0:0:10 10:10:10", SHIFTFS_IDMAP_OK },
		{ "0:0:10 9:100:1", SHIFTFS_IDMAP_STORED },
		{ "9:100:1 0:0:10", SHIFTFS_IDMAP_STORED },
		{ "0:0:10 100:9:1", SHIFTFS_IDMAP_SEEN },
		{ "100:9:1 0:0:10", SHIFTFS_IDMAP_SEEN },
		{ "0:0:10 0:0:10", SHIFTFS_IDMAP_STORED },
		{ "5:100:1 0:200:10", SHIFTFS_IDMAP_STORED },
		{ "0:100:10 20:95:6", SHIFTFS_IDMAP_SEEN },
		{ "0:100:10 20:95:5", SHIFTFS_IDMAP_OK },
		{ "0:0:4294967295 4294967294:5:1", SHIFTFS_IDMAP_STORED },
		{ "10:10:10 0:20:10", SHIFTFS_IDMAP_OK },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shiftfs_idmap map;
		enum shiftfs_idmap_error err = build(&map, cases[i].text);

		shiftfs_idmap_free(&map);
		IS(cases[i].err, err);
	}
	return 0;
}

static int translate(void)
{
	struct shiftfs_idmap map;

	IS(0, build(&map, "0:100000:65536"));
	IS(100000, shiftfs_idmap_up(&map, 0));
	IS(165535, shiftfs_idmap_up(&map, 65535));
	IS(NONE, shiftfs_idmap_up(&map, 65536));
	IS(NONE, shiftfs_idmap_up(&map, NONE));
	IS(0, shiftfs_idmap_down(&map, 100000));
	IS(65535, shiftfs_idmap_down(&map, 165535));
	IS(NONE, shiftfs_idmap_down(&map, 165536));
	IS(NONE, shiftfs_idmap_down(&map, 99999));
	IS(NONE, shiftfs_idmap_down(&map, 0));
	IS(NONE, shiftfs_idmap_down(&map, NONE));
	shiftfs_idmap_free(&map);

	IS(0, build(&map, "0:0:4294967295"));
	IS(NONE - 1, shiftfs_idmap_up(&map, NONE - 1));
	IS(NONE, shiftfs_idmap_up(&map, NONE));
	IS(NONE, shiftfs_idmap_down(&map, NONE));
	shiftfs_idmap_free(&map);

	memset(&map, 0, sizeof(map));
	IS(0, shiftfs_idmap_finish(&map));
	IS(NONE, shiftfs_idmap_up(&map, 0));
	IS(NONE, shiftfs_idmap_down(&map, 0));
	return 0;
}

/* Pieces that continue each other are one extent. */
static int merging(void)
{
	struct shiftfs_idmap a, b;

	IS(0, build(&a, "5:105:5 0:100:5 10:110:1"));
	IS(0, build(&b, "0:100:11"));
	IS(1, a.nr);
	CHECK(shiftfs_idmap_equal(&a, &b));
	shiftfs_idmap_free(&a);
	IS(0, build(&a, "0:100:5 5:106:5"));
	IS(2, a.nr);
	CHECK(!shiftfs_idmap_equal(&a, &b));
	shiftfs_idmap_free(&a);
	/* adjacent below, not above; and the other way round */
	IS(0, build(&a, "0:105:5 5:100:5"));
	IS(2, a.nr);
	IS(105, shiftfs_idmap_up(&a, 0));
	IS(100, shiftfs_idmap_up(&a, 5));
	IS(5, shiftfs_idmap_down(&a, 100));
	shiftfs_idmap_free(&a);
	shiftfs_idmap_free(&b);
	memset(&a, 0, sizeof(a));
	b = a;
	CHECK(shiftfs_idmap_equal(&a, &b));
	return 0;
}

static u32 rnd_state = 12345;

static u32 rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 17;
	rnd_state ^= rnd_state << 5;
	return rnd_state;
}

static void random_model(struct model *m, struct shiftfs_idmap *map,
			 unsigned int want)
{
	m->nr = 0;
	memset(map, 0, sizeof(*map));
	for (unsigned int tries = 0; m->nr < want && tries < want * 4; tries++) {
		struct shiftfs_extent *e = &m->ext[m->nr];
		/* mostly crowded together, at times all over the range */
		u32 mask = tries % 7 ? 0x3fff : 0xffffffff;

		e->stored = rnd() & mask;
		e->seen = rnd() & mask;
		e->count = rnd() % 40 + 1;
		if ((u64)e->stored + e->count > NONE ||
		    (u64)e->seen + e->count > NONE)
			continue;
		m->nr++;
		if (!model_valid(m))
			m->nr--;
		else
			shiftfs_idmap_add(map, e);
	}
}

static int against_the_model(void)
{
	for (int round = 0; round < 300; round++) {
		struct shiftfs_idmap map;
		static struct model m;

		random_model(&m, &map, rnd() % SHIFTFS_MAX_EXTENTS + 1);
		IS(0, shiftfs_idmap_finish(&map));
		MODEL_FOR_EDGES(&m, id) {
			IS(model_up(&m, id), shiftfs_idmap_up(&map, id));
			IS(model_down(&m, id), shiftfs_idmap_down(&map, id));
		}
		shiftfs_idmap_free(&map);
	}
	return 0;
}

static int compose(void)
{
	struct shiftfs_idmap in, out, both;

	IS(0, build(&in, "0:200000:65536"));
	IS(0, build(&out, "200000:300000:1000"));
	memset(&both, 0, sizeof(both));
	IS(0, shiftfs_idmap_compose(&both, &in, &out));
	IS(1, both.nr);
	IS(300005, shiftfs_idmap_up(&both, 5));
	IS(NONE, shiftfs_idmap_up(&both, 1000));
	IS(999, shiftfs_idmap_down(&both, 300999));
	IS(NONE, shiftfs_idmap_down(&both, 200000));
	shiftfs_idmap_free(&both);
	/* nothing in common */
	shiftfs_idmap_free(&out);
	IS(0, build(&out, "0:300000:1000"));
	IS(0, shiftfs_idmap_compose(&both, &in, &out));
	IS(0, both.nr);
	IS(NONE, shiftfs_idmap_up(&both, 0));
	shiftfs_idmap_free(&both);
	shiftfs_idmap_free(&in);
	shiftfs_idmap_free(&out);

	for (int round = 0; round < 200; round++) {
		static struct model mi, mo;

		random_model(&mi, &in, rnd() % 20 + 1);
		random_model(&mo, &out, rnd() % 20 + 1);
		IS(0, shiftfs_idmap_finish(&in));
		IS(0, shiftfs_idmap_finish(&out));
		memset(&both, 0, sizeof(both));
		IS(0, shiftfs_idmap_compose(&both, &in, &out));
		MODEL_FOR_EDGES(&mi, id) {
			u32 mid = model_up(&mi, id);

			IS(mid == NONE ? NONE : model_up(&mo, mid),
			   shiftfs_idmap_up(&both, id));
		}
		MODEL_FOR_EDGES(&mo, id) {
			u32 mid = model_down(&mo, id);

			IS(mid == NONE ? NONE : model_down(&mi, mid),
			   shiftfs_idmap_down(&both, id));
		}
		shiftfs_idmap_free(&both);
		shiftfs_idmap_free(&in);
		shiftfs_idmap_free(&out);
	}
	return 0;
}

static int out_of_memory(void)
{
	enum shiftfs_idmap_error err = SHIFTFS_IDMAP_NOMEM;
	struct shiftfs_idmap map;

	for (int budget = 0; err == SHIFTFS_IDMAP_NOMEM; budget++) {
		CHECK(budget < 100);
		shim_alloc_budget = budget;
		err = build(&map, "0:0:1 2:2:1 4:4:1 6:6:1 8:8:1 10:10:1");
		shim_alloc_budget = -1;
		if (err)
			IS(SHIFTFS_IDMAP_NOMEM, err);
		shiftfs_idmap_free(&map);
	}
	IS(SHIFTFS_IDMAP_OK, err);
	return 0;
}

static int texts(void)
{
	for (int e = SHIFTFS_IDMAP_OK; e <= SHIFTFS_IDMAP_TYPE; e++) {
		const char *text = shiftfs_idmap_strerror(e);

		CHECK(text && *text && strcmp(text, "unknown error"));
		for (int f = 0; f < e; f++)
			CHECK(strcmp(text, shiftfs_idmap_strerror(f)));
	}
	return 0;
}

int main(void)
{
	printf("TAP version 13\n1..11\n");
	RUN(parse_good);
	RUN(parse_bad);
	RUN(pairs);
	RUN(add_limits);
	RUN(overlaps);
	RUN(translate);
	RUN(merging);
	RUN(against_the_model);
	RUN(compose);
	RUN(out_of_memory);
	RUN(texts);
	printf("# totals: pass:%d fail:%d skip:0\n", tests - failures, failures);
	return failures != 0;
}
