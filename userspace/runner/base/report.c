/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/report.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

pid_t report_fork(int *ret_sock, struct shift_error *err)
{
	int pair[2], ours;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return shift_err_set(err, errno, "cannot make a socket");
	/* Else the child would print the parent's buffered output again. */
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		shift_err_set(err, errno, "cannot fork");
		pid = -errno;
		close(pair[0]);
		close(pair[1]);
		return pid;
	}
	ours = pid ? 0 : 1;
	close(pair[!ours]);
	*ret_sock = pair[ours];
	return pid;
}

int message_send(int sock, const void *data, size_t len, int pass, int flags)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (pass >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int message_receive(int sock, void *data, size_t len, int *ret_fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { data, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;
	ssize_t n;

	if (ret_fd)
		*ret_fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	/*
	 * The second once, when the other side closed without having read all:
	 * what it wrote before is still there.  See unix(7) and
	 * unix_release_sock() in net/unix/af_unix.c.
	 */
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len != CMSG_LEN(sizeof(int)))
			continue;
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
		if (ret_fd && *ret_fd < 0)
			*ret_fd = fd;
		else
			close(fd);
	}
	return (int)n;
}

void stream_write(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		/* The pod does not read: it may be waiting for us to. */
		if (n < 0 && errno == EAGAIN &&
		    poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 200) > 0)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

int report_send(int sock, const struct report *report, int pass)
{
	int r = message_send(sock, report, sizeof(*report), pass, 0);

	return r < 0 ? r : 0;
}

int report_receive(int sock, struct report *report, int *ret_fd)
{
	int r = message_receive(sock, report, sizeof(*report), ret_fd);

	if (r == -ECONNRESET)
		r = 0;
	if (r < 0)
		return r;
	if (!r)
		report->type = REPORT_NONE;
	else if (r != (int)sizeof(*report))
		return -EIO;
	report->text[sizeof(report->text) - 1] = '\0';
	return 0;
}

void report_failure(int sock, struct report *report, int r,
		    struct shift_error *err)
{
	report->error = -r;
	snprintf(report->text, sizeof(report->text), "%s", shift_err_text(err));
	report_send(sock, report, -1);
	_exit(report->status);
}
