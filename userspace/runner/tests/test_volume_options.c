/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/volume_options.h"
#include "syscalls.h"
#include "tap.h"

static struct volume_options o;

static int parse(const char *text)
{
	return volume_options_parse(&o, text, NULL);
}

static bool extent(size_t i, enum shift_id_type types, uint32_t stored,
		   uint32_t seen, uint32_t count, bool of_pod)
{
	const struct volume_extent *e = &o.extents[i];

	return i < o.n_extents && e->types == types && e->stored == stored &&
	       e->seen == seen && e->count == count && e->of_pod == of_pod;
}

static void test_flags(void)
{
	ok(!parse(""), "nothing");
	is_int(o.attrs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "nosuid and nodev unless told");
	ok(!o.idmap && !o.squash && !o.one_mount, "nothing else");
	ok(!parse("ro,noexec,suid,bind"), "flags");
	is_int(o.attrs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV, "all of them");
	ok(o.one_mount, "bind is one mount");
	ok(!parse("ro,rw"), "twice");
	ok(!(o.attrs & MOUNT_ATTR_RDONLY), "the last one counts");
	ok(parse("dev") < 0, "no devices, ever");
	ok(parse("nosuch") < 0 && parse("ro=1") < 0, "unknown words");
}

static void test_idmap(void)
{
	ok(!parse("idmap") && o.idmap && !o.n_extents, "the pod's own ids");
	ok(!parse("idmap=u:15149:184:1;g:15149:998:1"), "ours");
	ok(extent(0, SHIFT_UID, 15149, 184, 1, true) &&
	   extent(1, SHIFT_GID, 15149, 998, 1, true), "both types");
	ok(!parse("idmap=0:5:10"), "both at once");
	ok(extent(0, SHIFT_UID, 0, 5, 10, true) && extent(1, SHIFT_GID, 0, 5, 10, true), "are two");
	ok(!parse("idmap=uids=0-1-10#10-11-10;gids=0-100-10"), "crun's");
	ok(extent(0, SHIFT_UID, 0, 1, 10, false) && extent(1, SHIFT_UID, 10, 11, 10, false) &&
	   extent(2, SHIFT_GID, 0, 100, 10, false), "ids of the host");
	ok(!parse("idmap=uids=@5-6-7"), "crun's, of the pod");
	ok(extent(0, SHIFT_UID, 5, 6, 7, true), "ids of the pod");
	static const char *const bad[] = {
		"idmap=", "idmap=x", "idmap=u:1:2", "idmap=u:1:2:0", "idmap=u:4294967295:0:1",
		"idmap=uids=", "idmap=uids=1-2", "idmap=uids=1-2-0", "idmap=uids=1-2-3;",
		"idmap=uids=1-2-3;x", "idmap=uids=1-2-3#", "idmap=uids=-1-2-3",
		"idmap=uids=99999999999-1-1", "idmap=u:1:2:3;u:2:9:1",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(parse(bad[i]) < 0, "%s", bad[i]);
}

static void test_squash(void)
{
	ok(!parse("squash=5:6") && o.squash && o.squash_uid == 5 && o.squash_gid == 6, "squash");
	ok(parse("squash=5") < 0 && parse("squash=") < 0 && parse("squash=5:x") < 0 &&
	   parse("squash=5:6:7") < 0, "no squash");
}

int main(void)
{
	test_flags();
	test_idmap();
	test_squash();
	return tap_done();
}
