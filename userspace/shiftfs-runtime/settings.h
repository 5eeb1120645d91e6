/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which runtime is run, and what the administrator allows: /etc/shiftfs/runtime.json.
 *
 *	{ "runtime": "/usr/bin/crun",
 *	  "idmap": "runtime",
 *	  "annotations": ["org.shiftfs.shift", "org.shiftfs.squash"] }
 *
 * A key that is not known is an error.
 */
#ifndef RUNTIME_SETTINGS_H
#define RUNTIME_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

#define RUNTIME_SETTINGS_FILE SHIFT_ETC "/runtime.json"

enum idmap_maker {
	IDMAP_BY_NAME,		/* a runtime called crun, no other */
	IDMAP_BY_RUNTIME,
	IDMAP_BY_WRAPPER,
};

struct settings {
	char *runtime;		/* an absolute path once settings_find() was there */
	enum idmap_maker idmap;	/* who makes idmapped mounts that work */
	char **annotations;	/* those that count, up to a NULL; or NULL: none */
};

#define SETTINGS_INIT { NULL, IDMAP_BY_NAME, NULL }

int settings_parse(const char *text, size_t len, const char *name,
		   struct settings *ret, struct shift_error *err);
/* A file that is not there leaves *ret as it is. */
int settings_read(const char *path, struct settings *ret, struct shift_error *err);
void settings_clear(struct settings *settings);

#define _cleanup_settings_ __attribute__((cleanup(settings_clear)))

/*
 * The runtime that a program called @self stands for: "crun" for shiftfs-crun, borrowed
 * from @self; NULL for shiftfs-runtime and for names that are not ours.
 */
const char *settings_name_says(const char *self);

/*
 * Replaces settings->runtime, a name or path or NULL (crun, else runc), by the absolute
 * path of a program.  Names are looked for in the system's folders, not in $PATH.
 */
int settings_find(struct settings *settings, struct shift_error *err);

bool settings_runtime_idmaps(const struct settings *settings);
bool settings_allows(const struct settings *settings, const char *annotation);

#endif
