// SPDX-License-Identifier: GPL-2.0-or-later
#include "annotations.h"

#include <errno.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"

static void free_entries(struct annotation_entry *entries)
{
	for (size_t i = 0; entries && entries[i].destination; i++) {
		free(entries[i].destination);
		free(entries[i].value);
	}
	free(entries);
}

void annotations_clear(struct annotations *annotations)
{
	free(annotations->root);
	free_entries(annotations->maps);
	free_entries(annotations->squash);
	*annotations = (struct annotations)ANNOTATIONS_INIT;
}

/* DESTINATION=VALUE, separated by commas */
static int read_entries(const char *text, struct annotation_entry **ret, struct shift_error *err)
{
	struct annotation_entry *entries;
	size_t n = 1, i = 0;

	for (const char *p = text; *p; p++)
		n += *p == ',';
	entries = calloc(n + 1, sizeof(*entries));
	if (!entries)
		return shift_err_set(err, ENOMEM, "annotations");
	for (const char *p = text; i < n; i++) {
		size_t len = strcspn(p, ","), name = strcspn(p, "=");

		if (p[0] != '/' || name + 1 >= len) {
			free_entries(entries);
			return shift_err_set(err, 0, "\"%s\" must be DESTINATION=VALUE, ..., each destination an absolute path in the container", text);
		}
		entries[i].destination = strndup(p, name);
		entries[i].value = strndup(p + name + 1, len - name - 1);
		if (!entries[i].destination || !entries[i].value) {
			free_entries(entries);
			return shift_err_set(err, ENOMEM, "annotations");
		}
		p += len + 1;
	}
	free_entries(*ret);
	*ret = entries;
	return 0;
}

static int take(const char *key, const char *value, struct annotations *to, struct shift_error *err)
{
	if (!strcmp(key, ANNOTATION_MAP))
		return read_entries(value, &to->maps, err);
	if (!strcmp(key, ANNOTATION_SQUASH))
		return read_entries(value, &to->squash, err);
	if (!strcmp(key, ANNOTATION_ROOT)) {
		free(to->root);
		to->root = strdup(value);
		return to->root ? 0 : shift_err_set(err, ENOMEM, "annotations");
	}
	if (strcmp(key, ANNOTATION_SHIFT))
		return shift_err_set(err, 0, "there is no such annotation, there are " ANNOTATION_SHIFT
				     ", " ANNOTATION_ROOT ", " ANNOTATION_MAP " and " ANNOTATION_SQUASH);
	if (!strcmp(value, "auto"))
		to->how = TREE_AUTO;
	else if (!strcmp(value, "idmap"))
		to->how = TREE_IDMAP;
	else if (!strcmp(value, "shiftfs"))
		to->how = TREE_SHIFTFS;
	else
		return shift_err_set(err, 0, "it must be auto, idmap or shiftfs");
	return 0;
}

int annotations_read(struct json_object *object, const struct settings *settings,
		     struct annotations *ret, struct shift_error *err)
{
	int r;

	if (!json_object_is_type(object, json_type_object))
		return 0;
	json_object_object_foreach(object, key, value) {
		const char *text = shift_json_string(value);

		if (strncmp(key, "org.shiftfs.", 12))
			continue;
		/* It may be the image's, or the pod's: they decide nothing by themselves. */
		if (!settings_allows(settings, key)) {
			r = shift_err_set(err, EPERM, "annotation %s", key);
			shift_err_hint(err, "the administrator can allow it by \"annotations\" in %s",
				       RUNTIME_SETTINGS_FILE);
			return r;
		}
		r = text ? take(key, text, ret, err) : shift_err_set(err, 0, "it must be a string");
		if (r < 0)
			return shift_err_prefix(err, "annotation %s", key);
	}
	return 0;
}

/* "/data/" and "/data" are one destination. */
static bool same_path(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	while (la > 1 && a[la - 1] == '/')
		la--;
	while (lb > 1 && b[lb - 1] == '/')
		lb--;
	return la == lb && !strncmp(a, b, la);
}

const char *annotation_for(const struct annotation_entry *entries, const char *destination)
{
	for (; entries && entries->destination; entries++)
		if (same_path(entries->destination, destination))
			return entries->value;
	return NULL;
}

int annotation_squash(const char *text, char **ret_uid, char **ret_gid,
		      struct shift_error *err)
{
	static const char digits[] = "0123456789";
	size_t uid = strspn(text, digits), gid;

	gid = text[uid] == ':' ? strspn(text + uid + 1, digits) : 0;
	if (!uid || !gid || uid > 10 || gid > 10 || text[uid + 1 + gid])
		return shift_err_set(err, 0, ANNOTATION_SQUASH ": \"%s\" must be UID:GID, two numbers", text);
	*ret_uid = strndup(text, uid);
	*ret_gid = strdup(text + uid + 1);
	return *ret_uid && *ret_gid ? 0 : shift_err_set(err, ENOMEM, "annotations");
}

static int entries_used(const struct annotation_entry *entries, const char *name,
			const struct bundle *bundle, struct shift_error *err)
{
	for (; entries && entries->destination; entries++) {
		bool used = false;

		for (size_t i = 0; i < bundle->n; i++)
			used |= bundle->wishes[i].mount &&
				same_path(bundle->wishes[i].destination, entries->destination);
		if (!used)
			return shift_err_set(err, ENOENT, "annotation %s: no bind mount of the container is at %s",
					     name, entries->destination);
	}
	return 0;
}

int annotations_used(const struct annotations *annotations, const struct bundle *bundle,
		     struct shift_error *err)
{
	int r = entries_used(annotations->maps, ANNOTATION_MAP, bundle, err);

	return r < 0 ? r : entries_used(annotations->squash, ANNOTATION_SQUASH, bundle, err);
}
