/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"
#include "cleanup.h"

#define RECORD_MAX (4u << 20)

static void put_json(json_object **o)
{
	json_object_put(*o);
}

#define _cleanup_json_ __attribute__((cleanup(put_json)))

int store_path(const struct store *store, char **ret, struct shift_error *err,
	       const char *fmt, ...)
{
	_cleanup_free_ char *tail = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&tail, fmt, ap);
	va_end(ap);
	if (n < 0) {
		tail = NULL;
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	}
	return strf(ret, err, "%s/%s", store->root, tail);
}

int store_chain(const char *below, const char *diff_id,
		char chain[DIGEST_HEX + 1], struct shift_error *err)
{
	char text[2 * (DIGEST_HEX + 8)];

	if (!below) {
		strcpy(chain, diff_id);
		return 0;
	}
	snprintf(text, sizeof(text), "sha256:%s sha256:%s", below, diff_id);
	return digest_buf(text, strlen(text), chain, err);
}

int store_layer_path(const struct store *store, const struct store_layer *layer,
		     const char *name, char **ret, struct shift_error *err)
{
	return store_path(store, ret, err, "%s/%s/%s",
			  layer->old ? "layers" : "chains", layer->key, name);
}

int store_layer_trees(const struct store *store,
		      const struct store_image *image, struct strv *ret,
		      struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < image->n_layers; i++) {
		_cleanup_free_ char *tree = NULL;

		r = store_layer_path(store, &image->layers[i], "tree", &tree, err);
		if (r >= 0)
			r = strv_add(ret, tree, err);
	}
	return r;
}

static int open_folder(const struct store *store, const char *name, DIR **ret,
		       struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = store_path(store, &path, err, "%s", name);

	if (r < 0)
		return r;
	*ret = opendir(path);
	return *ret ? 0 : shift_err_set(err, errno, "cannot read %s", path);
}

int store_open(struct store *store, const char *root, struct shift_error *err)
{
	static const char *const dirs[] = {
		"images", "names", "chains", "objects", "locks", "tmp",
	};
	int r;

	store->lock_fd = store->trash_fd = -1;
	root = root ?: place_root();
	r = mkdir_parents(root, 0700, err);
	if (r < 0)
		return r;
	store->root = realpath(root, NULL);
	/* Set-uid files of images are in there. */
	if (!store->root || chmod(store->root, 0700) < 0)
		return shift_err_set(err, errno, "cannot close %s to others", root);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		_cleanup_free_ char *path = NULL;

		r = store_path(store, &path, err, "%s", dirs[i]);
		if (r < 0)
			return r;
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return shift_err_set(err, errno, "cannot make %s", path);
	}
	return 0;
}

void store_close(struct store *store)
{
	store_unlock(store);
	store_empty_trash(store, NULL);
	free(store->root);
	store->root = NULL;
}

int store_lock(struct store *store, int operation, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	r = store_path(store, &path, err, "store.lock");
	if (r < 0)
		return r;
	/* A second descriptor would wait for the first one. */
	fd = store->lock_fd >= 0 ? steal_fd(&store->lock_fd) :
	     open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	if (flock(fd, operation | LOCK_NB) < 0) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "runner: waiting for another runner that works on %s\n",
				store->root);
		while (flock(fd, operation) < 0)
			if (errno != EINTR)
				return shift_err_set(err, errno, "cannot lock %s",
						     path);
	}
	store->lock_fd = steal_fd(&fd);
	return 0;
}

void store_unlock(struct store *store)
{
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	store->lock_fd = -1;
}

int store_sync_parent(const char *path, struct shift_error *err)
{
	_cleanup_free_ char *dir = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!dir)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	*strrchr(dir, '/') = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return shift_err_set(err, errno, "cannot sync %s", dir);
	return 0;
}

