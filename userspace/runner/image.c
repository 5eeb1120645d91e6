/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "unpack.h"

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int no_such_image(const char *path, struct shift_error *err)
{
	shift_err_set(err, errno, "--image %s", path);
	shift_err_hint(err, "give a directory with a root filesystem, or an OCI image layout (DIR or DIR:NAME)");
	return -(err && err->status ? err->status : EINVAL);
}

int image_open(struct image *image, const char *path, struct shift_error *err)
{
	_cleanup_free_ char *real = NULL, *copy = strdup(path);
	char *name = NULL;
	int r;

	memset(image, 0, sizeof(*image));
	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (access(copy, F_OK) < 0) {
		name = strrchr(copy, ':');
		if (name)
			*name++ = '\0';
		if (!name || !oci_layout_is(copy)) {
			errno = ENOENT;
			return no_such_image(path, err);
		}
	}
	real = realpath(copy, NULL);
	if (!real)
		return no_such_image(path, err);
	if (!is_dir(real)) {
		errno = ENOTDIR;
		return no_such_image(path, err);
	}
	if (!oci_layout_is(real)) {
		image->rootfs = steal_ptr(&real);
		return 0;
	}
	image->is_layout = true;
	r = oci_layout_read(&image->oci, real, name, err);
	if (r < 0)
		return r;
	return unpack_place(image->oci.manifest, &image->rootfs, err);
}

static int add_all(struct strv *to, const struct strv *from,
		   struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < from->n; i++)
		r = strv_add(to, from->v[i], err);
	return r;
}

int image_apply(const struct image *image, char *const *command,
		struct spec *spec, struct shift_error *err)
{
	const struct oci_image *oci = &image->oci;
	int r;

	r = str_replace(&spec->root.path, image->rootfs, err);
	for (size_t i = 0; r >= 0 && i < oci->env.n; i++)
		r = strv_setenv(&spec->process.env, oci->env.v[i], err);
	if (r >= 0 && oci->working_dir) {
		if (oci->working_dir[0] != '/')
			return shift_err_set(err, 0,
					     "%s: WorkingDir '%s' is not absolute",
					     oci->path, oci->working_dir);
		r = str_replace(&spec->process.cwd, oci->working_dir, err);
	}
	if (r >= 0 && oci->user)
		r = str_replace(&spec->process.user, oci->user, err);
	if (r >= 0)
		r = add_all(&spec->process.args, &oci->entrypoint, err);
	if (r >= 0 && !*command)
		r = add_all(&spec->process.args, &oci->cmd, err);
	for (; r >= 0 && *command; command++)
		r = strv_add(&spec->process.args, *command, err);
	if (r < 0)
		return r;
	if (!spec->process.args.n)
		return shift_err_set(err, 0,
				     "no command given%s",
				     image->is_layout ?
				     " and none in the image" : "");
	if (!*spec->process.args.v[0])
		return shift_err_set(err, 0, "the command is an empty word");
	return 0;
}

int image_prepare(struct image *image, struct shift_error *err)
{
	if (!image->is_layout)
		return 0;
	return unpack_image(&image->oci, image->rootfs, err);
}

void image_clear(struct image *image)
{
	free(image->rootfs);
	image->rootfs = NULL;
	oci_image_clear(&image->oci);
}
