/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/regular.h"
#include "cleanup.h"
#include "store/docker_archive.h"
#include "store/layer.h"
#include "store/tree.h"

struct import {
	struct store *store;
	const char *source;		/* as the user wrote it */
	struct layer_limits limits;
	struct progress progress;
	struct store_image image;
	char *name;			/* the source's own, or NULL */
	int root_fd;			/* of the store, to sync */
	char *outer;			/* where an archive of an image is unpacked */
	int outer_fd;
};

/* What the filesystem of the store has room for, a little left free. */
static int find_limits(struct import *m, uint64_t max_size,
		       struct shift_error *err)
{
	struct statvfs fs;

	if (fstatvfs(m->root_fd, &fs) < 0)
		return shift_err_set(err, errno, "%s", m->store->root);
	m->limits.bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 20 * 19;
	if (max_size && max_size < m->limits.bytes)
		m->limits.bytes = max_size;
	/* Filesystems that make inodes as they go say 0. */
	m->limits.entries = fs.f_files ? fs.f_favail / 20 * 19 : 50000000;
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
	if (!f || fprintf(f, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			  sum->bytes, sum->shared, sum->files) < 0 || fflush(f))
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

/* The key of the layer @diff_id over those that there are so far. */
static int chain_of(struct import *m, const char *diff_id,
		    char key[DIGEST_HEX + 1], struct shift_error *err)
{
	const struct store_layer *below = m->image.n_layers ?
		&m->image.layers[m->image.n_layers - 1] : NULL;

	return store_chain(below ? below->key : NULL, diff_id, key, err);
}

static int inherit(struct import *m, const char *tree, struct shift_error *err)
{
	struct strv below = { 0 };
	int r = store_layer_trees(m->store, &m->image, &below, err);

	if (r >= 0)
		r = tree_inherit(tree, &below, err);
	strv_clear(&below);
	return r;
}

/* @fd in @dir/tree, indexed, its files shared with other layers. */
static int build_layer(struct import *m, const char *dir, int fd,
		       const char *path, const char *diff_id,
		       struct store_layer *layer, struct shift_error *err)
{
	_cleanup_free_ char *tree = NULL, *index = NULL, *objects = NULL;
	struct tree_sum sum = { 0 };
	char what[40];
	int r;

	if ((r = strf(&tree, err, "%s/tree", dir)) < 0 ||
	    (r = strf(&index, err, "%s/index", dir)) < 0 ||
	    (r = store_path(m->store, &objects, err, "objects")) < 0)
		return r;
	if (mkdir(tree, 0755) < 0)
		return shift_err_set(err, errno, "cannot make %s", tree);
	r = layer_unpack(tree, fd, path, &m->limits, &m->progress,
			 layer->diff_id, err);
	if (r < 0)
		return r;
	if (diff_id && strcmp(diff_id, layer->diff_id)) {
		shift_err_set(err, 0, "%s: unpacked its sha256 is %s, not the %s that the image's config promises",
			      path, layer->diff_id, diff_id);
		shift_err_hint(err, "the image is damaged or was changed: fetch it again");
		return -EBADMSG;
	}
	r = tree_whiteouts(tree, err);
	if (r >= 0)
		r = inherit(m, tree, err);
	if (r >= 0)
		r = chain_of(m, layer->diff_id, layer->key, err);
	/* An object must not get its name before its bytes are on the disk. */
	if (r >= 0 && syncfs(m->root_fd) < 0)
		r = shift_err_set(err, errno, "cannot sync %s", m->store->root);
	snprintf(what, sizeof(what), "indexing %.12s", layer->diff_id);
	progress_begin(&m->progress, what, 0);
	if (r >= 0)
		r = tree_index(tree, index, objects, &m->progress, &sum, err);
	if (r >= 0)
		r = write_sum(dir, &sum, err);
	if (r >= 0 && syncfs(m->root_fd) < 0)
		r = shift_err_set(err, errno, "cannot sync %s", m->store->root);
	layer->fresh = true;
	return r < 0 ? r : read_sum(dir, layer, err);
}

static int publish_layer(struct import *m, const char *dir,
			 struct store_layer *layer, struct shift_error *err)
{
	_cleanup_free_ char *final = NULL;
	int r;

