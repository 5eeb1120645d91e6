/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image store, below place_root():
 *
 *	images/ID/config	the image's config document; ID is its sha256
 *	images/ID/record	what the store knows of it, JSON
 *	names/NAME		holds an ID; '/' of a name is stored as '%'
 *	chains/KEY/tree		one layer unpacked, ids as in the image; KEY is the
 *				ChainID of the OCI image specification, a digest
 *				of the layer and of all layers below it: owners
 *				and modes of directories that a layer does not
 *				describe come from those
 *	chains/KEY/index	what is in it: see tree.h
 *	chains/KEY/sum		in numbers: tree_sum's bytes, shared, files, most_id
 *	layers/KEY		the same of images that an older runner imported;
 *				their keys do not cover all layers below, so
 *				imports never take anything from there
 *	objects/XX/REST		files of the layers, by digest
 *	locks/KEY		held by who unpacks that layer
 *	tmp/			what is not finished; each folder is locked by its maker
 *	store.lock		shared: adds to the store; exclusive: takes away
 *
 * Whatever has a final name is whole: it was synced and then renamed.
 */
#ifndef RUNNER_STORE_H
#define RUNNER_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/digest.h"
#include "base/util.h"
#include "error.h"
#include "store/oci_layout.h"
#include "store/progress.h"


struct store {
	char *root;
	int lock_fd;		/* of store.lock, -1 when it is not held */
	char *trash;		/* a temporary folder, NULL while it is not needed */
	int trash_fd;
	unsigned int trashed;
};

#define STORE_INIT { NULL, -1, NULL, -1, 0 }

struct store_layer {
	char diff_id[DIGEST_HEX + 1];
	char key[DIGEST_HEX + 1];	/* its folder */
	bool old;			/* in layers/, not in chains/ */
	char index[DIGEST_HEX + 1];	/* digest of its index */
	uint64_t bytes;			/* of its files */
	uint64_t shared;		/* of these, there before */
	bool fresh;			/* unpacked by this import */
};

struct store_image {
	char id[DIGEST_HEX + 1];
	struct strv names;
	struct store_layer *layers;	/* lowest first */
	size_t n_layers;
	char *source;
	time_t imported;
};

/* Makes what is missing of the store at @root, NULL: place_root(). */
int store_open(struct store *store, const char *root, struct shift_error *err);
void store_close(struct store *store);

/* flock(2) of the store, LOCK_SH or LOCK_EX; kept until store_unlock(). */
int store_lock(struct store *store, int operation, struct shift_error *err);
void store_unlock(struct store *store);

/*
 * The ChainID of the layer @diff_id over the layer with the ChainID @below,
 * NULL: the lowest layer.  All are hexadecimal digits without "sha256:".
 */
int store_chain(const char *below, const char *diff_id,
		char chain[DIGEST_HEX + 1], struct shift_error *err);

/* The path of @name in the folder of a layer; *ret is the caller's. */
int store_layer_path(const struct store *store, const struct store_layer *layer,
		     const char *name, char **ret, struct shift_error *err);

/* Adds the trees of the image's layers, lowest first. */
int store_layer_trees(const struct store *store,
		      const struct store_image *image, struct strv *ret,
		      struct shift_error *err);

/* A path in the store; *ret is the caller's. */
int store_path(const struct store *store, char **ret, struct shift_error *err,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * A new folder in tmp/, in *path; the fd that is returned keeps it from being
 * swept.  Removed by the caller or, when that is killed, by store_sweep().
 */
int store_temp(const struct store *store, char **path, struct shift_error *err);
int store_sweep(const struct store *store, struct shift_error *err);

/*
 * Takes @path out of the store, a folder or nothing: at once, as it is only
 * renamed.  store_empty_trash() removes what was taken, which can take long: with
 * the lock given back.  When that is killed, store_sweep() does it.
 */
int store_trash(struct store *store, const char *path, struct shift_error *err);
int store_empty_trash(struct store *store, struct shift_error *err);

/* Makes the name of a folder last: syncs the directory it is in. */
int store_sync_parent(const char *path, struct shift_error *err);

int store_check_name(const char *name, struct shift_error *err);
int store_set_name(const struct store *store, const char *name, const char *id,
		   struct shift_error *err);
int store_unset_name(const struct store *store, const char *name,
		     struct shift_error *err);

/*
 * The ID of what @ref names: a name (":latest" may be left out), an ID or at
 * least 6 digits of one.  -ENOENT when there is none.
 */
int store_resolve(const struct store *store, const char *ref,
		  char id[DIGEST_HEX + 1], struct shift_error *err);

/* All images, by time of import; *ret is the caller's, each to be cleared. */
int store_list(const struct store *store, struct store_image **ret, size_t *n,
	       struct shift_error *err);
int store_image_read(const struct store *store, const char *id,
		     struct store_image *ret, struct shift_error *err);
void store_image_clear(struct store_image *image);
void store_images_free(struct store_image *images, size_t n);

/* The image's config document. */
int store_config(const struct store *store, const char *id,
		 struct oci_image *ret, struct shift_error *err);

/* Publishes @image with its config @text, unless it is there already. */
int store_image_write(const struct store *store,
		      const struct store_image *image, const char *text,
		      struct shift_error *err);

/*
 * Holds the image for a pod: nothing removes it while the fd that is returned
 * is open.
 */
int store_hold(const struct store *store, const char *id,
	       struct shift_error *err);

/*
 * Removes a name; with the last one, or when @ref is an ID, the image, unless
 * a pod runs on it or, without @force, has changes over it.
 */
int store_remove(struct store *store, const char *ref, bool force,
		 struct shift_error *err);

struct store_pruned {
	unsigned int images, layers, objects;
	uint64_t bytes;
};

/* Removes files that no layer has; needs no lock. */
int store_prune_objects(struct store *store, struct store_pruned *sum,
			struct shift_error *err);

/* Removes images without a name and what no image needs. */
int store_prune(struct store *store, bool images, struct store_pruned *ret,
		struct shift_error *err);

/* Adds a line to @findings for whatever of the image is not as it was. */
int store_verify(const struct store *store, const struct store_image *image,
		 struct progress *progress, struct strv *findings,
		 struct shift_error *err);

#endif
