/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/oci_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/regular.h"
#include "cleanup.h"

/* Documents of images have a few kilobytes; this is generous. */
#define DOCUMENT_MAX (4u << 20)

#define BLOB_NAME (DIGEST_HEX + 16)

#define TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
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

const char *oci_architecture(void)
{
	static const struct { const char *machine, *goarch; } names[] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" },
		{ "armv7l", "arm" }, { "i686", "386" },
	};
	static struct utsname uts;

	uname(&uts);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(uts.machine, names[i].machine))
			return names[i].goarch;
	return uts.machine;
}

static bool for_this_machine(json_object *descriptor)
{
	json_object *platform = get(descriptor, "platform", json_type_object);
	const char *os = get_string(platform, "os");
	const char *arch = get_string(platform, "architecture");

	return (!os || !strcmp(os, "linux")) &&
	       (!arch || !strcmp(arch, oci_architecture()));
}

/* Finds the one descriptor of the index that fits. */
static int choose(json_object *index, const char *name, const char *path,
		  json_object **ret, struct shift_error *err)
{
	json_object *manifests = get(index, "manifests", json_type_array);
	size_t n = manifests ? json_object_array_length(manifests) : 0;
	json_object *found = NULL;

	for (size_t i = 0; i < n; i++) {
		json_object *d = json_object_array_get_idx(manifests, i);
		const char *ref = get_string(get(d, "annotations",
						 json_type_object), REF_NAME);

		if (!for_this_machine(d) || (name && (!ref || strcmp(ref, name))))
			continue;
		if (found && strcmp(get_string(found, "digest") ?: "",
				    get_string(d, "digest") ?: "")) {
			shift_err_set(err, 0,
				      "%s has several images for this machine",
				      path);
			shift_err_hint(err, "name one: --image LAYOUT:NAME, where NAME is an annotation %s",
				       REF_NAME);
			return -ENOTUNIQ;
		}
		found = d;
	}
	if (!found)
		return shift_err_set(err, 0, "%s: no image%s%s for linux/%s",
				     path, name ? " called " : "",
				     name ? name : "", oci_architecture());
	*ret = found;
	return 0;
}

/* Follows indexes down to the digest of a manifest. */
static int find_manifest(struct oci_image *image, const char *name,
			 struct shift_error *err)
{
	_cleanup_json_ json_object *index = NULL;
	char name_of[BLOB_NAME] = "index.json";
	const char *type, *path = name_of;
	json_object *d = NULL;
	int r;

	r = read_document(image, name_of, NULL, &index, err);
	for (int depth = 0; r >= 0; depth++) {
		json_object *next = NULL;

		if (depth > 4)
			return shift_err_set(err, 0,
					     "%s: indexes within indexes", path);
		r = choose(index, depth ? NULL : name, path, &d, err);
		if (r >= 0 && !depth)
			r = str_replace(&image->ref,
					get_string(get(d, "annotations", json_type_object),
						   REF_NAME), err);
		if (r >= 0)
			r = digest_parse(get_string(d, "digest"),
					 image->manifest, path, err);
		if (r < 0)
			return r;
		type = get_string(d, "mediaType");
		if (!type || (strcmp(type, TYPE_INDEX) &&
			      strcmp(type, TYPE_DOCKER_LIST)))
			return 0;
		blob_name(name_of, image->manifest);
		r = read_document(image, name_of, image->manifest, &next, err);
		if (r >= 0) {
			json_object_put(index);
			index = next;
		}
	}
	return r;
}

static int read_layers(struct oci_image *image, json_object *manifest,
		       const char *path, struct shift_error *err)
{
	json_object *layers = get(manifest, "layers", json_type_array);
	char hex[DIGEST_HEX + 1];
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

		r = digest_parse(get_string(l, "digest"), hex, path, err);
		if (r >= 0)
			r = strv_add(&image->layers, hex, err);
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

int oci_config_parse(struct oci_image *image, const char *text, size_t len,
		     const char *where, struct shift_error *err)
{
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
	config = get(o, "config", json_type_object);
	if (!config)
		return 0;
	if ((r = get_strings(config, "Env", &image->env, where, err)) < 0 ||
	    (r = get_strings(config, "Entrypoint", &image->entrypoint, where,
			     err)) < 0 ||
	    (r = get_strings(config, "Cmd", &image->cmd, where, err)) < 0)
		return r;
	for (size_t i = 0; i < image->env.n; i++)
		if (!strchr(image->env.v[i], '=') || image->env.v[i][0] == '=')
			return shift_err_set(err, 0,
					     "%s: Env has '%.60s' instead of NAME=VALUE",
					     where, image->env.v[i]);
	s = get_string(config, "WorkingDir");
	if (s && *s && (r = str_replace(&image->working_dir, s, err)) < 0)
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
	return r < 0 ? r : oci_config_parse(image, text, len, name, err);
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
	free(image->ref);
	strv_clear(&image->layers);
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
