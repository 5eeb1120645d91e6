/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of a volume; see volume_add.h.  No system call in here. */
#ifndef RUNNER_VOLUME_OPTIONS_H
#define RUNNER_VOLUME_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "idmap.h"

#define VOLUME_EXTENTS_MAX 64

struct volume_extent {
	enum shift_id_type types;
	uint32_t stored;
	uint32_t seen;		/* id of the pod or of the host */
	uint32_t count;
	bool of_pod;
};

/* SELinux: a label that all containers share, or one with this pod's level. */
enum volume_relabel {
	VOLUME_AS_IT_IS,
	VOLUME_OF_ALL_PODS,
	VOLUME_OF_THIS_POD,
};

struct volume_options {
	unsigned int attrs;	/* MOUNT_ATTR_* */
	bool one_mount;		/* bind, not rbind */
	bool idmap;		/* with no extent: the pod's own ids */
	bool squash;
	bool unsafe_setuid;	/* host_setuid.h does not refuse it */
	enum volume_relabel relabel;
	uint32_t squash_uid, squash_gid;
	size_t n_extents;
	struct volume_extent extents[VOLUME_EXTENTS_MAX];
};

/* An option that runner itself gives: another volume at its place counts more. */
#define VOLUME_OF_IMAGE "of-image"

int volume_options_parse(struct volume_options *ret, const char *text,
			 struct shift_error *err);

#endif
