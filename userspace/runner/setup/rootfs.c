/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/helper.h"
#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "setup/host_setuid.h"
#include "setup/plan.h"
#include "setup/security.h"
#include "setup/shift.h"
#include "syscalls.h"
#include "userns.h"

/*
 * Never MOUNT_ATTR_NOSUID: su and ping of the image work, in the pod's user
 * namespace only.  Always nodev: a node in an image must not open a disk.
 */
#define ROOT_ATTRS MOUNT_ATTR_NODEV

int rootfs_stage(const char *dir, struct shift_error *err)
{
	static const char *const dirs[] = {
		STAGE_ROOT, STAGE_DEV, STAGE_LOWER, STAGE_WRITABLE,
		STAGE_OVERLAY, STAGE_VOLUMES,
	};
	int r;

	r = mkdir_parents(dir, 0755, err);
	if (r < 0)
		return r;
	if (mount("stage", dir, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  "mode=0755,size=64k") < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at %s",
				     dir);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return shift_err_set(err, errno, "cannot create %s",
					     dirs[i]);
	return 0;
}

/*
 * overlayfs takes its layers as text in which commas, colons and backslashes
 * are special, so the layers are first given a short name below the stage.
 */
#define LAYER_NAME 4

static int layer_name(size_t i, char name[LAYER_NAME], struct shift_error *err)
{
	static const char digits[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t n = sizeof(digits) - 1;

	if (i >= SPEC_LAYERS_MAX)
		return shift_err_set(err, 0, "an image of more than %d layers",
				     SPEC_LAYERS_MAX);
	memset(name, 0, LAYER_NAME);
	if (i < n) {
		name[0] = digits[i];
		return 0;
	}
	i -= n;
	name[0] = digits[i / n];
	name[1] = digits[i % n];
	return 0;
}

static int bind_at(const char *path, const char *at, struct shift_error *err)
{
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, path,
					       OPEN_TREE_CLONE |
					       OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s as a mount",
				     path);
	return shift_attach(fd, at, err);
}

/* The layers, lowest first, at their names on the stage; @userns may be -1. */
static int attach_layers(const struct strv *layers, int userns,
			 struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < layers->n; i++) {
		char at[sizeof(STAGE_LOWER) + LAYER_NAME] = STAGE_LOWER "/";
		_cleanup_close_ int fd = -1;

		r = layer_name(i, at + strlen(at), err);
		if (r < 0)
			return r;
		if (mkdir(at, 0755) < 0 && errno != EEXIST)
			return shift_err_set(err, errno, "cannot make %s", at);
		if (userns < 0) {
			r = bind_at(layers->v[i], at, err);
			continue;
		}
		r = fd = shift_by_userns(layers->v[i], userns, 0, err);
		if (r >= 0)
			r = shift_attach(fd, at, err);
	}
	return r;
}

/* The room that overlayfs' options have in mount(2). */
#define OPTIONS_MAX 4096

/* Topmost first, as overlayfs wants it, relative to STAGE_LOWER. */
static int lowerdir(size_t layers, char text[OPTIONS_MAX],
		    struct shift_error *err)
{
	size_t len = 0;
	char name[LAYER_NAME];
	int r;

	text[0] = '\0';
	for (size_t i = layers; i-- > 0; ) {
		r = layer_name(i, name, err);
		if (r < 0)
			return r;
		len += (size_t)snprintf(text + len, OPTIONS_MAX - len, "%s%s",
					len ? ":" : "", name);
	}
	return 0;
}

/* fsconfig(2) cuts values at 255 bytes, mount(2) all options at a page. */
static int mount_long_overlay(const char *lower, bool writable,
			      const char *target, const char *label,
			      struct shift_error *err)
{
	_cleanup_free_ char *options = NULL;
	int r = strf(&options, err, "index=off,lowerdir=%s%s%s%s%s", lower,
		     writable ? ",upperdir=" STAGE_WRITABLE "/upper,workdir="
				STAGE_WRITABLE "/work" : "",
		     label ? ",context=\"" : "", label ?: "", label ? "\"" : "");

