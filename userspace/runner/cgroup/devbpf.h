/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device list of a cgroup: a BPF program which the kernel asks. */
#ifndef RUNNER_DEVBPF_H
#define RUNNER_DEVBPF_H

#include <linux/bpf.h>

#include "error.h"
#include "spec/spec.h"

/*
 * Puts the list on the cgroup at @path, in place of the one put there before.
 * It lives as long as the cgroup.
 */
int devbpf_apply(const char *path, const struct spec_device_rule *rules,
		 size_t n, struct shift_error *err);

/*
 * The program as such: a later rule beats an earlier one, what no rule names
 * is denied.  Returns the number of instructions, or 0 when @max is too small.
 */
size_t devbpf_program(const struct spec_device_rule *rules, size_t n,
		      struct bpf_insn *insns, size_t max);

/* The program loaded and not attached: an fd, the caller's. */
int devbpf_load(const struct bpf_insn *insns, size_t n,
		struct shift_error *err);

#endif
