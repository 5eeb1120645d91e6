/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that belong to runner and lie beside it, or in ../libexec/runner.
 * A start links and loads nothing that it does not need, so what unpacks,
 * packs and copies images is a program of its own:
 *
 *	runner-image image ARGUMENT...			the command `runner image`
 *	runner-image -import FD IMAGE			into the store
 *	runner-image -copy FD FROM TO BASE COUNT	chown_copy()
 *	runner-image -fill FD FROM TO			copy_tree()
 *	runner-image cp ARGUMENT...			the command `runner cp`
 *	runner-osd osd ARGUMENT...			the command `runner osd`
 *	runner run ARGUMENT...				what `runner osd run` becomes
 *
 * FD is the socket on which it reports a failure.  It finds the store by the
 * environment that place_set() leaves.
 */
#ifndef RUNNER_HELPER_H
#define RUNNER_HELPER_H

#include <stddef.h>

#include "error.h"

/*
 * What needs libsystemd is in a shared object, loaded only where systemd runs
 * the host: libsystemd brings six other libraries, and linking them is a good
 * part of the time of a start.  Its sources are those that end in _so.c.
 */
#define HELPER_SYSTEMD "runner-systemd.so"
#define HELPER_IMAGE "runner-image"
#define HELPER_OSD "runner-osd"
#define HELPER_RUNNER "runner"
/* Where runner was built with libcryptsetup, for `runner osd run`. */
#define HELPER_CRYPT "runner-crypt.so"
#define HELPER_IMPORT "-import"
#define HELPER_COPY "-copy"
#define HELPER_FILL "-fill"

/* Its path, in @size bytes of @path; a negative errno when there is none. */
int helper_find(const char *name, char *path, size_t size);

/*
 * Loads the shared object @file from there; returns what @symbol is in it, or
 * NULL.  It stays loaded.
 */
void *helper_load(const char *file, const char *symbol,
		  struct shift_error *err);

/* Becomes the program @name with the arguments; only a failure returns. */
int helper_become(const char *name, int argc, char **argv,
		  struct shift_error *err);

/*
 * Runs runner-image with @what and the @n arguments, and waits for it; what it
 * could not do is in @err.  It ends with the caller; -EINTR: SIGINT, SIGTERM, SIGHUP
 * or SIGQUIT came, which the caller blocks, and ended it.
 */
int helper_image(const char *what, const char *const *args, size_t n,
		 struct shift_error *err);

/*
 * Waits until there is something to read from @said, a child's end of a socket, or its
 * end.  A start blocks signals and keeps them for the pod, which there is not yet: those
 * that end are runner's own here.  Returns the number of such a signal, or 0.
 */
int helper_interrupted(int said);

/* The number that it returned last; 0: no such signal has come. */
int helper_ended_by(void);

#endif
