/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pod that asks, while it is up: its first process and namespaces.  All in
 * its mount namespace is hostile; Documentation/design/side.rst says how a name
 * there becomes a namespace.
 */
#ifndef RUNNER_AGENT_H
#define RUNNER_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct side_agent {
	char *name;
	pid_t pid;
	int pidfd, user_fd, root_fd;
	uint32_t base, size;	/* its range */
};

#define SIDE_AGENT_INIT { .pidfd = -1, .user_fd = -1, .root_fd = -1 }

/*
 * Opens the running pod @name.  -ESRCH: it is not up.  Refused when it has the
 * host's user namespace, or another map than its description says.
 */
int side_agent_open(struct side_agent *ret, const char *name,
		    struct shift_error *err);

/*
 * A network namespace, the caller's, that the user namespace of @agent owns:
 * the one which is bound to /run/netns/@netns there, or, NULL, its own.
 */
int side_agent_network(const struct side_agent *agent, const char *netns,
		       struct shift_error *err);

/*
 * Whether the process @pid is in another network than the one that @netns, NULL:
 * none, names now for the pod @asker.  One that cannot be opened, because the pod
 * or the name is not there, is no other.  What is hostile is looked up in a process
 * of its own, for ten seconds at most.
 */
bool side_agent_other_network(const char *asker, const char *netns, pid_t pid);

void side_agent_clear(struct side_agent *agent);

#endif
