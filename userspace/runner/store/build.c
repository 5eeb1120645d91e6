/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "spec/spec.h"
#include "store/sandbox.h"
#include "store/tree.h"

/* Bytes of all names of an image: the list of them is sorted in memory. */
#define NAMES_MAX (512u << 20)

int build_begin(struct build *b, struct store *store, uint64_t max_size,
		struct shift_error *err)
{
	struct statvfs fs;

	b->store = store;
	b->userns = -1;
	b->root_fd = open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->root_fd < 0 || fstatvfs(b->root_fd, &fs) < 0)
		return shift_err_set(err, errno, "cannot open %s", store->root);
	b->userns = sandbox_userns();
	/* A little is left free. */
	b->budget.bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 20 * 19;
	if (max_size && max_size < b->budget.bytes)
		b->budget.bytes = max_size;
	/* Filesystems that make inodes as they go say 0. */
	b->budget.entries = fs.f_files ? fs.f_favail / 20 * 19 : 50000000;
	b->budget.names = NAMES_MAX;
	return 0;
}

static int read_sum(const char *dir, struct store_layer *layer,
		    struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if ((r = strf(&path, err, "%s/sum", dir)) < 0 ||
	    (r = read_file(path, 4096, &text, NULL, err)) < 0)
		return r;
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &layer->bytes,
		   &layer->shared) != 2)
		return shift_err_set(err, 0, "%s is damaged", path);
	free(steal_ptr(&path));
	r = strf(&path, err, "%s/index", dir);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	return digest_fd(fd, layer->index, path, err);
}

static int write_sum(const char *dir, const struct tree_sum *sum,
		     struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_file_ FILE *f = NULL;
	int r = strf(&path, err, "%s/sum", dir);

	if (r < 0)
		return r;
	f = fopen(path, "wxe");
	if (!f || fprintf(f, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 "\n",
			  sum->bytes, sum->shared, sum->files, sum->most_id) < 0 || fflush(f))
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

/* The key of the layer @diff_id over those that there are so far. */
static int chain_of(struct build *b, const char *diff_id,
		    char key[DIGEST_HEX + 1], struct shift_error *err)
{
	const struct store_layer *below = b->image.n_layers ?
		&b->image.layers[b->image.n_layers - 1] : NULL;

	return store_chain(below ? below->key : NULL, diff_id, key, err);
}

/* Trees of the layers so far, lowest first. */
static int trees_below(struct build *b, struct strv *ret,
		       struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < b->image.n_layers; i++) {
		_cleanup_free_ char *tree = NULL;

		if (b->pending[i].dir)
			r = strf(&tree, err, "%s/tree", b->pending[i].dir);
		else
			r = store_layer_path(b->store, &b->image.layers[i], "tree",
					     &tree, err);
		if (r >= 0)
			r = strv_add(ret, tree, err);
	}
	return r;
}

static int unpack(struct build *b, const char *tree, const char *list,
		  const struct layer_source *source, struct store_layer *layer,
		  struct shift_error *err)
{
	_cleanup_close_ int fd = open(list, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				      0600);

	/* An entry may describe the root; else tree_inherit() replaces this owner. */
	if (fd < 0 || mkdir(tree, 0700) < 0 || chown(tree, TREE_NOBODY, TREE_NOBODY) < 0)
		return shift_err_set(err, errno, "cannot make %s", fd < 0 ? list : tree);
	return layer_unpack(tree, source, fd, &b->budget, &b->progress,
			    layer->diff_id, err);
}

/* What the layer takes from those below; whiteouts become overlayfs' own. */
static int finish_tree(struct build *b, const char *tree, const char *list,
		       const char *path, struct shift_error *err)
{
	struct strv below = { 0 };
	int r = trees_below(b, &below, err);

	if (r >= 0) {
		r = tree_links(tree, list, &below, err);
		if (r < 0)
			shift_err_prefix(err, "%s", path);
	}
	if (r >= 0)
		r = tree_whiteouts(tree, err);
	if (r >= 0)
		r = tree_vain_whiteouts(tree, &below, err);
	if (r >= 0)
		r = tree_inherit(tree, &below, err);
	strv_clear(&below);
	/* An object must not get its name before its bytes are on the disk. */
	if (r >= 0 && syncfs(b->root_fd) < 0)
		r = shift_err_set(err, errno, "cannot sync %s", b->store->root);
	return r;
}

