/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/place.h"
#include "cleanup.h"

#define PARTITION_LINKS "/dev/disk/by-partuuid/"

static int give(struct osd_plan *plan, const char *host, const char *path,
		struct shift_error *err)
{
	int r = strv_addf(&plan->runner, err, "--device=%s:%s:rw", host, path);

	return r < 0 ? r : strv_addf(&plan->podman, err, "--device=%s:%s:rw",
				     host, path);
}

/* The clear side of an encrypted device, opened or not. */
static int give_mapper(struct osd_plan *plan, const struct osd_device *d,
		       struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = strf(&path, err, "/dev/mapper/%s", d->mapper);

	if (r < 0)
		return r;
	if (d->opened)
		return give(plan, path, path, err);
	r = strv_addf(&plan->before, err, "cryptsetup open %s%s %s",
		      d->crypt == OSD_PLAIN ? "--type plain " : "", d->path,
		      d->mapper);
	return r < 0 ? r : give(plan, path, path, err);
}

/* The node, and the link of udev by which an OSD's directory names it. */
static int give_device(struct osd_plan *plan, const struct osd_device *d,
		       struct shift_error *err)
{
	_cleanup_free_ char *link = NULL;
	const char *path = *d->named ? d->named : d->path;
	int r;

	/* A path in the pod is below /dev. */
	r = give(plan, d->path, strncmp(path, "/dev/", 5) ? d->path : path, err);
	if (r < 0 || !*d->uuid)
		return r;
	r = strf(&link, err, PARTITION_LINKS "%s", d->uuid);
	return r < 0 ? r : give(plan, d->path, link, err);
}

/* Partitions that preparing a disk makes: the kernel has a rule for their names. */
static int await_partitions(struct osd_plan *plan, const struct osd_device *d,
			    struct shift_error *err)
{
	const char *p = isdigit((unsigned char)d->path[strlen(d->path) - 1]) ?
			"p" : "";
	int n = d->role == OSD_DATA ? 2 : 1, r = 0;

	for (int i = 1; r >= 0 && i <= n; i++)
		r = strv_addf(&plan->runner, err, "--device-wait=%s%s%d:rw",
			      d->path, p, i);
	return r;
}

int osd_plan_place(const struct osd_device *d, char **ret,
		   struct shift_error *err)
{
	return strf(ret, err, "%s/osd/%s", place_run(),
		    *d->mapper ? d->mapper : strrchr(d->path, '/') + 1);
}

/* With the owners that it has on the disk: Ceph's, and not the host's. */
static int give_directory(struct osd_plan *plan, const char *host,
			  const char *path, struct shift_error *err)
{
	int r = strv_addf(&plan->runner, err, "--volume=%s:%s:idmap", host, path);

	return r < 0 ? r : strv_addf(&plan->podman, err, "--volume=%s:%s:idmap",
				     host, path);
}

/* The data of a filesystem that the host mounts: the pod gets no device of it. */
static int give_mounted(struct osd_plan *plan, const struct osd_device *d,
			struct shift_error *err)
{
	_cleanup_free_ char *place = NULL;
	int r = osd_plan_place(d, &place, err);

	if (r >= 0 && d->crypt != OSD_CLEAR && !d->opened)
		r = strv_addf(&plan->before, err, "cryptsetup open %s%s %s",
			      d->crypt == OSD_PLAIN ? "--type plain " : "",
			      d->path, d->mapper);
	if (r >= 0 && *d->mapper)
		r = strv_addf(&plan->before, err, "mount -o nosuid,nodev /dev/mapper/%s %s",
			      d->mapper, place);
	else if (r >= 0)
		r = strv_addf(&plan->before, err, "mount -o nosuid,nodev %s %s",
			      d->path, place);
	return r < 0 ? r : give_directory(plan, place, d->into, err);
}

int osd_plan_intercept(struct osd_plan *plan, enum osd_scenario scenario,
		       const struct osd_layout *layouts, int n, bool unchecked,
		       struct shift_error *err)
{
	bool mounts = false;
	int r;

	/* Of /sys, too, what the pod is given. */
	r = strv_add(&plan->runner, "--sys=devices", err);
	if (r < 0)
		return r;
	if (scenario != OSD_DISK_PREPARE && scenario != OSD_DISK_ACTIVATE &&
	    scenario != OSD_DISKS)
		return 0;
	for (int i = 0; i < n; i++)
		mounts |= !layouts[i].parts[0].into;
	if (!mounts)
		return 0;
	r = strv_addf(&plan->runner, err, "--intercept-mount=%s%s", OSD_TYPES,
		      unchecked ? ",unchecked" : "");
	/* In the pod's user namespace: without it mount(2) is not even tried. */
	return r < 0 ? r : strv_add(&plan->runner, "--cap-add=sys_admin", err);
}

static int add_part(struct osd_plan *plan, enum osd_scenario scenario,
		    const struct osd_device *d, struct shift_error *err)
{
	if (d->role == OSD_DATA && scenario <= OSD_DIRECTORY_SINGLE)
		return give_directory(plan, d->mount, d->mount, err);
	if (d->into)
		return give_mounted(plan, d, err);
	if (d->crypt != OSD_CLEAR)
		return give_mapper(plan, d, err);
	return give_device(plan, d, err);
}

int osd_plan_add(struct osd_plan *plan, enum osd_scenario scenario,
		 const struct osd_layout *layout, struct shift_error *err)
{
	int r = 0;

	for (int i = 0; r >= 0 && i < layout->n; i++) {
		r = add_part(plan, scenario, &layout->parts[i], err);
		if (r >= 0 && layout->whole)
			r = await_partitions(plan, &layout->parts[i], err);
	}
	return r;
}

void osd_plan_clear(struct osd_plan *plan)
{
	strv_clear(&plan->runner);
	strv_clear(&plan->podman);
	strv_clear(&plan->before);
}
