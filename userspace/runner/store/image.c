/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/helper.h"
#include "cleanup.h"
#include "store/look.h"


static int no_such_image(const char *ref, int status, struct shift_error *err)
{
	int r = shift_err_set(err, status, "--image %s", ref);

	shift_err_hint(err, "give the name of an image (runner image ls), a directory with a root filesystem, or an OCI image layout (DIR or DIR:NAME)");
	return r;
}

/*
 * A layer whose root is opaque hides all those below.  overlayfs heeds the mark in
 * all directories but the roots.
 */
static void leave_hidden(struct strv *layers)
{
	char mark;
	size_t top = layers->n;

	while (top-- > 1 && lgetxattr(layers->v[top], "trusted.overlay.opaque",
				      &mark, 1) != 1)
		;
	if (!layers->n)
		return;
	for (size_t i = 0; i < top; i++)
		free(layers->v[i]);
	memmove(layers->v, layers->v + top, (layers->n - top) * sizeof(*layers->v));
	layers->n -= top;
	layers->v[layers->n] = NULL;
}

/* Where the layers are in the store, or will be once they are imported. */
static int find_layers(struct image *image, struct shift_error *err)
{
	struct store_image stored = { 0 };
	struct store_layer layer = { 0 };
	int r = store_image_read(&image->store, image->id, &stored, NULL);

	strv_clear(&image->layers);
	if (r < 0 && r != -ENOENT)
		return shift_err_set(err, -r, "cannot read what %s has of the image %s",
				     image->store.root, image->id);
	if (r >= 0)
		r = store_layer_trees(&image->store, &stored, &image->layers, err);
	else
		r = 0;
	for (size_t i = 0; r >= 0 && !stored.n_layers && i < image->oci.diff_ids.n; i++) {
		_cleanup_free_ char *tree = NULL;

		r = store_chain(i ? layer.key : NULL, image->oci.diff_ids.v[i],
				layer.key, err);
		if (r >= 0)
			r = store_layer_path(&image->store, &layer, "tree", &tree, err);
		if (r >= 0)
			r = strv_add(&image->layers, tree, err);
	}
	store_image_clear(&stored);
	if (r >= 0)
		leave_hidden(&image->layers);
	return r;
}

static int use_config(struct image *image, struct shift_error *err)
{
	int r;

	image->in_store = true;
	strcpy(image->id, image->oci.config);
	r = store_path(&image->store, &image->identity, err, "images/%s",
		       image->id);
	if (r >= 0)
		r = find_layers(image, err);
	if (r >= 0 && !image->layers.n)
		r = shift_err_set(err, 0, "%s: an image without layers",
				  image->given);
	return r;
}

static int open_stored(struct image *image, const char *ref,
		       struct shift_error *err)
{
	int r = store_resolve(&image->store, ref, image->id, err);

	if (r >= 0)
		r = store_config(&image->store, image->id, &image->oci, err);
	return r < 0 ? r : use_config(image, err);
}

static int open_path(struct image *image, const char *path, const char *name,
		     struct shift_error *err)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	enum look_kind kind;
	struct stat st;
	int r;

	if (!real || stat(real, &st) < 0)
		return no_such_image(path, errno, err);
	if (oci_layout_is(real)) {
		r = oci_layout_read(&image->oci, real, name, err);
		return r < 0 ? r : use_config(image, err);
	}
	if (!S_ISDIR(st.st_mode)) {
		r = shift_err_set(err, ENOTDIR, "--image %s", path);
		shift_err_hint(err, "an archive has to be imported first: runner image import %s", path);
		return r;
	}
	r = look_directory(real, &kind, err);
	if (r >= 0 && kind != LOOK_ROOTFS) {
		r = shift_err_set(err, 0, "--image %s", path);
		shift_err_hint(err, "it is an image in another form, which has to be imported first: runner image import %s", path);
	}
	if (r >= 0)
		r = strv_add(&image->layers, real, err);
	if (r >= 0)
		image->identity = steal_ptr(&real);
	return r;
}

