/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images in the formats of others, and in registries, are skopeo's to read. */
#ifndef RUNNER_STORE_SKOPEO_H
#define RUNNER_STORE_SKOPEO_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/*
 * How a registry is reached, beside what skopeo's own files say.  All of it is the
 * administrator's word: no image and no pod says any of it.
 */
struct skopeo_access {
	const char *authfile;	/* of containers-auth.json(5), or NULL */
	const char *cert_dir;	/* as containers-certs.d(5) has it, or NULL */
	bool insecure;		/* http, and certificates of anyone, will do */
};

/*
 * The manifest, or the index, of the image @from in a registry, byte for byte in
 * *@text, which the caller frees.  Nothing compares it with a digest.  @dir is a
 * folder for temporary files.
 */
int skopeo_manifest(const char *from, const struct skopeo_access *access,
		    const char *dir, char **text, size_t *len,
		    struct shift_error *err);

/*
 * Makes an OCI image layout in the folder @layout, which must be there, of the
 * image @from, as skopeo calls it: TRANSPORT:REFERENCE.  Digests and documents
 * stay as they are.  No file grows beyond @file_max bytes.
 *
 * With @remote it is what the administrator would start: his environment, files
 * for authentication and policy, and the network.  If that is NULL, it is in a sandbox:
 * @fd, or -1, is open as /proc/self/fd/3, and the folder @in, or NULL, is /in.
 */
int skopeo_copy(const char *from, const char *layout, const char *in, int fd,
		const struct skopeo_access *remote, uint64_t file_max,
		struct shift_error *err);

#endif
