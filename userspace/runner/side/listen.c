/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process and one loop for all connections of an asker: calls are carried out
 * one after the other, and whoever waits for an end costs two descriptors.
 */
#include "side/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ask/spool.h"
#include "ask/varlink.h"
#include "base/lockfile.h"
#include "base/place.h"
#include "cleanup.h"
#include "pod/poddir.h"
#include "side/bounds.h"
#include "side/peer.h"
#include "side/reader.h"
#include "side/serve.h"

/* Connections that wait for an end, and others; of these one has QUIET_MS for a call. */
#define WAITERS 1000
#define CALLERS 32
#define QUIET_MS 30000

/* As often an end is looked for where nothing tells of it, and orphans are. */
#define LOOK_MS 500
#define TIDY_MS 10000

struct conn {
	int fd;
	char *in;		/* VARLINK_CALL_MAX, while a part of a call is there */
	size_t n;
	bool eof;		/* nothing more comes; replies can be read still */
	int64_t due;		/* ms: of the rest of a call, or of the next look */
	bool waits;
	int pidfd;		/* waits: of the side container's first process, or -1 */
	struct side_request q;	/* waits: its status */
};

struct listener {
	struct side_asker asker;
	struct bounds bounds;
	int fd;
	struct conn *conns;
	struct pollfd *polls;
	size_t n, waiters;
};

int side_socket_path(const char *asker, char **ret, struct shift_error *err)
{
	int r = poddir_check_name(asker, err);

	return r < 0 ? r : strf(ret, err, "%s/" SIDE_LOCKS "/%s.socket",
				place_run(), asker);
}

static void drop(struct listener *l, struct conn *c)
{
	close(c->fd);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c->in);
	l->waiters -= c->waits;
	side_request_clear(&c->q);
	*c = l->conns[--l->n];
}

/* Whoever does not read what he asked for is not waited for. */
static bool reply(const struct conn *c, const char *text)
{
	size_t len = text ? strlen(text) + 1 : 0;

	return len && send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		      (ssize_t)len;
}

static void deny(struct listener *l, const struct conn *c, const char *why)
{
	_cleanup_free_ char *text = NULL;

	bounds_log(&l->bounds, "-", why);
	if (varlink_denied(why, &text, NULL) >= 0)
		reply(c, text);
}

static void welcome(struct listener *l)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct conn c = { .pidfd = -1, .due = util_now_ms() + QUIET_MS };

	c.fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c.fd < 0)
		return;
	/* At once: another user of the pod cannot take the places of its root. */
	if (side_peer_check(c.fd, l->asker.name, &err) < 0)
		deny(l, &c, shift_err_text(&err));
	else if (l->n - l->waiters >= CALLERS)
		deny(l, &c, "too many connections to this socket");
	else {
		l->conns[l->n++] = c;
		return;
	}
	close(c.fd);
}

/* How the side container that @c waits for does.  Returns whether @c goes on. */
static bool look_again(struct listener *l, struct conn *c)
{
	_cleanup_free_ char *text = NULL;
	struct state st = STATE_INIT;
	struct side_answer a;
	bool goes_on = true;

	if (c->pidfd >= 0)
		close(steal_fd(&c->pidfd));
	side_serve(&l->asker, &c->q, &a);
	if (a.result == SIDE_RUNNING) {
		/* One that is started again has another first process. */
		if (a.pod && state_load(&st, a.pod, NULL) >= 0)
			c->pidfd = state_open_process(&st, NULL);
		state_clear(&st);
		c->due = c->pidfd >= 0 ? INT64_MAX : util_now_ms() + LOOK_MS;
	} else {
		varlink_reply_format(&a, &text, NULL);
		goes_on = reply(c, text);
		side_request_clear(&c->q);
		c->waits = false;
		l->waiters--;
		c->due = util_now_ms() + QUIET_MS;
	}
	side_answer_clear(&a);
	return goes_on;
}

