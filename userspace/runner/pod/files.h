/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pod's files, for a process that becomes one of the pod: as its root, with its
 * ids, so that every link and every name in it can lead to the pod's own only.
 *
 * Of a pod that is up the process joins the user and the mount namespace, and no
 * other: nothing in the pod sees it.  Of one that has ended it puts the root
 * together once more, with the volumes, in a mount namespace of its own; the
 * pod's folder is locked meanwhile.
 */
#ifndef RUNNER_FILES_H
#define RUNNER_FILES_H

#include <stddef.h>

#include "error.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "spec/spec.h"
#include "store/image.h"

struct files {
	struct state st;
	struct spec spec;
	int pidfd;		/* of a pod that is up, else -1 */
	struct poddir dir;
	struct image image;
};

#define FILES_INIT { .st = STATE_INIT, .pidfd = -1, .dir = PODDIR_INIT, \
		     .image = IMAGE_INIT }

/* Finds the pod @name, and holds what is needed of it. */
int files_open(struct files *f, const char *name, struct shift_error *err);

/*
 * In a child: it becomes root of the pod, in "/" of the pod, and has but the
 * standard streams and the @n descriptors of @keep.  It cannot go back.
 */
int files_enter(const struct files *f, const int *keep, size_t n,
		struct shift_error *err);

void files_close(struct files *f);

#endif
