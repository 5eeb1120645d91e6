/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/oci_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/regular.h"
#include "cleanup.h"
#include "store/platform.h"

/* Documents of images have a few kilobytes; this is generous. */
#define DOCUMENT_MAX (4u << 20)

#define BLOB_NAME (DIGEST_HEX + 16)

/* Indexes that a search reads; registries have two or three in each other. */
#define DOCUMENTS_MAX 64

#define TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define CONTAINERD_NAME "io.containerd.image.name"
#define REF_NAME "org.opencontainers.image.ref.name"

static void put_json(json_object **o)
{
	json_object_put(*o);
}

#define _cleanup_json_ __attribute__((cleanup(put_json)))

bool oci_layout_is(const char *path)
{
	static const char *const files[] = { "oci-layout", "index.json" };

	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *p = NULL;

		if (strf(&p, NULL, "%s/%s", path, files[i]) < 0 ||
		    access(p, F_OK) < 0)
			return false;
	}
	return true;
}

/* A name in the layout @dir, which others filled. */
static int open_layout(const char *dir, struct shift_error *err)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : shift_err_set(err, errno, "cannot open %s", dir);
}

static int read_member(const struct oci_image *image, const char *name,
		       char **text, size_t *len, struct shift_error *err)
{
	_cleanup_close_ int dir = open_layout(image->path, err);

	return dir < 0 ? dir : regular_read(dir, name, REGULAR_BENEATH,
					    DOCUMENT_MAX, text, len, err);
}

static void blob_name(char name[BLOB_NAME], const char *hex)
{
	snprintf(name, BLOB_NAME, "blobs/sha256/%s", hex);
}

int oci_layout_open_layer(const struct oci_image *image, size_t i,
			  struct shift_error *err)
{
	_cleanup_close_ int dir = open_layout(image->path, err), fd = -1;
	int64_t size = image->sizes[i];
	char name[BLOB_NAME];
	struct stat st;

	if (dir < 0)
		return dir;
	blob_name(name, image->layers.v[i]);
	fd = regular_open(dir, name, REGULAR_BENEATH, 0, err);
	if (fd < 0)
		return shift_err_prefix(err, "the layout %s", image->path);
	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot read %s", name);
	if (size >= 0 && st.st_size != size)
		return shift_err_set(err, 0, "the layout %s: %s has %lld bytes, not the %lld that the manifest promises",
				     image->path, name, (long long)st.st_size,
				     (long long)size);
	return steal_fd(&fd);
}

static int parse_object(const char *text, size_t len, const char *where,
			json_object **ret, struct shift_error *err)
{
	_cleanup_json_ json_object *o = NULL;
	struct json_tokener *tok = json_tokener_new();
	enum json_tokener_error e;

	if (!tok)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	/* With the NUL, so that a number at the very end is not "to be continued". */
	o = json_tokener_parse_ex(tok, text, (int)len + 1);
	e = json_tokener_get_error(tok);
	json_tokener_free(tok);
	if (e != json_tokener_success)
		return shift_err_set(err, 0, "%s is not JSON: %s", where,
				     json_tokener_error_desc(e));
	if (!json_object_is_type(o, json_type_object))
		return shift_err_set(err, 0, "%s: not a JSON object", where);
	*ret = o;
	o = NULL;
	return 0;
}

/* The document @name of the layout, compared with @hex unless that is NULL. */
static int read_document(const struct oci_image *image, const char *name,
			 const char *hex, json_object **ret,
			 struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = read_member(image, name, &text, &len, err);
	if (r >= 0 && hex)
		r = digest_check_buf(text, len, hex, name, err);
	return r < 0 ? r : parse_object(text, len, name, ret, err);
}

/* NULL when there is no member or it is not a string. */
static const char *get_string(json_object *o, const char *key)
{
	json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_string) ||
	    strlen(json_object_get_string(v)) !=
		    (size_t)json_object_get_string_len(v))
		return NULL;
	return json_object_get_string(v);
}

static json_object *get(json_object *o, const char *key, enum json_type type)
{
	json_object *v = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, type))
		return NULL;
	return v;
}

