/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the layers of one image.  They get their names in the store together,
 * with the image, when all of them are whole.
 */
#ifndef RUNNER_STORE_BUILD_H
#define RUNNER_STORE_BUILD_H

#include "store/layer.h"
#include "store/store.h"

/* A layer that is not in the store yet; all empty for one that is. */
struct build_pending {
	char *dir;		/* in tmp/ */
	int held, lock;		/* keep others off that and off its key */
	bool published;
};

struct build {
	struct store *store;
	struct store_image image;	/* its layers so far */
	struct build_pending *pending;	/* one for each of these */
	struct layer_budget budget;	/* what may still be unpacked */
	struct progress progress;
	int root_fd;			/* of the store, to sync */
	int userns;			/* for the sandboxes */
	bool failed;			/* something is left to be removed */
};

/* @max_size: bytes that all layers may have, 0: what there is room for. */
int build_begin(struct build *build, struct store *store, uint64_t max_size,
		struct shift_error *err);

/*
 * Adds the layer in the archive @fd on top.  @blob and @diff_id are the digests
 * that the image promises of it and of what is in it, or NULL.
 */
int build_layer(struct build *build, int fd, const char *path,
		const char *blob, const char *diff_id, struct shift_error *err);

/* Gives the layers and the image @id, of the config @text, their names. */
int build_publish(struct build *build, const char *text, const char *id,
		  const char *source, struct shift_error *err);

/* Removes what was not published; build->image is the caller's. */
void build_end(struct build *build);

#endif
