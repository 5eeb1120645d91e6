/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "side/agent.h"
#include "syscalls.h"

/* A pidfd of the peer, since Linux 6.5: include/uapi/asm-generic/socket.h. */
#ifndef SO_PEERPIDFD
# define SO_PEERPIDFD 77
#endif

/*
 * An older kernel tells the number only, which by now can be another process's: one
 * that has to pass the same checks.
 */
static int open_peer(int fd, const struct ucred *c, struct shift_error *err)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0)
		pidfd = sys_pidfd_open(c->pid, 0);
	return pidfd < 0 ? shift_err_set(err, errno, "the process that asks is gone") :
			   pidfd;
}

static int same_user_namespace(const struct ucred *c, int user_fd,
			       struct shift_error *err)
{
	struct stat theirs, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c->pid);
	if (stat(path, &theirs) < 0)
		return errno == ENOENT ?
			shift_err_set(err, 0, "the process that asks has ended before it could be checked: it has to wait for the reply") :
			shift_err_set(err, errno, "the user namespace of the process that asks");
	if (fstat(user_fd, &ours) < 0)
		return shift_err_set(err, errno, "the user namespace of the process that asks");
	return theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev ? 0 :
		shift_err_set(err, 0, "the process that asks is in another user namespace than its pod");
}

int side_peer_check(int fd, const char *asker, struct shift_error *err)
{
	struct side_agent agent = SIDE_AGENT_INIT;
	struct ucred c = { 0 };
	socklen_t len = sizeof(c);
	_cleanup_close_ int pidfd = -1;
	struct pollfd p = { .events = POLLIN };
	int r = side_agent_open(&agent, asker, err);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) < 0 || c.pid <= 0)
		r = shift_err_set(err, ESRCH, "the process that asks");
	else if (c.uid != agent.base)
		r = shift_err_set(err, 0, "the caller is not root of the pod %s",
				  asker);
	if (r >= 0)
		r = pidfd = open_peer(fd, &c, err);
	if (r >= 0)
		r = same_user_namespace(&c, agent.user_fd, err);
	p.fd = pidfd;
	/* Last: what was read by its number was this process's. */
	if (r >= 0 && poll(&p, 1, 0) != 0)
		r = shift_err_set(err, ESRCH, "the process that asks");
	side_agent_clear(&agent);
	return r < 0 ? r : 0;
}
