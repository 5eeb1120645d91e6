/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/import.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/regular.h"
#include "cleanup.h"
#include "spec/spec.h"
#include "store/build.h"
#include "store/look.h"
#include "store/skopeo.h"

/* How long a FIFO may have nobody who writes into it. */
#define WRITER_SECONDS 10

struct import {
	struct store *store;
	const char *source;		/* as the user wrote it */
	const struct skopeo_access *access;
	struct build build;
	struct strv names;		/* the source's own */
	char *outer;			/* a temporary folder */
	int outer_fd;
};

/* A temporary folder for what is fetched or unpacked on the way. */
static int make_outer(struct import *m, struct shift_error *err)
{
	if (m->outer)
		return 0;
	m->outer_fd = store_temp(m->store, &m->outer, err);
	return m->outer_fd < 0 ? m->outer_fd : 0;
}

/* A folder in it. */
static int make_inner(struct import *m, const char *name, char **ret,
		      struct shift_error *err)
{
	int r = make_outer(m, err);

	if (r >= 0)
		r = strf(ret, err, "%s/%s", m->outer, name);
	if (r >= 0 && mkdir(*ret, 0700) < 0)
		r = shift_err_set(err, errno, "cannot make %s", *ret);
	return r;
}

static int import_layout(struct import *m, const char *path, const char *name,
			 struct shift_error *err)
{
	struct oci_image oci = { 0 };
	int r = oci_layout_read(&oci, path, name, err);

	if (r >= 0 && oci.diff_ids.n != oci.layers.n)
		r = shift_err_set(err, 0, "%s: %zu layers, but its config knows %zu",
				  path, oci.layers.n, oci.diff_ids.n);
	if (r >= 0 && oci.layers.n > SPEC_LAYERS_MAX)
		r = shift_err_set(err, E2BIG, "%s: an image of %zu layers, of which overlayfs takes %d",
				  path, oci.layers.n, SPEC_LAYERS_MAX);
	for (size_t i = 0; r >= 0 && i < oci.layers.n; i++) {
		_cleanup_close_ int fd = -1;
		char blob[DIGEST_HEX + 32];

		snprintf(blob, sizeof(blob), "the layer sha256:%s", oci.layers.v[i]);
		r = fd = oci_layout_open_layer(&oci, i, err);
		if (r < 0)
			break;
		r = build_layer(&m->build, fd, blob, oci.layers.v[i],
				oci.diff_ids.v[i], err);
		if (r < 0)
			shift_err_prefix(err, "the layout %s", path);
		if (r < 0 && *oci.types.v[i] && !strstr(oci.types.v[i], "tar"))
			shift_err_hint(err, "the layer is of the type %.80s: this may be an artifact rather than an image", oci.types.v[i]);
	}
	if (r >= 0 && oci.foreign)
		fprintf(stderr, "runner: %s: this image is for %.80s and may not run here, on linux/%s\n",
			path, oci.foreign, oci_architecture());
	if (r >= 0 && !oci.layers.n)
		r = shift_err_set(err, 0, "%s: an image without layers", path);
	if (r >= 0)
		r = build_publish(&m->build, oci.config_text, oci.config,
				  m->source, err);
	for (size_t i = 0; r >= 0 && i < oci.names.n; i++)
		r = strv_add(&m->names, oci.names.v[i], err);
	oci_image_clear(&oci);
	return r;
}

/* By skopeo, which makes a layout of it. */
static int import_foreign(struct import *m, const char *from, const char *in,
			  int fd, const struct skopeo_access *remote,
			  struct shift_error *err)
{
	_cleanup_free_ char *layout = NULL;
	int r = make_inner(m, "layout", &layout, err);

	progress_begin(&m->build.progress, remote ? "fetching" : "reading the image", 0);
	if (r >= 0)
		r = skopeo_copy(from, layout, in, fd, remote,
				m->build.budget.bytes, err);
	progress_end(&m->build.progress);
	return r < 0 ? r : import_layout(m, layout, NULL, err);
}

/* An image of the one layer that was added, with a config of ours. */
static int publish_plain(struct import *m, struct shift_error *err)
{
	_cleanup_free_ char *config = NULL;
	char id[DIGEST_HEX + 1];
	int r;

	r = strf(&config, err,
		 "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
		 oci_architecture(), m->build.image.layers[0].diff_id);
	if (r >= 0)
		r = digest_buf(config, strlen(config), id, err);
	return r < 0 ? r : build_publish(&m->build, config, id, m->source, err);
}

