/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's files below /etc/shiftfs, in JSON.  A program with
 * these functions links -ljson-c as well.
 *
 * config.json:
 *
 *	{ "prefer": "idmap" }
 *
 * delegate.json:
 *
 *	{ "allow": [
 *		{ "path": "/srv/images/debian", "user": "alice",
 *		  "idmap": "b:0:100000:65536", "write": false }
 *	] }
 *
 * A key that is not known is an error: a misspelt restriction must not be none.
 */
#ifndef SHIFT_CONFIG_H
#define SHIFT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "choose.h"
#include "error.h"
#include "idmap.h"

#ifndef SHIFT_ETC
# define SHIFT_ETC "/etc/shiftfs"
#endif
#define SHIFT_CONFIG_FILE SHIFT_ETC "/config.json"
#define SHIFT_DELEGATE_FILE SHIFT_ETC "/delegate.json"

/* Longer files are refused. */
#define SHIFT_CONFIG_MAX (1024 * 1024)

struct shift_config {
	enum shift_mechanism prefer;	/* idmap where nothing is said */
};

#define SHIFT_CONFIG_INIT { SHIFT_BY_IDMAP }

/* @name names the file in messages. */
int shift_config_parse(const char *text, size_t len, const char *name,
		       struct shift_config *ret, struct shift_error *err);

/* Reads @path; a file that is not there leaves *ret as it is. */
int shift_config_read(const char *path, struct shift_config *ret,
		      struct shift_error *err);

/* A user may show a tree by this map, or a part of it, to his own ids. */
struct shift_grant {
	char *path;	/* absolute, without "." or ".." and double slashes */
	char *user;	/* a name or a number */
	struct shift_idmap map;
	bool write;
};

struct shift_grants {
	struct shift_grant *list;
	size_t n;
};

#define SHIFT_GRANTS_INIT { NULL, 0 }

int shift_grants_parse(const char *text, size_t len, const char *name,
		       struct shift_grants *ret, struct shift_error *err);
void shift_grants_clear(struct shift_grants *grants);

#define _cleanup_grants_ __attribute__((cleanup(shift_grants_clear)))

/* Whether @map shows no id otherwise than @grant does, nor any that it lacks. */
bool shift_grant_covers(const struct shift_grant *grant,
			const struct shift_idmap *map);

#endif
