/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/volume_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "syscalls.h"

static const struct {
	const char *name;
	unsigned int set, clear;
} flags[] = {
	{ "ro", MOUNT_ATTR_RDONLY, 0 },
	{ "rw", 0, MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID, 0 },
	{ "suid", 0, MOUNT_ATTR_NOSUID },
	{ "noexec", MOUNT_ATTR_NOEXEC, 0 },
	{ "exec", 0, MOUNT_ATTR_NOEXEC },
	{ "nodev", MOUNT_ATTR_NODEV, 0 },
	{ VOLUME_OF_IMAGE, 0, 0 },
	{ "rbind", 0, 0 }, { "private", 0, 0 }, { "rprivate", 0, 0 },
};

/* Moves *text behind a number that ends at @end, if there is one. */
static bool number(const char **text, const char *end, uint32_t *ret)
{
	char *p;
	unsigned long long v;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	v = strtoull(*text, &p, 10);
	if (errno || v >= UINT32_MAX || !strchr(end, *p))
		return false;
	*ret = (uint32_t)v;
	*text = p;
	return true;
}

static bool add_extent(struct volume_options *o, struct volume_extent e)
{
	if (o->n_extents == VOLUME_EXTENTS_MAX)
		return false;
	o->extents[o->n_extents++] = e;
	return true;
}

/* uids=@0-1-10#10-11-10;gids=... */
static bool parse_crun(struct volume_options *o, const char *p)
{
	while (*p) {
		struct volume_extent e = {
			.types = *p == 'u' ? SHIFT_UID : SHIFT_GID,
		};

		if (strncmp(p, "uids=", 5) && strncmp(p, "gids=", 5))
			return false;
		p += 5;
		do {
			e.of_pod = *p == '@';
			p += e.of_pod;
			if (!number(&p, "-", &e.stored) || *p++ != '-' ||
			    !number(&p, "-", &e.seen) || *p++ != '-' ||
			    !number(&p, "#;", &e.count) || !e.count ||
			    !add_extent(o, e))
				return false;
		} while (*p == '#' && p++);
		if (*p == ';' && !*++p)
			return false;
	}
	return true;
}

/* The grammar of shift_idmap_parse(), the second number an id of the pod. */
static int parse_idmap(struct volume_options *o, const char *text,
		       struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	bool good = true;
	int r;

	if (!map)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (!strncmp(text, "uids=", 5) || !strncmp(text, "gids=", 5)) {
		if (!parse_crun(o, text))
			return shift_err_set(err, 0, "idmap=%s: in this spelling it is uids=STORED-HOST-COUNT#...;gids=..., '@' before STORED if HOST is an id of the pod",
					     text);
		return 0;
	}
	r = shift_idmap_parse(map, text, err);
	if (r < 0)
		return shift_err_prefix(err, "idmap=%s", text);
	for (int t = 0; t < 2; t++) {
		const struct shift_idmap_table *table = t ? &map->gids : &map->uids;

		for (size_t i = 0; good && i < table->n; i++)
			good = add_extent(o, (struct volume_extent){
				.types = t ? SHIFT_GID : SHIFT_UID,
				.stored = table->extents[i].stored,
				.seen = table->extents[i].seen,
				.count = table->extents[i].count,
				.of_pod = true,
			});
	}
	return good ? 0 : shift_err_set(err, E2BIG, "idmap=: more than %d extents",
					VOLUME_EXTENTS_MAX);
}

static int parse_one(struct volume_options *o, const char *word,
		     struct shift_error *err)
{
	const char *p = word + 7;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!strcmp(word, flags[i].name)) {
			o->attrs = (o->attrs | flags[i].set) & ~flags[i].clear;
			return 0;
		}
	if (!strcmp(word, "bind")) {
		o->one_mount = true;
	} else if (!strcmp(word, "unsafe-setuid")) {
		o->unsafe_setuid = true;
	} else if (!strcmp(word, "z")) {
		o->relabel = VOLUME_OF_ALL_PODS;
	} else if (!strcmp(word, "Z")) {
		o->relabel = VOLUME_OF_THIS_POD;
	} else if (!strcmp(word, "idmap")) {
		o->idmap = true;
	} else if (!strncmp(word, "idmap=", 6)) {
		o->idmap = true;
		return parse_idmap(o, word + 6, err);
	} else if (!strncmp(word, "squash=", 7)) {
		o->squash = true;
		if (!number(&p, ":", &o->squash_uid) || *p++ != ':' ||
		    !number(&p, "", &o->squash_gid))
			return shift_err_set(err, 0, "%s: it is squash=UID:GID", word);
	} else {
		int r = shift_err_set(err, 0, "there is no option '%s'", word);

		shift_err_hint(err, "there are ro, rw, [no]suid, [no]exec, nodev, bind, rbind, [r]private, idmap[=...], squash=UID:GID, unsafe-setuid, z and Z");
		return r;
	}
	return 0;
}

int volume_options_parse(struct volume_options *ret, const char *text,
			 struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *word;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	/* Files of others in there must make nobody root of the pod. */
	ret->attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	while (r >= 0 && (word = strsep(&rest, ",")))
		if (*word)
			r = parse_one(ret, word, err);
	return r;
}
