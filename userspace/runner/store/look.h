/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file or a directory is that somebody wants to be an image. */
#ifndef RUNNER_STORE_LOOK_H
#define RUNNER_STORE_LOOK_H

#include <stdbool.h>

#include "error.h"

enum look_kind {
	LOOK_ROOTFS,		/* a root filesystem */
	LOOK_OCI,		/* an OCI image layout */
	LOOK_DOCKER,		/* what docker save writes: manifest.json */
	LOOK_DOCKER_DIR,	/* what skopeo calls dir: */
};

struct look {
	enum look_kind kind;
	bool compressed;
	char *manifest;		/* of LOOK_DOCKER: manifest.json; the caller's */
};

/*
 * Looks at the archive @fd, which is at its start again afterwards; @path names
 * it in messages, @root is any folder.  An archive whose first names are none of
 * an image is a root filesystem.  What is plainly an image, but in a form that
 * nothing here reads, is an error.
 */
int look_archive(int fd, const char *path, const char *root, struct look *ret,
		 struct shift_error *err);

/* Whether @text, or NULL, is a manifest.json of docker save, a list of images. */
bool look_is_docker(const char *text);

/*
 * Cuts @ref, "PATH" or "PATH:NAME", behind PATH and returns NAME, NULL for none.  What
 * is there as a whole is a path.  Else PATH is what is there before the first colon, as
 * with skopeo, or else before the next that has something before it.
 */
char *look_split_name(char *ref);

/* What look_archive() says, of the directory @path. */
int look_directory(const char *path, enum look_kind *ret,
		   struct shift_error *err);

#endif
