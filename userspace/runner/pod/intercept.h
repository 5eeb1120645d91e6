/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --intercept-mount: mount(2) of a pod, for block devices that it was given, carried
 * out by the host side.  Documentation/design/intercept.rst has the rules.
 */
#ifndef RUNNER_INTERCEPT_H
#define RUNNER_INTERCEPT_H

#include "error.h"
#include "spec/spec.h"

/*
 * runner -intercept POD, which the monitor starts with the listener as standard input:
 * answers one system call.  Fails when it cannot, not when the answer is an error.
 */
int intercept_cmd(int argc, char **argv, struct shift_error *err);

#endif
