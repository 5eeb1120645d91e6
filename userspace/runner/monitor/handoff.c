/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscalls.h"

int fd_keep(int fd)
{
	return fd >= 0 && fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

int handoff_read(int fd, struct handoff *h)
{
	if (pread(fd, h, sizeof(*h), 0) != sizeof(*h) ||
	    h->size != sizeof(*h) ||
	    strncmp(h->magic, HANDOFF_MAGIC, sizeof(h->magic)))
		return -EINVAL;
	return 0;
}

int handoff_write(int fd, const struct handoff *h)
{
	return pwrite(fd, h, sizeof(*h), 0) == sizeof(*h) ? 0 : -EIO;
}

int runner_become(int runner_fd, const char *const argv[])
{
	execveat(runner_fd, "", (char *const *)argv, environ, AT_EMPTY_PATH);
	return -errno;
}

int child_pidfd(pid_t pid)
{
	int fd;

	if (pid < 0)
		return -errno;
	fd = sys_pidfd_open(pid, 0);
	if (fd < 0) {
		fd = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return fd;
}

int runner_start(int runner_fd, int in, const char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if ((in < 0 || dup2(in, 0) == 0) &&
		    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
			runner_become(runner_fd, argv);
		_exit(127);
	}
	return child_pidfd(pid);
}
