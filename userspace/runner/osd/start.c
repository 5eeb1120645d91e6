/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/start.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/place.h"
#include "cleanup.h"
#include "osd/probe.h"
#include "pod/intercept_mount.h"
#include "syscalls.h"

/* Whose process the checker of a filesystem is. */
#define NOBODY 65534

/* The device with the filesystem: the clear side of an encrypted one. */
static dev_t device_of(const struct osd_device *d)
{
	return d->opened ?: d->dev;
}

/* "xfs" or "ext4", as libblkid says in its sandbox. */
static int read_type(const struct osd_device *d, char type[32],
		     struct shift_error *err)
{
	_cleanup_free_ struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = probe_device(device_of(d), probe, err);
	if (r < 0)
		return r;
	snprintf(type, 32, "%s", probe->content);
	if (strcmp(type, "xfs") && strcmp(type, "ext4"))
		return shift_err_set(err, EINVAL, "%s is to be mounted and contains %s; it has to be xfs or ext4",
				     d->path, *type ? type : "nothing known");
	return 0;
}

static int check(const struct osd_device *d, const char *type,
		 struct shift_error *err)
{
	char why[256];
	int r = intercept_check(type, device_of(d), NOBODY, why, sizeof(why));

	if (r == -EUCLEAN) {
		shift_err_set(err, 0, "the %s on %s is damaged: the kernel is not asked to mount it",
			      type, d->path);
		shift_err_hint(err, "repair it on the host, or say --unchecked to mount it as it is");
		return -EUCLEAN;
	}
	if (r < 0) {
		shift_err_set(err, *why ? 0 : -r, "the %s on %s could not be checked%s%s",
			      type, d->path, *why ? ": " : "",
			      *why == '!' ? why + 1 : why);
		shift_err_hint(err, "--unchecked mounts it without a check");
	}
	return r;
}

static int mount_one(const struct osd_device *d, bool unchecked,
		     struct shift_error *err)
{
	_cleanup_close_ int fs = -1, mnt = -1;
	_cleanup_free_ char *place = NULL;
	char type[32], node[BLOCKDEV_NAME];
	int r = osd_plan_place(d, &place, err);

	if (r < 0 || (r = read_type(d, type, err)) < 0 ||
	    (!unchecked && (r = check(d, type, err)) < 0) ||
	    (r = blockdev_path(device_of(d), node, err)) < 0)
		return r;
	if (mkdir(place, 0700) < 0)
		return shift_err_set(err, errno, "cannot make %s", place);
	fs = sys_fsopen(type, FSOPEN_CLOEXEC);
	if (fs < 0 ||
	    sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", node, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ||
	    (mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID |
			       MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME)) < 0 ||
	    sys_move_mount(mnt, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return shift_err_set(err, errno, "cannot mount %s", node);
	return 0;
}

/* A tmpfs for the places, so that no directory of them stays. */
static int own_namespace(struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	int r = strf(&dir, err, "%s/osd", place_run());

	if (r < 0 || (r = mkdir_parents(dir, 0700, err)) < 0)
		return r;
	/* Slave: what the host unmounts goes away here as well. */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("osd", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700,size=64k") < 0)
		return shift_err_set(err, errno, "cannot make a mount namespace for the data at %s",
				     dir);
	return 0;
}

int osd_mount(const struct osd_layout *layouts, int n, bool unchecked,
	      struct shift_error *err)
{
	bool own = false;
	int r = 0;

	for (int i = 0; r >= 0 && i < n; i++) {
		if (!layouts[i].parts[0].into)
			continue;
		if (!own)
			r = own_namespace(err);
		own = true;
		if (r >= 0)
			r = mount_one(&layouts[i].parts[0], unchecked, err);
	}
	return r;
}

int osd_become_run(const struct osd_plan *plan, int argc, char **argv,
		   struct shift_error *err)
{
	struct strv words = { NULL, 0 };
	int r = strv_add(&words, "run", err);

	for (size_t i = 0; r >= 0 && i < plan->runner.n; i++)
		r = strv_add(&words, plan->runner.v[i], err);
	for (int i = 0; r >= 0 && i < argc; i++)
		r = strv_add(&words, argv[i], err);
	if (r >= 0)
		r = helper_become(HELPER_RUNNER, (int)words.n, words.v, err);
	strv_clear(&words);
	return r;
}