static int import_tree(struct import *m, const char *path,
		       struct shift_error *err)
{
	_cleanup_close_ int in = -1, out = -1, say = -1;
	_cleanup_child_ pid_t pid = -1;
	char text[4096];
	pid_t packer;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	in = p[0];
	out = p[1];
	r = layer_pack_begin(path, out, &pid, &say, err);
	if (r < 0)
		return r;
	close(steal_fd(&out));
	r = build_layer(&m->build, in, path, NULL, NULL, err);
	if (r < 0)
		return r;
	packer = pid;
	pid = -1;
	r = layer_hear(packer, say, path, text, sizeof(text), err);
	return r < 0 ? r : publish_plain(m, err);
}

static int import_directory(struct import *m, const char *path,
			    const char *name, struct shift_error *err)
{
	enum look_kind kind;
	int r = look_directory(path, &kind, err);

	if (r < 0)
		return r;
	if (kind == LOOK_OCI)
		return import_layout(m, path, name, err);
	if (name)
		return shift_err_set(err, 0, "%s is a directory with one image, there is no '%s' in it",
				     path, name);
	if (kind == LOOK_ROOTFS)
		return import_tree(m, path, err);
	return import_foreign(m, "dir:/in", path, -1, NULL, err);
}

static json_object *tags_of(json_object *image)
{
	json_object *v = NULL;

	return json_object_is_type(image, json_type_object) &&
	       json_object_object_get_ex(image, "RepoTags", &v) &&
	       json_object_is_type(v, json_type_array) ? v : NULL;
}

static const char *tag_at(json_object *tags, size_t i)
{
	json_object *v = json_object_array_get_idx(tags, i);

	return json_object_is_type(v, json_type_string) ?
	       json_object_get_string(v) : "";
}

/* "name" is "name:latest", and podman writes where it came from before it. */
static bool is_called(const char *tag, const char *name)
{
	static const char *const before[] = {
		"", "localhost/", "docker.io/", "docker.io/library/",
	};

	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		size_t n = strlen(before[i]), len = strlen(name);

		if (!strncmp(tag, before[i], n) && !strncmp(tag + n, name, len) &&
		    (!tag[n + len] || !strcmp(tag + n + len, ":latest")))
			return true;
	}
	return false;
}

/* The number of the image called @name, or of the only one; adds its names. */
static int choose_docker(struct import *m, json_object *all, const char *name,
			 struct shift_error *err)
{
	size_t n = json_object_array_length(all), found = n;
	_cleanup_free_ char *list = NULL;
	json_object *tags;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		tags = tags_of(json_object_array_get_idx(all, i));
		for (size_t k = 0; tags && k < json_object_array_length(tags); k++) {
			_cleanup_free_ char *was = list;

			list = NULL;
			if (name && is_called(tag_at(tags, k), name))
				found = i;
			r = strf(&list, err, "%s%s%s", was ?: "", was ? ", " : "",
				 tag_at(tags, k));
			if (r < 0)
				return r;
		}
	}
	if (!name && n == 1)
		found = 0;
	if (found == n) {
		if (name)
			shift_err_set(err, 0, "no image is called %s", name);
		else
			shift_err_set(err, 0, "there are %zu images", n);
		if (list)
			shift_err_hint(err, "name one of them after a colon: %s", list);
		return -ENOENT;
	}
	tags = tags_of(json_object_array_get_idx(all, found));
	for (size_t k = 0; tags && k < json_object_array_length(tags); k++)
		if ((r = strv_add(&m->names, tag_at(tags, k), err)) < 0)
			return r;
	return (int)found;
}

/* The archive @fd uncompressed, in a file; the descriptor is the caller's. */
static int uncompressed(struct import *m, int fd, const char *path,
			struct shift_error *err)
{
	_cleanup_close_ int in = -1, out = -1, file = -1;
	_cleanup_free_ char *name = NULL;
	char text[4096];
	pid_t pid;
	int p[2], r = make_outer(m, err);

	if (r >= 0)
		r = strf(&name, err, "%s/archive", m->outer);
	if (r < 0)
		return r;
	file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0 || pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make %s", name);
	in = p[0];
	out = p[1];
	pid = layer_inflate(fd, file, out, m->store->root, m->build.budget.bytes, err);
	if (pid < 0)
		return pid;
	close(steal_fd(&out));
	r = layer_hear(pid, in, path, text, sizeof(text), err);
	return r < 0 ? r : steal_fd(&file);
}

