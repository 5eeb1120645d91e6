/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --init: a small init of the host's as the pod's process 1, which passes signals on to
 * the command and reaps what is left to it.
 */
#ifndef RUNNER_INIT_OPTION_H
#define RUNNER_INIT_OPTION_H

#include "error.h"
#include "spec/spec.h"

/*
 * Puts the program @path, NULL: catatonit or tini-static where Debian has them, in
 * front of the command, bound into the pod read-only.  The image chooses nothing of
 * it.  It has to be linked statically: the image's libraries are not the host's.
 */
int init_option(struct spec *spec, const char *path, struct shift_error *err);

#endif
