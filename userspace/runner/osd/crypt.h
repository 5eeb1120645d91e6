/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encrypted devices, opened by the host for a pod: Documentation/design/osd-crypt.rst.
 */
#ifndef RUNNER_OSD_CRYPT_H
#define RUNNER_OSD_CRYPT_H

#include "error.h"
#include "osd/layout.h"

/* Where keys are: one of them, or none. */
struct osd_keys {
	const char *file;	/* a key, "-" for stdin, or a folder with NAME.luks.key or NAME */
	const char *credential;	/* a name in $CREDENTIALS_DIRECTORY */
};

/*
 * Opens the encrypted devices of the @n layouts that are closed, sets their
 * osd_device.opened, and has a child hold them until this process, or the program
 * that it becomes, ends.  The kernel removes each mapping when its last user has gone:
 * the pod, its monitor, that child.  What somebody else has opened stays as it is.
 */
int osd_crypt_open(struct osd_layout *layouts, int n, const struct osd_keys *keys,
		   struct shift_error *err);

#endif
