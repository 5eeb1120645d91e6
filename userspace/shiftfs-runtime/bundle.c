// SPDX-License-Identifier: GPL-2.0-or-later
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "annotations.h"
#include "cleanup.h"
#include "maps.h"

void bundle_clear(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->n; i++) {
		free(bundle->wishes[i].map);
		free(bundle->wishes[i].squash_uid);
		free(bundle->wishes[i].squash_gid);
	}
	free(bundle->wishes);
	json_object_put(bundle->root);
	*bundle = (struct bundle)BUNDLE_INIT;
}

int bundle_parse(const char *text, size_t len, const char *name, struct bundle *ret,
		 struct shift_error *err)
{
	int r = shift_json_parse(text, len, BUNDLE_DEPTH, name, &ret->root, err);

	return r < 0 && r != -ENOMEM && r != -E2BIG ? -EBADMSG : r;
}

/* Whether some mount may ask for a map, by the words for it; escapes may spell them too. */
static bool bundle_may_ask(const char *text, size_t len)
{
	static const char *const words[] = { "idmap", "Mappings", "org.shiftfs.", "\\u" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(text, len, words[i], strlen(words[i])))
			return true;
	return false;
}

int bundle_read(const char *path, struct bundle *ret, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &ret->stat) < 0)
		return shift_err_set(err, errno, "%s", path);
	if (!S_ISREG(ret->stat.st_mode))
		return shift_err_set(err, EINVAL, "%s: it is no file", path);
	if (ret->stat.st_size > BUNDLE_MAX)
		return shift_err_set(err, EFBIG, "%s: more than %d bytes", path, BUNDLE_MAX);
	text = malloc(BUNDLE_MAX + 1);
	if (!text)
		return shift_err_set(err, ENOMEM, "%s", path);
	/* It may grow, or shrink, while it is read. */
	while ((n = read(fd, text + len, BUNDLE_MAX + 1 - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "%s", path);
		len += (size_t)n;
		if (len > BUNDLE_MAX)
			return shift_err_set(err, EFBIG, "%s: more than %d bytes", path, BUNDLE_MAX);
	}
	if (!bundle_may_ask(text, len))
		return 0;
	return bundle_parse(text, len, path, ret, err);
}

static struct json_object *get(struct json_object *object, const char *key)
{
	return json_object_is_type(object, json_type_object) ?
	       json_object_object_get(object, key) : NULL;
}

static const char *text_of(struct json_object *object, const char *key)
{
	return shift_json_string(get(object, key));
}

/* crun's and the specification's spellings; the value of idmap=, "" without one. */
static const char *idmap_option(const char *option, bool *ret_below)
{
	bool below = option[0] == 'r';

	option += below;
	if (strncmp(option, "idmap", 5) || (option[5] && option[5] != '='))
		return NULL;
	*ret_below = below;
	return option[5] ? option + 6 : option + 5;
}

static bool is_filled(struct json_object *list)
{
	return list && (!json_object_is_type(list, json_type_array) || json_object_array_length(list));
}

/* What the entry says of itself; false: it is no bind mount. */
static bool look_at_mount(struct json_object *mount, struct wish *wish, const char **ret_option,
			  bool *ret_asks)
{
	struct json_object *options = get(mount, "options");
	size_t n = json_object_is_type(options, json_type_array) ? json_object_array_length(options) : 0;
	const char *type = text_of(mount, "type");
	bool bind = type && !strcmp(type, "bind");

	wish->mount = mount;
	wish->source = text_of(mount, "source");
	wish->destination = text_of(mount, "destination");
	wish->writable = true;
	*ret_asks = is_filled(get(mount, "uidMappings")) || is_filled(get(mount, "gidMappings"));
	for (size_t i = 0; i < n; i++) {
		const char *o = shift_json_string(json_object_array_get_idx(options, i));
		const char *value;
		bool below = false;

		if (!o)
			continue;
		value = idmap_option(o, &below);
		if (value) {
			*ret_asks = true;
			wish->map_below |= below;
			if (*value)
				*ret_option = value;
		}
		bind |= !strcmp(o, "bind") || !strcmp(o, "rbind");
		wish->below |= !strcmp(o, "rbind");
		if (!strcmp(o, "ro") || !strcmp(o, "rro"))
			wish->writable = false;
		else if (!strcmp(o, "rw"))
			wish->writable = true;
		wish->no_link |= !strcmp(o, "src-nofollow") || !strcmp(o, "copy-symlink");
	}
	/* crun 1.8 takes ridmap for an option of the filesystem, and shows no map. */
	wish->ours = wish->map_below;
	return bind && wish->source && wish->destination;
}