static int import_docker(struct import *m, int given, const char *path,
			 const struct look *look, const char *name,
			 struct shift_error *err)
{
	_cleanup_close_ int plain = -1;
	int fd = given;
	_cleanup_free_ char *from = NULL;
	json_object *all = json_tokener_parse(look->manifest);
	int r;

	if (!json_object_is_type(all, json_type_array))
		r = shift_err_set(err, 0, "manifest.json is no list of images");
	else
		r = choose_docker(m, all, name, err);
	json_object_put(all);
	/* skopeo takes compressed ones not in all its versions. */
	if (r >= 0 && look->compressed) {
		int image = r;

		r = fd = plain = uncompressed(m, given, path, err);
		r = r < 0 ? r : image;
	}
	if (r >= 0)
		r = strf(&from, err, "docker-archive:/proc/self/fd/3:@%d", r);
	return r < 0 ? r : import_foreign(m, from, NULL, fd, NULL, err);
}

/* An OCI image layout in an archive: skopeo knows one name of those in it. */
static int import_oci_archive(struct import *m, int fd, const char *path,
			      const char *name, struct shift_error *err)
{
	const struct layer_source source = {
		.fd = fd, .path = path, .userns = m->build.userns,
	};
	_cleanup_free_ char *layout = NULL;
	char ignored[DIGEST_HEX + 1];
	struct layer_budget budget = m->build.budget;
	struct stat st;
	int r = make_inner(m, "layout", &layout, err);

	if (r < 0)
		return r;
	progress_begin(&m->build.progress, "reading the archive",
		       fstat(fd, &st) ? 0 : (uint64_t)st.st_size);
	r = layer_unpack(layout, &source, -1, &budget, &m->build.progress,
			 ignored, err);
	progress_end(&m->build.progress);
	return r < 0 ? r : import_layout(m, layout, name, err);
}

/* The file @fd, which can be read from its start as often as it takes. */
static int import_file(struct import *m, int fd, const char *path,
		       const char *name, struct shift_error *err)
{
	struct look look = { 0 };
	int r = look_archive(fd, path, m->store->root, &look, err);

	if (r < 0)
		return r;
	switch (look.kind) {
	case LOOK_DOCKER:
		r = import_docker(m, fd, path, &look, name, err);
		break;
	case LOOK_OCI:
		r = import_oci_archive(m, fd, path, name, err);
		break;
	default:
		if (name) {
			r = shift_err_set(err, 0, "it is the archive of one root filesystem, there is no '%s' in it",
					  name);
			break;
		}
		r = build_layer(&m->build, fd, path, NULL, NULL, err);
		if (r >= 0)
			r = publish_plain(m, err);
	}
	free(look.manifest);
	return r < 0 ? shift_err_prefix(err, "in %s", path) : r;
}

static int copy_pipe(int in, int out, uint64_t max, const char *path,
		     struct shift_error *err)
{
	const size_t room = 1 << 17;
	_cleanup_free_ char *buf = malloc(room);
	struct pollfd p = { .fd = in, .events = POLLIN };
	uint64_t total = 0;
	ssize_t n, w;

	if (!buf)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (;;) {
		/* Nobody has opened a FIFO yet: then it has no end either. */
		int ready = poll(&p, 1, total ? -1 : WRITER_SECONDS * 1000);

		if (ready < 0 && errno == EINTR)
			continue;
		if (!ready)
			return shift_err_set(err, 0, "nothing came from %s for %d seconds",
					     path, WRITER_SECONDS);
		n = read(in, buf, room);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "cannot read %s", path);
		if (!n)
			return 0;
		total += (uint64_t)n;
		if (total > max)
			return layer_too_large(path, err);
		for (ssize_t at = 0; at < n; at += w) {
			w = write(out, buf + at, (size_t)(n - at));
			if (w <= 0)
				return shift_err_set(err, w ? errno : EIO,
						     "cannot store what came from %s", path);
		}
	}
}

