/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What starting a pod will do, as a list of typed operations: made first from
 * the description, printed by --dry-run, then executed in order.
 *
 * Host operations run in runner, with its privilege, in a mount namespace of
 * its own, so that none of them is left when runner ends.  Pod operations run
 * in the pod's first process; up to OP_PIVOT it still sees the host's tree.
 */
#ifndef RUNNER_PLAN_H
#define RUNNER_PLAN_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "error.h"
#include "setup/mounts.h"
#include "spec/spec.h"

/* Seen by nobody but runner and the pod's first process before it pivots. */
#define STAGE_DIR "/run/runner/stage"
#define STAGE_ROOT STAGE_DIR "/root"
#define STAGE_DEV STAGE_DIR "/dev"
#define STAGE_LOWER STAGE_DIR "/lower"
#define STAGE_WRITABLE STAGE_DIR "/writable"
#define STAGE_OVERLAY STAGE_DIR "/overlay"
#define STAGE_SYS STAGE_DIR "/sys"
#define STAGE_SYSFS STAGE_DIR "/sysfs"
#define STAGE_UDEV STAGE_DIR "/udev"
#define STAGE_HOST STAGE_DIR "/host"
#define STAGE_VOLUMES STAGE_DIR "/volumes"
#define STAGE_ETC STAGE_DIR "/etc"

enum op_type {
	/* host */
	OP_STAGE,	/* tmpfs with the mount points above */
	OP_ROOTFS,	/* writable overlay of source with the map, at target */
	OP_VOLUME,	/* source of the host with options, at target */
	OP_DEV_TMPFS,	/* tmpfs at target, owned by the pod's root */
	OP_DEV_NODE,	/* host-made node dev with mode at target */
	OP_SYMLINK,	/* target -> source */
	OP_MKDIR,
	OP_HOSTDIR,	/* what is /run/host in the pod, at target */
	OP_ETC,		/* hosts and so on for the pod's /etc, at target */
	OP_SECCOMP,	/* compile the filter, fd kept */
	OP_JOIN,	/* the namespace at source, until the pod is made */
	OP_UDEV,	/* what udev knows of the pod's block devices, at target */
	OP_SYSFS,	/* that the pod cannot mount itself, at target */
	/* pod */
	OP_LABEL,	/* of the command: by the host's /proc */
	OP_CGROUP_NS,	/* cgroup namespace, its root the pod's cgroup */
	OP_BECOME_ROOT,	/* uid and gid 0 of the pod, no keys */
	OP_MOUNT,	/* fstype source options label, detached, fd kept */
	OP_CLONE,	/* the mount at source, detached, fd kept */
	OP_PIVOT,	/* into target, devices from source, host's tree gone */
	OP_ARRANGE,	/* where OP_ATTACH attaches, by the root's links, and the order */
	OP_ATTACH,	/* the mount made by operation number from, at target */
	OP_MASK,	/* target cannot be read */
	OP_READONLY,	/* target cannot be written */
	OP_ROOT_READONLY,	/* the root itself, not what is mounted below */
	OP_SHARED,	/* all mounts, with the namespaces made in the pod */
	OP_HOSTNAME,
	OP_LOOPBACK,	/* lo is up */
	OP_CONSOLE,	/* a terminal of the pod's own */
	OP_PRIVILEGES,	/* user, capabilities, no_new_privs, directory */
	OP_READY,	/* say so, wait for the word to start */
	OP_EXEC,
};

struct op {
	enum op_type type;
	char *source;
	char *target;
	char *fstype;
	char *options;
	char *label;		/* SELinux context of the files, or NULL */
	dev_t dev;
	mode_t mode;
	size_t from;
	bool offered;		/* OP_ATTACH, unless something else is there */
	bool dropped;		/* OP_ATTACH, as something else is */
	int fd;			/* -1 unless "fd kept", once it ran */
};

struct plan {
	struct op *ops;
	size_t n;
	size_t n_host;		/* the first ones are the host's */
	const struct spec *spec;
	int seccomp_fd;		/* of OP_SECCOMP, or -1 */
	int notify_fd;		/* of OP_HOSTDIR, or -1 */
	int own_streams;	/* bits of those that are pipes made for the pod */
	struct mounts mounts;	/* what OP_PIVOT leaves for what follows */
	const struct strv *written;	/* by other pods, or NULL; not owned */
	const char *pod_dir;	/* upper and work are below; plan does not own */
};

/*
 * Fills @plan, which keeps pointers to @spec and @pod_dir, with what
 * starting @spec takes.
 */
int plan_build(struct plan *plan, const struct spec *spec, const char *pod_dir,
	       struct shift_error *err);

/* One line for an operation, in the order in which they run. */
void plan_print(const struct plan *plan, FILE *to);

int plan_run_host(struct plan *plan, struct shift_error *err);

/*
 * Executes the pod's part, in the pod's first process.  Returns on failure
 * only, with the number of the operation that failed in *at.  @alive_fd is the
 * read end of a pipe that runner holds open as long as it lives, @say_fd takes
 * reports.
 */
int plan_run_pod(struct plan *plan, int alive_fd, int say_fd, size_t *at,
		 struct shift_error *err);

void plan_clear(struct plan *plan);

/*
 * OP_ARRANGE: of the operations from @first on, up to the first that is no
 * OP_ATTACH, in the pod's root.  plan_arrange.c.
 */
int plan_arrange(struct plan *plan, size_t first, struct shift_error *err);

#endif
