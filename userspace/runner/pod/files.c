/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "mounttree.h"
#include "pod/written.h"
#include "setup/inroot.h"
#include "setup/mounts.h"
#include "setup/plan.h"
#include "setup/process.h"
#include "setup/rootfs.h"
#include "setup/target.h"
#include "setup/volume.h"
#include "syscalls.h"
#include "userns.h"

/* Descriptors that a process in a pod may need. */
#define KEEP_MAX 4

int files_open(struct files *f, const char *name, struct shift_error *err)
{
	int r = state_load(&f->st, name, err);

	if (r >= 0)
		r = state_load_spec(&f->st, &f->spec, err);
	if (r < 0)
		return r;
	if (state_is_up(&f->st)) {
		r = f->pidfd = state_open_process(&f->st, err);
		return r < 0 ? r : 0;
	}
	if (f->st.status != STATUS_EXITED)
		return shift_err_set(err, 0, "the pod %s is %s", name,
				     state_status_name(f->st.status));
	/* Its supervisor may be about to leave. */
	if ((r = state_wait_unlocked(&f->st, -1, err)) < 0 ||
	    (r = image_hold_described(&f->image, &f->spec, err)) < 0)
		return r;
	return poddir_open(&f->dir, name, f->spec.root.path,
			   f->spec.root.layers.v[f->spec.root.layers.n - 1],
			   false, err);
}

/*
 * A pod with the host's ids can make nodes of any device, and the list of devices of
 * its cgroup is not that of this process.  Mounts that the pod makes meanwhile stay out.
 */
static int forbid_devices(struct shift_error *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE,
	};

	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return shift_err_set(err, errno, "cannot mount the pod's files without devices");
	return 0;
}

static int join(const struct files *f, struct shift_error *err)
{
	int flags = CLONE_NEWNS;

	if (f->spec.linux_.namespaces & SPEC_NS_USER)
		flags |= CLONE_NEWUSER;
	if (setns(f->pidfd, flags) < 0)
		return shift_err_set(err, errno, "cannot join the pod %s",
				     f->st.name);
	/* Its mounts as they are now, for this process alone. */
	if (unshare(CLONE_NEWNS) < 0)
		return shift_err_set(err, errno, "cannot make a mount namespace in the pod %s",
				     f->st.name);
	return forbid_devices(err);
}

/* A place of the pod and the mount for it. */
struct place {
	const char *at;
	int fd;
};

static bool is_volume(const struct spec_mount *m)
{
	return !strcmp(m->type, "bind");
}

/* A running pod's own mount there is not here: nothing can be written to it. */
static int clone_empty(int empty, struct shift_error *err)
{
	int fd = sys_open_tree(empty, "", AT_EMPTY_PATH | OPEN_TREE_CLONE |
			       OPEN_TREE_CLOEXEC);

	return fd < 0 ? shift_err_set(err, errno, "cannot clone a mount") : fd;
}

