/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "setup/host_setuid.h"
#include "setup/security.h"
#include "setup/shift.h"
#include "setup/volume_source.h"
#include "spec/volume_options.h"
#include "syscalls.h"

/* The map of the mount: what is stored to what the host's kernel sees. */
static int make_map(const struct volume_options *o, const struct spec *spec,
		    struct shift_idmap *map, struct shift_error *err)
{
	uint32_t base = spec->linux_.host_base, size = spec->linux_.map_size;
	int r = 0;

	if (!o->n_extents)
		return shift_idmap_add(map, SHIFT_BOTH, 0, base, size, err);
	for (size_t i = 0; r >= 0 && i < o->n_extents; i++) {
		const struct volume_extent *e = &o->extents[i];

		if (e->of_pod && (e->seen >= size || e->count > size - e->seen))
			return shift_err_set(err, 0,
					     "idmap: the pod has the ids 0 to %" PRIu32 ", %" PRIu32 ":%" PRIu32 " is not among them",
					     size - 1, e->seen, e->count);
		r = shift_idmap_add(map, e->types, e->stored,
				    e->of_pod ? base + e->seen : e->seen,
				    e->count, err);
	}
	/* The kernel wants both types; the other stays the pod's own. */
	if (r >= 0 && !map->uids.n)
		r = shift_idmap_add(map, SHIFT_UID, 0, base, size, err);
	if (r >= 0 && !map->gids.n)
		r = shift_idmap_add(map, SHIFT_GID, 0, base, size, err);
	return r;
}

static int plain(const char *source, const struct volume_options *o,
		 struct shift_error *err)
{
	struct mount_attr attr = { .attr_set = o->attrs };
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, source,
					       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
					       (o->one_mount ? 0 : AT_RECURSIVE));

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s as a mount", source);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
			      sizeof(attr)) < 0)
		return shift_err_set(err, errno, "cannot set the flags of the mount of %s",
				     source);
	return steal_fd(&fd);
}

/* What shiftfs alone can do: squash, and a label for all files (or NULL). */
static int by_shiftfs(const char *source, const struct volume_options *o,
		      const struct shift_idmap *map, const char *label,
		      struct shift_error *err)
{
	struct shift_option options[4] = { { NULL, NULL } };
	char uid[16], gid[16];
	size_t n = 0;
	int r;

	snprintf(uid, sizeof(uid), "%" PRIu32, o->squash_uid);
	snprintf(gid, sizeof(gid), "%" PRIu32, o->squash_gid);
	if (o->squash) {
		options[n++] = (struct shift_option){ "squash_uid", uid };
		options[n++] = (struct shift_option){ "squash_gid", gid };
	}
	if (label)
		options[n++] = (struct shift_option){ "context", label };
	r = shift_by_shiftfs(source, map, o->attrs, options, err);
	if (r < 0)
		shift_err_hint(err, o->squash ?
			       "squash= is shiftfs's; idmapped mounts cannot store many ids as one" :
			       "z and Z label a mount of shiftfs; without it label the files yourself (chcon -t container_file_t) and leave z and Z out");
	return r;
}

static int shifted(const struct spec *spec, const char *source, mode_t type,
		   const struct volume_options *o,
		   const struct shift_idmap *map, struct shift_error *err)
{
	/* A private copy is the image's affair, never a volume's. */
	enum spec_shift how = spec->shift == SPEC_SHIFT_CHOWN ?
			      SPEC_SHIFT_IDMAP : spec->shift;
	int r;

	if (!S_ISSOCK(type))
		return shift_tree(how, source, map, o->attrs, NULL, err);
	r = shift_idmap_tree(source, map, o->attrs, NULL);
	/* Who may connect is all that a map would decide. */
	return r >= 0 ? r : plain(source, o, err);
}

