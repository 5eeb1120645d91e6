/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A description written and read back is the same one; bad ones are refused. */
#include "spec/spec_json.h"

#include <signal.h>

#include "cli/limits.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "spec/security_option.h"
#include "spec/volume_add.h"
#include "tap.h"

static void round_trip(void)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct spec a, b;
	char *one = NULL, *two = NULL;
	struct spec_device d = { .path = (char *)"/dev/x", .type = 'b',
				 .major = 7, .minor = 9, .mode = 0640 };
	const struct spec_mount *m;
	int r;

	r = spec_init(&a, &err);
	r |= strv_add(&a.process.args, "sh", &err);
	r |= strv_add(&a.process.args, "a b\"\n\\", &err);
	r |= str_replace(&a.root.path, "/srv/im,age", &err);
	r |= str_replace(&a.hostname, "host", &err);
	r |= str_replace(&a.process.user, "app:staff", &err);
	r |= str_replace(&a.linux_.namespace_paths[5], "/run/netns/x", &err);
	r |= str_replace(&a.linux_.cgroups_path, "/a/b", &err);
	r |= str_replace(&a.linux_.seccomp,
			 "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", &err);
	r |= spec_add_device(&a, &d, &err);
	r |= spec_annotate(&a, &err, "some.key", "%s", "a=b");
	r |= limits_take("memory", "64m", &a.linux_.resources, &err);
	r |= limits_take("cpus", "1.5", &a.linux_.resources, &err);
	r |= limits_take("pids-limit", "-1", &a.linux_.resources, &err);
	r |= limits_take("io-weight", "50", &a.linux_.resources, &err);
	r |= security_change_caps(&a.process.capabilities, "kill", false, &err);
	a.linux_.host_base = 4294900000u;
	a.linux_.map_size = 60000;
	a.shift = SPEC_SHIFT_CHOWN;
	a.root.readonly = true;
	r |= strv_add(&a.root.layers, "/srv/a\"b,c", &err);
	r |= strv_add(&a.root.layers, "/srv/d:e", &err);
	r |= volume_add(&a, "/usr:/a b:ro:idmap=u:15149:184:1;g:15149:998:1:squash=5:6", &err);
	r |= volume_add(&a, "/etc:/c:idmap=uids=0-5-10#@20-0-1;gids=0-5-10,noexec", &err);
	r |= volume_add_tmpfs(&a, "/t:size=1m,mode=0700", &err);
	r |= spec_to_json(&a, true, &one, &err);
	is_int(r, 0, "a description is written");
	r = spec_from_json(&b, one, "one", &err);
	is_int(r, 0, "and read back");
	r = spec_to_json(&b, true, &two, &err);
	is_int(r, 0, "and written again");
	is_str(two, one, "both are the same");
	is_str(b.process.user, "app:staff", "a user by name");
	is_str(b.process.args.v[1], "a b\"\n\\", "an argument with everything");
	is_str(spec_annotation(&b, "some.key"), "a=b", "an annotation");
	is_int(b.linux_.resources.pids_limit, -1, "no limit");
	is_int(b.linux_.host_base, 4294900000u, "a high range");
	ok(!(b.process.capabilities.bounding & (1 << 5)), "a dropped capability");
	is_int(b.shift, SPEC_SHIFT_CHOWN, "how ids are shifted");
	ok(b.root.readonly && !b.root.direct, "a root that is read-only");
	is_int(b.root.layers.n, 2, "two layers");
	is_str(b.root.layers.v[0], "/srv/a\"b,c", "the lowest");
	is_str(b.root.layers.v[1], "/srv/d:e", "the one above");
	m = &b.mounts[b.n_mounts - 3];
	is_str(m->type, "bind", "a volume");
	is_str(m->source, "/usr", "its source");
	is_str(m->destination, "/a b", "its place");
	is_str(m->options, "ro,idmap=u:15149:184:1;g:15149:998:1,squash=5:6",
	       "all its options");
	is_str(m[1].options, "idmap=uids=0-5-10#@20-0-1;gids=0-5-10,noexec",
	       "crun's way to say it");
	is_str(m[2].options, "nosuid,nodev,size=1m,mode=0700", "a tmpfs");
	free(one);
	free(two);
	spec_clear(&a);
	spec_clear(&b);
	shift_err_clear(&err);
}

/* What any OCI tool writes: root.path is the root itself. */
static void plain_oci(void)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct spec s;

	is_int(spec_from_json(&s, "{\"root\":{\"path\":\"/srv/x\",\"readonly\":true},"
			      "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
			      "config.json", &err), 0, "a description without annotations");
	ok(s.root.direct && s.root.readonly, "its root is written to, or not");
	is_int(s.root.layers.n, 1, "one directory");
	is_str(s.root.layers.n ? s.root.layers.v[0] : NULL, "/srv/x", "this one");
	is_int(s.linux_.map_size, UINT32_MAX, "no user namespace: the host's ids");
	spec_clear(&s);
	shift_err_clear(&err);
}

