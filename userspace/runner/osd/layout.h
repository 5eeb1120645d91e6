/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices an OSD is made of. */
#ifndef RUNNER_OSD_LAYOUT_H
#define RUNNER_OSD_LAYOUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "blockdev/node.h"
#include "error.h"
#include "osd/parttype.h"

enum osd_scenario {
	OSD_DIRECTORY,		/* several OSDs, their data mounted already */
	OSD_DIRECTORY_SINGLE,	/* the same with one */
	OSD_DISK_PREPARE,	/* an empty disk becomes an OSD's */
	OSD_DISK_ACTIVATE,	/* a prepared one is mounted and started */
	OSD_DISKS,		/* several of these */
	OSD_RAW,		/* ceph-volume raw: a device is the OSD */
	OSD_LVM,		/* ceph-volume lvm: a logical volume is */
	OSD_SCENARIOS,
};

/* As the command line and the plan call it; -1: there is none of that name. */
extern const char *const osd_scenario_names[OSD_SCENARIOS];
int osd_scenario(const char *name);

struct osd_device {
	enum osd_role role;
	enum osd_crypt crypt;
	dev_t dev;
	char path[BLOCKDEV_NAME];	/* the kernel's node */
	char named[BLOCKDEV_NAME];	/* as the caller named it, or "" */
	char uuid[40];			/* PARTUUID, "" without */
	char content[32];		/* libblkid's name, "" for nothing */
	char content_uuid[40];		/* its UUID, or "" */
	char mapper[BLOCKDEV_NAME];	/* the name that its clear side has, or "" */
	dev_t opened;			/* that side, 0: not opened yet */
	char mount[BLOCKDEV_NAME];	/* where it is mounted, or "" */
	const char *into;		/* where the pod has it, mounted by the host; or NULL */
};

#define OSD_PARTS 5

struct osd_layout {
	struct osd_device parts[OSD_PARTS];
	int n;
	bool whole;		/* disks to be prepared */
	const char *name;	/* "encrypted, dedicated journal" and so on */
};

/* What the caller said of one OSD; NULL: nothing. */
struct osd_request {
	enum osd_scenario scenario;
	const char *data, *journal, *db, *wal;
	const char *into;	/* the path in the pod at which the data is mounted */
	bool dmcrypt;
};

/*
 * Finds the devices and refuses what is missing, not Ceph's, of another layout or
 * in use, with a text that names the device and its user.
 */
int osd_layout(const struct osd_request *request, struct osd_layout *ret,
	       struct shift_error *err);

#endif
