/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking away from the store. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

typedef int (*each_fn)(struct store *store, const char *name, void *data,
		       struct shift_error *err);

/* Calls @each for what is in the folder @what of the store. */
static int for_each(struct store *store, const char *what, each_fn each,
		    void *data, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;
	int r;

	r = store_path(store, &path, err, "%s", what);
	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot read %s", path);
	while (r >= 0 && (errno = 0, e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = each(store, e->d_name, data, err);
	if (r >= 0 && errno)
		r = shift_err_set(err, errno, "cannot read %s", path);
	return r;
}

struct user_of {
	const char *image;	/* path of its folder */
	char *pod;
};

static int find_pod(struct store *store, const char *name, void *data,
		    struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *image = NULL;
	struct user_of *u = data;
	int r;

	r = store_path(store, &path, err, "pods/%s/image", name);
	if (r < 0 || read_file(path, 65536, &image, NULL, NULL) < 0)
		return r;
	return strcmp(image, u->image) ? 0 : str_replace(&u->pod, name, err);
}

/*
 * -EBUSY, with the reason, when the image cannot go.  Else an fd, which keeps
 * pods off it until it is gone.
 */
static int check_unused(struct store *store, const char *id, bool force,
			struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *pod = NULL;
	struct user_of u = { NULL, NULL };
	_cleanup_close_ int fd = -1;
	int r;

	r = store_path(store, &path, err, "images/%s", id);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		shift_err_set(err, 0, "the image %.12s is in use by a running pod", id);
		shift_err_hint(err, "stop the pod first");
		return -EBUSY;
	}
	if (force)
		return steal_fd(&fd);
	u.image = path;
	r = for_each(store, "pods", find_pod, &u, err);
	pod = u.pod;
	if (r < 0 || !pod)
		return r < 0 ? r : steal_fd(&fd);
	shift_err_set(err, 0, "the pod %s has changes over the image %.12s", pod, id);
	shift_err_hint(err, "remove the pod, or give --force: without the image its changes are of little use");
	return -EBUSY;
}

static int take_image(struct store *store, const char *id,
		      struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = store_path(store, &path, err, "images/%s", id);

	return r < 0 ? r : store_trash(store, path, err);
}

struct pruning {
	struct strv layers;		/* needed: folder and key */
	struct store_pruned *sum;
};

static int prune_layer(struct store *store, const char *folder,
		       const char *name, void *data, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct pruning *p = data;
	int r;

	for (size_t i = 0; i < p->layers.n; i++)
		if (!strncmp(p->layers.v[i], folder, 6) &&
		    !strcmp(p->layers.v[i] + 7, name))
			return 0;
	r = store_path(store, &path, err, "%s/%s", folder, name);
	if (r >= 0)
		r = store_trash(store, path, err);
	if (r >= 0)
		p->sum->layers++;
	return r;
}

static int prune_chain(struct store *store, const char *name, void *data,
		       struct shift_error *err)
{
	return prune_layer(store, "chains", name, data, err);
}

static int prune_old_layer(struct store *store, const char *name, void *data,
			   struct shift_error *err)
{
	return prune_layer(store, "layers", name, data, err);
}

struct prune_objects {
	const char *dir;
	struct store_pruned *sum;
};

static int prune_object(struct store *store, const char *name, void *data,
			struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct prune_objects *o = data;
	struct stat st;
	int r;

	r = store_path(store, &path, err, "objects/%s/%s", o->dir, name);
	if (r < 0)
		return r;
	/* Others may be pruning too. */
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : shift_err_set(err, errno, "%s", path);
	if (st.st_nlink > 1)
		return 0;
	/* An import that links it just now keeps its file, which is shared no more. */
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot remove %s", path);
	o->sum->objects++;
	o->sum->bytes += (uint64_t)st.st_blocks * 512;
	return 0;
}

static int prune_objects(struct store *store, const char *name, void *data,
			 struct shift_error *err)
{
	struct prune_objects o = { .dir = name, .sum = data };
	_cleanup_free_ char *path = NULL;
	int r;

	r = store_path(store, &path, err, "objects/%s", name);
	if (r >= 0)
		r = for_each(store, path + strlen(store->root) + 1,
			     prune_object, &o, err);
	if (r >= 0)
		rmdir(path);	/* when nothing is left */
	return r;
}

static int prune_lock(struct store *store, const char *name, void *data,
		      struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = store_path(store, &path, err, "locks/%s", name);

	(void)data;
	if (r >= 0)
		unlink(path);
	return r;
}

/* The layers of every image; those without a name go when @images is set. */
static int prune_images(struct store *store, bool images, struct pruning *p,
			struct shift_error *err)
{
	struct store_image *all = NULL;
	size_t n = 0;
	int r = store_list(store, &all, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_close_ int held = images && !all[i].names.n ?
			check_unused(store, all[i].id, false, NULL) : -1;

		if (held >= 0) {
			r = take_image(store, all[i].id, err);
			p->sum->images++;
			continue;
		}
		for (size_t k = 0; r >= 0 && k < all[i].n_layers; k++)
			r = strv_addf(&p->layers, err, "%s/%s",
				      all[i].layers[k].old ? "layers" : "chains",
				      all[i].layers[k].key);
	}
	store_images_free(all, n);
	return r;
}

int store_prune_objects(struct store *store, struct store_pruned *sum,
			struct shift_error *err)
{
	return for_each(store, "objects", prune_objects, sum, err);
}

/* What has to be done while nobody adds to the store: it is quick. */
static int prune_locked(struct store *store, bool images,
			struct store_pruned *ret, struct shift_error *err)
{
	struct pruning p = { .sum = ret };
	int r;

	if ((r = prune_images(store, images, &p, err)) >= 0 &&
	    (r = for_each(store, "chains", prune_chain, &p, err)) >= 0 &&
	    (r = for_each(store, "layers", prune_old_layer, &p, err)) >= 0)
		/* Nobody unpacks while the store is locked. */
		r = for_each(store, "locks", prune_lock, NULL, err);
	strv_clear(&p.layers);
	return r;
}

/* The rest: trees first, as they hold the files. */
static int finish(struct store *store, struct store_pruned *ret,
		  struct shift_error *err)
{
	int r = store_empty_trash(store, err);

	if (r >= 0)
		r = store_sweep(store, err);
	return r < 0 ? r : store_prune_objects(store, ret, err);
}

int store_prune(struct store *store, bool images, struct store_pruned *ret,
		struct shift_error *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = store_lock(store, LOCK_EX, err);
	if (r >= 0)
		r = prune_locked(store, images, ret, err);
	store_unlock(store);
	return r < 0 ? r : finish(store, ret, err);
}

int store_remove(struct store *store, const char *ref, bool force,
		 struct shift_error *err)
{
	struct store_image image = { 0 };
	struct store_pruned pruned = { 0 };
	char id[DIGEST_HEX + 1];
	_cleanup_close_ int held = -1;
	const char *name = NULL;
	bool gone = false;
	int r;

	if ((r = store_lock(store, LOCK_EX, err)) < 0 ||
	    (r = store_resolve(store, ref, id, err)) < 0 ||
	    (r = store_image_read(store, id, &image, err)) < 0)
		goto out;
	for (size_t i = 0; i < image.names.n; i++) {
		const char *n = image.names.v[i];
		size_t len = strlen(ref);

		if (!strcmp(n, ref) || (!name && !strncmp(n, ref, len) &&
					!strcmp(n + len, ":latest")))
			name = n;
	}
	if (name && image.names.n > 1) {
		r = store_unset_name(store, name, err);
		goto out;
	}
	r = held = check_unused(store, id, force, err);
	/* Names first: a name without an image would be a broken promise. */
	for (size_t i = 0; r >= 0 && i < image.names.n; i++)
		r = store_unset_name(store, image.names.v[i], err);
	if (r >= 0)
		r = take_image(store, id, err);
	if (r >= 0)
		r = prune_locked(store, false, &pruned, err);
	gone = r >= 0;
out:
	store_image_clear(&image);
	store_unlock(store);
	return gone ? finish(store, &pruned, err) : r;
}