/* A pipe is read once and looked at several times: so it becomes a file. */
static int import_pipe(struct import *m, int in, const char *path,
		       const char *name, struct shift_error *err)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int out = -1;
	int r = make_outer(m, err);

	if (r >= 0)
		r = strf(&file, err, "%s/pipe", m->outer);
	if (r < 0)
		return r;
	out = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return shift_err_set(err, errno, "cannot make %s", file);
	r = copy_pipe(in, out, m->build.budget.bytes, path, err);
	if (r >= 0 && lseek(out, 0, SEEK_SET) < 0)
		r = shift_err_set(err, errno, "cannot read %s", file);
	return r < 0 ? r : import_file(m, out, path, name, err);
}

/* "-" has @fd, the standard input. */
static int import_stream(struct import *m, const char *path, int fd,
			 const char *name, struct shift_error *err)
{
	_cleanup_close_ int own = -1;
	struct stat st;

	if (fd < 0) {
		do {
			own = fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		} while (fd < 0 && errno == EAGAIN && regular_lease_wait());
		if (fd < 0)
			return regular_failed(errno, path, err);
	}
	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	if (S_ISREG(st.st_mode))
		return import_file(m, fd, path, name, err);
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return shift_err_set(err, 0, "%s is neither a file, a directory nor a pipe", path);
	return import_pipe(m, fd, path, name, err);
}

/* "dir/name.tar.gz" and no name of its own, @own: name:latest */
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

static int no_source(const char *path, struct shift_error *err)
{
	int r = shift_err_set(err, errno, "cannot read %s", path);

	shift_err_hint(err, "give an OCI image layout, an archive of docker save or podman save, a tar archive of a root filesystem, a directory, - for a pipe, or what skopeo fetches: docker://IMAGE");
	return r;
}