static int map_of_mount(struct wish *wish, const char *option, const struct shift_idmap *container,
			bool any, struct shift_error *err)
{
	int r;

	r = maps_add_list(wish->map, SHIFT_UID, get(wish->mount, "uidMappings"), err);
	if (r >= 0)
		r = maps_add_list(wish->map, SHIFT_GID, get(wish->mount, "gidMappings"), err);
	if (r < 0)
		return r;
	if (!shift_idmap_empty(wish->map)) {
		if (!wish->map->uids.n || !wish->map->gids.n)
			return shift_err_set(err, 0, "uidMappings and gidMappings are both needed");
		return 0;
	}
	if (option) {
		r = maps_add_option(wish->map, option, container, err);
		if (r < 0)
			return r;
		/* crun lets the other kind be the container's. */
		if (!wish->map->uids.n)
			wish->map->uids = container->uids;
		if (!wish->map->gids.n)
			wish->map->gids = container->gids;
	} else {
		*wish->map = *container;
	}
	if (!wish->map->uids.n || !wish->map->gids.n)
		return shift_err_set(err, 0, "it asks for the map of the container's user namespace, but %s",
				     any ? "that has none here" : "there is no such namespace");
	return 0;
}

static int add_wish(struct bundle *bundle, const struct wish *wish, struct shift_error *err)
{
	struct wish *new = reallocarray(bundle->wishes, bundle->n + 1, sizeof(*new));

	if (!new)
		return shift_err_set(err, ENOMEM, "config.json");
	bundle->wishes = new;
	new[bundle->n] = *wish;
	new[bundle->n].map = calloc(1, sizeof(*wish->map));
	if (!new[bundle->n].map)
		return shift_err_set(err, ENOMEM, "config.json");
	bundle->n++;
	return 0;
}

static void look_at_namespaces(struct bundle *bundle)
{
	struct json_object *list = get(get(bundle->root, "linux"), "namespaces");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		const char *type = text_of(e, "type"), *path = text_of(e, "path");

		if (type && !strcmp(type, "mount"))
			bundle->own_mounts = !path || !*path;
	}
}

/* A map from an annotation. */
static int map_of_text(struct shift_idmap *map, const char *text, struct shift_error *err)
{
	int r = shift_idmap_parse(map, text, err);

	if (r >= 0 && (!map->uids.n || !map->gids.n))
		r = shift_err_set(err, 0, "\"%s\" must map user and group ids", text);
	return r;
}

static int wish_of_root(struct bundle *bundle, const struct annotations *annotations,
			const struct shift_idmap *container, bool any, struct shift_error *err)
{
	struct json_object *root = get(bundle->root, "root");
	struct json_object *readonly = get(root, "readonly");
	struct wish wish = {
		.source = text_of(root, "path"), .destination = "/",
		.writable = !readonly || !json_object_get_boolean(readonly),
		.ours = true, .how = annotations->how,
	};
	int r;

	if (!annotations->root || !wish.source)
		return 0;
	r = add_wish(bundle, &wish, err);
	if (r < 0)
		return r;
	if (strcmp(annotations->root, "container"))
		return map_of_text(bundle->wishes[bundle->n - 1].map, annotations->root, err);
	*bundle->wishes[bundle->n - 1].map = *container;
	return any && container->uids.n && container->gids.n ? 0 :
	       shift_err_set(err, 0, "the container has no user namespace with a map of its own");
}

