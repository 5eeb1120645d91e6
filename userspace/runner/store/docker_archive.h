/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Archives that hold images: telling them apart, reading docker's. */
#ifndef RUNNER_DOCKER_ARCHIVE_H
#define RUNNER_DOCKER_ARCHIVE_H

#include "base/util.h"
#include "error.h"
#include "store/oci_layout.h"

enum archive_kind {
	ARCHIVE_ROOTFS,
	ARCHIVE_OCI,
	ARCHIVE_DOCKER,
};

/* By the names of its first members; @fd is at its start again afterwards. */
int archive_kind(int fd, const char *path, enum archive_kind *ret,
		 struct shift_error *err);

struct docker_archive {
	char *name;			/* its first tag, or NULL */
	struct strv layers;		/* paths in the archive, lowest first */
	struct oci_image config;	/* what its config says */
};

/*
 * Reads manifest.json of the archive unpacked in @dir and the config of the
 * image tagged @name, or of the only one.  Nothing outside @dir is opened,
 * whatever links it has.
 */
int docker_archive_read(struct docker_archive *docker, const char *dir,
			const char *name, struct shift_error *err);
void docker_archive_clear(struct docker_archive *docker);

/* Opens @path beneath @dir for reading; the fd is the caller's. */
int docker_archive_open(const char *dir, const char *path,
			struct shift_error *err);

int remove_symlinks(const char *dir, struct shift_error *err);

#endif