static bool begin_wait(struct listener *l, struct conn *c,
		       struct varlink_call *call)
{
	if (l->waiters >= WAITERS) {
		deny(l, c, "too many wait for an end at this socket");
		return false;
	}
	c->q = call->q;
	memset(&call->q, 0, sizeof(call->q));
	c->waits = true;
	l->waiters++;
	return look_again(l, c);
}

/* Returns whether the connection goes on. */
static bool serve_call(struct listener *l, struct conn *c, const char *text,
		       size_t len)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *out = NULL;
	struct varlink_call call;
	struct side_answer a;
	bool goes_on = true;

	memset(&a, 0, sizeof(a));
	if (varlink_call_parse(&call, text, len, &out, &err) < 0)
		bounds_log(&l->bounds, "-", shift_err_text(&err));
	else if (call.kind == VARLINK_WAIT && !call.oneway)
		goes_on = begin_wait(l, c, &call);
	else if (call.kind == VARLINK_REQUEST) {
		side_serve(&l->asker, &call.q, &a);
		if (a.error)
			bounds_log(&l->bounds, call.q.id, a.error);
		varlink_reply_format(&a, &out, NULL);
	} else if (call.kind != VARLINK_WAIT) {
		varlink_about(&call, &out, NULL);
	}
	if (out && !call.oneway)
		goes_on = reply(c, out);
	side_answer_clear(&a);
	varlink_call_clear(&call);
	return goes_on;
}

/* The first call of what was read.  Returns whether the connection goes on. */
static bool serve_first(struct listener *l, struct conn *c)
{
	size_t len = strlen(c->in);

	c->due = util_now_ms() + QUIET_MS;
	if (!serve_call(l, c, c->in, len))
		return false;
	c->n -= len + 1;
	memmove(c->in, c->in + len + 1, c->n);
	if (!c->n)
		free(steal_ptr(&c->in));
	return true;
}

