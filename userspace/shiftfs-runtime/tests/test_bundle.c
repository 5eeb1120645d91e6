// SPDX-License-Identifier: GPL-2.0-or-later
/* Which mounts of a config.json want a map, which map that is, and what is left of it. */
#include "bundle.h"

#include <errno.h>

#include "tap.h"

#define NS "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}]"
#define IDS(n) "[{\"containerID\":0,\"hostID\":" #n ",\"size\":65536}]"
#define LINUX "\"linux\":{" NS ",\"uidMappings\":" IDS(100000) ",\"gidMappings\":" IDS(200000) "}"
#define BIND "\"type\":\"bind\",\"source\":\"/s\",\"destination\":\"/d\""
#define CONFIG(mounts) "{\"mounts\":[" mounts "]," LINUX "}"
#define ALLOW "{\"annotations\":[\"org.shiftfs.shift\",\"org.shiftfs.root\",\"org.shiftfs.map\",\"org.shiftfs.squash\"]}"
#define NOTED(annotations) "{\"annotations\":{" annotations "},\"root\":{\"path\":\"rootfs\"},\"mounts\":[{" BIND ",\"options\":[\"rbind\"]}]," LINUX "}"

static const struct {
	const char *name, *config;
	const char *map;	/* of the first wish; NULL: none is one */
	const char *error;	/* text of it, or NULL */
} cases[] = {
	{ "no mounts", "{}", NULL, NULL },
	{ "a bind without a map", CONFIG("{" BIND ",\"options\":[\"rbind\",\"ro\"]}"), NULL, NULL },
	{ "empty mappings are none", CONFIG("{" BIND ",\"uidMappings\":[],\"gidMappings\":[]}"), NULL, NULL },
	{ "idmap: the container's", CONFIG("{" BIND ",\"options\":[\"rbind\",\"idmap\"]}"), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "ridmap", CONFIG("{" BIND ",\"options\":[\"ridmap\",\"bind\"]}"), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "an empty idmap=", CONFIG("{" BIND ",\"options\":[\"idmap=\"]}"), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "idmap with empty mappings", CONFIG("{" BIND ",\"uidMappings\":[],\"options\":[\"idmap\"]}"), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "mappings", CONFIG("{" BIND ",\"uidMappings\":" IDS(300000) ",\"gidMappings\":" IDS(300000) "}"), "b:0:300000:65536", NULL },
	{ "mappings win over the option", CONFIG("{" BIND ",\"options\":[\"idmap\"],\"uidMappings\":" IDS(300000) ",\"gidMappings\":" IDS(300000) "}"), "b:0:300000:65536", NULL },
	{ "without the type, by the option", CONFIG("{\"source\":\"/s\",\"destination\":\"/d\",\"options\":[\"bind\",\"idmap\"]}"), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "a tmpfs is none of ours", CONFIG("{\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"destination\":\"/d\",\"options\":[\"idmap\"]}"), NULL, NULL },
	{ "crun's", CONFIG("{" BIND ",\"options\":[\"idmap=uids=0-1-10#20-30-5;gids=0-100-10\"]}"), "u:0:1:10 u:20:30:5 g:0:100:10", NULL },
	{ "crun's, one kind", CONFIG("{" BIND ",\"options\":[\"idmap=uids=0-1-10\"]}"), "u:0:1:10 g:0:200000:65536", NULL },
	{ "crun's, of the container", CONFIG("{" BIND ",\"options\":[\"idmap=uids=@5-3-10;gids=@0-0-1\"]}"), "u:5:100003:10 g:0:200000:1", NULL },
	{ "crun's, over the end of the container's", CONFIG("{" BIND ",\"options\":[\"idmap=uids=@0-65530-10;gids=@0-0-1\"]}"), "u:0:165530:6 g:0:200000:1", NULL },
	{ "crun's, none of the container's", CONFIG("{" BIND ",\"options\":[\"idmap=uids=@0-70000-10\"]}"), NULL, "no ids 70000 to 70009" },
	{ "not crun's", CONFIG("{" BIND ",\"options\":[\"idmap=uids=0-1\"]}"), NULL, "must be uids=" },
	{ "not crun's either", CONFIG("{" BIND ",\"options\":[\"idmap=uids=0-1-2;\"]}"), NULL, "must be uids=" },
	{ "too large", CONFIG("{" BIND ",\"options\":[\"idmap=uids=0-1-4294967296\"]}"), NULL, "must be uids=" },
	{ "one kind of mappings", CONFIG("{" BIND ",\"uidMappings\":" IDS(1) "}"), NULL, "both needed" },
	{ "mappings that are none", CONFIG("{" BIND ",\"uidMappings\":7,\"gidMappings\":{}}"), NULL, "must be a list" },
	{ "an entry of strings", CONFIG("{" BIND ",\"uidMappings\":[{\"containerID\":\"0\",\"hostID\":1,\"size\":1}]}"), NULL, "numbers below" },
	{ "a negative id", CONFIG("{" BIND ",\"uidMappings\":[{\"containerID\":-1,\"hostID\":1,\"size\":1}]}"), NULL, "numbers below" },
	{ "mappings that overlap", CONFIG("{" BIND ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":9},{\"containerID\":5,\"hostID\":100,\"size\":9}]}"), NULL, "/d" },
	{ "no user namespace to take a map from", "{\"mounts\":[{" BIND ",\"options\":[\"idmap\"]}]}", NULL, "no such namespace" },
	{ "a user namespace without a map", "{\"mounts\":[{" BIND ",\"options\":[\"idmap\"]}],\"linux\":{" NS "}}", NULL, "none here" },
	{ "members of wrong types", "{\"mounts\":[7,null,\"x\",[],{\"type\":3,\"options\":{}}],\"linux\":[],\"annotations\":9}", NULL, NULL },
	{ "more of them", "{\"mounts\":{\"a\":1},\"linux\":{\"namespaces\":[3,{\"type\":[]}]}}", NULL, NULL },
	{ "a NUL in an option", CONFIG("{" BIND ",\"options\":[\"idmap\\u0000\"]}"), NULL, NULL },
	{ "annotation: the root", NOTED("\"org.shiftfs.root\":\"container\""), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "annotation: a map for the root", NOTED("\"org.shiftfs.root\":\"b:0:5:10\""), "b:0:5:10", NULL },
	{ "annotation: a map for a mount", NOTED("\"org.shiftfs.map\":\"/d/=b:0:5:10 b:20:30:1\""), "b:0:5:10 b:20:30:1", NULL },
	{ "annotation: squash", NOTED("\"org.shiftfs.squash\":\"/d=0:0\""), "u:0:100000:65536 g:0:200000:65536", NULL },
	{ "annotation: no such mount", NOTED("\"org.shiftfs.squash\":\"/e=0:0\""), NULL, "no bind mount of the container is at /e" },
	{ "annotation: no squash", NOTED("\"org.shiftfs.squash\":\"/d=root\""), NULL, "two numbers" },
	{ "annotation: no such", NOTED("\"org.shiftfs.skwash\":\"/d=0:0\""), NULL, "not" },
	{ "annotation: no such mechanism", NOTED("\"org.shiftfs.shift\":\"bindfs\""), NULL, "auto, idmap or shiftfs" },
	{ "annotations of others", NOTED("\"org.example\":\"x\",\"org.shiftfsx\":\"y\""), NULL, NULL },
};

