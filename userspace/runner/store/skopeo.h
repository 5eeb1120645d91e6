/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images in the formats of others, and in registries, are skopeo's to read. */
#ifndef RUNNER_STORE_SKOPEO_H
#define RUNNER_STORE_SKOPEO_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/*
 * Makes an OCI image layout in the folder @layout, which must be there, of the
 * image @from, as skopeo calls it: TRANSPORT:REFERENCE.  Digests and documents
 * stay as they are.  No file grows beyond @file_max bytes.
 *
 * With @remote it is what the administrator would start: his environment, files
 * for authentication and policy, and the network.  Without, it is in a sandbox:
 * @fd, or -1, is open as /proc/self/fd/3, and the folder @in, or NULL, is /in.
 */
int skopeo_copy(const char *from, const char *layout, const char *in, int fd,
		bool remote, uint64_t file_max, struct shift_error *err);

#endif
