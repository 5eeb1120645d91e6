/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seccomp profiles as the OCI tools write them, compiled by libseccomp. */
#ifndef RUNNER_SECCOMP_H
#define RUNNER_SECCOMP_H

#include "error.h"
#include "spec/spec.h"

/*
 * Sets the spec's linux.seccomp: the rules of a profile, in the OCI tools'
 * format, that are for this kernel and these capabilities.  @which is a file,
 * "unconfined", or NULL for the default: /etc/runner/seccomp.json or, where
 * there is none, runner's own.
 */
int seccomp_apply(struct spec *spec, const char *which,
		  struct shift_error *err);

/*
 * Compiles @json, linux.seccomp of a description; *ret_fd is a file with the
 * BPF program in it, the caller's to close.
 */
int seccomp_compile(const char *json, int *ret_fd, struct shift_error *err);

#endif