/* The archive in @dir/tree, indexed, its files shared with other layers. */
static int make_layer(struct build *b, const char *dir,
		      const struct layer_source *source,
		      struct store_layer *layer, struct shift_error *err)
{
	_cleanup_free_ char *tree = NULL, *index = NULL, *objects = NULL, *list = NULL;
	struct tree_sum sum = { 0 };
	char what[40];
	int r;

	if ((r = strf(&tree, err, "%s/tree", dir)) < 0 ||
	    (r = strf(&index, err, "%s/index", dir)) < 0 ||
	    (r = strf(&list, err, "%s/list", dir)) < 0 ||
	    (r = store_path(b->store, &objects, err, "objects")) < 0 ||
	    (r = unpack(b, tree, list, source, layer, err)) < 0 ||
	    (r = finish_tree(b, tree, list, source->path, err)) < 0 ||
	    (r = chain_of(b, layer->diff_id, layer->key, err)) < 0)
		return r;
	snprintf(what, sizeof(what), "indexing %.12s", layer->diff_id);
	progress_begin(&b->progress, what, 0);
	if ((r = tree_index(tree, index, objects, &b->progress, &sum, err)) < 0 ||
	    (r = tree_check(list, index, source->path, err)) < 0 ||
	    (r = write_sum(dir, &sum, err)) < 0)
		return r;
	if (unlink(list) < 0 || syncfs(b->root_fd) < 0)
		return shift_err_set(err, errno, "cannot sync %s", b->store->root);
	layer->fresh = true;
	return read_sum(dir, layer, err);
}