static int write_synced(const char *path, const char *text, size_t len,
			struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL |
					    O_CLOEXEC, 0600);

	if (fd < 0)
		return shift_err_set(err, errno, "cannot make %s", path);
	if (write_whole(fd, text, len) < 0 || fsync(fd) < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

int store_check_name(const char *name, struct shift_error *err)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:/@";
	size_t len = strlen(name);

	if (len && len < 200 && strchr(letters, name[0]) &&
	    strspn(name, more) == len && name[len - 1] != '/' &&
	    strspn(name, "0123456789abcdef") != DIGEST_HEX)
		return 0;
	return shift_err_set(err, 0,
			     "'%s' is no name for an image: it has letters, digits, '_', '.', '-', ':', '/' or '@', begins with a letter or digit, and is no digest",
			     name);
}

static int name_path(const struct store *store, const char *name, char **ret,
		     struct shift_error *err)
{
	int r = store_path(store, ret, err, "names/%s", name);

	if (r >= 0)
		for (char *p = *ret + strlen(*ret) - strlen(name); *p; p++)
			if (*p == '/')
				*p = '%';
	return r;
}

int store_set_name(const struct store *store, const char *name, const char *id,
		   struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *tmp = NULL, *new = NULL;
	_cleanup_close_ int held = -1;
	int r;

	if ((r = store_check_name(name, err)) < 0 ||
	    (r = name_path(store, name, &path, err)) < 0 ||
	    (r = held = store_temp(store, &tmp, err)) < 0 ||
	    (r = strf(&new, err, "%s/name", tmp)) < 0)
		return r;
	r = write_synced(new, id, strlen(id), err);
	if (r >= 0 && rename(new, path) < 0)
		r = shift_err_set(err, errno, "cannot make %s", path);
	remove_tree(tmp, NULL);
	return r < 0 ? r : store_sync_parent(path, err);
}

int store_unset_name(const struct store *store, const char *name,
		     struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = name_path(store, name, &path, err);

	if (r >= 0 && unlink(path) < 0)
		r = shift_err_set(err, errno, "cannot remove %s", path);
	return r < 0 ? r : store_sync_parent(path, err);
}

static bool is_id(const char *text)
{
	return strlen(text) == DIGEST_HEX &&
	       strspn(text, "0123456789abcdef") == DIGEST_HEX;
}

/* 1 when @name is there. */
static int read_name(const struct store *store, const char *name,
		     char id[DIGEST_HEX + 1], struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r;

	if (store_check_name(name, NULL) < 0)
		return 0;
	r = name_path(store, name, &path, err);
	if (r < 0)
		return r;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = read_file(path, 4096, &text, NULL, err);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (!is_id(text))
		return shift_err_set(err, 0, "%s does not hold the id of an image",
				     path);
	strcpy(id, text);
	return 1;
}

/* 1 when exactly one image begins with @ref. */
static int by_prefix(const struct store *store, const char *ref,
		     char id[DIGEST_HEX + 1], struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	size_t len = strlen(ref);
	struct dirent *e;
	int r, found = 0;

	if (len < 6 || strspn(ref, "0123456789abcdef") != len)
		return 0;
	r = open_folder(store, "images", &dir, err);
	if (r < 0)
		return r;
	while ((e = readdir(dir))) {
		if (!is_id(e->d_name) || strncmp(e->d_name, ref, len))
			continue;
		if (found++)
			return shift_err_set(err, ENOTUNIQ, "several images begin with %s",
					     ref);
		strcpy(id, e->d_name);
	}
	return found;
}

int store_resolve(const struct store *store, const char *ref,
		  char id[DIGEST_HEX + 1], struct shift_error *err)
{
	_cleanup_free_ char *latest = NULL, *path = NULL;
	int r;

	r = read_name(store, ref, id, err);
	if (!r && !strchr(ref, ':')) {
		r = strf(&latest, err, "%s:latest", ref);
		if (r >= 0)
			r = read_name(store, latest, id, err);
	}
	if (!r)
		r = by_prefix(store, ref, id, err);
	if (r < 0)
		return r;
	if (r > 0) {
		r = store_path(store, &path, err, "images/%s/record", id);
		if (r < 0 || !access(path, F_OK))
			return r;
	}
	shift_err_set(err, 0, "there is no image '%s' in %s", ref, store->root);
	shift_err_hint(err, "runner image ls lists what is there, runner image import adds to it");
	return -ENOENT;
}

