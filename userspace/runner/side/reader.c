/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask/message.h"
#include "ask/spool.h"
#include "base/fault.h"
#include "base/lockfile.h"
#include "base/place.h"
#include "base/util.h"
#include "cleanup.h"
#include "pod/poddir.h"
#include "side/bounds.h"
#include "side/serve.h"

/* How long the lock that the agent has too is waited for. */
#define LOCK_MS 2000

/* Names that are looked at in one go, and requests worked off in a run. */
#define BATCH 256
#define NAMES_MAX 65536
#define RUN_MAX 1024

/* Orphans are looked for at least so often. */
#define TIDY_MS 10000

struct reader {
	struct side_asker asker;
	struct bounds bounds;
	size_t done;
};

int side_spool_path(const char *asker, char **ret, struct shift_error *err)
{
	int r = poddir_check_name(asker, err);

	return r < 0 ? r : strf(ret, err, "%s/" SIDE_SPOOLS "/%s",
				place_root(), asker);
}

int side_spool_make(const char *asker, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *all = NULL;
	_cleanup_close_ int above = -1, fd = -1;
	int r = side_spool_path(asker, &path, err);

	if (r >= 0)
		r = strf(&all, err, "%s/" SIDE_SPOOLS, place_root());
	if (r >= 0)
		r = above = lockfile_dir(all, 0700, err);
	if (r >= 0 && mkdirat(above, asker, 0700) < 0 && errno != EEXIST)
		r = shift_err_set(err, errno, "cannot make %s", path);
	if (r >= 0)
		r = fd = spool_open(path, err);
	return r < 0 ? r : 0;
}

/* Two readers never work on one spool, whatever is done to the lock in it. */
static int lock_own(const char *asker, struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL, *name = NULL;
	_cleanup_close_ int at = -1, fd = -1;
	int r;

	if ((r = strf(&dir, err, "%s/" SIDE_LOCKS, place_run())) < 0 ||
	    (r = strf(&name, err, "%s.lock", asker)) < 0 ||
	    (r = at = lockfile_dir(dir, 0700, err)) < 0 ||
	    (r = fd = lockfile_open(at, name, O_RDWR | O_CREAT, err)) < 0 ||
	    (r = lockfile_wait(fd, LOCK_EX, name, err)) < 0)
		return r;
	return steal_fd(&fd);
}

static bool is_request(const char *name, char id[SIDE_ID + 1])
{
	if (strlen(name) != SIDE_ID + strlen(SPOOL_REQUEST) ||
	    strcmp(name + SIDE_ID, SPOOL_REQUEST))
		return false;
	snprintf(id, SIDE_ID + 1, "%.*s", SIDE_ID, name);
	return side_id_valid(id);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Ids of some requests, the oldest first, as far as they begin with a time. */
static int list(int spool, struct strv *ids, struct shift_error *err)
{
	int fd = openat(spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	char id[SIDE_ID + 1];
	int r = 0;

	if (!dir)
		return shift_err_set(err, errno, "cannot read the spool");
	for (size_t n = 0; r >= 0 && n < NAMES_MAX && ids->n < BATCH &&
	     (e = readdir(dir)); n++)
		if (is_request(e->d_name, id))
			r = strv_add(ids, id, err);
	if (ids->n)
		qsort(ids->v, ids->n, sizeof(*ids->v), by_text);
	return r;
}

/* Returns whether there was one to be carried out; a->error says why not. */
static bool read_request(struct reader *r, const char *id,
			 struct side_request *q, struct side_answer *a)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	char name[128];
	size_t len = 0;
	int e;

	memset(q, 0, sizeof(*q));
	memset(a, 0, sizeof(*a));
	snprintf(a->id, sizeof(a->id), "%s", id);
	a->result = SIDE_REFUSED;
	spool_name(name, id, SPOOL_REQUEST);
	e = spool_read(r->asker.spool, name, SIDE_REQUEST_MAX, &text, &len,
		       &err);
	if (e >= 0)
		e = side_request_parse(q, text, len, &err);
	if (e >= 0 && strcmp(q->id, id))
		e = shift_err_set(&err, 0, "the id is not that of the file's name");
	if (e < 0)
		str_replace(&a->error, shift_err_text(&err), NULL);
	return e >= 0;
}

/* Returns whether the request is not found again. */
static bool answer(struct reader *r, const char *id, struct side_answer *a)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	char name[128];
	int e;

	spool_name(name, id, SPOOL_ANSWER);
	fault_point("side: to be answered");
	if (side_answer_format(a, &text, &err) < 0 ||
	    spool_write(r->asker.spool, name, text, &err) < 0)
		bounds_log(&r->bounds, id, shift_err_text(&err));
	fault_point("side: answered");
	spool_name(name, id, SPOOL_REQUEST);
	e = spool_discard(r->asker.spool, name, &err);
	if (e < 0 && e != -ENOENT)
		bounds_log(&r->bounds, id, shift_err_text(&err));
	fault_point("side: request removed");
	return e >= 0 || e == -ENOENT;
}