	if (r < 0)
		return r;
	if (strlen(options) >= OPTIONS_MAX)
		return shift_err_set(err, E2BIG, "an overlay of too many layers");
	if (mount("runner", target, "overlay", MS_NODEV, options) < 0)
		return shift_err_set(err, errno, "cannot mount an overlay at %s", target);
	return 0;
}

/* Mounts the overlay of the layers on the stage at @target. */
static int mount_overlay_here(size_t layers, bool writable, const char *target,
			      const char *label, struct shift_error *err)
{
	_cleanup_close_ int ctx = -1, mnt = -1;
	char lower[OPTIONS_MAX];
	int r;

	r = lowerdir(layers, lower, err);
	if (r < 0)
		return r;
	if (strlen(lower) >= SHIFT_FSCONFIG_VALUE_MAX)
		return mount_long_overlay(lower, writable, target, label, err);
	ctx = shift_fsctx_open("overlay", err);
	if (ctx < 0)
		return ctx;
	/*
	 * Equal files of images are one inode in the store: with an index, which a
	 * host can have as its default, a write to one would be one to all.
	 */
	if ((r = shift_fsctx_string(ctx, "source", "runner", err)) < 0 ||
	    (r = shift_fsctx_string(ctx, "index", "off", err)) < 0 ||
	    (r = shift_fsctx_string(ctx, "lowerdir", lower, err)) < 0)
		return r;
	if (writable &&
	    ((r = shift_fsctx_string(ctx, "upperdir", STAGE_WRITABLE "/upper",
				     err)) < 0 ||
	     (r = shift_fsctx_string(ctx, "workdir", STAGE_WRITABLE "/work",
				     err)) < 0))
		return r;
	if (label && (r = shift_fsctx_string(ctx, "context", label, err)) < 0)
		return r;
	r = shift_fsctx_create(ctx, err);
	if (r < 0)
		return r;
	mnt = shift_fsctx_mount(ctx, ROOT_ATTRS, err);
	if (mnt < 0)
		return mnt;
	return shift_attach(mnt, target, err);
}

/* @label is the SELinux context of all files there, or NULL. */
static int mount_overlay(size_t layers, bool writable, const char *target,
			 const char *label, struct shift_error *err)
{
	_cleanup_close_ int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (cwd < 0 || chdir(STAGE_LOWER) < 0)
		return shift_err_set(err, errno, "cannot enter %s", STAGE_LOWER);
	r = mount_overlay_here(layers, writable, target, label, err);
	if (fchdir(cwd) < 0 && r >= 0)
		r = shift_err_set(err, errno, "cannot go back");
	return r;
}

static int mount_plain_overlay(const struct spec *spec, const char *pod_dir,
			       const char *target, const char *label,
			       struct shift_error *err)
{
	int r;

	if ((r = attach_layers(&spec->root.layers, -1, err)) < 0 ||
	    (r = bind_at(pod_dir, STAGE_WRITABLE, err)) < 0)
		return r;
	r = mount_overlay(spec->root.layers.n, true, target, label, err);
	if (r < 0)
		shift_err_prefix(err, "overlay of %s with the changes in %s/upper",
				 spec->root.path, pod_dir);
	return r;
}

/* One map on top of the finished tree @from. */
static int shift_whole(const struct spec *spec, const char *from,
		       const struct shift_idmap *map, const char *target,
		       const char *label, struct shift_error *err)
{
	_cleanup_close_ int fd = shift_tree(spec->shift, from, map, ROOT_ATTRS,
					    label, err);

	return fd < 0 ? fd : shift_attach(fd, target, err);
}

/*
 * overlayfs works on its layers as who mounted it.  In a layer that shows no
 * id 0 root can create nothing, and the overlay would be read-only without a
 * word: so mount it as the pod's root, with root's capabilities.
 */
static int mount_overlay_as(uint32_t id, size_t layers, const char *target,
			    const char *label, struct shift_error *err)
{
	cap_t caps = cap_get_proc();
	int r;

	if (!caps)
		return shift_err_set(err, errno, "cannot read capabilities");
	setfsgid(id);
	setfsuid(id);
	if (cap_set_proc(caps) < 0)
		r = shift_err_set(err, errno, "cannot keep capabilities");
	else
		r = mount_overlay(layers, true, target, label, err);
	setfsuid(0);
	setfsgid(0);
	cap_set_proc(caps);
	cap_free(caps);
	return r;
}