static void test_case(size_t i, const struct settings *settings)
{
	_cleanup_bundle_ struct bundle bundle = BUNDLE_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int r = bundle_parse(cases[i].config, strlen(cases[i].config), "config.json", &bundle, &err);
	char *map = NULL;

	if (r >= 0)
		r = bundle_wishes(&bundle, settings, &err);
	if (cases[i].error) {
		ok(r < 0, "%s: refused", cases[i].name);
		has_text(shift_err_text(&err), cases[i].error, cases[i].name);
		return;
	}
	is_int(r, 0, cases[i].name);
	is_int((long long)bundle.n, cases[i].map ? 1 : 0, "wishes");
	if (r < 0 || bundle.n != 1 || !cases[i].map)
		return;
	shift_idmap_normalize(bundle.wishes[0].map);
	shift_idmap_format(bundle.wishes[0].map, ' ', &map, NULL);
	is_str(map, cases[i].map, "its map");
	free(map);
}

static void test_grant(void)
{
	static const char config[] = CONFIG("{" BIND ",\"options\":[\"rbind\",\"idmap\",\"ro\",\"ridmap=uids=0-1-1\",\"idmapx\"],"
		"\"uidMappings\":" IDS(1) ",\"gidMappings\":" IDS(1) "},{\"destination\":\"/e/\\u00e9\\\"\",\"n\":18446744073709551615,\"f\":0.10}");
	_cleanup_bundle_ struct bundle bundle = BUNDLE_INIT;
	const struct settings settings = SETTINGS_INIT;
	const char *text;
	size_t len;

	is_int(bundle_parse(config, strlen(config), "config.json", &bundle, NULL), 0, "a config.json");
	is_int(bundle_wishes(&bundle, &settings, NULL), 0, "what it wants");
	ok(bundle.n == 1 && bundle.own_mounts && bundle.wishes[0].map_below && !bundle.wishes[0].writable,
	   "one wish, with the mounts below, read-only");
	is_int(bundle_grant(&bundle.wishes[0], "/run/x/0", NULL), 0, "it is granted");
	text = bundle_text(&bundle, &len);
	is_str(text, "{\"mounts\":[{\"type\":\"bind\",\"source\":\"/run/x/0\",\"destination\":\"/d\","
	       "\"options\":[\"rbind\",\"ro\",\"idmapx\"]},{\"destination\":\"/e/\u00e9\\\"\",\"n\":18446744073709551615,\"f\":0.10}],"
	       LINUX "}", "nothing else is changed");
}

