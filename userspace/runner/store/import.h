/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing an image into the store. */
#ifndef RUNNER_IMPORT_H
#define RUNNER_IMPORT_H

#include <stdint.h>

#include "store/skopeo.h"
#include "store/store.h"

struct import_options {
	const char *name;	/* NULL: the source's own; "": none */
	bool quiet;		/* no progress bar */
	uint64_t max_size;	/* bytes unpacked, 0: what there is room for */
	struct skopeo_access access;	/* to a registry */
};

/*
 * Imports @source: an OCI image layout (a directory or a tar archive), a tar
 * archive of a root filesystem, or a directory that is one; what skopeo reads,
 * as runner(1) lists it; "-" is an archive from the standard input.  SOURCE:NAME
 * chooses from several images.  *ret, to be cleared by the caller, is what the
 * store has then.  Safe beside other imports, and to be killed at any point: what
 * was not finished is swept by the next one.
 */
int import_image(struct store *store, const char *source,
		 const struct import_options *options, struct store_image *ret,
		 struct shift_error *err);

#endif