/* Every layer idmapped by itself and the overlay made of those. */
static int overlay_of_shifted(const struct spec *spec,
			      const struct shift_idmap *map,
			      const char *pod_dir, const char *target,
			      const char *label, struct shift_error *err)
{
	_cleanup_close_ int fd = -1, userns = shift_userns_create(map, err);
	int r = userns;

	if (r >= 0)
		r = attach_layers(&spec->root.layers, userns, err);
	if (r >= 0)
		r = fd = shift_by_userns(pod_dir, userns, 0, err);
	if (r >= 0)
		r = shift_attach(fd, STAGE_WRITABLE, err);
	return r < 0 ? r : mount_overlay_as(spec->linux_.host_base,
					    spec->root.layers.n, target, label,
					    err);
}

/*
 * For who wants the same places once more.  Otherwise they go with the whole
 * namespace, at the pod's pivot and when runner leaves it: each umount2(2) waits
 * for an RCU grace period.
 */
static void undo(const struct spec *spec)
{
	umount2(STAGE_OVERLAY, MNT_DETACH);
	umount2(STAGE_WRITABLE, MNT_DETACH);
	for (size_t i = 0; i < spec->root.layers.n; i++) {
		char at[sizeof(STAGE_LOWER) + LAYER_NAME] = STAGE_LOWER "/";

		if (layer_name(i, at + strlen(at), NULL) >= 0)
			umount2(at, MNT_DETACH);
	}
}

/* Shown as it is stored: the pod has the host's user namespace. */
static int unshifted(const struct spec *spec, const char *pod_dir,
		     const char *target, const char *label,
		     struct shift_error *err)
{
	struct mount_attr attr = { .attr_set = ROOT_ATTRS };
	_cleanup_close_ int fd = -1;

	if (!spec->root.direct)
		return mount_plain_overlay(spec, pod_dir, target, label, err);
	fd = sys_open_tree(AT_FDCWD, spec->root.layers.v[0],
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr,
					sizeof(attr)) < 0)
		return shift_err_set(err, errno, "cannot open %s as a mount",
				     spec->root.layers.v[0]);
	return shift_attach(fd, target, err);
}

/* Finds the copy for this base; another base would need another copy. */
static int find_copy(const char *pod_dir, const char *copy,
		     struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = opendir(pod_dir);
	struct dirent *e;

	if (!dir)
		return shift_err_set(err, errno, "cannot read %s", pod_dir);
	if (!access(copy, F_OK))
		return 1;
	while ((e = readdir(dir))) {
		unsigned int base;

		if (sscanf(e->d_name, "copy-%u", &base) != 1 ||
		    strstr(e->d_name, ".partial"))
			continue;
		shift_err_set(err, 0, "the pod's private copy %s/%s has the ids from %u on",
			      pod_dir, e->d_name, base);
		shift_err_hint(err, "give --userns=%u, or start a new pod", base);
		return -EEXIST;
	}
	return 0;
}

static int copy_shifted(const char *from, const char *to, uint32_t base,
			uint32_t count, struct shift_error *err)
{
	char first[16], n[16];
	const char *const args[] = { from, to, first, n };

	snprintf(first, sizeof(first), "%" PRIu32, base);
	snprintf(n, sizeof(n), "%" PRIu32, count);
	return helper_image(HELPER_COPY, args, 4, err);
}

int rootfs_mount_image(const struct spec *spec, const char **ret,
		       struct shift_error *err)
{
	int r = attach_layers(&spec->root.layers, -1, err);

	/* An overlay needs two layers or more. */
	*ret = spec->root.layers.n == 1 ? STAGE_LOWER "/0" : STAGE_OVERLAY;
	if (r >= 0 && spec->root.layers.n > 1)
		r = mount_overlay(spec->root.layers.n, false, STAGE_OVERLAY,
				  NULL, err);
	return r;
}