/* Returns whether the connection goes on. */
static bool read_more(struct conn *c)
{
	ssize_t n;

	if (!c->in && !(c->in = malloc(VARLINK_CALL_MAX)))
		return false;
	n = recv(c->fd, c->in + c->n, VARLINK_CALL_MAX - c->n, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->n += (size_t)n;
	c->eof = !n;
	return true;
}

static bool has_call(const struct conn *c)
{
	return !c->waits && c->n && memchr(c->in, 0, c->n);
}

static bool attend(struct listener *l, struct conn *c, short events,
		   bool ended)
{
	if (c->waits) {
		if (events & (POLLHUP | POLLERR))
			return false;
		return ended || util_now_ms() >= c->due ? look_again(l, c) :
							  true;
	}
	if (events && !c->eof && !read_more(c))
		return false;
	if (has_call(c))
		return serve_first(l, c);
	if (c->n >= VARLINK_CALL_MAX)
		deny(l, c, "a call is too long");
	return !c->eof && c->n < VARLINK_CALL_MAX && util_now_ms() < c->due;
}

/* Fills l->polls: two for each connection, and the last for the socket. */
static int wait_ms(struct listener *l, int64_t until)
{
	int64_t now = util_now_ms();

	for (size_t i = 0; i < l->n; i++) {
		const struct conn *c = &l->conns[i];

		l->polls[2 * i] = (struct pollfd){
			c->fd, c->waits || c->eof ? 0 : POLLIN, 0 };
		l->polls[2 * i + 1] = (struct pollfd){ c->pidfd, POLLIN, 0 };
		if (has_call(c))
			until = now;
		else if (c->due < until)
			until = c->due;
	}
	l->polls[2 * l->n] = (struct pollfd){ l->fd, POLLIN, 0 };
	return until <= now ? 0 : (int)(until - now);
}

static int loop(struct listener *l, int idle, struct shift_error *err)
{
	int64_t tidied = 0, last = util_now_ms();

	for (;;) {
		int64_t until = tidied + TIDY_MS;
		size_t n = l->n;

		if (idle && !n && last + idle * 1000LL < until)
			until = last + idle * 1000LL;
		if (poll(l->polls, (nfds_t)(2 * n + 1), wait_ms(l, until)) < 0 &&
		    errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for calls");
		bounds_work(&l->bounds);
		/* From the end: what is dropped gets the place of one that was seen. */
		for (size_t i = n; i-- > 0;)
			if (!attend(l, &l->conns[i], l->polls[2 * i].revents,
				    l->polls[2 * i + 1].revents))
				drop(l, &l->conns[i]);
		if (l->polls[2 * n].revents)
			welcome(l);
		if (util_now_ms() >= tidied + TIDY_MS) {
			side_tidy(l->asker.name);
			tidied = util_now_ms();
		}
		bounds_sum_up(&l->bounds, false);
		if (l->n)
			last = util_now_ms();
		else if (idle && util_now_ms() >= last + idle * 1000LL)
			return 0;
		bounds_rest(&l->bounds);
	}
}

/* A descriptor of a unit's: what it is bound to is the administrator's. */
static int check_given(int fd, struct shift_error *err)
{
	socklen_t len = sizeof(int);
	int listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 ||
	    !listens)
		return shift_err_set(err, EINVAL, "descriptor %d is no listening socket",
				     fd);
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	       fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ?
		shift_err_set(err, errno, "descriptor %d", fd) : 0;
}

/*
 * The directory is root's alone, and the pod gets the socket itself: its mode is for
 * those who have it.
 */
static int bind_own(const char *asker, int *lock, struct shift_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_free_ char *dir = NULL, *path = NULL, *name = NULL;
	_cleanup_close_ int at = -1, fd = -1;
	int r;

	if ((r = side_socket_path(asker, &path, err)) < 0 ||
	    (r = strf(&dir, err, "%s/" SIDE_LOCKS, place_run())) < 0 ||
	    (r = strf(&name, err, "%s.listen", asker)) < 0 ||
	    (r = at = lockfile_dir(dir, 0700, err)) < 0 ||
	    (r = *lock = lockfile_open(at, name, O_RDWR | O_CREAT, err)) < 0)
		return r;
	if (flock(*lock, LOCK_EX | LOCK_NB) < 0)
		return shift_err_set(err, errno, "another process listens on %s",
				     path);
	if (strlen(path) >= sizeof(a.sun_path))
		return shift_err_set(err, ENAMETOOLONG, "%s", path);
	strcpy(a.sun_path, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return shift_err_set(err, errno, "cannot remove %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, 16) < 0)
		return shift_err_set(err, errno, "cannot listen on %s", path);
	return steal_fd(&fd);
}

/* An agent that has a spool as well waits for locks in it. */
static int open_spool(const char *asker)
{
	_cleanup_free_ char *path = NULL;

	return side_spool_path(asker, &path, NULL) < 0 ? -1 :
		spool_open(path, NULL);
}

static void allow_descriptors(void)
{
	struct rlimit some;

	if (getrlimit(RLIMIT_NOFILE, &some) == 0) {
		some.rlim_cur = some.rlim_max;
		setrlimit(RLIMIT_NOFILE, &some);
	}
}

int side_listen(const char *asker, const char *templates, int given, int idle,
		struct shift_error *err)
{
	_cleanup_close_ int own = -1, lock = -1, spool = -1;
	struct listener l = {
		.asker = { asker, templates, -1 }, .bounds.asker = asker,
	};
	int r = poddir_check_name(asker, err);

	if (r >= 0)
		r = given >= 0 ? check_given(given, err) :
			(own = bind_own(asker, &lock, err));
	if (r < 0)
		return r;
	l.fd = given >= 0 ? given : own;
	l.asker.spool = spool = open_spool(asker);
	allow_descriptors();
	l.conns = calloc(WAITERS + CALLERS, sizeof(*l.conns));
	l.polls = calloc(2 * (WAITERS + CALLERS) + 1, sizeof(*l.polls));
	r = l.conns && l.polls ? loop(&l, idle, err) :
		shift_err_set(err, ENOMEM, "cannot allocate memory");
	bounds_sum_up(&l.bounds, true);
	free(l.conns);
	free(l.polls);
	return r;
}
