/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Volumes that runner keeps, ROOT/volumes/NAME, below place_root():
 *
 *	data		what pods see, with ids as they are stored in images
 *	anonymous	the pod that it was made for; a named volume has none
 *
 * The folder of a pod has `volumes`, a JSON object: a place in the pod to the name
 * of the anonymous volume there.  They go with the folder, unless that list is
 * taken away before.
 */
#ifndef RUNNER_VOLUMES_H
#define RUNNER_VOLUMES_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "spec/spec.h"

/*
 * Puts a bind mount in the place of each mount of type "volume" of @spec: a named
 * volume, which is made if it is missing, or an anonymous one for the pod @pod,
 * whose folder @pod_dir is locked by the caller.  A new one has what the image has
 * at its place; the layers of @spec are there.
 */
int volumes_make(struct spec *spec, const char *pod, const char *pod_dir,
		 struct shift_error *err);

/* Removes the anonymous volumes of the pod's folder @pod_dir. */
int volumes_remove_of(const char *pod_dir, struct shift_error *err);

/* They are the pod's @name from now on, whose folder is @pod_dir. */
int volumes_rename_of(const char *pod_dir, const char *name,
		      struct shift_error *err);

/* Takes the list away: from now on they are nobody's. */
int volumes_keep_of(const char *pod_dir, struct shift_error *err);

/* An empty one; -EEXIST when there is one of that name. */
int volumes_create(const char *name, struct shift_error *err);

/* -EBUSY when a pod has it; @pods: by its description. */
int volumes_remove(const char *name, struct shift_error *err);

struct volume_entry {
	char *name;
	char *path;		/* of its data */
	char *pod;		/* it was made for; NULL: a named volume */
	size_t users;		/* pods that have it, running or not */
};

/* By name; *ret is the caller's: volumes_free(). */
int volumes_list(struct volume_entry **ret, size_t *n, struct shift_error *err);
void volumes_free(struct volume_entry *entries, size_t n);

#endif
