// SPDX-License-Identifier: GPL-2.0-or-later
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "json.h"

#define DEPTH 4

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void settings_clear(struct settings *settings)
{
	free(settings->runtime);
	free_list(settings->annotations);
	*settings = (struct settings)SETTINGS_INIT;
}

static int take_annotations(struct json_object *value, const char *name,
			    struct settings *settings, struct shift_error *err)
{
	size_t n = json_object_is_type(value, json_type_array) ?
		   json_object_array_length(value) : 0;
	char **list;

	if (!json_object_is_type(value, json_type_array))
		return shift_err_set(err, 0, "%s: \"annotations\" must be a list of names, [ ... ]", name);
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++) {
		const char *s = shift_json_string(json_object_array_get_idx(value, i));

		if (!s || strncmp(s, "org.shiftfs.", 12)) {
			free_list(list);
			return shift_err_set(err, 0, "%s: \"annotations\" must be a list of names that begin with \"org.shiftfs.\"", name);
		}
		list[i] = strdup(s);
		if (!list[i])
			break;
	}
	if (!list || (n && !list[n - 1])) {
		free_list(list);
		return shift_err_set(err, ENOMEM, "%s", name);
	}
	free_list(settings->annotations);
	settings->annotations = list;
	return 0;
}

static int take_key(const char *key, struct json_object *value, const char *name,
		    struct settings *settings, struct shift_error *err)
{
	const char *s = shift_json_string(value);

	if (!strcmp(key, "annotations"))
		return take_annotations(value, name, settings, err);
	if (!strcmp(key, "runtime")) {
		if (!s || !*s || (s[0] != '/' && strchr(s, '/')))
			return shift_err_set(err, 0, "%s: \"runtime\" must be an absolute path, or a name such as \"crun\"", name);
		free(settings->runtime);
		settings->runtime = strdup(s);
		return settings->runtime ? 0 : shift_err_set(err, ENOMEM, "%s", name);
	}
	if (!strcmp(key, "idmap")) {
		if (!s || (strcmp(s, "runtime") && strcmp(s, "wrapper")))
			return shift_err_set(err, 0, "%s: \"idmap\" must be \"runtime\" or \"wrapper\"", name);
		settings->idmap = !strcmp(s, "runtime") ? IDMAP_BY_RUNTIME : IDMAP_BY_WRAPPER;
		return 0;
	}
	return shift_err_set(err, 0, "%s: unknown key \"%s\", there are \"runtime\", \"idmap\" and \"annotations\"",
			     name, key);
}

int settings_parse(const char *text, size_t len, const char *name,
		   struct settings *ret, struct shift_error *err)
{
	_cleanup_settings_ struct settings settings = SETTINGS_INIT;
	_cleanup_json_ struct json_object *root = NULL;
	int r;

	if (len > SHIFT_CONFIG_MAX)
		return shift_err_set(err, EFBIG, "%s: more than %d bytes", name,
				     SHIFT_CONFIG_MAX);
	r = shift_json_parse(text, len, DEPTH, name, &root, err);
	if (r < 0)
		return r;
	json_object_object_foreach(root, key, value) {
		r = take_key(key, value, name, &settings, err);
		if (r < 0)
			return r;
	}
	settings_clear(ret);
	*ret = settings;
	settings = (struct settings)SETTINGS_INIT;
	return 0;
}

int settings_read(const char *path, struct settings *ret, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = shift_read_file(path, &text, err);

	if (r == -ENOENT) {
		shift_err_clear(err);
		return 0;
	}
	return r < 0 ? r : settings_parse(text, strlen(text), path, ret, err);
}

const char *settings_name_says(const char *self)
{
	const char *name = self ? base_name(self) : "";

	if (strncmp(name, "shiftfs-", 8) || !name[8] || !strcmp(name, "shiftfs-runtime"))
		return NULL;
	return name + 8;
}

static char *look_for(const char *name)
{
	static const char *const folders[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
	};
	char *path;

	if (name[0] == '/')
		return access(name, X_OK) ? NULL : strdup(name);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (asprintf(&path, "%s/%s", folders[i], name) < 0)
			return NULL;
		if (!access(path, X_OK))
			return path;
		free(path);
	}
	return NULL;
}

int settings_find(struct settings *settings, struct shift_error *err)
{
	char *found = look_for(settings->runtime ? settings->runtime : "crun");

	if (!found && !settings->runtime)
		found = look_for("runc");
	if (!found) {
		int r = shift_err_set(err, ENOENT, "OCI runtime %s",
				      settings->runtime ? settings->runtime : "crun or runc");

		shift_err_hint(err, "install it, or name another by \"runtime\" in %s", RUNTIME_SETTINGS_FILE);
		return r;
	}
	free(settings->runtime);
	settings->runtime = found;
	return 0;
}

bool settings_runtime_idmaps(const struct settings *settings)
{
	if (settings->idmap != IDMAP_BY_NAME)
		return settings->idmap == IDMAP_BY_RUNTIME;
	return settings->runtime && !strcmp(base_name(settings->runtime), "crun");
}

bool settings_allows(const struct settings *settings, const char *annotation)
{
	for (size_t i = 0; settings->annotations && settings->annotations[i]; i++)
		if (!strcmp(settings->annotations[i], annotation))
			return true;
	return false;
}