/* "TRANSPORT:REST", of which this takes care of local ones by itself. */
static const char *without_transport(const char *source)
{
	static const char *const local[] = {
		"oci:", "oci-archive:", "docker-archive:", "dir:",
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (!strncmp(source, local[i], strlen(local[i])) &&
		    access(source, F_OK) < 0)
			return source + strlen(local[i]);
	return source;
}

static bool is_remote(const char *source)
{
	return !strncmp(source, "docker://", 9) ||
	       !strncmp(source, "docker-daemon:", 14) ||
	       !strncmp(source, "containers-storage:", 19);
}

/* Indexes in each other, behind which a registry may keep an image. */
#define INDEXES_MAX 4

/* Splits docker://NAME[:TAG][@DIGEST]: @name has neither, @digest is NULL for none. */
static int split_reference(const char *source, char **name, const char **digest,
			   struct shift_error *err)
{
	const char *last = strrchr(source, '/');
	const char *at = strchr(last, '@'), *tag = strchr(last, ':');
	const char *end = !at || (tag && tag < at) ? tag : at;

	*digest = at ? at + 1 : NULL;
	return strf(name, err, "%.*s", end ? (int)(end - source) : (int)strlen(source),
		    source);
}

/*
 * Of an image for several machines skopeo takes what the architecture alone says,
 * never amd64's v3.  So the index is read here; what is in it has a digest, which
 * skopeo compares.  *@ret is what is to be fetched, *@known what the store calls it.
 */
static int choose_remote(struct import *m, char **ret, char **known,
			 struct shift_error *err)
{
	_cleanup_free_ char *name = NULL, *from = NULL, *dir = NULL;
	const char *digest;
	char hex[DIGEST_HEX + 1];
	int r = split_reference(m->source, &name, &digest, err);

	/* A tag beside a digest says nothing. */
	if (r >= 0)
		r = digest ? strf(&from, err, "%s@%s", name, digest) :
			     strf(&from, err, "%s", m->source);
	if (r >= 0)
		r = strf(known, err, "%s", from + strlen("docker://"));
	if (r >= 0 && digest)
		r = digest_parse(digest, hex, m->source, err);
	if (r >= 0)
		r = make_inner(m, "index", &dir, err);
	for (int i = 0; r >= 0; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if ((r = skopeo_manifest(from, m->access, dir, &text, &len, err)) < 0 ||
		    (digest && (r = digest_check_buf(text, len, hex, from, err)) < 0) ||
		    (r = oci_index_choose(text, len, m->source, hex, err)) <= 0)
			break;
		if (i == INDEXES_MAX)
			return shift_err_set(err, 0, "%s: too many indexes within indexes",
					     m->source);
		digest = hex;
		free(steal_ptr(&from));
		r = strf(&from, err, "%s@sha256:%s", name, hex);
	}
	if (r >= 0)
		*ret = steal_ptr(&from);
	return r;
}

/* What comes from elsewhere by skopeo; the names lack what comes before NAME's own words. */
static int import_remote(struct import *m, struct shift_error *err)
{
	_cleanup_free_ char *from = NULL, *known = NULL;
	const char *last;
	int r;

	if (!strncmp(m->source, "docker://", 9)) {
		r = choose_remote(m, &from, &known, err);
	} else {
		const char *name = strchr(m->source, ':') + 1;

		r = strf(&from, err, "%s", m->source);
		if (r >= 0)
			r = strf(&known, err, "%s", name + strspn(name, "/"));
	}
	if (r >= 0)
		r = import_foreign(m, from, NULL, -1, m->access, err);
	if (r < 0)
		return r;
	last = strrchr(known, '/');
	return strv_addf(&m->names, err, "%s%s", known,
			 strpbrk(last ? last : known, ":@") ? "" : ":latest");
}

static int import_path(struct import *m, char *path, struct shift_error *err)
{
	char *name = look_split_name(path);
	struct stat st;

	if (stat(path, &st) < 0)
		return no_source(path, err);
	if (S_ISDIR(st.st_mode))
		return import_directory(m, path, name && *name ? name : NULL, err);
	if (S_ISFIFO(st.st_mode) || !S_ISREG(st.st_mode))
		return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ?
		       import_stream(m, path, -1, name, err) :
		       shift_err_set(err, 0, "%s is neither a file, a directory nor a pipe", path);
	{
		_cleanup_close_ int fd = regular_open(AT_FDCWD, path,
						      REGULAR_ANYWHERE, 0, err);

		return fd < 0 ? fd : import_file(m, fd, path, name && *name ? name : NULL, err);
	}
}

static int import_from(struct import *m, struct shift_error *err)
{
	_cleanup_free_ char *path = strdup(without_transport(m->source));
	struct strv own = m->names;
	int r;

	if (!path)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (is_remote(m->source))
		return import_remote(m, err);
	if (!strcmp(path, "-"))
		r = import_stream(m, "the standard input", STDIN_FILENO, NULL, err);
	else
		r = import_path(m, path, err);
	if (r < 0)
		return r;
	own = m->names;
	memset(&m->names, 0, sizeof(m->names));
	for (size_t i = 0; r >= 0 && i < (own.n ?: 1); i++) {
		_cleanup_free_ char *name = NULL;

		r = default_name(strcmp(path, "-") ? path : "image",
				 own.n ? own.v[i] : NULL, &name, err);
		if (r >= 0)
			r = strv_add(&m->names, name, err);
	}
	strv_clear(&own);
	return r;
}

/* @given: the user's, "" for none, or NULL for the source's own. */
static int set_names(struct import *m, const char *given, struct shift_error *err)
{
	int r = 0;

	if (given) {
		strv_clear(&m->names);
		if (*given)
			r = strv_add(&m->names, given, err);
	}
	for (size_t i = 0; r >= 0 && i < m->names.n; i++) {
		r = store_set_name(m->store, m->names.v[i], m->build.image.id, err);
		if (r >= 0)
			r = strv_add(&m->build.image.names, m->names.v[i], err);
	}
	return r;
}

int import_image(struct store *store, const char *source,
		 const struct import_options *options, struct store_image *ret,
		 struct shift_error *err)
{
	struct import m = {
		.store = store, .source = source, .access = &options->access,
		.outer_fd = -1,
	};
	const char *name = options->name;
	int r;

	progress_init(&m.build.progress, false);
	if (options->quiet)
		m.build.progress.on = false;
	if ((r = name && *name ? store_check_name(name, err) : 0) >= 0 &&
	    (r = store_sweep(store, err)) >= 0 &&
	    (r = store_lock(store, LOCK_SH, err)) >= 0 &&
	    (r = build_begin(&m.build, store, options->max_size, err)) >= 0)
		r = import_from(&m, err);
	if (r >= 0)
		r = set_names(&m, name, err);
	progress_end(&m.build.progress);
	/* Removing takes time: nobody is to wait for it. */
	store_unlock(store);
	build_end(&m.build);
	if (m.outer)
		remove_tree(m.outer, NULL);
	shift_cleanup_close(&m.outer_fd);
	free(m.outer);
	strv_clear(&m.names);
	if (r < 0)
		store_image_clear(&m.build.image);
	else
		*ret = m.build.image;
	return r;
}
