/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on a block device.  Whoever wrote it is a stranger: libblkid reads it in
 * the sandbox of store, from a descriptor that is open for reading only, and what
 * that process says is checked again here.
 */
#ifndef RUNNER_OSD_PROBE_H
#define RUNNER_OSD_PROBE_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define PROBE_PARTITIONS 128

struct probe_partition {
	int number;
	uint64_t start;		/* sectors of 512 bytes */
	char type[40];		/* GUID, lower case */
	char uuid[40];		/* the same, its PARTUUID */
};

struct probe {
	char content[32];	/* "xfs", "crypto_LUKS", "" for nothing known */
	char uuid[40];		/* of the content, a GUID in lower case, or "" */
	char table[16];		/* "gpt", "dos", "" for none */
	int n;
	struct probe_partition partitions[PROBE_PARTITIONS];
};

/* Milliseconds that a disk has to answer. */
#define PROBE_MS 30000

int probe_device(dev_t dev, struct probe *ret, struct shift_error *err);

#endif
