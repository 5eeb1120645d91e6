/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root of a process in a sandbox; sandbox.c is the only caller. */
#ifndef RUNNER_STORE_SANDBOX_ROOT_H
#define RUNNER_STORE_SANDBOX_ROOT_H

#include "store/sandbox.h"

/*
 * In a mount namespace of the process's own: makes the sandbox's root its own,
 * and nothing else of the host's tree is left to be reached, by whatever way.
 *
 * SANDBOX_SKOPEO has the host's programs and libraries, read-only, a /proc of its
 * pid namespace, the sandbox's root as /out, where it may write, and @in as /in.
 * SANDBOX_CHECK has the same programs, and /device, a node of its own of the device,
 * to be read only, for /out and /in.
 *
 * Neither has anything of the host's /etc but the cache of libraries, /var, /run or /home.
 * Returns -1 with errno.
 */
int sandbox_enter_root(const struct sandbox *sandbox);

#endif
