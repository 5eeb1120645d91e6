/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "layer.h"
#include "poddir.h"

#define IMAGES_DIR STATE_DIR "/images"

int unpack_place(const char *manifest, char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s/sha256-%s/rootfs", IMAGES_DIR, manifest);
}

/* Verified and applied by one descriptor: what was verified is what is read. */
static int apply_blob(const struct oci_image *image, size_t i,
		      const char *root, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	r = oci_layout_blob(image, image->layers.v[i], &path, err);
	if (r < 0)
		return r;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "runner: unpacking layer %zu of %zu\n", i + 1,
			image->layers.n);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot read the layer %s",
				     path);
	r = digest_check_fd(fd, image->layers.v[i], path, err);
	return r < 0 ? r : layer_apply(root, fd, path, i == 0, err);
}

static int unpack_locked(const struct oci_image *image, const char *rootfs,
			 struct shift_error *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (!access(rootfs, F_OK))
		return 0;	/* another runner was faster */
	if ((r = strf(&tmp, err, "%s.partial", rootfs)) < 0 ||
	    (r = remove_tree(tmp, err)) < 0)
		return r;
	if (mkdir(tmp, 0755) < 0)
		return shift_err_set(err, errno, "cannot make %s", tmp);
	for (size_t i = 0; r >= 0 && i < image->layers.n; i++)
		r = apply_blob(image, i, tmp, err);
	if (r >= 0) {
		/* The name promises a whole tree, after a power cut as well. */
		fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || syncfs(fd) < 0 || rename(tmp, rootfs) < 0)
			r = shift_err_set(err, errno, "cannot finish %s",
					  rootfs);
	}
	if (r < 0)
		remove_tree(tmp, NULL);
	return r;
}

int unpack_image(const struct oci_image *image, const char *rootfs,
		 struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (!access(rootfs, F_OK))
		return 0;
	r = strf(&dir, err, "%s/sha256-%s", IMAGES_DIR, image->manifest);
	if (r >= 0)
		r = mkdir_parents(dir, 0700, err);
	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return shift_err_set(err, errno, "cannot lock %s", dir);
	r = unpack_locked(image, rootfs, err);
	if (r < 0)
		rmdir(dir);	/* stays when a partial tree could not go */
	return r;
}
