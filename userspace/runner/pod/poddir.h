/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of a pod, ROOT/pods/NAME, below place_root():
 *
 *	lock		flock(2)ed by the runner whose pod it is
 *	image		path of the image the changes belong to
 *	ephemeral	present when the folder goes with the pod
 *	layer/upper	the pod's changes, ids as stored: base does not matter
 *	layer/work	overlayfs's own
 *	log, log.1	what a detached pod wrote: log.h
 *	range		the ids that it had: lease.h
 *	volumes		its anonymous volumes: volumes.h
 *	config.json, state.json, stopped	what outlives a boot: kept.h
 *
 * A folder that is being removed is ROOT/pods/.gone-NUMBER, and no pod's: what
 * could not be removed stays there until the next sweep.
 */
#ifndef RUNNER_PODDIR_H
#define RUNNER_PODDIR_H

#include <stdbool.h>

#include "error.h"

struct poddir {
	char *name;
	char *path;
	char *layer;
	bool ephemeral;
	bool fresh;	/* was not there before poddir_open() */
	int lock_fd;	/* -1 while nothing is held */
};

#define PODDIR_INIT { NULL, NULL, NULL, false, false, -1 }

/* The folder of @name, NULL: of all, in *ret, the caller's. */
int poddir_path(const char *name, char **ret, struct shift_error *err);

/* ROOT and ROOT/pods, 0700: set-uid files of pods are in there. */
int poddir_prepare(struct shift_error *err);

/* Removes the folders of ephemeral pods whose runner was killed. */
int poddir_sweep(struct shift_error *err);

/*
 * The same when nobody has since the host was started, or somebody has found
 * since then that a runner was killed, and said poddir_sweep_is_due().
 */
int poddir_sweep_if_due(struct shift_error *err);
void poddir_sweep_is_due(void);

/* Whether @name can be the name, and the hostname, of a pod. */
int poddir_check_name(const char *name, struct shift_error *err);

/* A name that no pod has yet, most likely, in *ret, the caller's. */
int poddir_invent_name(char **ret, struct shift_error *err);

/*
 * Makes or reopens and locks the folder of @name, or of a new name when it is
 * NULL.  @image tells the image that the pod's changes lie over from others,
 * @root is its lowest layer.
 */
int poddir_open(struct poddir *dir, const char *name, const char *image,
		const char *root, bool ephemeral, struct shift_error *err);

/* The paths of a folder that is open and locked already. */
int poddir_resume(struct poddir *dir, const char *name,
		  struct shift_error *err);

/*
 * The folder of @name, and with @volumes its anonymous volumes: 1 when it is
 * removed, 0 when there was none.
 */
int poddir_remove(const char *name, bool volumes, struct shift_error *err);

/* Another name for a folder that nobody has locked; there is none of the name @to. */
int poddir_rename(const char *from, const char *to, struct shift_error *err);

/* Removes the folder when it is ephemeral, drops the lock. */
int poddir_close(struct poddir *dir, struct shift_error *err);

#endif
