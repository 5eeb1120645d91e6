// SPDX-License-Identifier: GPL-2.0-or-later
/* netns=PATH: the network namespace from which backend=delegate reaches the server. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "options.h"
#include "syscalls.h"

static int parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err)
{
	_cleanup_close_ int fd = -1;

	if (!value || !*value)
		return shift_err_set(err, 0,
				     "option %s needs the path of a network namespace such as /proc/PID/ns/net",
				     name);
	if (req->netns_fd >= 0)
		return shift_err_set(err, 0, "option %s was given twice", name);
	fd = open(value, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return shift_err_set(err, errno, "option %s=%s", name, value);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return shift_err_set(err, 0,
				     "option %s=%s is no network namespace; give a path such as /proc/PID/ns/net",
				     name, value);
	req->netns_fd = steal_fd(&fd);
	return 0;
}

static const char *const names[] = { "netns", NULL };

const struct option_handler option_netns = {
	.names = names,
	.parse = parse,
};
