// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "config.h"
#include "tap.h"

static int grants(const char *text, struct shift_grants *ret, struct shift_error *err)
{
	return shift_grants_parse(text, strlen(text), "list", ret, err);
}

static void refused(const char *text, const char *why)
{
	struct shift_grants got = SHIFT_GRANTS_INIT;
	struct shift_error err = SHIFT_ERROR_INIT;

	ok(grants(text, &got, &err) < 0 && !got.n && strstr(shift_err_text(&err), why),
	   "refused: %s (%s)", text, shift_err_text(&err));
	shift_grants_clear(&got);
	shift_err_clear(&err);
}

static void test_grants(void)
{
	struct shift_grants got = SHIFT_GRANTS_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	const struct shift_grant *g;

	ok(!grants("{ \"allow\": [ { \"path\": \"/srv/a\", \"user\": \"alice\","
		   "  \"idmap\": \"b:0:100000:1000;b:1000:101000:10\" },"
		   " { \"path\": \"/b\", \"user\": \"1000\", \"write\": true,"
		   "  \"idmap\": \"u:0:5:1;g:0:6:1\" } ] }\n", &got, NULL) && got.n == 2,
	   "two entries");
	g = &got.list[0];
	ok(!strcmp(g->path, "/srv/a") && !strcmp(g->user, "alice") && !g->write,
	   "the first, read-only where nothing is said");
	ok(got.list[1].write, "the second, for writing");
	shift_idmap_parse(&map, "b:999:100999:3", NULL);
	ok(shift_grant_covers(g, &map), "a range over two extents which continue each other");
	map = (struct shift_idmap)SHIFT_IDMAP_INIT;
	shift_idmap_parse(&map, "b:1009:101009:2", NULL);
	ok(!shift_grant_covers(g, &map), "not one id more");
	map = (struct shift_idmap)SHIFT_IDMAP_INIT;
	shift_idmap_parse(&map, "b:0:100001:1", NULL);
	ok(!shift_grant_covers(g, &map), "nor another id for a listed one");
	map = (struct shift_idmap)SHIFT_IDMAP_INIT;
	shift_idmap_parse(&map, "u:0:5:1;g:0:5:1", NULL);
	ok(!shift_grant_covers(&got.list[1], &map), "nor a group by the map of users");
	shift_grants_clear(&got);

	ok(!grants("{ \"allow\": [ ] }", &got, NULL) && !got.n, "an empty list");
	shift_grants_clear(&got);
}

#define ENTRY(path, user, map) \
	"{ \"allow\": [ { \"path\": \"" path "\", \"user\": \"" user "\", \"idmap\": \"" map "\" } ] }"

static void test_refused(void)
{
	refused("", "ends too early");
	refused("{ \"allow\": [ ", "ends too early");
	refused("{ \"allow\": [ ] } x", "not JSON");
	refused("[ ]", "one JSON object");
	refused("{ }", "must be a list");
	refused("{ \"allow\": 5 }", "must be a list");
	refused("{ \"allow\": [ ], \"deny\": [ ] }", "unknown key \"deny\"");
	refused("{ \"allow\": [ 5 ] }", "must be an object");
	refused("{ \"allow\": [ null ] }", "must be an object");
	refused("{ \"allow\": [ { } ] }", "\"path\" is missing");
	refused("{ \"allow\": [ { \"path\": \"/a\" } ] }", "\"user\" is missing");
	refused("{ \"allow\": [ { \"path\": \"/a\", \"user\": \"x\" } ] }", "user and group ids");
	refused("{ \"allow\": [ { \"path\": \"/a\\u0000b\" } ] }", "must be a string");
	refused("{ \"allow\": [ { \"write\": \"yes\" } ] }", "true or false");
	refused("{ \"allow\": [ { \"wirte\": true } ] }", "unknown key \"wirte\"");
	refused(ENTRY("a", "x", "b:0:1:1"), "absolute");
	refused(ENTRY("/", "x", "b:0:1:1"), "absolute");
	refused(ENTRY("/a/", "x", "b:0:1:1"), "absolute");
	refused(ENTRY("/a//b", "x", "b:0:1:1"), "absolute");
	refused(ENTRY("/a/../b", "x", "b:0:1:1"), "absolute");
	refused(ENTRY("/a/.", "x", "b:0:1:1"), "absolute");
	refused(ENTRY("/a", "", "b:0:1:1"), "not empty");
	refused(ENTRY("/a", "x", "b:0:1"), "not of the form");
	refused(ENTRY("/a", "x", "u:0:1:1"), "user and group ids");
	refused("{ \"allow\": [[[[[[[[[[ ]]]]]]]]]] }", "not JSON");
}

static void test_config(void)
{
	struct shift_config config = SHIFT_CONFIG_INIT;
	struct shift_error err = SHIFT_ERROR_INIT;
	const char *text = "{ \"prefer\": \"shiftfs\" }";

	ok(config.prefer == SHIFT_BY_IDMAP, "idmap is preferred by default");
	ok(!shift_config_parse(text, strlen(text), "c", &config, &err) &&
	   config.prefer == SHIFT_BY_SHIFTFS, "shiftfs preferred");
	text = "{ \"prefer\": \"overlay\" }";
	ok(shift_config_parse(text, strlen(text), "c", &config, &err) < 0 &&
	   config.prefer == SHIFT_BY_SHIFTFS, "another word is refused, and changes nothing");
	shift_err_clear(&err);
	ok(!shift_config_read("/nonexistent/config.json", &config, &err) && !err.msg,
	   "no file is no error");
}

int main(void)
{
	test_grants();
	test_refused();
	test_config();
	return tap_done();
}
