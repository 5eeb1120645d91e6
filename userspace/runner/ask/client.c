/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask/spool.h"
#include "base/fault.h"
#include "cleanup.h"

/* Another asker holds it while it writes, the host while it lists. */
#define LOCK_MS 10000

int client_new_id(char id[SIDE_ID + 1], struct shift_error *err)
{
	struct timespec now;
	uint64_t n;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    getrandom(&n, sizeof(n), 0) != sizeof(n))
		return shift_err_set(err, errno, "cannot get random bytes");
	snprintf(id, SIDE_ID + 1, "%016llx%016llx",
		 (unsigned long long)now.tv_sec * 1000000000 +
		 (unsigned long long)now.tv_nsec, (unsigned long long)n);
	return 0;
}

static int submit(int spool, const struct side_request *q,
		  struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int lock = -1;
	char name[128];
	int r;

	if ((r = side_request_check(q, err)) < 0 ||
	    (r = side_request_format(q, &text, err)) < 0)
		return r;
	spool_name(name, q->id, SPOOL_REQUEST);
	fault_point("ask: to be asked");
	if ((r = lock = spool_lock(spool, LOCK_MS, err)) < 0 ||
	    (r = spool_write(spool, name, text, err)) < 0)
		return r;
	fault_point("ask: request written");
	r = spool_trigger(spool, err);
	/* Nobody would look at it. */
	if (r < 0)
		unlinkat(spool, name, 0);
	fault_point("ask: triggered");
	return r;
}

/* 1: there it is. */
static int read_answer(int spool, const char *id, struct side_answer *a,
		       struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	char name[128];
	size_t len;
	int r;

	spool_name(name, id, SPOOL_ANSWER);
	/* No notice of what the host does crosses every kind of shift. */
	if (fstatat(spool, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot look for the answer");
	if ((r = spool_read(spool, name, SIDE_ANSWER_MAX, &text, &len, err)) < 0 ||
	    (r = side_answer_parse(a, text, len, err)) < 0)
		return shift_err_prefix(err, "the answer");
	fault_point("ask: answer read");
	unlinkat(spool, name, 0);
	return 1;
}

int client_open(struct client *c, const char *spool, const char *socket,
		struct shift_error *err)
{
	*c = (struct client)CLIENT_INIT;
	if (!spool && !socket) {
		spool = getenv("RUNNER_SIDE_SPOOL");
		socket = spool ? NULL : getenv("RUNNER_SIDE_SOCKET");
	}
	if (!spool && !socket) {
		spool = access(CLIENT_SPOOL, F_OK) == 0 ||
			access(CLIENT_SOCKET, F_OK) < 0 ? CLIENT_SPOOL : NULL;
		socket = CLIENT_SOCKET;
	}
	if (!spool) {
		c->socket = socket;
		return 0;
	}
	c->spool = spool_open(spool, err);
	if (c->spool < 0)
		shift_err_hint(err, "a pod that may ask has its spool there, or a socket at " CLIENT_SOCKET);
	return c->spool;
}

void client_close(struct client *c)
{
	if (c->spool >= 0)
		close(c->spool);
	c->spool = -1;
}

/*
 * systemd's path unit does not look while its service runs, and for a moment after it.
 * A trigger within that time is lost, so it is given again until there is an answer.
 */
#define TRIGGER_AGAIN_MS 1000

static int spool_ask(int spool, const struct side_request *q, int seconds,
		     struct side_answer *a, struct shift_error *err)
{
	struct timespec t = { .tv_nsec = 2000000 };
	int64_t end, again;
	char name[128];
	int r;

	memset(a, 0, sizeof(*a));
	r = submit(spool, q, err);
	end = util_now_ms() + seconds * 1000LL;
	again = util_now_ms() + TRIGGER_AGAIN_MS;
	while (r >= 0 && !(r = read_answer(spool, q->id, a, err)) &&
	       util_now_ms() < end) {
		if (util_now_ms() >= again) {
			spool_trigger(spool, NULL);
			again = util_now_ms() + TRIGGER_AGAIN_MS;
		}
		nanosleep(&t, NULL);
		if (t.tv_nsec < 100000000)
			t.tv_nsec += t.tv_nsec / 2;
	}
	if (r)
		return r < 0 ? r : 0;
	spool_name(name, q->id, SPOOL_REQUEST);
	unlinkat(spool, name, 0);
	shift_err_set(err, ETIMEDOUT, "no answer in %d seconds", seconds);
	shift_err_hint(err, "on the host runner-side@POD.path, or runner side run, has to serve this spool");
	return -ETIMEDOUT;
}

int client_ask(const struct client *c, const struct side_request *q, int seconds,
	       struct side_answer *a, struct shift_error *err)
{
	return c->spool < 0 ? client_socket_ask(c, q, seconds, a, err) :
			      spool_ask(c->spool, q, seconds, a, err);
}

static int spool_wait(int spool, const char *pod, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	char name[128];

	spool_name(name, pod, SPOOL_ALIVE);
	fd = openat(spool, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot open %s", name);
	while (flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for %s",
					     name);
	return 0;
}

int client_wait(const struct client *c, const struct side_request *q,
		const char *pod, struct shift_error *err)
{
	return c->spool < 0 ? client_socket_wait(c, q, err) :
			      spool_wait(c->spool, pod, err);
}

int client_netns(char **ret, struct shift_error *err)
{
	static const char dir[] = "/run/netns";
	_cleanup_dir_ DIR *names = opendir(dir);
	struct stat own, st;
	struct dirent *e;

	if (stat("/proc/self/ns/net", &own) < 0)
		return shift_err_set(err, errno, "/proc/self/ns/net");
	while (names && (e = readdir(names)))
		if (fstatat(dirfd(names), e->d_name, &st, 0) == 0 &&
		    st.st_ino == own.st_ino && st.st_dev == own.st_dev)
			return str_replace(ret, e->d_name, err);
	return str_replace(ret, NULL, err);
}