static const char *get_string(json_object *o, const char *key)
{
	json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static int64_t get_number(json_object *o, const char *key)
{
	json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_int))
		return 0;
	return json_object_get_int64(v);
}

static int read_record(json_object *o, const char *path,
		       struct store_image *image, struct shift_error *err)
{
	json_object *layers = NULL;
	size_t n;
	int r;

	if (!json_object_object_get_ex(o, "layers", &layers) ||
	    !json_object_is_type(layers, json_type_array))
		return shift_err_set(err, 0, "%s: layers are missing", path);
	n = json_object_array_length(layers);
	image->layers = calloc(n ? n : 1, sizeof(*image->layers));
	if (!image->layers)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; i < n; i++) {
		json_object *l = json_object_array_get_idx(layers, i);
		struct store_layer *to = &image->layers[i];
		const char *diff_id, *index, *key;

		if (!json_object_is_type(l, json_type_object) ||
		    !(diff_id = get_string(l, "diffID")) || !is_id(diff_id) ||
		    !(index = get_string(l, "index")) || !is_id(index) ||
		    !((key = get_string(l, "chain")) ||
		      (key = get_string(l, "key"))) || !is_id(key))
			return shift_err_set(err, 0, "%s: layer %zu is damaged",
					     path, i);
		strcpy(to->diff_id, diff_id);
		strcpy(to->index, index);
		strcpy(to->key, key);
		to->old = !get_string(l, "chain");
		to->bytes = (uint64_t)get_number(l, "bytes");
		to->shared = (uint64_t)get_number(l, "shared");
		image->n_layers++;
	}
	image->imported = (time_t)get_number(o, "imported");
	r = str_replace(&image->source, get_string(o, "source"), err);
	return r;
}

/* Names of @id, or of every image that has one of the @n in @images. */
static int read_names(const struct store *store, struct store_image *images,
		      size_t n, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	char id[DIGEST_HEX + 1];
	struct dirent *e;
	int r;

	r = open_folder(store, "names", &dir, err);
	if (r < 0)
		return r;
	while (r >= 0 && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		for (char *p = e->d_name; *p; p++)
			if (*p == '%')
				*p = '/';
		r = read_name(store, e->d_name, id, err);
		for (size_t i = 0; r > 0 && i < n; i++)
			if (!strcmp(images[i].id, id))
				r = strv_add(&images[i].names, e->d_name, err) < 0 ?
				    -ENOMEM : 1;
	}
	return r < 0 ? r : 0;
}

static int read_image(const struct store *store, const char *id,
		      struct store_image *image, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_json_ json_object *o = NULL;
	int r;

	memset(image, 0, sizeof(*image));
	strcpy(image->id, id);
	if ((r = store_path(store, &path, err, "images/%s/record", id)) < 0 ||
	    (r = read_file(path, RECORD_MAX, &text, NULL, err)) < 0)
		return r;
	o = json_tokener_parse(text);
	if (!json_object_is_type(o, json_type_object))
		return shift_err_set(err, 0, "%s is damaged: not a JSON object",
				     path);
	return read_record(o, path, image, err);
}

int store_image_read(const struct store *store, const char *id,
		     struct store_image *image, struct shift_error *err)
{
	int r = read_image(store, id, image, err);

	return r < 0 ? r : read_names(store, image, 1, err);
}

void store_image_clear(struct store_image *image)
{
	strv_clear(&image->names);
	free(image->layers);
	free(image->source);
	memset(image, 0, sizeof(*image));
}

void store_images_free(struct store_image *images, size_t n)
{
	for (size_t i = 0; i < n; i++)
		store_image_clear(&images[i]);
	free(images);
}

static int by_time(const void *a, const void *b)
{
	const struct store_image *x = a, *y = b;

	return x->imported != y->imported ?
	       (x->imported < y->imported ? -1 : 1) : strcmp(x->id, y->id);
}

