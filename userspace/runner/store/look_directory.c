/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from look.c: a start needs no library for archives. */
#include "store/look.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/regular.h"
#include "base/util.h"
#include "cleanup.h"

#define DOCUMENT_MAX (4u << 20)

bool look_is_docker(const char *text)
{
	json_object *o = text ? json_tokener_parse(text) : NULL, *first, *v;
	bool good = json_object_is_type(o, json_type_array) &&
		    json_object_array_length(o) > 0;

	first = good ? json_object_array_get_idx(o, 0) : NULL;
	good = good && json_object_is_type(first, json_type_object) &&
	       json_object_object_get_ex(first, "Layers", &v) &&
	       json_object_is_type(v, json_type_array) &&
	       json_object_object_get_ex(first, "Config", &v) &&
	       json_object_is_type(v, json_type_string);
	json_object_put(o);
	return good;
}

/*
 * A bundle of runtimes has config.json beside rootfs, an image of LXD or Incus
 * metadata.yaml; a root filesystem has a directory bin, or a link, beside such.
 */
static bool is_beside(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
	       !fstatat(dir, "rootfs", &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode) &&
	       fstatat(dir, "bin", &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	       fstatat(dir, "usr", &st, AT_SYMLINK_NOFOLLOW) < 0;
}

int look_directory(const char *path, enum look_kind *ret,
		   struct shift_error *err)
{
	static const char *const names[] = {
		"oci-layout", "index.json", "manifest.json", "version", "blobs",
	};
	bool has[sizeof(names) / sizeof(*names)], docker;
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;

	if (dir < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		has[i] = !fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW);
	*ret = LOOK_ROOTFS;
	if (has[0] && has[1]) {
		*ret = LOOK_OCI;
		return 0;
	}
	if (has[2] && has[3] &&
	    regular_read(dir, "version", REGULAR_BENEATH, 4096, &text, NULL, NULL) >= 0 &&
	    !strncmp(text, "Directory Transport Version", 27)) {
		*ret = LOOK_DOCKER_DIR;
		return 0;
	}
	free(steal_ptr(&text));
	docker = has[2] && regular_read(dir, "manifest.json", REGULAR_BENEATH,
					DOCUMENT_MAX, &text, NULL, NULL) >= 0 &&
		 look_is_docker(text);
	if (docker) {
		shift_err_set(err, 0, "%s is an unpacked archive of docker save", path);
		shift_err_hint(err, "give the archive itself, or pack it again: tar -C %s -cf image.tar .", path);
		return -EINVAL;
	}
	if (is_beside(dir, "config.json") || is_beside(dir, "metadata.yaml")) {
		shift_err_set(err, 0, "%s is no root filesystem: that is in its folder rootfs", path);
		shift_err_hint(err, "name that folder: %s/rootfs", path);
		return -EINVAL;
	}
	if ((has[0] || has[1]) && has[4])
		return shift_err_set(err, 0, "%s has a part of an OCI image layout, but no %s",
				     path, has[0] ? names[1] : names[0]);
	return 0;
}
