/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The annotations of a container that are ours: org.shiftfs.* */
#ifndef RUNTIME_ANNOTATIONS_H
#define RUNTIME_ANNOTATIONS_H

#include "error.h"
#include "json.h"
#include "settings.h"
#include "tree.h"

struct bundle;

#define ANNOTATION_SHIFT "org.shiftfs.shift"	/* auto, shiftfs, idmap: for all mounts */
#define ANNOTATION_ROOT "org.shiftfs.root"	/* "container", or a map */
#define ANNOTATION_MAP "org.shiftfs.map"	/* DESTINATION=MAP, ... */
#define ANNOTATION_SQUASH "org.shiftfs.squash"	/* DESTINATION=UID:GID, ... */

struct annotation_entry {
	char *destination, *value;
};

/* Up to an entry without a destination; NULL: none. */
struct annotations {
	enum tree_how how;
	char *root;
	struct annotation_entry *maps, *squash;
};

#define ANNOTATIONS_INIT { TREE_AUTO, NULL, NULL, NULL }

/* @object may be NULL.  One of ours which @settings do not allow is an error. */
int annotations_read(struct json_object *object, const struct settings *settings,
		     struct annotations *ret, struct shift_error *err);
void annotations_clear(struct annotations *annotations);

#define _cleanup_annotations_ __attribute__((cleanup(annotations_clear)))

/* What @entries say of @destination, borrowed; or NULL. */
const char *annotation_for(const struct annotation_entry *entries, const char *destination);

/* UID:GID, each a number, into two strings, the caller's. */
int annotation_squash(const char *text, char **ret_uid, char **ret_gid,
		      struct shift_error *err);

/* An entry for a destination which no mount of @bundle has is an error. */
int annotations_used(const struct annotations *annotations, const struct bundle *bundle,
		     struct shift_error *err);

#endif
