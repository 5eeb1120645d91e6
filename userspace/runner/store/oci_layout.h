/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading an OCI image layout: index.json, manifest, config. */
#ifndef RUNNER_OCI_LAYOUT_H
#define RUNNER_OCI_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/util.h"
#include "error.h"

struct oci_image {
	char *path;			/* of the layout */
	char manifest[DIGEST_HEX + 1];	/* its digest, without "sha256:" */
	struct strv names;		/* all that it has in the layout */
	struct strv layers;		/* digests of blobs, lowest first */
	struct strv types;		/* media types of these, "" when not said */
	int64_t *sizes;			/* of these, in bytes; -1: not said */
	char config[DIGEST_HEX + 1];	/* digest of the config document */
	char *config_text;		/* the document, byte for byte */
	/* from the config */
	struct strv diff_ids;		/* digests of the layers unpacked */
	struct strv env, entrypoint, cmd;
	char *working_dir;		/* absolute; NULL when not given */
	char *stop_signal;		/* NULL when not given */
	struct strv volumes;		/* directories in the image */
	char *user;			/* NULL when not given */
	char *foreign;			/* OS/ARCH, when it is another machine's */
};

/* Whether @path has the two files of a layout. */
bool oci_layout_is(const char *path);

/*
 * Reads the image called @name in the layout at @path, or the only one there
 * when @name is NULL: of images for several machines, the one that this machine
 * runs best.  Everything that is read by a digest is
 * compared with it.  Layers are not looked at.
 */
int oci_layout_read(struct oci_image *image, const char *path,
		    const char *name, struct shift_error *err);

/*
 * 1 when the document @text of @len bytes is an index, with the digest in @hex of
 * what in it this machine runs best, an image or another index; 0 when it is none.
 * @where goes into messages.
 */
int oci_index_choose(const char *text, size_t len, const char *where,
		     char hex[DIGEST_HEX + 1], struct shift_error *err);

/*
 * Reads into @image what the config document @text of @len bytes says; @where
 * goes into messages.  Takes the digest and a copy of the text as well.
 */
int oci_config_parse(struct oci_image *image, const char *text, size_t len,
		     const char *where, struct shift_error *err);

/*
 * Opens the blob of layer @i for reading, which must have the size that the
 * manifest says; the descriptor is the caller's.
 */
int oci_layout_open_layer(const struct oci_image *image, size_t i,
			  struct shift_error *err);

/* This machine's architecture as images call it. */
const char *oci_architecture(void);

void oci_image_clear(struct oci_image *image);

#endif