static int get_strings(json_object *o, const char *key, struct strv *ret,
		       const char *path, struct shift_error *err)
{
	json_object *array = get(o, key, json_type_array);
	size_t n = array ? json_object_array_length(array) : 0;
	int r;

	/* Others take one string for a list of one: check_types() says where. */
	if (get_string(o, key))
		return strv_add(ret, get_string(o, key), err);
	for (size_t i = 0; i < n; i++) {
		json_object *v = json_object_array_get_idx(array, i);

		if (!json_object_is_type(v, json_type_string))
			return shift_err_set(err, 0,
					     "%s: %s has a member that is no string",
					     path, key);
		r = strv_add(ret, json_object_get_string(v), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int get_keys(json_object *o, const char *key, struct strv *ret,
		    struct shift_error *err)
{
	json_object *map = get(o, key, json_type_object);
	int r = 0;

	if (!map)
		return 0;
	json_object_object_foreach(map, name, value) {
		(void)value;
		if (r >= 0)
			r = strv_add(ret, name, err);
	}
	return r;
}

const char *oci_architecture(void)
{
	return platform_here().arch;
}

/* What is being looked for in a layout, and the best that was found. */
struct search {
	struct oci_image *image;
	const char *name;		/* wanted, or NULL */
	struct platform machine;
	int documents;			/* read so far */
	int rank;			/* of the best, -1: none */
	bool several;			/* others are as good */
	char top[DIGEST_HEX + 1];	/* what index.json says for the best */
	struct strv seen;		/* names, for a message */
	char *others;			/* platforms of other machines, for one as well */
};

static const char *annotation(json_object *descriptor, const char *key)
{
	return get_string(get(descriptor, "annotations", json_type_object), key);
}

/* The name it has, in full where it is known. */
static const char *name_of(json_object *descriptor)
{
	return annotation(descriptor, CONTAINERD_NAME) ?:
	       annotation(descriptor, REF_NAME);
}

static bool has_name(json_object *descriptor, const char *name)
{
	static const char *const prefixes[] = { "docker.io/library/", "docker.io/" };
	const char *full = annotation(descriptor, CONTAINERD_NAME);
	const char *ref = annotation(descriptor, REF_NAME);

	if ((ref && !strcmp(ref, name)) || (full && !strcmp(full, name)))
		return true;
	for (size_t i = 0; full && i < 2; i++)
		if (!strncmp(full, prefixes[i], strlen(prefixes[i])) &&
		    !strcmp(full + strlen(prefixes[i]), name))
			return true;
	return false;
}

static bool is_index(json_object *descriptor)
{
	const char *type = get_string(descriptor, "mediaType");

	return type && (!strcmp(type, TYPE_INDEX) || !strcmp(type, TYPE_DOCKER_LIST));
}

static int add_other(struct search *s, json_object *platform,
		     struct shift_error *err)
{
	const char *variant = get_string(platform, "variant") ?: "";
	_cleanup_free_ char *was = steal_ptr(&s->others);

	if (was && strlen(was) > 200) {
		s->others = steal_ptr(&was);
		return 0;
	}
	return strf(&s->others, err, "%s%s%s/%s%s%s", was ?: "", was ? ", " : "",
		    get_string(platform, "os") ?: "linux",
		    get_string(platform, "architecture") ?: "unknown",
		    *variant ? "/" : "", variant);
}

static int take_manifest(struct search *s, json_object *d, json_object *platform,
			 const char *top, const char *where,
			 struct shift_error *err)
{
	int rank = platform_rank(&s->machine, get_string(platform, "os"),
				 get_string(platform, "architecture"),
				 get_string(platform, "variant"));
	char hex[DIGEST_HEX + 1];
	int r;

	/* Attestations and the like stand beside images. */
	if (annotation(d, "vnd.docker.reference.type"))
		return 0;
	if (rank < 0)
		return add_other(s, platform, err);
	r = digest_parse(get_string(d, "digest"), hex, where, err);
	if (r < 0)
		return r;
	if (rank < s->rank || (rank == s->rank && !strcmp(hex, s->image->manifest)))
		return 0;
	s->several = rank == s->rank;
	if (s->several)
		return 0;
	s->rank = rank;
	strcpy(s->image->manifest, hex);
	strcpy(s->top, *top ? top : hex);
	return 0;
}

static int search_index(struct search *s, const char *document, const char *hex,
			json_object *outer, const char *top, int depth,
			struct shift_error *err)
{
	_cleanup_json_ json_object *index = NULL;
	json_object *manifests;
	char inner[DIGEST_HEX + 1], blob[BLOB_NAME];
	size_t n;
	int r;

	if (depth > 4 || ++s->documents > DOCUMENTS_MAX)
		return shift_err_set(err, 0, "%s: too many indexes within indexes",
				     document);
	r = read_document(s->image, document, hex, &index, err);
	if (r < 0)
		return r;
	manifests = get(index, "manifests", json_type_array);
	n = manifests ? json_object_array_length(manifests) : 0;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		json_object *d = json_object_array_get_idx(manifests, i);
		json_object *platform = get(d, "platform", json_type_object) ?: outer;

		if (!depth && name_of(d) && s->seen.n < 20)
			r = strv_add(&s->seen, name_of(d), err);
		if (r < 0 || (!depth && s->name && !has_name(d, s->name)))
			continue;
		if (!is_index(d)) {
			r = take_manifest(s, d, platform, top, document, err);
			continue;
		}
		r = digest_parse(get_string(d, "digest"), inner, document, err);
		if (r < 0)
			break;
		blob_name(blob, inner);
		r = search_index(s, blob, inner, platform, depth ? top : inner,
				 depth + 1, err);
	}
	return r;
}

static int describe_names(struct search *s, struct shift_error *err)
{
	_cleanup_free_ char *list = NULL;
	int r = 0;

	if (s->seen.n < 2 && !(s->name && s->seen.n))
		return 0;
	for (size_t i = 0; r >= 0 && i < s->seen.n; i++) {
		_cleanup_free_ char *was = list;

		list = NULL;
		r = strf(&list, NULL, "%s%s%s", was ?: "", was ? ", " : "", s->seen.v[i]);
	}
	if (r >= 0)
		shift_err_hint(err, "name one of them after a colon: %s", list);
	return r;
}

/* All names that index.json has for what was found. */
static int collect_names(struct search *s, struct shift_error *err)
{
	_cleanup_json_ json_object *index = NULL;
	json_object *manifests;
	int r = read_document(s->image, "index.json", NULL, &index, err);

	manifests = r >= 0 ? get(index, "manifests", json_type_array) : NULL;
	for (size_t i = 0; manifests && r >= 0 && i < json_object_array_length(manifests); i++) {
		json_object *d = json_object_array_get_idx(manifests, i);
		const char *digest = get_string(d, "digest"), *name = name_of(d);

		if (digest && name && !strncmp(digest, "sha256:", 7) &&
		    !strcmp(digest + 7, s->top))
			r = strv_add(&s->image->names, name, err);
	}
	return r;
}

/* Follows indexes down to the digest of a manifest. */
static int find_manifest(struct oci_image *image, const char *name,
			 struct shift_error *err)
{
	struct search s = {
		.image = image, .name = name, .machine = platform_here(),
		.rank = -1,
	};
	int r = search_index(&s, "index.json", NULL, NULL, "", 0, err);

	if (r >= 0 && s.several) {
		shift_err_set(err, 0, "several images for this machine");
		describe_names(&s, err);
		r = -ENOTUNIQ;
	} else if (r >= 0 && s.rank < 0) {
		shift_err_set(err, 0, "no image%s%s for linux/%s",
			      name ? " called " : "", name ?: "",
			      s.machine.arch);
		if (s.others)
			shift_err_hint(err, "it is for %s", s.others);
		describe_names(&s, err);
		r = -EINVAL;
	}
	if (r >= 0)
		r = collect_names(&s, err);
	strv_clear(&s.seen);
	free(s.others);
	return r;
}

int oci_index_choose(const char *text, size_t len, const char *where,
		     char hex[DIGEST_HEX + 1], struct shift_error *err)
{
	struct oci_image image = { .path = NULL };
	struct search s = { .image = &image, .machine = platform_here(), .rank = -1 };
	_cleanup_json_ json_object *o = NULL;
	json_object *manifests;
	size_t n;
	int r = parse_object(text, len, where, &o, err);

	manifests = r >= 0 ? get(o, "manifests", json_type_array) : NULL;
	if (!manifests)
		return r;
	n = json_object_array_length(manifests);
	/* Of equal ones the first, as elsewhere; an index counts as what it is for. */
	for (size_t i = 0; r >= 0 && i < n; i++) {
		json_object *d = json_object_array_get_idx(manifests, i);

		r = take_manifest(&s, d, get(d, "platform", json_type_object), "", where, err);
	}
	if (r >= 0 && s.rank < 0) {
		r = shift_err_set(err, 0, "%s: no image for linux/%s", where, s.machine.arch);
		if (s.others)
			shift_err_hint(err, "it is for %s", s.others);
	}
	free(s.others);
	if (r < 0)
		return r;
	memcpy(hex, image.manifest, DIGEST_HEX + 1);
	return 1;
}

static int read_layers(struct oci_image *image, json_object *manifest,
		       const char *path, struct shift_error *err)
{
	json_object *layers = get(manifest, "layers", json_type_array);
	char hex[DIGEST_HEX + 1];
	const char *type;
	int r;

	if (!layers)
		return shift_err_set(err, 0, "%s: a manifest without layers",
				     path);
	image->sizes = calloc(json_object_array_length(layers) + 1,
			      sizeof(*image->sizes));
	if (!image->sizes)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (size_t i = 0; i < json_object_array_length(layers); i++) {
		json_object *l = json_object_array_get_idx(layers, i), *size;

		type = get_string(l, "mediaType") ?: "";
		r = digest_parse(get_string(l, "digest"), hex, path, err);
		if (r >= 0 && strstr(type, "+encrypted")) {
			r = shift_err_set(err, 0, "%s: the layer sha256:%s is encrypted", path, hex);
			shift_err_hint(err, "skopeo copy --decryption-key KEY makes an image that can be read");
		}
		if (r >= 0)
			r = strv_add(&image->layers, hex, err);
		if (r >= 0)
			r = strv_add(&image->types, type, err);
		if (r < 0)
			return r;
		size = get(l, "size", json_type_int);
		image->sizes[i] = size ? json_object_get_int64(size) : -1;
	}
	return 0;
}

static int read_diff_ids(struct oci_image *image, json_object *o,
			 const char *where, struct shift_error *err)
{
	json_object *ids = get(get(o, "rootfs", json_type_object), "diff_ids",
			       json_type_array);
	char hex[DIGEST_HEX + 1];
	int r = 0;

	for (size_t i = 0; ids && r >= 0 && i < json_object_array_length(ids);
	     i++) {
		json_object *v = json_object_array_get_idx(ids, i);

		r = digest_parse(json_object_is_type(v, json_type_string) ?
				 json_object_get_string(v) : NULL, hex, where,
				 err);
		if (r >= 0)
			r = strv_add(&image->diff_ids, hex, err);
	}
	return r;
}

/* A member of another type is no member that is missing: nothing is to be lost. */
static int check_types(json_object *config, const char *where,
		       struct shift_error *err)
{
	static const struct { const char *key; enum json_type is, or; } members[] = {
		{ "User", json_type_string, json_type_null },
		{ "WorkingDir", json_type_string, json_type_null },
		{ "StopSignal", json_type_string, json_type_null },
		{ "Env", json_type_array, json_type_null },
		{ "Entrypoint", json_type_array, json_type_string },
		{ "Cmd", json_type_array, json_type_string },
		{ "Volumes", json_type_object, json_type_null },
		{ "Labels", json_type_object, json_type_null },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_object *v = NULL;
		enum json_type type;

		json_object_object_get_ex(config, members[i].key, &v);
		type = json_object_get_type(v);
		if (type != json_type_null && type != members[i].is &&
		    type != members[i].or)
			return shift_err_set(err, 0, "%s: %s is of the type %s instead of %s",
					     where, members[i].key, json_type_to_name(type),
					     json_type_to_name(members[i].is));
		/* What a string has behind a zero byte would be lost. */
		if (type == json_type_string && !get_string(config, members[i].key))
			return shift_err_set(err, 0, "%s: a zero byte in %s", where,
					     members[i].key);
	}
	return 0;
}

int oci_config_parse(struct oci_image *image, const char *text, size_t len,
		     const char *where, struct shift_error *err)
{
	const struct platform here = platform_here();
	_cleanup_json_ json_object *o = NULL;
	json_object *config;
	const char *s;
	int r;

	if (strlen(text) != len)
		return shift_err_set(err, 0, "%s is not JSON: a zero byte in it",
				     where);
	if ((r = parse_object(text, len, where, &o, err)) < 0 ||
	    (r = digest_buf(text, len, image->config, err)) < 0 ||
	    (r = str_replace(&image->config_text, text, err)) < 0 ||
	    (r = read_diff_ids(image, o, where, err)) < 0)
		return r;
	s = get_string(o, "architecture");
	if (s && platform_rank(&here, get_string(o, "os"), s, get_string(o, "variant")) < 0 &&
	    (r = strf(&image->foreign, err, "%s/%s", get_string(o, "os") ?: "linux", s)) < 0)
		return r;
	config = get(o, "config", json_type_object);
	if (!config)
		return 0;
	if ((r = check_types(config, where, err)) < 0 ||
	    (r = get_strings(config, "Env", &image->env, where, err)) < 0 ||
	    (r = get_strings(config, "Entrypoint", &image->entrypoint, where,
			     err)) < 0 ||
	    (r = get_strings(config, "Cmd", &image->cmd, where, err)) < 0)
		return r;
	for (size_t i = 0; i < image->env.n; i++) {
		_cleanup_free_ char *whole = NULL;
		char *name = image->env.v[i];

		if (!*name || *name == '=')
			return shift_err_set(err, 0,
					     "%s: Env has '%.60s' instead of NAME=VALUE",
					     where, name);
		if (strchr(name, '='))
			continue;
		/* Others take a name alone for one with an empty value. */
		if ((r = strf(&whole, err, "%s=", name)) < 0)
			return r;
		free(name);
		image->env.v[i] = steal_ptr(&whole);
	}
	/* Others take one empty word for none. */
	if (image->entrypoint.n == 1 && !*image->entrypoint.v[0])
		strv_clear(&image->entrypoint);
	if (image->cmd.n == 1 && !*image->cmd.v[0])
		strv_clear(&image->cmd);
	s = get_string(config, "WorkingDir");
	if (s && *s && (r = strf(&image->working_dir, err, "%s%s",
				 *s == '/' ? "" : "/", s)) < 0)
		return r;
	s = get_string(config, "StopSignal");
	if (s && *s && (r = str_replace(&image->stop_signal, s, err)) < 0)
		return r;
	r = get_keys(config, "Volumes", &image->volumes, err);
	if (r < 0)
		return r;
	s = get_string(config, "User");
	if (s && *s && (r = str_replace(&image->user, s, err)) < 0)
		return r;
	return 0;
}

static int read_config(struct oci_image *image, json_object *manifest,
		       const char *manifest_path, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char hex[DIGEST_HEX + 1], name[BLOB_NAME];
	const char *type = get_string(get(manifest, "config", json_type_object),
				      "mediaType");
	size_t len;
	int r;

	r = digest_parse(get_string(get(manifest, "config", json_type_object),
				    "digest"), hex, manifest_path, err);
	if (r < 0)
		return r;
	blob_name(name, hex);
	r = read_member(image, name, &text, &len, err);
	if (r >= 0)
		r = digest_check_buf(text, len, hex, name, err);
	if (r >= 0)
		r = oci_config_parse(image, text, len, name, err);
	/* Registries keep charts, signatures and modules in the same form. */
	if (r >= 0 && type && !image->diff_ids.n && image->layers.n &&
	    strcmp(type, "application/vnd.oci.image.config.v1+json") &&
	    strcmp(type, "application/vnd.docker.container.image.v1+json"))
		r = shift_err_set(err, 0, "%s is no image but an artifact: its config is of the type %.80s",
				  manifest_path, type);
	return r;
}

static int read_layout(struct oci_image *image, const char *name,
		       struct shift_error *err)
{
	_cleanup_json_ json_object *manifest = NULL;
	char manifest_path[BLOB_NAME];
	int r;

	r = find_manifest(image, name, err);
	if (r < 0)
		return r;
	blob_name(manifest_path, image->manifest);
	if ((r = read_document(image, manifest_path, image->manifest, &manifest,
			       err)) < 0 ||
	    (r = read_layers(image, manifest, manifest_path, err)) < 0)
		return r;
	return read_config(image, manifest, manifest_path, err);
}

int oci_layout_read(struct oci_image *image, const char *path,
		    const char *name, struct shift_error *err)
{
	int r;

	memset(image, 0, sizeof(*image));
	r = str_replace(&image->path, path, err);
	if (r >= 0)
		r = read_layout(image, name, err);
	return r < 0 ? shift_err_prefix(err, "the layout %s", path) : r;
}

void oci_image_clear(struct oci_image *image)
{
	free(image->path);
	strv_clear(&image->names);
	strv_clear(&image->volumes);
	free(image->stop_signal);
	strv_clear(&image->layers);
	strv_clear(&image->types);
	free(image->foreign);
	free(image->sizes);
	strv_clear(&image->diff_ids);
	free(image->config_text);
	strv_clear(&image->env);
	strv_clear(&image->entrypoint);
	strv_clear(&image->cmd);
	free(image->working_dir);
	free(image->user);
	memset(image, 0, sizeof(*image));
}