static int open_place(const struct files *f, const struct strv *written,
		      size_t i, int empty, struct shift_error *err)
{
	const struct spec_mount *m = &f->spec.mounts[i];
	_cleanup_free_ char *path = NULL;
	int r;

	if (!is_volume(m))
		return clone_empty(empty, err);
	r = strf(&path, err, "%s/%zu", STAGE_VOLUMES, i);
	if (r >= 0)
		r = volume_mount(&f->spec, written, m->source, m->options, path,
				 err);
	return r < 0 ? r : mounts_clone(path, err);
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* In the pod's root.  A place that the pod has not made yet has nothing on it. */
static int attach(const struct place *p, struct shift_error *err)
{
	_cleanup_free_ char *real = NULL;
	_cleanup_close_ int at = -1;
	int r = target_resolve(p->at, &real, err);

	if (r < 0)
		return r;
	at = inroot_open(real, O_PATH, INROOT_NONE);
	if (at == -ENOENT)
		return 0;
	if (at < 0)
		return shift_err_set(err, -at, "%s in the pod", real);
	return shift_attach_at(p->fd, at, real, err);
}

/* Those nearer to the root first; none is as deep as a path is long. */
static int attach_all(const struct place *places, size_t n,
		      struct shift_error *err)
{
	size_t most = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (depth(places[i].at) > most)
			most = depth(places[i].at);
	for (size_t d = 0; r >= 0 && d <= most; d++)
		for (size_t i = 0; r >= 0 && i < n; i++)
			if (depth(places[i].at) == d)
				r = attach(&places[i], err);
	return r;
}

static int enter_root(struct place *places, size_t n, struct shift_error *err)
{
	if (chroot(STAGE_ROOT) < 0 || chdir("/") < 0)
		return shift_err_set(err, errno, "cannot enter the pod's root");
	return attach_all(places, n, err);
}

/* For the ids that the mounts have; nobody else is in it.  -1: the host's own. */
static int make_userns(const struct spec *spec, int *ret,
		       struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *map = NULL;
	int r;

	*ret = -1;
	if (!(spec->linux_.namespaces & SPEC_NS_USER))
		return 0;
	map = calloc(1, sizeof(*map));
	if (!map)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = shift_idmap_add(map, SHIFT_BOTH, 0, spec->linux_.host_base,
			    spec->linux_.map_size, err);
	if (r >= 0)
		r = *ret = shift_userns_create(map, err);
	return r;
}

static int put_together(const struct files *f, struct shift_error *err)
{
	const struct spec *spec = &f->spec;
	struct strv written = { NULL, 0 };
	_cleanup_close_ int empty = -1, userns = -1;
	struct place *places;
	int r;

	/* Before the root changes: after it the kernel makes none. */
	r = make_userns(spec, &userns, err);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return shift_err_set(err, errno, "cannot make a mount namespace");
	places = calloc(spec->n_mounts + 1, sizeof(*places));
	if (!places)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if ((r = rootfs_stage(STAGE_DIR, err)) >= 0 &&
	    (r = rootfs_mount(spec, f->dir.layer, STAGE_ROOT, err)) >= 0 &&
	    (r = written_by_pods(spec, &written, err)) >= 0)
		r = empty = mounts_create("tmpfs", "tmpfs", "ro,size=4k,mode=0555",
					  NULL, err);
	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++) {
		places[i].at = spec->mounts[i].destination;
		r = places[i].fd = open_place(f, &written, i, empty, err);
	}
	if (r >= 0) {
		places[spec->n_mounts].at = "/dev";
		r = places[spec->n_mounts].fd = clone_empty(empty, err);
	}
	if (r >= 0)
		r = enter_root(places, spec->n_mounts + 1, err);
	if (r >= 0)
		r = forbid_devices(err);
	/* The descriptors go with fds_close_but(): the child does nothing else. */
	strv_clear(&written);
	free(places);
	if (r >= 0 && userns >= 0 && setns(userns, CLONE_NEWUSER) < 0)
		r = shift_err_set(err, errno, "cannot join a user namespace");
	return r;
}

int files_enter(const struct files *f, const int *keep, size_t n,
		struct shift_error *err)
{
	int own[KEEP_MAX + 1], r;

	if (n > KEEP_MAX)
		return shift_err_set(err, EINVAL, "cannot enter a pod");
	if (f->pidfd >= 0) {
		/* The pod acts: nothing of the host's is open any more. */
		memcpy(own, keep, n * sizeof(*keep));
		own[n] = f->pidfd;
		r = process_begin(own, n + 1, 0, err);
		if (r >= 0)
			r = join(f, err);
		close(f->pidfd);
	} else {
		r = put_together(f, err);
		if (r >= 0)
			r = process_begin(keep, n, 0, err);
	}
	if (r >= 0)
		r = process_become_root(err);
	if (r >= 0 && chdir("/") < 0)
		r = shift_err_set(err, errno, "cannot enter the pod's root");
	return r;
}

void files_close(struct files *f)
{
	poddir_close(&f->dir, NULL);
	image_clear(&f->image);
	if (f->pidfd >= 0)
		close(f->pidfd);
	f->pidfd = -1;
	spec_clear(&f->spec);
	state_clear(&f->st);
}