/* --shift=chown: everything below is copied, with the pod's ids, once. */
static int private_copy(const struct spec *spec, const char *pod_dir,
			const char *target, struct shift_error *err)
{
	_cleanup_free_ char *copy = NULL, *partial = NULL;
	uint32_t base = spec->linux_.host_base;
	_cleanup_close_ int fd = -1;
	const char *from;
	int r;

	if ((r = strf(&copy, err, "%s/copy-%" PRIu32, pod_dir, base)) < 0 ||
	    (r = strf(&partial, err, "%s.partial", copy)) < 0 ||
	    (r = find_copy(pod_dir, copy, err)) < 0)
		return r;
	if (!r) {
		r = remove_tree(partial, err);
		if (r >= 0)
			r = rootfs_mount_image(spec, &from, err);
		if (r >= 0)
			r = copy_shifted(from, partial, base,
					 spec->linux_.map_size, err);
		undo(spec);
		if (r >= 0) {
			/* The name promises a whole tree, after a power cut as well. */
			fd = open(partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd < 0 || syncfs(fd) < 0 || rename(partial, copy) < 0)
				r = shift_err_set(err, errno, "cannot finish %s", copy);
			close(steal_fd(&fd));
		}
		if (r < 0) {
			remove_tree(partial, NULL);
			return r;
		}
	}
	fd = sys_open_tree(AT_FDCWD, copy, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH,
					&(struct mount_attr){ .attr_set = ROOT_ATTRS },
					sizeof(struct mount_attr)) < 0)
		return shift_err_set(err, errno, "cannot open %s as a mount", copy);
	return shift_attach(fd, target, err);
}

static int shifted_overlay(const struct spec *spec,
			   const struct shift_idmap *map, const char *pod_dir,
			   const char *target, const char *label,
			   struct shift_error *err)
{
	int r = mount_plain_overlay(spec, pod_dir, STAGE_OVERLAY, label, err);

	return r < 0 ? r : shift_whole(spec, STAGE_OVERLAY, map, target, label,
				       err);
}

/* What the pod changes in a directory of the host's own lies there as root's. */
static int check_direct(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? shift_err_set(err, errno, "%s", path) :
		host_setuid_check(fd, path, err);
}

static int shifted(const struct spec *spec, const char *pod_dir,
		   const char *target, const char *label,
		   struct shift_error *err)
{
	struct shift_error second = SHIFT_ERROR_INIT;
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	int r;

	if (!map)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = shift_idmap_add(map, SHIFT_BOTH, 0, spec->linux_.host_base,
			    spec->linux_.map_size, err);
	if (r < 0)
		return r;
	if (spec->root.direct && !spec->root.readonly &&
	    (r = check_direct(spec->root.layers.v[0], err)) < 0)
		return r;
	if (spec->root.direct)
		return shift_whole(spec, spec->root.layers.v[0], map, target,
				   label, err);
	if (spec->shift == SPEC_SHIFT_SHIFTFS)
		return shifted_overlay(spec, map, pod_dir, target, label, err);
	/* What is in the way takes long to find, and is seldom needed. */
	if (shifted_overlay(spec, map, pod_dir, target, label, NULL) >= 0)
		return 0;
	undo(spec);
	if (overlay_of_shifted(spec, map, pod_dir, target, label, &second) >= 0)
		return 0;
	undo(spec);
	r = shifted_overlay(spec, map, pod_dir, target, label, err);
	if (r >= 0)
		return r;
	shift_err_hint(err, "an overlay of idmapped layers was refused as well: %.*s",
		       (int)strcspn(shift_err_text(&second), "\n"),
		       shift_err_text(&second));
	shift_err_clear(&second);
	if (spec->shift == SPEC_SHIFT_AUTO)
		shift_err_hint(err, "--shift=chown needs none of these: it copies the image for this pod");
	return r;
}

int rootfs_mount(const struct spec *spec, const char *pod_dir,
		 const char *target, struct shift_error *err)
{
	_cleanup_free_ char *label = NULL;
	int r;

	r = security_mount_label(spec, &label, err);
	if (r < 0)
		return r;
	if (!(spec->linux_.namespaces & SPEC_NS_USER))
		r = unshifted(spec, pod_dir, target, label, err);
	else if (spec->shift == SPEC_SHIFT_CHOWN)
		r = private_copy(spec, pod_dir, target, err);
	else
		r = shifted(spec, pod_dir, target, label, err);
	return r < 0 ? shift_err_prefix(err, "root filesystem on %s with --shift=%s",
					spec->root.path,
					spec_shift_name(spec->shift)) : 0;
}