static bool serve(struct reader *r, const char *id)
{
	bool gone;
	struct side_request q;
	struct side_answer a;

	if (read_request(r, id, &q, &a))
		side_serve(&r->asker, &q, &a);
	if (a.error)
		bounds_log(&r->bounds, id, a.error);
	gone = answer(r, id, &a);
	side_request_clear(&q);
	side_answer_clear(&a);
	return gone;
}

/* Returns how many requests it worked off, so that they are not found again. */
static int batch(struct reader *r, struct shift_error *err)
{
	_cleanup_close_ int lock = spool_lock(r->asker.spool, LOCK_MS, err);
	struct strv ids = { NULL, 0 };
	int e, n = 0;

	/* Its names are looked at without: each of its requests is whole. */
	if (lock < 0) {
		bounds_log(&r->bounds, "-", shift_err_text(err));
		shift_err_clear(err);
	}
	e = list(r->asker.spool, &ids, err);
	if (lock >= 0)
		close(steal_fd(&lock));
	for (size_t i = 0; e >= 0 && i < ids.n; i++)
		n += serve(r, ids.v[i]);
	strv_clear(&ids);
	return e < 0 ? e : n;
}

/* It ends also where nothing can be removed, as on a full or damaged filesystem. */
static int work_off(struct reader *r, struct shift_error *err)
{
	int n;

	r->done = 0;
	bounds_sum_up(&r->bounds, false);
	side_tidy(r->asker.name);
	while ((n = batch(r, err)) > 0 && (r->done += (size_t)n) < RUN_MAX)
		;
	return n < 0 ? n : 0;
}

static int follow(struct reader *r, const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char events[4096];
	int e = 0;

	if (fd < 0 || inotify_add_watch(fd, path, IN_CLOSE_WRITE |
					IN_MOVED_TO | IN_ONLYDIR) < 0)
		return shift_err_set(err, errno, "cannot watch %s", path);
	while (e >= 0) {
		bounds_work(&r->bounds);
		e = work_off(r, err);
		if (e < 0)
			break;
		bounds_rest(&r->bounds);
		/* Its own answers wake it once more, and it finds nothing. */
		poll(&p, 1, TIDY_MS);
		while (read(fd, events, sizeof(events)) > 0)
			;
	}
	return e;
}

int side_run(const char *asker, const char *templates, bool stay,
	     struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int lock = -1, spool = -1;
	struct reader r = {
		.asker = { asker, templates, -1 }, .bounds.asker = asker,
	};
	int e;

	if ((e = side_spool_path(asker, &path, err)) < 0 ||
	    (e = lock = lock_own(asker, err)) < 0 ||
	    (e = spool = spool_open(path, err)) < 0)
		return e;
	r.asker.spool = spool;
	e = stay ? follow(&r, path, err) : work_off(&r, err);
	bounds_sum_up(&r.bounds, true);
	return e;
}
