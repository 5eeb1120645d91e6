/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "monitor/handoff.h"

/* Less than PIPE_BUF: written at once, or not. */
#define NOTIFY_MAX 4095

/* sd_notify(3) for programs that are linked without libsystemd. */
static void tell_manager(const char *text, size_t len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	_cleanup_close_ int fd = -1;

	if (n < 2 || n >= sizeof(a.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)!sendto(fd, text, len, MSG_NOSIGNAL,
			      (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un,
						   sun_path) + n));
}

void notify_manager(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && n < (int)sizeof(text))
		tell_manager(text, (size_t)n);
}

/* Of the pod's socket one message, which may be cut, into the pipe @to. */
static void __attribute__((noreturn)) receive(int notify_fd, int to)
{
	char message[NOTIFY_MAX];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(notify_fd, 0) < 0 || dup2(to, 1) < 0 ||
	    close_range(2, ~0U, 0) < 0)
		_exit(1);
	n = recv(0, message, sizeof(message), MSG_DONTWAIT);
	_exit(n <= 0 || write(1, message, (size_t)n) != n);
}

int notify_begin(int notify_fd, int *ret_text)
{
	_cleanup_close_ int in = -1, out = -1;
	int p[2], fd;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	in = p[0];
	out = p[1];
	pid = fork();
	if (!pid)
		receive(notify_fd, out);
	fd = child_pidfd(pid);
	if (fd < 0)
		return fd;
	*ret_text = steal_fd(&in);
	return fd;
}

void notify_end(int text_fd)
{
	static const char *const passed[] = {
		"READY=", "STATUS=", "STOPPING=", "RELOADING=", "ERRNO=",
		"EXTEND_TIMEOUT_USEC=", "WATCHDOG=1",
	};
	char message[NOTIFY_MAX + 1], *rest = message, *line;
	ssize_t n = read(text_fd, message, NOTIFY_MAX);

	if (n <= 0)
		return;
	message[n] = '\0';
	/* Not MAINPID= and not descriptors: those are runner's to say. */
	while ((line = strsep(&rest, "\n")))
		for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
			if (!strncmp(line, passed[i], strlen(passed[i])))
				tell_manager(line, strlen(line));
}

void notify_close(int *notify_fd)
{
	int p[2] = { -1, -1 };
	pid_t pid = -1;
	char c;

	if (*notify_fd < 0)
		return;
	if (pipe2(p, O_CLOEXEC) == 0)
		pid = fork();
	if (!pid) {
		/* The last to have it open. */
		close(p[1]);
		_exit(read(p[0], &c, 1) != 0);
	}
	close(*notify_fd);
	*notify_fd = -1;
	if (p[0] >= 0) {
		close(p[0]);
		close(p[1]);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
