/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json of a bundle: which of its mounts want a map, and a copy without these wishes. */
#ifndef RUNTIME_BUNDLE_H
#define RUNTIME_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "error.h"
#include "idmap.h"
#include "json.h"
#include "settings.h"
#include "tree.h"

/* Longer files, and JSON that lies deeper, are refused. */
#define BUNDLE_MAX (4 * 1024 * 1024)
#define BUNDLE_DEPTH 64

/* A mount, or the root, that is to be shifted.  Strings and objects are the bundle's. */
struct wish {
	struct json_object *mount;	/* NULL: the root */
	const char *source;		/* relative to the bundle */
	const char *destination;
	struct shift_idmap *map;
	bool writable;
	bool below;		/* rbind: the mounts below the source come along */
	bool map_below;		/* ridmap: shifted as well */
	bool no_link;		/* the source may not be a symbolic link */
	bool ours;		/* only we can do it: an annotation's, or crun ignores it */
	enum tree_how how;
	char *squash_uid, *squash_gid;
};

struct bundle {
	struct json_object *root;	/* the whole of config.json */
	struct stat stat;		/* of the file */
	bool own_mounts;		/* the container gets a new mount namespace */
	struct wish *wishes;
	size_t n;
};

#define BUNDLE_INIT { NULL, { 0 }, false, NULL, 0 }

/*
 * Reads the file @path once.  -EBADMSG: it is no JSON of the kind at all; -ENOENT and the
 * like: it cannot be read.  The runtime then says that, in words that engines know.  A
 * file without any word that could ask for a map is not parsed, as that takes time: then
 * ret->root stays NULL.
 */
int bundle_read(const char *path, struct bundle *ret, struct shift_error *err);

/* The same of a text, @name in messages. */
int bundle_parse(const char *text, size_t len, const char *name, struct bundle *ret,
		 struct shift_error *err);

/* Lists what wants a map, and refuses what contradicts itself. */
int bundle_wishes(struct bundle *bundle, const struct settings *settings,
		  struct shift_error *err);

/* The mount of @wish has the new @source now, and asks for no map. */
int bundle_grant(const struct wish *wish, const char *source, struct shift_error *err);

/* Text of the changed config.json, borrowed from the bundle; NULL: no memory. */
const char *bundle_text(struct bundle *bundle, size_t *ret_len);

void bundle_clear(struct bundle *bundle);

#define _cleanup_bundle_ __attribute__((cleanup(bundle_clear)))

#endif