static int wish_of_mount(struct bundle *bundle, struct json_object *mount,
			 const struct annotations *annotations,
			 const struct shift_idmap *container, bool any, struct shift_error *err)
{
	struct wish wish = { .how = annotations->how }, *added;
	const char *option = NULL, *map, *squash;
	bool asks = false;
	int r;

	if (!look_at_mount(mount, &wish, &option, &asks))
		return 0;
	map = annotation_for(annotations->maps, wish.destination);
	squash = annotation_for(annotations->squash, wish.destination);
	if (!asks && !map && !squash)
		return 0;
	wish.ours |= map || squash;
	r = add_wish(bundle, &wish, err);
	if (r < 0)
		return r;
	added = &bundle->wishes[bundle->n - 1];
	if (map)
		r = map_of_text(added->map, map, err);
	else if (asks)
		r = map_of_mount(added, option, container, any, err);
	else
		*added->map = *container;
	if (r >= 0 && squash)
		r = annotation_squash(squash, &added->squash_uid, &added->squash_gid, err);
	return r;
}

static bool any_asks(struct json_object *mounts, size_t n, const struct annotations *annotations)
{
	for (size_t i = 0; i < n; i++) {
		struct wish wish = { NULL };
		const char *option = NULL;
		bool asks = false;

		if (look_at_mount(json_object_array_get_idx(mounts, i), &wish, &option, &asks) && asks)
			return true;
	}
	return annotations->root || annotations->maps || annotations->squash;
}

int bundle_wishes(struct bundle *bundle, const struct settings *settings,
		  struct shift_error *err)
{
	_cleanup_annotations_ struct annotations annotations = ANNOTATIONS_INIT;
	_cleanup_free_ struct shift_idmap *container = calloc(1, sizeof(*container));
	struct json_object *mounts = get(bundle->root, "mounts"), *linux_part;
	size_t n = json_object_is_type(mounts, json_type_array) ? json_object_array_length(mounts) : 0;
	bool any = false;
	int r;

	if (!container)
		return shift_err_set(err, ENOMEM, "config.json");
	r = annotations_read(get(bundle->root, "annotations"), settings, &annotations, err);
	if (r < 0)
		return r;
	/* Most containers: nothing to be looked up. */
	if (!any_asks(mounts, n, &annotations))
		return 0;
	look_at_namespaces(bundle);
	/* A map that is wrong is the runtime's to refuse, unless a mount asks for it. */
	linux_part = get(bundle->root, "linux");
	r = linux_part ? maps_of_container(linux_part, container, &any, err) : 0;
	if (r < 0) {
		shift_err_clear(err);
		*container = (struct shift_idmap)SHIFT_IDMAP_INIT;
	}
	r = wish_of_root(bundle, &annotations, container, any, err);
	if (r < 0)
		return shift_err_prefix(err, "annotation " ANNOTATION_ROOT);
	for (size_t i = 0; i < n; i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		const char *destination = text_of(mount, "destination");

		r = wish_of_mount(bundle, mount, &annotations, container, any, err);
		if (r < 0)
			return shift_err_prefix(err, "the mount at %s", destination ? destination : "?");
	}
	return annotations_used(&annotations, bundle, err);
}

int bundle_grant(const struct wish *wish, const char *source, struct shift_error *err)
{
	struct json_object *options = get(wish->mount, "options");
	struct json_object *path = json_object_new_string(source);
	size_t n = json_object_is_type(options, json_type_array) ? json_object_array_length(options) : 0;
	bool below;

	if (!path || json_object_object_add(wish->mount, "source", path) < 0)
		return shift_err_set(err, ENOMEM, "config.json");
	json_object_object_del(wish->mount, "uidMappings");
	json_object_object_del(wish->mount, "gidMappings");
	for (size_t i = n; i-- > 0;) {
		const char *o = shift_json_string(json_object_array_get_idx(options, i));

		if (o && idmap_option(o, &below))
			json_object_array_del_idx(options, i, 1);
	}
	return 0;
}

const char *bundle_text(struct bundle *bundle, size_t *ret_len)
{
	return json_object_to_json_string_length(bundle->root, JSON_C_TO_STRING_PLAIN |
						 JSON_C_TO_STRING_NOSLASHESCAPE, ret_len);
}