static void test_annotations_are_off(void)
{
	static const char config[] = NOTED("\"org.shiftfs.squash\":\"/d=0:0\"");
	_cleanup_bundle_ struct bundle bundle = BUNDLE_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	const struct settings settings = SETTINGS_INIT;

	bundle_parse(config, strlen(config), "config.json", &bundle, NULL);
	is_int(bundle_wishes(&bundle, &settings, &err), -EPERM, "an annotation that is not allowed is refused");
	has_text(shift_err_text(&err), "runtime.json", "and the file named");
}

static void test_bad(void)
{
	static const char *const bad[] = { "", "{", "[]", "7", "{}x", "{\"a\":}", "{\"\xff\"", "{\"a\":1,}" };
	char deep[400];
	struct bundle bundle = BUNDLE_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(bundle_parse(bad[i], strlen(bad[i]), "config.json", &bundle, NULL), -EBADMSG, "no JSON object");
		bundle_clear(&bundle);
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	is_int(bundle_parse(deep, sizeof(deep), "config.json", &bundle, NULL), -E2BIG, "deep");
	bundle_clear(&bundle);
}

static void test_settings(void)
{
	static const struct { const char *text, *error; } files[] = {
		{ "{}", NULL },
		{ "{\"runtime\":\"crun\",\"idmap\":\"wrapper\",\"annotations\":[]}", NULL },
		{ "{\"runtime\":\"\"}", "\"runtime\"" },
		{ "{\"runtime\":\"../crun\"}", "\"runtime\"" },
		{ "{\"runtime\":7}", "\"runtime\"" },
		{ "{\"idmap\":\"maybe\"}", "\"idmap\"" },
		{ "{\"annotations\":\"org.shiftfs.map\"}", "\"annotations\"" },
		{ "{\"annotations\":[\"org.other\"]}", "\"annotations\"" },
		{ "{\"annotation\":[]}", "unknown key" },
		{ "{", "ends too early" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_settings_ struct settings settings = SETTINGS_INIT;
		_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
		int r = settings_parse(files[i].text, strlen(files[i].text), "runtime.json", &settings, &err);

		ok((r < 0) == !!files[i].error, "runtime.json: %s", files[i].text);
		if (files[i].error)
			has_text(shift_err_text(&err), files[i].error, "what is wrong");
	}
	is_str(settings_name_says("/usr/bin/shiftfs-crun"), "crun", "shiftfs-crun");
	ok(!settings_name_says("shiftfs-runtime") && !settings_name_says("crun") &&
	   !settings_name_says("shiftfs-"), "names that say nothing");
}

int main(void)
{
	_cleanup_settings_ struct settings settings = SETTINGS_INIT;

	settings_parse(ALLOW, strlen(ALLOW), "runtime.json", &settings, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(i, &settings);
	test_grant();
	test_annotations_are_off();
	test_bad();
	test_settings();
	return tap_done();
}