/* 1 when the layer @diff_id is in the store; else *lock keeps others off it. */
static int have_layer(struct build *b, const char *diff_id,
		      struct store_layer *layer, int *lock,
		      struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *dir = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	strcpy(layer->diff_id, diff_id);
	if ((r = chain_of(b, diff_id, layer->key, err)) < 0 ||
	    (r = store_path(b->store, &path, err, "locks/%s", layer->key)) < 0 ||
	    (r = store_path(b->store, &dir, err, "chains/%s", layer->key)) < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	/*
	 * Held until the image is published.  Images that share layers take
	 * these locks in the same order, lowest layer first.
	 */
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot lock %s", path);
	if (access(dir, F_OK) < 0) {
		*lock = steal_fd(&fd);
		return 0;
	}
	r = read_sum(dir, layer, err);
	return r < 0 ? r : 1;
}

static int append(struct build *b, const struct store_layer *layer,
		  struct build_pending *pending, struct shift_error *err)
{
	size_t n = b->image.n_layers;
	struct build_pending *p = reallocarray(b->pending, n + 1, sizeof(*p));
	struct store_layer *l;

	if (p)
		b->pending = p;
	l = p ? reallocarray(b->image.layers, n + 1, sizeof(*l)) : NULL;
	if (!l)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	b->image.layers = l;
	l[n] = *layer;
	p[n] = *pending;
	b->image.n_layers++;
	return 0;
}

static void drop(struct build_pending *p)
{
	_cleanup_free_ char *dir = steal_ptr(&p->dir);

	if (dir && !p->published)
		remove_tree(dir, NULL);
	shift_cleanup_close(&p->held);
	shift_cleanup_close(&p->lock);
}

int build_layer(struct build *b, int fd, const char *path, const char *blob,
		const char *diff_id, struct shift_error *err)
{
	const struct layer_source source = {
		.fd = fd, .path = path, .diff_id = diff_id, .userns = b->userns,
	};
	struct build_pending pending = { .held = -1, .lock = -1 };
	struct store_layer layer = { 0 };
	char what[40];
	struct stat st;
	int r = 0;

	if (b->image.n_layers >= SPEC_LAYERS_MAX) {
		shift_err_set(err, 0, "an image of more than %d layers, which no overlayfs takes",
			      SPEC_LAYERS_MAX);
		return -E2BIG;
	}
	if (diff_id)
		r = have_layer(b, diff_id, &layer, &pending.lock, err);
	if (!r) {
		snprintf(what, sizeof(what), "unpacking layer %zu",
			 b->image.n_layers + 1);
		progress_begin(&b->progress, what,
			       !fstat(fd, &st) && S_ISREG(st.st_mode) ?
			       (uint64_t)st.st_size : 0);
		if (blob)
			r = digest_check_fd(fd, blob, path, err);
		if (r >= 0)
			r = pending.held = store_temp(b->store, &pending.dir, err);
		if (r >= 0)
			r = make_layer(b, pending.dir, &source, &layer, err);
		progress_end(&b->progress);
	}
	if (r >= 0)
		r = append(b, &layer, &pending, err);
	if (r >= 0)
		return 0;
	b->failed = true;
	drop(&pending);
	return r;
}

static int publish_layer(struct build *b, size_t i, struct shift_error *err)
{
	struct store_layer *layer = &b->image.layers[i];
	struct build_pending *p = &b->pending[i];
	_cleanup_free_ char *final = NULL;
	int r;

	if (!p->dir)
		return 0;
	r = store_path(b->store, &final, err, "chains/%s", layer->key);
	if (r < 0)
		return r;
	if (rename(p->dir, final) < 0) {
		if (errno != EEXIST && errno != ENOTEMPTY)
			return shift_err_set(err, errno, "cannot make %s", final);
		/* Another import brought the same: its digest was not known before. */
		layer->fresh = false;
		return read_sum(final, layer, err);
	}
	p->published = true;
	return store_sync_parent(final, err);
}

/* What an older runner imported keeps its layers, as pods may lie over them. */
static int check_old(struct build *m, const char *id, struct shift_error *err)
{
	struct store_image there = { 0 };
	bool old;

	if (store_image_read(m->store, id, &there, NULL) < 0)
		return 0;
	old = there.n_layers && there.layers[0].old;
	store_image_clear(&there);
	if (!old)
		return 0;
	shift_err_set(err, 0, "an older runner imported the image %.12s, with keys that do not cover all layers", id);
	shift_err_hint(err, "remove it first: runner image rm %.12s", id);
	return -EEXIST;
}

int build_publish(struct build *b, const char *text, const char *id,
		  const char *source, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = check_old(b, id, err);

	strcpy(b->image.id, id);
	b->image.imported = time(NULL);
	if (r >= 0)
		r = str_replace(&b->image.source, source, err);
	for (size_t i = 0; r >= 0 && i < b->image.n_layers; i++)
		r = publish_layer(b, i, err);
	if (r >= 0)
		r = store_image_write(b->store, &b->image, text, err);
	if (r >= 0)
		return r;
	/* Nobody else can have taken these layers: their keys are locked. */
	for (size_t i = 0; i < b->image.n_layers; i++) {
		if (!b->pending[i].published || b->pending[i].lock < 0)
			continue;
		if (store_path(b->store, &path, NULL, "chains/%s",
			       b->image.layers[i].key) >= 0)
			store_trash(b->store, path, NULL);
		free(steal_ptr(&path));
	}
	return r;
}

void build_end(struct build *b)
{
	struct store_pruned ignored = { 0 };

	for (size_t i = 0; i < b->image.n_layers && b->pending; i++) {
		b->failed = b->failed || (b->pending[i].dir && !b->pending[i].published);
		drop(&b->pending[i]);
	}
	free(b->pending);
	b->pending = NULL;
	/* Files that only a failed import had. */
	if (b->failed)
		store_prune_objects(b->store, &ignored, NULL);
	shift_cleanup_close(&b->root_fd);
	shift_cleanup_close(&b->userns);
}