static void refused(const char *text, const char *part)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct spec spec;

	ok(spec_from_json(&spec, text, "config.json", &err) < 0, "refused: %s",
	   text);
	has_text(shift_err_text(&err), part, "and says why");
	spec_clear(&spec);
	shift_err_clear(&err);
}

static void sizes(void)
{
	int64_t v = 0;

	is_int(numbers_bytes("64m", &v, NULL) < 0 ? -9 : v, 64 << 20, "64m");
	is_int(numbers_bytes("2Gb", &v, NULL) < 0 ? -9 : v, 2LL << 30, "2Gb");
	is_int(numbers_bytes("-1", &v, NULL) < 0 ? -9 : v, -1, "-1");
	ok(numbers_bytes("", &v, NULL) < 0, "nothing");
	ok(numbers_bytes("0", &v, NULL) < 0, "0");
	ok(numbers_bytes("12x", &v, NULL) < 0, "12x");
	ok(numbers_bytes("99999999999t", &v, NULL) < 0, "too much");
	ok(numbers_bytes("-5", &v, NULL) < 0, "-5");
	is_int(numbers_signal("SIGTERM"), SIGTERM, "SIGTERM");
	is_int(numbers_signal("hup"), SIGHUP, "hup");
	is_int(numbers_signal("9"), 9, "9");
	is_int(numbers_signal("SIGRTMIN+3"), SIGRTMIN + 3, "SIGRTMIN+3");
	is_int(numbers_signal("RTMAX"), SIGRTMAX, "RTMAX");
	is_int(numbers_signal("RTMIN+99"), 0, "RTMIN+99");
	is_int(numbers_signal("nosuch"), 0, "nosuch");
	is_int(numbers_signal("-1"), 0, "-1");
}

static void lists_of_capabilities(void)
{
	struct spec_capabilities caps = { .bounding = 0xff, .effective = 0xff };

	ok(!security_change_caps(&caps, "chown,CAP_KILL", false, NULL) &&
	   caps.bounding == (0xff & ~0x21) && caps.effective == (0xff & ~0x21),
	   "two are dropped by one word");
	ok(!security_change_caps(&caps, "Chown", true, NULL) &&
	   caps.bounding == (0xff & ~0x20), "one is added");
	ok(security_change_caps(&caps, "kill,nosuch", true, NULL) < 0 &&
	   security_change_caps(&caps, "kill,", true, NULL) < 0 &&
	   security_change_caps(&caps, "kill net_raw", true, NULL) < 0 &&
	   security_change_caps(&caps, "", true, NULL) < 0 &&
	   caps.bounding == (0xff & ~0x20), "all of them or none");
	caps = (struct spec_capabilities){ .bounding = 0xff, .effective = 0xff };
	ok(!security_merge_caps(&caps, &(struct security_caps){ 0x101, 0x2 }, NULL) &&
	   caps.bounding == 0x1fd, "what is dropped and what is added");
	ok(security_merge_caps(&caps, &(struct security_caps){ 0x3, 0x6 }, NULL) < 0 &&
	   caps.bounding == 0x1fd, "not the same one");
}

int main(void)
{
	lists_of_capabilities();
	round_trip();
	plain_oci();
	refused("", "not a JSON object");
	refused("[]", "not a JSON object");
	refused("{\"process\":{\"args\":\"sh\"}}", "args is not a list");
	refused("{\"process\":{\"args\":[1]}}", "not a string");
	refused("{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_X\"]}}}",
		"unknown capability");
	refused("{\"linux\":{\"namespaces\":[{\"type\":\"time\"}]}}",
		"unknown type");
	refused("{\"linux\":{\"uidMappings\":[{\"hostID\":1,\"size\":1}]}}",
		"not one extent");
	refused("{\"linux\":{\"devices\":[{\"path\":\"/etc/x\",\"type\":\"c\"}]}}",
		"below /dev");
	refused("{\"linux\":{\"resources\":{\"devices\":[{\"access\":\"rx\"}]}}}",
		"bad rule");
	refused("{\"mounts\":[{\"type\":\"proc\"}]}", "without a destination");
	refused("{\"annotations\":{\"runner.layers\":\"/x\"}}", "not a list");
	refused("{\"annotations\":{\"runner.layers\":\"[1]\"}}", "not a string");
	refused("{\"annotations\":{\"runner.shift\":\"sideways\"}}", "--shift");
	sizes();
	return tap_done();
}
