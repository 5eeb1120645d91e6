/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection for each call.  One that breaks before the reply is made again, with
 * the same id, so that nothing is started twice.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ask/client.h"
#include "ask/varlink.h"
#include "cleanup.h"

/* Between two tries of a socket where nobody listens. */
#define AGAIN_MS 200

static int reach(const char *path, struct shift_error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(to.sun_path))
		return shift_err_set(err, ENAMETOOLONG, "the socket %s", path);
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return shift_err_set(err, errno, "cannot connect to %s", path);
	return steal_fd(&fd);
}

static int write_call(int fd, const char *text, struct shift_error *err)
{
	size_t len = strlen(text) + 1;

	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "cannot send the call");
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads up to a NUL, until @end of util_now_ms(), 0: for ever. */
static int read_reply(int fd, int64_t end, char *to, size_t size,
		      struct shift_error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t done = 0;

	for (;;) {
		int64_t left = end ? end - util_now_ms() : -1;
		ssize_t n;

		if (end && left < 0)
			left = 0;
		n = poll(&p, 1, (int)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return shift_err_set(err, n ? errno : ETIMEDOUT,
					     "no reply of the host");
		n = recv(fd, to + done, size - done, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return shift_err_set(err, n ? errno : ECONNRESET,
					     "the host closed the connection");
		if (memchr(to + done, 0, (size_t)n))
			return 0;
		done += (size_t)n;
		if (done == size)
			return shift_err_set(err, EFBIG, "the reply of the host");
	}
}

static int try(const char *path, const char *text, int64_t end,
	       struct side_answer *a, struct shift_error *err)
{
	_cleanup_free_ char *reply = malloc(VARLINK_REPLY_MAX);
	_cleanup_close_ int fd = -1;
	int r;

	if (!reply)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if ((r = fd = reach(path, err)) < 0 ||
	    (r = write_call(fd, text, err)) < 0 ||
	    (r = read_reply(fd, end, reply, VARLINK_REPLY_MAX, err)) < 0)
		return r;
	r = varlink_reply_parse(a, reply, strlen(reply), err);
	return r < 0 ? shift_err_prefix(err, "the reply of the host") : 0;
}

/* An error that a listener causes when it is started again. */
static bool is_passing(int r)
{
	return r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE ||
	       r == -ENOENT || r == -EAGAIN;
}

int client_socket_ask(const struct client *c, const struct side_request *q,
		      int seconds, struct side_answer *a,
		      struct shift_error *err)
{
	int64_t end = util_now_ms() + seconds * 1000LL;
	_cleanup_free_ char *text = NULL;
	int r;

	memset(a, 0, sizeof(*a));
	if ((r = side_request_check(q, err)) < 0 ||
	    (r = varlink_call_format(q, false, &text, err)) < 0)
		return r;
	while ((r = try(c->socket, text, end, a, err)) < 0 && is_passing(r) &&
	       util_now_ms() + AGAIN_MS < end) {
		shift_err_clear(err);
		side_answer_clear(a);
		nanosleep(&(struct timespec){ .tv_nsec = AGAIN_MS * 1000000 },
			  NULL);
	}
	memcpy(a->id, q->id, sizeof(a->id));
	if (r < 0)
		shift_err_hint(err, "on the host runner-side@POD.socket, or runner side listen, has to serve this socket");
	return r;
}

int client_socket_wait(const struct client *c, const struct side_request *q,
		       struct shift_error *err)
{
	struct side_request status = {
		.action = SIDE_STATUS, .template = q->template, .key = q->key,
	};
	_cleanup_error_ struct shift_error why = SHIFT_ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	struct side_answer a;
	int r;

	if ((r = client_new_id(status.id, err)) < 0 ||
	    (r = varlink_call_format(&status, true, &text, err)) < 0)
		return r;
	memset(&a, 0, sizeof(a));
	/* Status is asked next, and says what is wrong. */
	if (try(c->socket, text, 0, &a, &why) < 0 || a.error)
		nanosleep(&(struct timespec){ .tv_nsec = AGAIN_MS * 1000000 },
			  NULL);
	side_answer_clear(&a);
	return 0;
}
