// SPDX-License-Identifier: GPL-2.0-or-later
#include "shift.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "lower.h"
#include "place.h"
#include "submounts.h"
#include "tree.h"

/* What is done for one wish. */
struct grant {
	int source;	/* O_PATH */
	int mount;	/* detached; -1: nothing, the runtime does it */
	struct submounts below;
};

struct granted {
	struct grant *list;	/* as long as the bundle's wishes */
	size_t n, any;
};

static void granted_clear(struct granted *granted)
{
	for (size_t i = 0; i < granted->n; i++) {
		if (granted->list[i].source >= 0)
			close(granted->list[i].source);
		if (granted->list[i].mount >= 0)
			close(granted->list[i].mount);
		submounts_clear(&granted->list[i].below);
	}
	free(granted->list);
}

/*
 * As the runtime finds it: from the bundle, through symbolic links.  O_DIRECTORY has what
 * autofs and NFS mount on demand mounted, as mount(2) has; without it, O_PATH has not.
 */
static int open_source(int bundle, const struct wish *wish)
{
	const int flags = O_PATH | O_CLOEXEC | (wish->no_link ? O_NOFOLLOW : 0);
	int fd = openat(bundle, wish->source, flags | O_DIRECTORY);
	struct stat st;

	if (fd < 0 && errno == ENOTDIR)
		fd = openat(bundle, wish->source, flags);
	if (fd >= 0 && wish->no_link && (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* crun 1.8 forgets the map of a source that is a symbolic link, without a word. */
static bool is_link(int bundle, const char *source)
{
	struct stat st;

	return !fstatat(bundle, source, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode);
}

static int grant(int bundle, const struct wish *wish, const struct settings *settings,
		 struct grant *ret, struct shift_error *err)
{
	struct tree_want want = {
		.name = wish->source, .map = wish->map, .writable = wish->writable,
		.how = wish->how, .squash_uid = wish->squash_uid, .squash_gid = wish->squash_gid,
	};
	bool idmapped = false;

	/* What cannot be opened the runtime refuses, in words that engines know. */
	want.source = ret->source = open_source(bundle, wish);
	if (ret->source < 0)
		return 0;
	ret->mount = tree_mount(&want, &idmapped, err);
	if (ret->mount < 0)
		return ret->mount;
	if (idmapped && !wish->ours && settings_runtime_idmaps(settings) &&
	    !is_link(bundle, wish->source)) {
		close(steal_fd(&ret->mount));
		return 0;
	}
	return wish->below ? submounts_make(&want, wish->map_below, &ret->below, err) : 0;
}

static int grant_all(int dir, const struct bundle *bundle, const struct settings *settings,
		     struct granted *ret, struct shift_error *err)
{
	int r;

	ret->list = calloc(bundle->n, sizeof(*ret->list));
	if (!ret->list)
		return shift_err_set(err, ENOMEM, "config.json");
	for (; ret->n < bundle->n; ret->n++)
		ret->list[ret->n] = (struct grant){ -1, -1, SUBMOUNTS_INIT };
	for (size_t i = 0; i < bundle->n; i++) {
		r = grant(dir, &bundle->wishes[i], settings, &ret->list[i], err);
		if (r < 0)
			return shift_err_prefix(err, "the mount at %s", bundle->wishes[i].destination);
		ret->any += ret->list[i].mount >= 0;
	}
	return 0;
}

/* All mounts but the root's, on the tmpfs, and their new sources into config.json. */
static int attach_mounts(int tmpfs, struct bundle *bundle, const struct granted *granted,
			 struct shift_error *err)
{
	char name[24], source[64];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < bundle->n; i++) {
		const struct grant *g = &granted->list[i];

		if (g->mount < 0 || !bundle->wishes[i].mount)
			continue;
		snprintf(name, sizeof(name), "%zu", i);
		snprintf(source, sizeof(source), "%s/%zu", PLACE, i);
		r = place_add(tmpfs, name, g->mount, err);
		if (r >= 0)
			r = submounts_attach(&g->below, g->mount, g->source, bundle->wishes[i].source, err);
		if (r >= 0)
			r = bundle_grant(&bundle->wishes[i], source, err);
	}
	return r;
}

static int attach_config(int tmpfs, struct bundle *bundle, const struct anchor *at,
			 struct shift_error *err)
{
	_cleanup_close_ int file = -1;
	const char *text;
	size_t len = 0;
	int r;

	text = bundle_text(bundle, &len);
	if (!text)
		return shift_err_set(err, ENOMEM, "config.json");
	r = file = place_file(tmpfs, "config.json", text, len, &bundle->stat, err);
	if (r >= 0)
		r = place_hide(file, err);
	return r < 0 ? r : anchor_attach(at, file, err);
}

static int enter(const char *config, const char *root, struct bundle *bundle,
		 const struct granted *granted, struct shift_error *err)
{
	_cleanup_anchor_ struct anchor place = ANCHOR_INIT, file = ANCHOR_INIT, rootfs = ANCHOR_INIT;
	_cleanup_close_ int tmpfs = -1;
	int r;

	r = anchor_open_place(&place, err);
	if (r >= 0)
		r = anchor_open(config, &file, err);
	if (r >= 0 && root)
		r = anchor_open(root, &rootfs, err);
	if (r >= 0)
		r = tmpfs = place_tmpfs(err);
	if (r >= 0)
		r = place_enter(err);
	if (r >= 0)
		r = anchor_attach(&place, tmpfs, err);
	if (r >= 0)
		r = attach_mounts(tmpfs, bundle, granted, err);
	if (r >= 0)
		r = attach_config(tmpfs, bundle, &file, err);
	if (r >= 0)
		r = place_hide(tmpfs, err);
	/* Over the bundle's rootfs, so that the runtime records its true path. */
	for (size_t i = 0; r >= 0 && root && i < bundle->n; i++)
		if (!bundle->wishes[i].mount && granted->list[i].mount >= 0)
			r = anchor_attach(&rootfs, granted->list[i].mount, err);
	return r;
}

/* @path from the directory @dir, unless it is absolute; the caller's. */
static char *join(const char *dir, const char *path)
{
	char *joined;

	return asprintf(&joined, "%s%s%s", path[0] == '/' ? "" : dir, path[0] == '/' ? "" : "/", path) < 0 ?
	       NULL : joined;
}

int shift_container(const struct oci_args *args, const struct settings *settings,
		    struct shift_error *err)
{
	_cleanup_bundle_ struct bundle bundle = BUNDLE_INIT;
	__attribute__((cleanup(granted_clear))) struct granted granted = { NULL };
	_cleanup_free_ char *config = NULL, *root = NULL;
	const char *where = args->bundle ? args->bundle : ".";
	_cleanup_close_ int dir = -1;
	int r;

	/* Neither kind of mount can be made: the runtime says so in its own way. */
	if (geteuid() || !shift_in_initial_userns())
		return 0;
	config = join(where, args->config ? args->config : "config.json");
	if (!config)
		return shift_err_set(err, ENOMEM, "%s", where);
	r = bundle_read(config, &bundle, err);
	if (r == -E2BIG || r == -EFBIG || r == -ENOMEM)
		return r;
	if (r < 0)
		return 0;
	r = bundle_wishes(&bundle, settings, err);
	if (r < 0 || !bundle.n)
		return r;
	dir = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	r = grant_all(dir, &bundle, settings, &granted, err);
	if (r < 0 || !granted.any)
		return r;
	if (!bundle.own_mounts)
		return shift_err_set(err, EINVAL, "a shifted mount needs a container with a new mount namespace: config.json has no namespace of type \"mount\", or one with a path");
	for (size_t i = 0; i < bundle.n; i++)
		if (!bundle.wishes[i].mount && granted.list[i].mount >= 0) {
			root = join(where, bundle.wishes[i].source);
			if (!root)
				return shift_err_set(err, ENOMEM, "%s", where);
		}
	return enter(config, root, &bundle, &granted, err);
}
