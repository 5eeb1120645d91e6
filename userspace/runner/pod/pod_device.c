/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/pod_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/devbpf.h"
#include "cleanup.h"
#include "pod/pod_blockdev.h"

/*
 * Whether @fd is in the tmpfs that runner made.  stat(2) would ask the filesystem, and
 * that can be one of the pod's, by FUSE, which does not answer.
 */
static bool is_own_dev(const struct state *st, int fd)
{
	struct statx s;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE,
		     &s) == 0 &&
	       makedev(s.stx_dev_major, s.stx_dev_minor) == st->dev;
}

/*
 * Opens @path below the pod's /dev.  The pod may do there what it likes, so no
 * link is followed and no mount crossed, and it must be the tmpfs that runner
 * made.
 */
static int open_below(const struct state *st, const char *path,
		      struct shift_error *err)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int root = -1, dev = -1, fd = -1;
	_cleanup_free_ char *at = NULL;
	int r;

	r = strf(&at, err, "/proc/%d/root", (int)st->pid);
	if (r < 0)
		return r;
	root = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return shift_err_set(err, errno, "cannot open the root of the pod %s",
				     st->name);
	dev = (int)syscall(SYS_openat2, root, "dev", &how, sizeof(how));
	if (dev < 0 || !is_own_dev(st, dev))
		return shift_err_set(err, dev < 0 ? errno : ESTALE,
				     "/dev of the pod %s is not what runner made",
				     st->name);
	how.resolve |= RESOLVE_NO_XDEV;
	fd = (int)syscall(SYS_openat2, dev, *path ? path : ".", &how,
			  sizeof(how));
	if (fd < 0)
		return shift_err_set(err, errno, "/dev/%s in the pod %s", path,
				     st->name);
	return steal_fd(&fd);
}

/*
 * The pod's root from the first moment: a chown(2) afterwards could be made to
 * hit something that the pod has put in its place.
 */
static int make_as(uint32_t owner, int dir, const char *name, mode_t mode,
		   dev_t dev, struct shift_error *err)
{
	cap_t caps = cap_get_proc();
	mode_t mask = umask(0);
	int r = 0;

	if (!caps)
		return shift_err_set(err, errno, "cannot read capabilities");
	setfsgid(owner);
	setfsuid(owner);
	if (cap_set_proc(caps) < 0)
		r = shift_err_set(err, errno, "cannot keep capabilities");
	else if (S_ISDIR(mode) ? mkdirat(dir, name, mode & 07777) < 0 &&
				 errno != EEXIST :
				 mknodat(dir, name, mode, dev) < 0)
		r = shift_err_set(err, errno, "cannot make %s in the pod",
				  name);
	setfsuid(0);
	setfsgid(0);
	cap_set_proc(caps);
	cap_free(caps);
	umask(mask);
	return r;
}

static int make_node(const struct state *st, const struct spec_device *d,
		     struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(d->path + strlen("/dev/"));
	_cleanup_close_ int dir = -1;
	char *name = copy, *slash;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	dir = open_below(st, "", err);
	while (dir >= 0 && (slash = strchr(name, '/'))) {
		int next;

		*slash = '\0';
		r = make_as(st->base, dir, name, S_IFDIR | 0755, 0, err);
		if (r < 0)
			return r;
		next = open_below(st, copy, err);
		close(dir);
		dir = next;
		*slash = '/';
		name = slash + 1;
	}
	if (dir < 0)
		return dir;
	return make_as(st->base, dir, name, d->mode |
		       (d->type == 'b' ? S_IFBLK : S_IFCHR),
		       makedev(d->major, d->minor), err);
}

static int remove_node(const struct state *st, const struct spec_device *d,
		       struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(d->path + strlen("/dev/"));
	_cleanup_close_ int dir = -1;
	char *name;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	name = strrchr(copy, '/');
	if (name)
		*name++ = '\0';
	dir = open_below(st, name ? copy : "", err);
	if (dir < 0)
		return dir;
	if (unlinkat(dir, name ?: copy, 0) < 0 && errno != ENOENT)
		return shift_err_set(err, errno, "cannot remove %s in the pod",
				     d->path);
	return 0;
}

static int apply(const struct state *st, const struct spec *spec,
		 struct shift_error *err)
{
	const struct spec_resources *res = &spec->linux_.resources;

	return devbpf_apply(st->cgroup, res->devices, res->n_devices, err);
}

/* The locks of the last device, if it has some and they are free. */
static int hold(const struct state *st, const struct spec *spec, bool wait,
		struct shift_error *err)
{
	const struct timespec t = { 0, 100000000 };
	size_t last = spec->linux_.n_devices - 1;
	int r = 0;

	if (wait)
		return pod_blockdev_add(st, spec, last, true, err);
	/* Others look at a device that is new: they get a second for it. */
	for (int i = 0; i < 10; i++) {
		r = pod_blockdev_add(st, spec, last, false, err);
		if (r != -EBUSY)
			break;
		nanosleep(&t, NULL);
	}
	return r;
}

int pod_device_give(const struct state *st, struct spec *spec,
		    size_t rules_before, bool wait, struct shift_error *err)
{
	size_t last = spec->linux_.n_devices - 1;
	int r = hold(st, spec, wait, err);
	bool held = r >= 0;

	/* The right first: what is there can be used. */
	if (r >= 0)
		r = apply(st, spec, err);
	if (r >= 0)
		r = make_node(st, &spec->linux_.devices[last], err);
	if (r >= 0)
		return r;
	if (held)
		pod_blockdev_remove(st, spec, last, wait);
	spec_drop_device(spec, last);
	spec->linux_.resources.n_devices = rules_before;
	if (apply(st, spec, NULL) < 0)
		shift_err_hint(err, "the pod %s may use the device all the same, as its list could not be put back: end the pod",
			       st->name);
	return r;
}

int pod_device_take(const struct state *st, struct spec *spec,
		    const char *path, bool wait, struct shift_error *err)
{
	struct spec_device *d = NULL;
	int r, freed;
	size_t i;

	for (i = 0; i < spec->linux_.n_devices && !d; i++)
		if (!strcmp(spec->linux_.devices[i].path, path))
			d = &spec->linux_.devices[i];
	if (!d)
		return 0;
	spec_drop_device_rules(spec, d);
	r = apply(st, spec, err);
	if (r >= 0) {
		r = remove_node(st, d, err);
		freed = pod_blockdev_remove(st, spec, i - 1, wait);
		if (r >= 0 && freed < 0 && wait)
			r = shift_err_set(err, -freed, "the monitor of the pod %s does not give back the locks of %s",
					  st->name, path);
		r = r < 0 ? r : 1;
	}
	spec_drop_device(spec, i - 1);
	return r;
}
