/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/docker_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <json-c/json.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "store/layer.h"

#define DOCUMENT_MAX (4u << 20)

/* Names that archives of images have at their top, blobs and old layers too. */
static bool of_image(const char *name)
{
	static const char *const names[] = {
		"blobs", "index.json", "oci-layout", "manifest.json",
		"repositories",
	};
	size_t len = strcspn(name, "/");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (len == strlen(names[i]) && !strncmp(name, names[i], len))
			return true;
	return strspn(name, "0123456789abcdef") == DIGEST_HEX &&
	       (len == DIGEST_HEX || name[DIGEST_HEX] == '.');
}

static enum archive_kind look(struct archive *a)
{
	bool layout = false, index = false, docker = false;
	struct archive_entry *e;
	int s;

	while ((s = archive_read_next_header(a, &e)) != ARCHIVE_EOF &&
	       s >= ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(e);

		while (name && name[0] == '.' && name[1] == '/')
			name += 2;
		if (!name || (*name && strcmp(name, ".") && !of_image(name)))
			return ARCHIVE_ROOTFS;
		layout = layout || !strcmp(name, "oci-layout");
		index = index || !strcmp(name, "index.json");
		docker = docker || !strcmp(name, "manifest.json");
		if (layout && index)
			return ARCHIVE_OCI;
	}
	return docker ? ARCHIVE_DOCKER : ARCHIVE_ROOTFS;
}

/* As hostile as any other archive, so looked at in a sandbox as well. */
int archive_kind(int fd, const char *path, enum archive_kind *ret,
		 struct shift_error *err)
{
	pid_t parent = getpid(), pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (!pid) {
		struct archive *a = layer_open_confined(parent, fd);

		_exit(a ? 10 + (int)look(a) : 1);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for a child");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	if (!WIFEXITED(status) || WEXITSTATUS(status) < 10)
		return shift_err_set(err, 0, "%s is no archive that runner can read: it takes tar, plain or compressed",
				     path);
	*ret = (enum archive_kind)(WEXITSTATUS(status) - 10);
	return 0;
}

int docker_archive_open(const char *dir, const char *path,
			struct shift_error *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (dirfd >= 0)
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	if (fd < 0 && errno == EXDEV)
		return shift_err_set(err, 0, "%s leads out of the archive", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot read %s of the archive", path);
	if (!S_ISREG(st.st_mode))
		return shift_err_set(err, 0, "%s of the archive is no file", path);
	return steal_fd(&fd);
}

static int read_member(const char *dir, const char *path, char **text,
		       size_t *len, struct shift_error *err)
{
	_cleanup_close_ int fd = docker_archive_open(dir, path, err);
	char self[64];

	if (fd < 0)
		return fd;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return read_file(self, DOCUMENT_MAX, text, len, err);
}

static const char *string_at(json_object *o, size_t i)
{
	json_object *v = json_object_array_get_idx(o, i);

	return json_object_is_type(v, json_type_string) ?
	       json_object_get_string(v) : NULL;
}

static json_object *array_of(json_object *o, const char *key)
{
	json_object *v = NULL;

	return json_object_is_type(o, json_type_object) &&
	       json_object_object_get_ex(o, key, &v) &&
	       json_object_is_type(v, json_type_array) ? v : NULL;
}

static bool has_tag(json_object *image, const char *name)
{
	json_object *tags = array_of(image, "RepoTags");

	for (size_t i = 0; tags && i < json_object_array_length(tags); i++)
		if (string_at(tags, i) && !strcmp(string_at(tags, i), name))
			return true;
	return false;
}

static json_object *choose(json_object *all, const char *name,
			   struct shift_error *err)
{
	size_t n = json_object_is_type(all, json_type_array) ?
		   json_object_array_length(all) : 0;

	for (size_t i = 0; name && i < n; i++)
		if (has_tag(json_object_array_get_idx(all, i), name))
			return json_object_array_get_idx(all, i);
	if (!name && n == 1)
		return json_object_array_get_idx(all, 0);
	if (name)
		shift_err_set(err, 0, "the archive has no image tagged %s", name);
	else
		shift_err_set(err, 0, "the archive has %zu images", n);
	if (n > 1)
		shift_err_hint(err, "name one: FILE:TAG");
	return NULL;
}

static int read_image(struct docker_archive *docker, const char *dir,
		      json_object *image, struct shift_error *err)
{
	json_object *layers = array_of(image, "Layers"), *v = NULL;
	json_object *tags = array_of(image, "RepoTags");
	_cleanup_free_ char *text = NULL;
	const char *s;
	size_t len;
	int r = 0;

	if (!layers || !json_object_object_get_ex(image, "Config", &v) ||
	    !json_object_is_type(v, json_type_string))
		return shift_err_set(err, 0, "manifest.json lacks Config or Layers");
	for (size_t i = 0; r >= 0 && i < json_object_array_length(layers); i++) {
		s = string_at(layers, i);
		r = s ? strv_add(&docker->layers, s, err) :
			shift_err_set(err, 0, "manifest.json: a layer that is no string");
	}
	s = tags && json_object_array_length(tags) ? string_at(tags, 0) : NULL;
	if (r >= 0 && s)
		r = str_replace(&docker->name, s, err);
	if (r >= 0)
		r = read_member(dir, json_object_get_string(v), &text, &len, err);
	if (r >= 0)
		r = oci_config_parse(&docker->config, text, len,
				     json_object_get_string(v), err);
	return r;
}

int docker_archive_read(struct docker_archive *docker, const char *dir,
			const char *name, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	json_object *all, *image;
	int r;

	r = read_member(dir, "manifest.json", &text, NULL, err);
	if (r < 0)
		return r;
	all = json_tokener_parse(text);
	image = choose(all, name, err);
	r = image ? read_image(docker, dir, image, err) : -EINVAL;
	json_object_put(all);
	return r;
}

void docker_archive_clear(struct docker_archive *docker)
{
	free(docker->name);
	strv_clear(&docker->layers);
	oci_image_clear(&docker->config);
	memset(docker, 0, sizeof(*docker));
}

int remove_symlinks(const char *dir, struct shift_error *err)
{
	char *roots[] = { (char *)dir, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int r = 0;

	if (!fts)
		return shift_err_set(err, errno, "cannot read %s", dir);
	while (r >= 0 && (e = fts_read(fts)))
		if (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE)
			if (unlink(e->fts_path) < 0)
				r = shift_err_set(err, errno, "cannot remove %s",
						  e->fts_path);
	fts_close(fts);
	return r;
}
