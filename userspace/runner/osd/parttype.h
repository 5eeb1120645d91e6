/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPT partition types of Ceph: the PTYPE table of ceph-disk (Ceph up to 12,
 * src/ceph-disk/ceph_disk/main.py), which its udev rules (95-ceph-osd.rules) and
 * lists of partition types repeat.
 */
#ifndef RUNNER_OSD_PARTTYPE_H
#define RUNNER_OSD_PARTTYPE_H

#include <stdbool.h>

enum osd_role {
	OSD_OTHER,		/* not Ceph's */
	OSD_DATA,
	OSD_JOURNAL,
	OSD_BLOCK,
	OSD_DB,
	OSD_WAL,
	OSD_LOCKBOX,		/* keys of the encrypted ones */
	OSD_UNREADY,		/* ceph-disk has not finished it */
};

enum osd_crypt { OSD_CLEAR, OSD_PLAIN, OSD_LUKS };

/* @guid in lower case. */
enum osd_role osd_parttype(const char *guid, enum osd_crypt *crypt);

/* "journal" and so on. */
const char *osd_role_name(enum osd_role role);

#endif
