/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where archives and filesystems of strangers are read: a process without a terminal, in pid,
 * network, ipc, uts, cgroup, mount and user namespaces of its own, whose root is
 * one folder, with few or no capabilities and a seccomp filter.
 */
#ifndef RUNNER_STORE_SANDBOX_H
#define RUNNER_STORE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* What the process is for; each has its own list of system calls. */
enum sandbox_role {
	SANDBOX_READ,		/* reads pipes: its root is an empty folder */
	SANDBOX_UNPACK,		/* makes files of any owner in its root */
	SANDBOX_PACK,		/* reads all of its root, which is read-only */
	SANDBOX_SKOPEO,		/* executes skopeo: see sandbox_root.h */
	SANDBOX_CHECK,		/* executes a filesystem's checker: the same */
};

struct sandbox {
	enum sandbox_role role;
	const char *root;	/* any folder for SANDBOX_READ, which sees it empty */
	const char *in;		/* SANDBOX_SKOPEO: a folder that it reads, or NULL */
	const int *fds;		/* become 3, 4 and so on; the last: see below */
	size_t n;
	uint64_t file_max;	/* bytes that one file may get */
	int userns;		/* with all ids as they are, or -1 */
	bool mounts;		/* with what is mounted below root */
	dev_t device;		/* SANDBOX_CHECK: what it may read, */
	uid_t id;		/* and the user, on the host, whose process it is */
};

/*
 * A user namespace for struct sandbox, or -1 where the kernel has none to give:
 * all else of the sandbox holds without it.
 */
int sandbox_userns(void);

/*
 * Forks into the sandbox: returns the pid, the caller's to be waited for, or
 * in the child 0.  The child's last descriptor is for what it has to say: a
 * failure to set up the sandbox is written there, after SANDBOX_FAILED, and ends
 * the child with status 1.  It must end by _exit(2).
 */
#define SANDBOX_FAILED '!'
pid_t sandbox_fork(const struct sandbox *sandbox, struct shift_error *err);

/*
 * For a process that has been forked and is elsewhere, in a pod: its limits,
 * capabilities and filter become those of @role.  sandbox_warm_up() comes first,
 * while the host's files are there.
 */
void sandbox_warm_up(void);
int sandbox_confine(enum sandbox_role role, struct shift_error *err);

#endif