int store_list(const struct store *store, struct store_image **ret, size_t *n,
	       struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct store_image *images = NULL;
	struct dirent *e;
	size_t count = 0;
	int r;

	r = open_folder(store, "images", &dir, err);
	if (r < 0)
		return r;
	while (r >= 0 && (e = readdir(dir))) {
		struct store_image *more;

		if (!is_id(e->d_name))
			continue;
		more = reallocarray(images, count + 1, sizeof(*images));
		if (!more) {
			r = shift_err_set(err, ENOMEM, "cannot allocate memory");
			break;
		}
		images = more;
		r = read_image(store, e->d_name, &images[count++], err);
	}
	if (r >= 0)
		r = read_names(store, images, count, err);
	if (r < 0) {
		store_images_free(images, count);
		return r;
	}
	if (count)
		qsort(images, count, sizeof(*images), by_time);
	*ret = images;
	*n = count;
	return 0;
}

int store_config(const struct store *store, const char *id,
		 struct oci_image *ret, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len;
	int r;

	if ((r = store_path(store, &path, err, "images/%s/config", id)) < 0 ||
	    (r = read_file(path, RECORD_MAX, &text, &len, err)) < 0 ||
	    (r = digest_check_buf(text, len, id, path, err)) < 0 ||
	    (r = str_replace(&ret->path, path, err)) < 0)
		return r;
	return oci_config_parse(ret, text, len, path, err);
}

static json_object *record_of(const struct store_image *image)
{
	json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array();

	json_object_object_add(o, "source",
			       json_object_new_string(image->source));
	json_object_object_add(o, "imported",
			       json_object_new_int64(image->imported));
	for (size_t i = 0; i < image->n_layers; i++) {
		const struct store_layer *l = &image->layers[i];
		json_object *one = json_object_new_object();

		json_object_object_add(one, "diffID", json_object_new_string(l->diff_id));
		json_object_object_add(one, "chain", json_object_new_string(l->key));
		json_object_object_add(one, "index", json_object_new_string(l->index));
		json_object_object_add(one, "bytes", json_object_new_int64((int64_t)l->bytes));
		json_object_object_add(one, "shared", json_object_new_int64((int64_t)l->shared));
		json_object_array_add(layers, one);
	}
	json_object_object_add(o, "layers", layers);
	return o;
}

int store_image_write(const struct store *store,
		      const struct store_image *image, const char *text,
		      struct shift_error *err)
{
	_cleanup_json_ json_object *record = record_of(image);
	const char *json = json_object_to_json_string_ext(record, JSON_C_TO_STRING_PRETTY);
	_cleanup_free_ char *tmp = NULL, *config = NULL, *rec = NULL, *final = NULL;
	_cleanup_close_ int held = -1;
	int r;

	r = held = store_temp(store, &tmp, err);
	if (r < 0)
		return r;
	if ((r = strf(&config, err, "%s/config", tmp)) >= 0 &&
	    (r = strf(&rec, err, "%s/record", tmp)) >= 0 &&
	    (r = store_path(store, &final, err, "images/%s", image->id)) >= 0 &&
	    (r = write_synced(config, text, strlen(text), err)) >= 0 &&
	    (r = write_synced(rec, json, strlen(json), err)) >= 0 &&
	    (r = store_sync_parent(config, err)) >= 0 &&
	    rename(tmp, final) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY)
			r = 0;
		else
			r = shift_err_set(err, errno, "cannot make %s", final);
		remove_tree(tmp, NULL);
		return r;
	}
	if (r < 0)
		remove_tree(tmp, NULL);
	return r < 0 ? r : store_sync_parent(final, err);
}

int store_hold(const struct store *store, const char *id,
	       struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st, now;
	int r;

	r = store_path(store, &path, err, "images/%s", id);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH) < 0 || fstat(fd, &st) < 0 ||
	    stat(path, &now) < 0)
		return shift_err_set(err, errno, "cannot use the image %s", path);
	/* Removed between the two? */
	if (st.st_ino != now.st_ino)
		return shift_err_set(err, ENOENT, "cannot use the image %s", path);
	return steal_fd(&fd);
}
