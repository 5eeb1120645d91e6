/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/report.h"
#include "base/tty.h"
#include "cleanup.h"

/* Detaches an attached terminal: ctrl-p, ctrl-q as elsewhere. */
#define DETACH_1 0x10
#define DETACH_2 0x11

static int address(const char *dir, struct sockaddr_un *a,
		   struct shift_error *err)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (snprintf(a->sun_path, sizeof(a->sun_path), "%s/monitor", dir) >=
	    (int)sizeof(a->sun_path))
		return shift_err_set(err, ENAMETOOLONG, "%s/monitor", dir);
	return 0;
}

int monitor_listen(struct monitor *m, const char *dir, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un a;
	int r = address(dir, &a, err);

	if (r < 0)
		return r;
	unlink(a.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(a.sun_path, 0600) < 0 || listen(fd, MONITOR_CLIENTS) < 0)
		return shift_err_set(err, errno, "cannot listen on %s",
				     a.sun_path);
	m->listen_fd = steal_fd(&fd);
	return 0;
}

int monitor_connect(const char *dir, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	const struct timeval limit = { .tv_sec = 1 };
	struct sockaddr_un a;
	int r = address(dir, &a, err);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* connect(2) waits for a place in the queue, of a monitor that hangs. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	/*
	 * With a limit it fails with EINTR when the caller is stopped and goes on, though
	 * there is no handler: signal(7).
	 */
	do
		r = fd < 0 ? fd : connect(fd, (struct sockaddr *)&a, sizeof(a));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return shift_err_set(err, errno, "cannot reach the pod's monitor at %s",
				     a.sun_path);
	return steal_fd(&fd);
}

/*
 * Where the sequence that detaches begins in what the caller typed, or @len;
 * its first half may have come before.
 */
static size_t typed_detach(const char *data, size_t len, bool *first)
{
	for (size_t i = 0; i < len; i++) {
		if (*first && data[i] == DETACH_2)
			return i ? i - 1 : 0;
		*first = data[i] == DETACH_1;
	}
	return len;
}

int monitor_attach(int sock, enum monitor_attach how, bool want_input,
		   struct shift_error *err)
{
	_cleanup_close_ int master = -1, sig_fd = -1;
	char message[MONITOR_MESSAGE + 1];
	bool first = false;
	size_t len;
	sigset_t set;
	int n, fd, r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	n = message_send(sock, how == MONITOR_ATTACH ? "A" : "W", 1, -1, 0);
	/* In this order: nothing is written before it is attached. */
	if (n >= 0 && how == MONITOR_ATTACH_START)
		n = message_send(sock, "S", 1, -1, 0);
	while (n >= 0) {
		struct pollfd p[] = {
			{ .fd = sock, .events = POLLIN },
			{ .fd = want_input ? 0 : -1, .events = POLLIN },
			{ .fd = sig_fd, .events = POLLIN },
		};
		struct signalfd_siginfo info;
		int status;

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[2].revents &&
		    read(sig_fd, &info, sizeof(info)) > 0 && master >= 0)
			tty_copy_size(master);
		if (p[1].revents) {
			n = (int)read(0, message + 1, MONITOR_MESSAGE);
			if (n <= 0)
				want_input = false;
			len = n > 0 ? (size_t)n : 0;
			if (len && master >= 0)
				len = typed_detach(message + 1, len, &first);
			message[0] = '0';
			/* An empty message would be the end of its input. */
			if (len || n <= 0 || master < 0)
				r = message_send(sock, message, len + 1, -1, 0);
			if (n > 0 && len < (size_t)n)
				return -ENOTCONN;
			/* It has ended; what it wrote is still to be read. */
			if (r < 0)
				want_input = false;
			n = 0;
		}
		if (!p[0].revents)
			continue;
		n = message_receive(sock, message, sizeof(message), &fd);
		if (n <= 0)
			break;
		if (message[0] == '1' || message[0] == '2')
			stream_write(message[0] - '0', message + 1, (size_t)n - 1);
		if (message[0] == 'T' && fd >= 0) {
			master = fd;
			fd = -1;
			tty_raw();
			tty_copy_size(master);
		}
		if (fd >= 0)
			close(fd);
		if (message[0] == 'x' && n == 1 + (int)sizeof(status)) {
			memcpy(&status, message + 1, sizeof(status));
			return status;
		}
		/* Its status comes after. */
		if (message[0] == 'f')
			shift_err_set(err, 0, "%.*s", n - 1, message + 1);
	}
	return shift_err_set(err, EPIPE, "the pod's monitor is gone");
}
