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
 * stay as they are.  @fd, or -1, is open in skopeo as /proc/self/fd/3.  No file
 * grows beyond @file_max bytes.
 *
 * With @remote it is what the administrator would start: his environment, files
 * for authentication and policy, and the network.  Without, it has neither a
 * network nor capabilities but to read files.
 */
int skopeo_copy(const char *from, const char *layout, int fd, bool remote,
		uint64_t file_max, struct shift_error *err);

#endif
