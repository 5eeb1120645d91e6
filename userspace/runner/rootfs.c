/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "plan.h"
#include "syscalls.h"

/*
 * Never MOUNT_ATTR_NOSUID: su and ping of the image work, in the pod's user
 * namespace only.  Always nodev: a node in an image must not open a disk.
 */
#define ROOT_ATTRS MOUNT_ATTR_NODEV

const char *rootfs_shift_name(enum spec_shift shift)
{
	static const char *const names[] = {
		[SPEC_SHIFT_AUTO] = "auto",
		[SPEC_SHIFT_SHIFTFS] = "shiftfs",
		[SPEC_SHIFT_IDMAP] = "idmap",
	};

	return names[shift];
}

int rootfs_stage(const char *dir, struct shift_error *err)
{
	static const char *const dirs[] = {
		STAGE_ROOT, STAGE_DEV, STAGE_LOWER, STAGE_WRITABLE,
		STAGE_OVERLAY,
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
 * are special and which fsconfig(2) cuts at 255 bytes, so the layers are first
 * given a plain name below the stage.
 */
static int bind_layer(const char *path, const char *at,
		      struct shift_error *err)
{
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, path,
					       OPEN_TREE_CLONE |
					       OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s as a mount",
				     path);
	return shift_attach(fd, at, err);
}

/* Mounts the overlay of the two layers on the stage at @target. */
static int mount_overlay(const char *target, unsigned int attrs,
			 struct shift_error *err)
{
	_cleanup_close_ int ctx = -1, mnt = -1;
	int r;

	ctx = shift_fsctx_open("overlay", err);
	if (ctx < 0)
		return ctx;
	if ((r = shift_fsctx_string(ctx, "source", "runner", err)) < 0 ||
	    (r = shift_fsctx_string(ctx, "lowerdir", STAGE_LOWER, err)) < 0 ||
	    (r = shift_fsctx_string(ctx, "upperdir", STAGE_WRITABLE "/upper",
				    err)) < 0 ||
	    (r = shift_fsctx_string(ctx, "workdir", STAGE_WRITABLE "/work",
				    err)) < 0 ||
	    (r = shift_fsctx_create(ctx, err)) < 0)
		return r;
	mnt = shift_fsctx_mount(ctx, attrs, err);
	if (mnt < 0)
		return mnt;
	return shift_attach(mnt, target, err);
}

static int mount_plain_overlay(const char *lower, const char *pod_dir,
			       struct shift_error *err)
{
	int r;

	if ((r = bind_layer(lower, STAGE_LOWER, err)) < 0 ||
	    (r = bind_layer(pod_dir, STAGE_WRITABLE, err)) < 0)
		return r;
	r = mount_overlay(STAGE_OVERLAY, ROOT_ATTRS, err);
	if (r < 0)
		shift_err_prefix(err, "overlay of %s with the changes in %s/upper",
				 lower, pod_dir);
	return r;
}

/* One map on top of the finished overlay. */
static int shift_overlay(const struct spec *spec,
			 const struct shift_idmap *map, const char *target,
			 struct shift_error *err)
{
	_cleanup_close_ int fd = -1;

	if (spec->shift != SPEC_SHIFT_SHIFTFS) {
		fd = shift_idmap_tree(STAGE_OVERLAY, map, ROOT_ATTRS,
				      spec->shift == SPEC_SHIFT_AUTO ?
				      NULL : err);
		if (fd >= 0)
			return shift_attach(fd, target, err);
		if (spec->shift == SPEC_SHIFT_IDMAP)
			return fd;
	}
	fd = shift_mount_tree(STAGE_OVERLAY, map, ROOT_ATTRS, err);
	if (fd < 0)
		return fd;
	return shift_attach(fd, target, err);
}

/*
 * overlayfs works on its layers as who mounted it.  In a layer that shows no
 * id 0 root can create nothing, and the overlay would be read-only without a
 * word: so mount it as the pod's root, with root's capabilities.
 */
static int mount_overlay_as(uint32_t id, const char *target,
			    struct shift_error *err)
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
		r = mount_overlay(target, ROOT_ATTRS, err);
	setfsuid(0);
	setfsgid(0);
	cap_set_proc(caps);
	cap_free(caps);
	return r;
}

/* Every layer idmapped by itself and the overlay made of those. */
static int overlay_of_shifted(const struct spec *spec,
			      const struct shift_idmap *map, const char *lower,
			      const char *pod_dir, const char *target,
			      struct shift_error *err)
{
	const char *const from[] = { lower, pod_dir };
	const char *const at[] = { STAGE_LOWER, STAGE_WRITABLE };
	int r;

	for (int i = 0; i < 2; i++) {
		_cleanup_close_ int fd = shift_idmap_tree(from[i], map, 0, err);

		if (fd < 0)
			return fd;
		r = shift_attach(fd, at[i], err);
		if (r < 0)
			return r;
	}
	return mount_overlay_as(spec->linux_.host_base, target, err);
}

static void undo(void)
{
	umount2(STAGE_OVERLAY, MNT_DETACH);
	umount2(STAGE_WRITABLE, MNT_DETACH);
	umount2(STAGE_LOWER, MNT_DETACH);
}

int rootfs_mount(const struct spec *spec, const char *lower,
		 const char *pod_dir, const char *target,
		 struct shift_error *err)
{
	struct shift_error second = SHIFT_ERROR_INIT;
	struct shift_idmap map = SHIFT_IDMAP_INIT;
	int r;

	r = shift_idmap_add(&map, SHIFT_BOTH, 0, spec->linux_.host_base,
			    spec->linux_.map_size, err);
	if (r < 0)
		return r;
	r = mount_plain_overlay(lower, pod_dir, err);
	if (r >= 0)
		r = shift_overlay(spec, &map, target, err);
	/* The shifted mount keeps what it needs; these names do not. */
	undo();
	if (r >= 0)
		return 0;
	if (spec->shift == SPEC_SHIFT_SHIFTFS)
		return shift_err_prefix(err, "root filesystem on %s with --shift=shiftfs",
					lower);

	r = overlay_of_shifted(spec, &map, lower, pod_dir, target, &second);
	undo();
	if (r >= 0) {
		shift_err_clear(err);
		return 0;
	}
	shift_err_hint(err, "an overlay of idmapped layers was refused as well: %s",
		       shift_err_text(&second));
	shift_err_clear(&second);
	return shift_err_prefix(err, "root filesystem on %s with --shift=%s",
				lower, rootfs_shift_name(spec->shift));
}