int image_open(struct image *image, const char *ref, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(ref);
	bool is_path = strchr(ref, '/') || ref[0] == '.';
	char *name = NULL;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if ((r = str_replace(&image->given, ref, err)) < 0 ||
	    (r = store_open(&image->store, NULL, err)) < 0)
		return r;
	if (is_path && (name = look_split_name(copy)) && !oci_layout_is(copy))
		name = NULL;
	if (is_path && (name || !access(ref, F_OK)))
		return open_path(image, copy, name, err);
	r = open_stored(image, ref, err);
	if (r != -ENOENT)
		return r;
	shift_err_clear(err);
	return access(ref, F_OK) < 0 ? no_such_image(ref, ENOENT, err) :
		open_path(image, ref, NULL, err);
}

int image_open_rootfs(struct image *image, const char *path,
		      struct shift_error *err)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct stat st;
	int r;

	if (!real || stat(real, &st) < 0)
		return shift_err_set(err, errno, "--rootfs %s", path);
	if (!S_ISDIR(st.st_mode))
		return shift_err_set(err, ENOTDIR, "--rootfs %s", path);
	image->direct = true;
	r = str_replace(&image->given, path, err);
	if (r >= 0)
		r = strv_add(&image->layers, real, err);
	if (r >= 0)
		image->identity = steal_ptr(&real);
	return r;
}

static int add_all(struct strv *to, const struct strv *from,
		   struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < from->n; i++)
		r = strv_add(to, from->v[i], err);
	return r;
}

/* Variables by which a manager tells what it has passed on, and who it is. */
static bool is_managers(const char *assignment)
{
	static const char *const names[] = {
		"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
		"WATCHDOG_PID", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY",
		"MAINPID", "MANAGERPID", "container", "container_uuid",
	};
	size_t len = strcspn(assignment, "=");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == len && !memcmp(assignment, names[i], len))
			return true;
	return false;
}

int image_apply(const struct image *image, char *const *command,
		struct spec *spec, struct shift_error *err)
{
	const struct oci_image *oci = &image->oci;
	int r;

	r = str_replace(&spec->root.path, image->identity, err);
	if (r >= 0)
		r = add_all(&spec->root.layers, &image->layers, err);
	spec->root.direct = image->direct;
	for (size_t i = 0; r >= 0 && i < oci->env.n; i++)
		if (!is_managers(oci->env.v[i]))
			r = strv_setenv(&spec->process.env, oci->env.v[i], err);
	if (r >= 0 && oci->working_dir)
		r = str_replace(&spec->process.cwd, oci->working_dir, err);
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
				     image->in_store ?
				     " and none in the image" : "");
	if (!*spec->process.args.v[0])
		return shift_err_set(err, 0, "the command is an empty word");
	return 0;
}

int image_prepare(struct image *image, struct spec *spec,
		  struct shift_error *err)
{
	const char *const args[] = { image->given };
	int r = 0;

	if (!image->in_store)
		return 0;
	/* Between the import and the hold a prune may come: then once more. */
	for (int i = 0; i < 3; i++) {
		r = image->hold_fd = store_hold(&image->store, image->id, err);
		if (r != -ENOENT)
			break;
		shift_err_clear(err);
		r = helper_image(HELPER_IMPORT, args, 1, err);
		if (r < 0)
			break;
	}
	if (r >= 0)
		r = find_layers(image, err);
	strv_clear(&spec->root.layers);
	return r < 0 ? r : add_all(&spec->root.layers, &image->layers, err);
}

int image_hold_described(struct image *image, const struct spec *spec,
			 struct shift_error *err)
{
	_cleanup_free_ char *root = strdup(spec->root.path ?: "");
	char *id = root ? strrchr(root, '/') : NULL;
	int r;

	if (!root)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (spec->root.direct || !id || strlen(id + 1) != DIGEST_HEX)
		return 0;
	*id++ = '\0';
	if (strlen(root) < 7 || strcmp(root + strlen(root) - 7, "/images"))
		return 0;
	root[strlen(root) - 7] = '\0';
	r = store_open(&image->store, root, err);
	if (r >= 0)
		r = image->hold_fd = store_hold(&image->store, id, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < spec->root.layers.n; i++)
		if (access(spec->root.layers.v[i], F_OK) < 0)
			return shift_err_set(err, errno, "%s, a layer of the image",
					     spec->root.layers.v[i]);
	return 0;
}

void image_clear(struct image *image)
{
	if (image->hold_fd >= 0)
		close(image->hold_fd);
	image->hold_fd = -1;
	strv_clear(&image->layers);
	free(steal_ptr(&image->identity));
	free(steal_ptr(&image->given));
	oci_image_clear(&image->oci);
	store_close(&image->store);
}
