/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgroup/cgroup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"
#include "base/util.h"

/* A task leaves its cgroup a moment after it is reaped. */
#define LEAVE_MS 1000

int cgroup_tree_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_tree_write(int dir, const char *file, const char *value,
		      struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s of the cgroup",
				     file);
	if (write_whole(fd, value, strlen(value)) < 0)
		return shift_err_set(err, errno, "cannot write '%s' to %s of the cgroup",
				     value, file);
	return 0;
}

int cgroup_tree_event_is(int dir, const char *key, const char *value)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.events",
					O_RDONLY | O_CLOEXEC);
	char text[512], line[64];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	/* ENODEV: removed while it was open. */
	if (n < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	text[n] = '\0';
	snprintf(line, sizeof(line), "%s %s\n", key, value);
	return strstr(text, line) ? 1 : 0;
}

int cgroup_tree_wait(int dir, const char *key, const char *value, int ms,
		     struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.events",
					O_RDONLY | O_CLOEXEC);
	int64_t end = util_now_ms() + ms;
	int r = 0;

	/* The kernel raises POLLPRI when cgroup.events changes. */
	while (fd >= 0 && (r = cgroup_tree_event_is(dir, key, value)) == 0) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		int64_t left = end - util_now_ms();

		if (left <= 0)
			return shift_err_set(err, ETIMEDOUT,
					     "waited %d ms for '%s %s' in the cgroup's cgroup.events",
					     ms, key, value);
		/* A change between the two calls must not be waited out. */
		poll(&p, 1, left > 100 ? 100 : (int)left);
	}
	return fd < 0 || r == -ENOENT ? 0 : r < 0 ?
		shift_err_set(err, -r, "cannot read cgroup.events") : 0;
}

/* The cgroups in one cgroup. */
struct level {
	struct strv names;
	size_t next;
};

struct walk {
	struct level *levels;
	size_t n;
};

static int read_level(int dir, struct walk *w, struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY |
						  O_CLOEXEC);
	struct level *more = reallocarray(w->levels, w->n + 1, sizeof(*more));
	_cleanup_dir_ DIR *list = NULL;
	struct dirent *e;
	int r = 0;

	if (!more)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	w->levels = more;
	more += w->n++;
	memset(more, 0, sizeof(*more));
	list = fd < 0 ? NULL : fdopendir(fd);
	/* One that has gone meanwhile has nothing in it. */
	if (!list)
		return errno == ENOENT || errno == ENODEV ? 0 :
			shift_err_set(err, errno, "cannot read a cgroup");
	steal_fd(&fd);
	while (r >= 0 && (errno = 0, e = readdir(list)))
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") &&
		    strcmp(e->d_name, ".."))
			r = strv_add(&more->names, e->d_name, err);
	if (r >= 0 && errno && errno != ENOENT && errno != ENODEV)
		r = shift_err_set(err, errno, "cannot read a cgroup");
	return r;
}

/* The function to call with each process of a tree. */
struct visit {
	void (*each)(pid_t pid, void *data);
	void *data;
};

/* Threads of a threaded cgroup are processes of one above. */
static int visit(int dir, const struct visit *v, struct shift_error *err)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.procs",
					O_RDONLY | O_CLOEXEC);
	_cleanup_file_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!f)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot read cgroup.procs");
	steal_fd(&fd);
	while (fscanf(f, "%d", &pid) == 1)
		v->each(pid, v->data);
	return 0;
}

/*
 * Visits each cgroup below @top before those in it, and calls @leave behind
 * them, with the fd of its parent and its name; either may be NULL.  Cgroups of
 * version 2 are never moved, so ".." leads back.
 */
static int walk(int top, const struct visit *v,
		int (*leave)(int parent, const char *name,
			     struct shift_error *err),
		struct shift_error *err)
{
	struct walk w = { NULL, 0 };
	_cleanup_close_ int at = fcntl(top, F_DUPFD_CLOEXEC, 0);
	int r = at < 0 ? shift_err_set(err, errno, "cannot walk a cgroup") :
		read_level(at, &w, err);

	while (r >= 0 && w.n) {
		struct level *l = &w.levels[w.n - 1];
		int to;

		if (l->next < l->names.n) {
			to = openat(at, l->names.v[l->next], O_RDONLY |
				    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (to < 0 && errno == ENOENT) {
				l->next++;
				continue;
			}
			if (to < 0) {
				r = shift_err_set(err, errno, "cannot open a cgroup");
				break;
			}
			close(at);
			at = to;
			r = v ? visit(at, v, err) : 0;
			if (r >= 0)
				r = read_level(at, &w, err);
			continue;
		}
		strv_clear(&l->names);
		if (!--w.n)
			break;
		to = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (to < 0) {
			r = shift_err_set(err, errno, "cannot go back in a cgroup");
			break;
		}
		close(at);
		at = to;
		l = &w.levels[w.n - 1];
		r = leave ? leave(at, l->names.v[l->next], err) : 0;
		l->next++;
	}
	while (w.n)
		strv_clear(&w.levels[--w.n].names);
	free(w.levels);
	return r;
}

int cgroup_tree_each(int dir, void (*each)(pid_t pid, void *data), void *data,
		     struct shift_error *err)
{
	const struct visit v = { each, data };
	int r = visit(dir, &v, err);

	return r < 0 ? r : walk(dir, &v, NULL, err);
}

/* A frozen one that is here keeps its number. */
static void kill_one(pid_t pid, void *data)
{
	(void)data;
	if (pid > 0)
		kill(pid, SIGKILL);
}

int cgroup_tree_kill_each(int dir, struct shift_error *err)
{
	bool frozen = cgroup_tree_write(dir, "cgroup.freeze", "1", NULL) >= 0;
	int r;

	/* Processes that cannot be frozen in time are killed all the same. */
	if (frozen)
		cgroup_tree_wait(dir, "frozen", "1", 1000, NULL);
	r = cgroup_tree_each(dir, kill_one, NULL, err);
	if (frozen)
		cgroup_tree_write(dir, "cgroup.freeze", "0", NULL);
	return r;
}

int cgroup_tree_kill(int dir, struct shift_error *err)
{
	/* Since 5.14. */
	if (cgroup_tree_write(dir, "cgroup.kill", "1", NULL) >= 0)
		return 0;
	/* Removed meanwhile: nobody is in it. */
	if (cgroup_tree_event_is(dir, "populated", "1") == -ENOENT)
		return 0;
	return cgroup_tree_kill_each(dir, err);
}

int cgroup_tree_rmdir(int parent, const char *name, struct shift_error *err)
{
	int64_t end = util_now_ms() + LEAVE_MS;

	while (unlinkat(parent < 0 ? AT_FDCWD : parent, name, AT_REMOVEDIR) < 0) {
		struct timespec t = { .tv_nsec = 5000000 };

		if (errno == ENOENT)
			break;
		if (errno != EBUSY || util_now_ms() > end)
			return shift_err_set(err, errno, "cannot remove the cgroup %s",
					     name);
		nanosleep(&t, NULL);
	}
	return 0;
}

int cgroup_tree_clear(int dir, struct shift_error *err)
{
	return walk(dir, NULL, cgroup_tree_rmdir, err);
}