	r = store_path(m->store, &final, err, "chains/%s", layer->key);
	if (r < 0)
		return r;
	if (rename(dir, final) < 0) {
		if (errno != EEXIST && errno != ENOTEMPTY)
			return shift_err_set(err, errno, "cannot make %s", final);
		/* Another import brought the same. */
		layer->fresh = false;
		remove_tree(dir, NULL);
		return read_sum(final, layer, err);
	}
	return store_sync_parent(final, err);
}

/* 1 when the layer @diff_id is in the store; else *lock keeps others off it. */
static int have_layer(struct import *m, const char *diff_id,
		      struct store_layer *layer, int *lock,
		      struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *dir = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	strcpy(layer->diff_id, diff_id);
	if ((r = chain_of(m, diff_id, layer->key, err)) < 0 ||
	    (r = store_path(m->store, &path, err, "locks/%s", layer->key)) < 0 ||
	    (r = store_path(m->store, &dir, err, "chains/%s", layer->key)) < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
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

/* @blob and @diff_id are what the image promises, or NULL. */
static int add_layer(struct import *m, int fd, const char *path,
		     const char *blob, const char *diff_id,
		     struct shift_error *err)
{
	struct store_layer layer = { 0 }, *v;
	_cleanup_close_ int lock = -1, held = -1;
	_cleanup_free_ char *dir = NULL;
	char what[40];
	struct stat st;
	int r = 0;

	if (diff_id)
		r = have_layer(m, diff_id, &layer, &lock, err);
	if (!r) {
		snprintf(what, sizeof(what), "unpacking layer %zu",
			 m->image.n_layers + 1);
		progress_begin(&m->progress, what,
			       !fstat(fd, &st) && S_ISREG(st.st_mode) ?
			       (uint64_t)st.st_size : 0);
		if (blob)
			r = digest_check_fd(fd, blob, path, err);
		if (r >= 0)
			r = held = store_temp(m->store, &dir, err);
		if (r >= 0)
			r = build_layer(m, dir, fd, path, diff_id, &layer, err);
		if (r >= 0)
			r = publish_layer(m, dir, &layer, err);
		if (r < 0 && dir)
			remove_tree(dir, NULL);
		progress_end(&m->progress);
	}
	if (r < 0)
		return r;
	v = reallocarray(m->image.layers, m->image.n_layers + 1, sizeof(*v));
	if (!v)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	m->image.layers = v;
	v[m->image.n_layers++] = layer;
	return 0;
}

/* What an older runner imported keeps its layers, as pods may lie over them. */
static int check_old(struct import *m, const char *id, struct shift_error *err)
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

static int write_image(struct import *m, const char *config, const char *id,
		       struct shift_error *err)
{
	int r = check_old(m, id, err);

	if (r < 0)
		return r;
	strcpy(m->image.id, id);
	m->image.imported = time(NULL);
	if (str_replace(&m->image.source, m->source, err) < 0)
		return -ENOMEM;
	return store_image_write(m->store, &m->image, config, err);
}

static int check_counts(const struct oci_image *oci, size_t layers,
			const char *path, struct shift_error *err)
{
	if (oci->diff_ids.n == layers)
		return 0;
	return shift_err_set(err, 0, "%s: %zu layers, but its config knows %zu",
			     path, layers, oci->diff_ids.n);
}

static int import_layout(struct import *m, const char *path, const char *name,
			 struct shift_error *err)
{
	struct oci_image oci = { 0 };
	int r = oci_layout_read(&oci, path, name, err);

	if (r >= 0)
		r = check_counts(&oci, oci.layers.n, path, err);
	for (size_t i = 0; r >= 0 && i < oci.layers.n; i++) {
		_cleanup_close_ int fd = -1;
		char blob[DIGEST_HEX + 32];

		snprintf(blob, sizeof(blob), "the layer sha256:%s", oci.layers.v[i]);
		r = fd = oci_layout_open_layer(&oci, i, err);
		if (r >= 0)
			r = add_layer(m, fd, blob, oci.layers.v[i],
				      oci.diff_ids.v[i], err);
	}
	if (r >= 0)
		r = write_image(m, oci.config_text, oci.config, err);
	if (r >= 0 && oci.ref)
		r = str_replace(&m->name, oci.ref, err);
	oci_image_clear(&oci);
	return r;
}

static int import_docker(struct import *m, const char *path, const char *name,
			 struct shift_error *err)
{
	struct docker_archive docker = { 0 };
	int r = docker_archive_read(&docker, path, name, err);

	if (r >= 0)
		r = check_counts(&docker.config, docker.layers.n, m->source, err);
	for (size_t i = 0; r >= 0 && i < docker.layers.n; i++) {
		_cleanup_close_ int fd = -1;

		r = fd = docker_archive_open(path, docker.layers.v[i], err);
		if (r >= 0)
			r = add_layer(m, fd, docker.layers.v[i], NULL,
				      docker.config.diff_ids.v[i], err);
	}
	if (r >= 0)
		r = write_image(m, docker.config.config_text,
				docker.config.config, err);
	if (r >= 0 && docker.name)
		r = str_replace(&m->name, docker.name, err);
	docker_archive_clear(&docker);
	return r;
}

/* An image of the one layer that was added, with a config of ours. */
static int write_plain_image(struct import *m, struct shift_error *err)
{
	_cleanup_free_ char *config = NULL;
	char id[DIGEST_HEX + 1];
	int r;

	r = strf(&config, err,
		 "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
		 oci_architecture(), m->image.layers[0].diff_id);
	if (r >= 0)
		r = digest_buf(config, strlen(config), id, err);
	return r < 0 ? r : write_image(m, config, id, err);
}

static int import_directory(struct import *m, const char *path,
			    struct shift_error *err)
{
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_child_ pid_t pid = -1;
	struct shift_error second = SHIFT_ERROR_INIT;
	int p[2], r, s;

	if (pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	in = p[0];
	out = p[1];
	r = layer_pack_begin(path, out, &pid, err);
	if (r < 0)
		return r;
	close(steal_fd(&out));
	r = add_layer(m, in, path, NULL, NULL, err);
	if (r < 0)
		return r;
	s = layer_pack_end(pid, path, &second);
	pid = -1;
	if (s < 0) {
		r = shift_err_set(err, 0, "%s", shift_err_text(&second));
		shift_err_clear(&second);
		return r;
	}
	return write_plain_image(m, err);
}

static int import_archive(struct import *m, const char *path, const char *name,
			  struct shift_error *err)
{
	_cleanup_close_ int fd = regular_open(AT_FDCWD, path, REGULAR_ANYWHERE,
					      0, err);
	char ignored[DIGEST_HEX + 1];
	enum archive_kind kind;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	r = archive_kind(fd, path, &kind, err);
	if (r < 0)
		return r;
	if (kind == ARCHIVE_ROOTFS) {
		if (name)
			return shift_err_set(err, 0, "%s is the archive of one root filesystem, there is no '%s' in it",
					     path, name);
		r = add_layer(m, fd, path, NULL, NULL, err);
		return r < 0 ? r : write_plain_image(m, err);
	}
	r = m->outer_fd = store_temp(m->store, &m->outer, err);
	if (r < 0)
		return r;
	progress_begin(&m->progress, "reading the archive", (uint64_t)st.st_size);
	r = layer_unpack(m->outer, fd, path, &m->limits, &m->progress, ignored,
			 err);
	progress_end(&m->progress);
	if (r < 0)
		return r;
	/* Paths in a layout are opened as they are: no link may lead out. */
	if (kind == ARCHIVE_DOCKER)
		r = import_docker(m, m->outer, name, err);
	else if ((r = remove_symlinks(m->outer, err)) >= 0)
		r = import_layout(m, m->outer, name, err);
	return r < 0 ? shift_err_prefix(err, "in %s", path) : r;
}

/* "dir/name.tar.gz" and no name of its own: name:latest */
static int default_name(const char *path, const char *own, char **ret,
			struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	char *base, *end;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (own && strpbrk(own, ":/"))
		return str_replace(ret, own, err);
	for (end = copy + strlen(copy); end > copy + 1 && end[-1] == '/'; )
		*--end = '\0';
	base = strrchr(copy, '/');
	base = base ? base + 1 : copy;
	end = strstr(base, ".tar");
	if (!end)
		end = strstr(base, ".tgz");
	if (end && end > base)
		*end = '\0';
	for (char *p = base; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", *p))
			*p = '-';
	while (*base == '-' || *base == '.' || *base == '_')
		base++;
	return strf(ret, err, "%s:%s", *base ? base : "image", own ? own : "latest");
}

static int import_from(struct import *m, struct shift_error *err)
{
	_cleanup_free_ char *path = strdup(m->source);
	char *name = NULL;
	struct stat st;
	int r;

	if (!path)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (stat(path, &st) < 0 && (name = strchr(path, ':')))
		*name++ = '\0';
	if (stat(path, &st) < 0) {
		r = shift_err_set(err, errno, "cannot read %s", path);
		shift_err_hint(err, "give an OCI image layout (skopeo copy docker://IMAGE oci:DIR:NAME), a docker-archive, a tar archive of a root filesystem, or a directory");
		return r;
	}
	if (!S_ISDIR(st.st_mode))
		r = import_archive(m, path, name, err);
	else if (oci_layout_is(path))
		r = import_layout(m, path, name, err);
	else if (name)
		r = shift_err_set(err, 0, "%s is a directory with one root filesystem, there is no '%s' in it",
				  path, name);
	else
		r = import_directory(m, path, err);
	if (r >= 0) {
		_cleanup_free_ char *own = steal_ptr(&m->name);

		r = default_name(path, own, &m->name, err);
	}
	return r;
}

int import_image(struct store *store, const char *source,
		 const struct import_options *options, struct store_image *ret,
		 struct shift_error *err)
{
	struct import m = {
		.store = store, .source = source, .root_fd = -1, .outer_fd = -1,
	};
	const char *name = options->name;
	int r;

	progress_init(&m.progress, false);
	if (options->quiet)
		m.progress.on = false;
	m.root_fd = open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m.root_fd < 0)
		r = shift_err_set(err, errno, "cannot open %s", store->root);
	else if ((r = name && *name ? store_check_name(name, err) : 0) >= 0 &&
		 (r = store_lock(store, LOCK_SH, err)) >= 0 &&
		 (r = store_sweep(store, err)) >= 0 &&
		 (r = find_limits(&m, options->max_size, err)) >= 0)
		r = import_from(&m, err);
	if (!name)
		name = m.name;
	if (r >= 0 && *name)
		r = store_set_name(store, name, m.image.id, err);
	if (m.outer)
		remove_tree(m.outer, NULL);
	if (r >= 0 && *name)
		r = strv_add(&m.image.names, name, err);
	progress_end(&m.progress);
	store_unlock(store);
	if (m.root_fd >= 0)
		close(m.root_fd);
	if (m.outer_fd >= 0)
		close(m.outer_fd);
	free(m.outer);
	free(m.name);
	if (r < 0)
		store_image_clear(&m.image);
	else
		*ret = m.image;
	return r;
}