static int make_point(const char *at, mode_t type, struct shift_error *err)
{
	int fd;

	if (S_ISDIR(type) ? mkdir(at, 0755) < 0 :
	    (fd = open(at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)) < 0)
		return shift_err_set(err, errno, "cannot make %s", at);
	if (!S_ISDIR(type))
		close(fd);
	return 0;
}

/* In the host's own user namespace the pod's root is the host's anyway. */
static bool stores_for_root(const struct spec *spec,
			    const struct volume_options *o,
			    const struct shift_idmap *map)
{
	if (o->unsafe_setuid || (o->attrs & MOUNT_ATTR_RDONLY) ||
	    !(spec->linux_.namespaces & SPEC_NS_USER))
		return false;
	if (o->squash)
		return !o->squash_uid;
	return o->idmap && host_setuid_maps_root(map);
}

/* The mount of what @source, a name in /proc of a descriptor, stands for. */
static int mount_it(const struct spec *spec, int source_fd,
		    const char *source, const char *path,
		    const char *options, const char *at,
		    struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	_cleanup_free_ char *label = NULL;
	struct volume_options o;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!map)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = volume_options_parse(&o, options, err);
	if (r < 0)
		return r;
	if (stat(source, &st) < 0)
		return shift_err_set(err, errno, "%s", source);
	r = make_point(at, st.st_mode, err);
	if (r >= 0 && o.relabel)
		r = security_file_label(spec, o.relabel == VOLUME_OF_THIS_POD,
					&label, err);
	if (r >= 0 && label && !o.squash && spec->shift != SPEC_SHIFT_AUTO &&
	    spec->shift != SPEC_SHIFT_SHIFTFS) {
		r = shift_err_set(err, 0, "z and Z: SELinux is in use, and an idmapped mount has the labels that are stored");
		shift_err_hint(err, "use --shift=shiftfs, or label the files yourself (chcon -t container_file_t)");
	}
	if (r >= 0 && label && S_ISSOCK(st.st_mode))
		r = shift_err_set(err, 0, "z and Z: the label of a socket is that of who made it");
	if (r >= 0 && (o.idmap || o.squash))
		r = make_map(&o, spec, map, err);
	else if (r >= 0 && label)
		r = shift_idmap_add(map, SHIFT_BOTH, 0, 0, UINT32_MAX, err);
	if (r >= 0) {
		if (o.squash || label)
			fd = r = by_shiftfs(source, &o, map, label, err);
		else if (o.idmap && !shift_idmap_is_identity(map))
			fd = r = shifted(spec, source, st.st_mode, &o, map, err);
		else
			fd = r = plain(source, &o, err);
	}
	/* Behind what shifts it: what cannot be shifted is the first to say. */
	if (r >= 0 && stores_for_root(spec, &o, map))
		r = host_setuid_check(source_fd, path, err);
	return r < 0 ? r : shift_attach(fd, at, err);
}

/* The administrator knows the path, not the descriptor. */
static void name_source(struct shift_error *err, const char *proc,
			const char *source)
{
	_cleanup_free_ char *text = NULL;
	size_t len = strlen(proc);
	char *p;

	while (err && err->msg && (p = strstr(err->msg, proc)) &&
	       strf(&text, NULL, "%.*s%s%s", (int)(p - err->msg), err->msg,
		    source, p + len) >= 0) {
		free(err->msg);
		err->msg = steal_ptr(&text);
		/* It could be in the path itself. */
		if (strstr(source, proc))
			break;
	}
}

int volume_mount(const struct spec *spec, const struct strv *written,
		 const char *source, const char *options, const char *at,
		 struct shift_error *err)
{
	_cleanup_close_ int fd = volume_source_open(spec, written, source,
						    true, NULL, err);
	char proc[64];
	int r;

	if (fd < 0)
		return fd;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	r = mount_it(spec, fd, proc, source, options, at, err);
	if (r >= 0)
		return 0;
	name_source(err, proc, source);
	return shift_err_prefix(err, "volume %s", source);
}
