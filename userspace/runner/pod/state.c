/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/lockfile.h"
#include "base/place.h"
#include "base/procid.h"
#include "base/replace.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "pod/kept.h"
#include "pod/pod.h"
#include "pod/poddir.h"
#include "spec/spec_json.h"
#include "syscalls.h"

static int path_of(const struct state *st, const char *file, char **ret,
		   struct shift_error *err)
{
	return strf(ret, err, "%s/%s", st->dir, file);
}

/* For how long a pod without a state may be being looked at by a sweep. */
#define MAKING_MS 2000

/* Where state_restore() makes a pod. */
#define RESTORING ".restoring"

static int pods_dir(char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s/pods", place_run());
}

/*
 * Folders are made and removed one at a time.  Nothing is done under this lock
 * that a pod can make long: what ends a pod is done under the pod's own.
 */
static int lock_all(struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	/* The pod's root walks through the former to its stage. */
	int r = lockfile_dir(PLACE_RUN, 0711, err);

	if (r < 0)
		return r;
	close(r);
	if ((r = pods_dir(&path, err)) < 0 ||
	    (r = fd = lockfile_dir(path, 0700, err)) < 0 ||
	    (r = lockfile_wait(fd, LOCK_EX, path, err)) < 0)
		return r;
	return steal_fd(&fd);
}

static int set_name(struct state *st, const char *name,
		    struct shift_error *err)
{
	int r;

	if ((r = str_replace(&st->name, name, err)) < 0)
		return r;
	free(st->dir);
	st->dir = NULL;
	return strf(&st->dir, err, "%s/pods/%s", place_run(), name);
}

static int busy(const struct state *st, struct shift_error *err)
{
	shift_err_set(err, 0, "the pod %s is running", st->name);
	shift_err_hint(err, "wait for its end or choose another --name; runner ps lists the pods");
	return -EBUSY;
}

/*
 * @make: under lock_all().  Otherwise -ENOENT when the folder, or the lock in
 * it, is not there, or has gone while it was locked.
 */
static int lock_one(struct state *st, bool make, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat now, locked;
	int r = path_of(st, "lock", &path, err);

	if (r < 0)
		return r;
	r = fd = lockfile_open(-1, path, O_RDWR | (make ? O_CREAT : 0), err);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? busy(st, err) :
			shift_err_set(err, errno, "cannot lock %s", path);
	if (fstat(fd, &locked) < 0 || lstat(path, &now) < 0 ||
	    locked.st_ino != now.st_ino || locked.st_dev != now.st_dev)
		return shift_err_set(err, ENOENT, "the pod %s has gone",
				     st->name);
	st->lock_fd = steal_fd(&fd);
	return 0;
}

int state_lock(struct state *st, struct shift_error *err)
{
	return lock_one(st, false, err);
}

int state_wait_unlocked(const struct state *st, int ms,
			struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = path_of(st, "lock", &path, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	for (int64_t end = ms < 0 ? 0 : util_now_ms() + ms;
	     flock(fd, LOCK_SH | (ms < 0 ? 0 : LOCK_NB)) < 0; ) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return shift_err_set(err, errno, "cannot wait for %s",
					     path);
		if (ms >= 0 && util_now_ms() > end)
			return shift_err_set(err, ETIMEDOUT, "the pod %s has not ended",
					     st->name);
		if (ms >= 0)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return 0;
}

static int write_json(const struct state *st, const char *file,
		      const char *text, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r = path_of(st, file, &path, err);

	return r < 0 ? r : file_replace(path, text, false, err);
}

int state_save(const struct state *st, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = state_to_json(st, &text, err);

	if (r >= 0)
		r = write_json(st, "state.json", text, err);
	/* A pod that is being made is not kept until it is there. */
	if (r >= 0 && !st->ephemeral && st->status != STATUS_CREATING)
		kept_save_state(st->name, text);
	return r;
}

int state_save_spec(const struct state *st, const struct spec *spec,
		    struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = spec_to_json(spec, false, &text, err);

	if (r >= 0)
		r = write_json(st, "config.json", text, err);
	/* A pod that is kept has its description changed there as well. */
	if (r >= 0 && !st->ephemeral && kept_is(st->name))
		r = kept_save_config(st->name, text, err);
	return r;
}

int state_keep(const struct state *st, const struct spec *spec,
	       struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = st->ephemeral ? 0 : spec_to_json(spec, false, &text, err);

	return st->ephemeral || r < 0 ? r :
		kept_save_config(st->name, text, err);
}

int state_load_spec(const struct state *st, struct spec *spec,
		    struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r;

	if ((r = path_of(st, "config.json", &path, err)) < 0 ||
	    (r = read_file(path, 16 << 20, &text, NULL, err)) < 0)
		return r;
	return spec_from_json(spec, text, path, err);
}

int state_edit_spec(const struct state *st, struct spec *spec,
		    struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if ((r = path_of(st, "config.lock", &path, err)) < 0 ||
	    (r = fd = lockfile_open(-1, path, O_RDWR | O_CREAT, err)) < 0 ||
	    (r = lockfile_wait(fd, LOCK_EX, path, err)) < 0 ||
	    (r = state_load_spec(st, spec, err)) < 0)
		return r;
	return steal_fd(&fd);
}

/* A folder that has no state.json yet is one that is being made. */
static int read_state(struct state *st, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	int r;

	if ((r = path_of(st, "state.json", &path, err)) < 0)
		return r;
	st->status = STATUS_CREATING;
	if (read_file(path, 1 << 20, &text, NULL, NULL) < 0)
		return 0;
	return state_from_json(st, text, err);
}

int state_load(struct state *st, const char *name, struct shift_error *err)
{
	int r = poddir_check_name(name, err);

	if (r < 0 || (r = set_name(st, name, err)) < 0)
		return r;
	if (access(st->dir, F_OK) < 0) {
		shift_err_set(err, 0, "there is no pod %s", name);
		shift_err_hint(err, "runner ps -a lists the pods");
		return -ENOENT;
	}
	return read_state(st, err);
}

bool state_is_up(const struct state *st)
{
	return st->status == STATUS_CREATED || st->status == STATUS_RUNNING;
}

bool state_is_kept_up(const struct state *st)
{
	return state_is_up(st) || st->status == STATUS_RESTARTING;
}

int state_need_up(const struct state *st, struct shift_error *err)
{
	return state_is_up(st) ? 0 : shift_err_set(err, 0, "the pod %s is %s",
					     st->name,
					     state_status_name(st->status));
}

int state_open_process(const struct state *st, struct shift_error *err)
{
	struct state after = STATE_INIT;
	_cleanup_close_ int fd = -1;
	int r = state_need_up(st, err);

	if (r < 0)
		return r;
	r = fd = procid_open(st->pid, st->pid_started, err);
	if (r < 0)
		return shift_err_prefix(err, "the pod %s", st->name);
	r = state_load(&after, st->name, err);
	if (r >= 0 && after.pid != st->pid)
		r = shift_err_set(err, ESRCH, "the pod %s", st->name);
	if (r >= 0)
		r = state_need_up(&after, err);
	state_clear(&after);
	return r < 0 ? r : steal_fd(&fd);
}

/* The pod's own lock is held; drops it. */
static int remove_dir(struct state *st, struct shift_error *err)
{
	_cleanup_close_ int all = lock_all(err);
	int r = all < 0 ? all : remove_tree(st->dir, err);

	if (st->lock_fd >= 0)
		close(st->lock_fd);
	st->lock_fd = -1;
	return r;
}

static int finish(struct state *st, int ms, struct shift_error *err)
{
	int r = cgroup_remove_within(st->cgroup, ms, err);

	if (r < 0)
		return r;
	if (st->ephemeral || (!st->started && !kept_is(st->name)))
		return remove_dir(st, err);
	st->pid = st->monitor = 0;
	if (st->status == STATUS_RESTARTING) {
		/* Its runner was killed between two runs of it. */
		st->status = STATUS_EXITED;
	} else if (st->status != STATUS_EXITED) {
		/* Its runner was killed, and it with it. */
		st->status = STATUS_EXITED;
		st->exit_status = POD_STATUS_SIGNAL + 9;
		st->finished = time(NULL);
	}
	return state_save(st, err);
}

/* -EBUSY for a pod that has its runner. */
static int lock_left(struct state *st, struct shift_error *err)
{
	_cleanup_close_ int all = -1;
	int r = lock_one(st, false, NULL);

	if (r != -ENOENT || access(st->dir, F_OK) < 0)
		return r;
	/* Killed before it had made its lock, or about to make it. */
	all = lock_all(err);
	return all < 0 ? all : lock_one(st, true, NULL);
}

/*
 * Remains of a pod that cannot be cleared away, because a process of it hangs in
 * the kernel perhaps, would hold up each start.  So a start leaves them for a
 * minute; a command that looks at all pods tries in any case.
 */
#define SWEEP_MS 2000
#define TROUBLE_S 60

static void mark_trouble(const struct state *st)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (path_of(st, "trouble", &path, NULL) < 0)
		return;
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static bool in_trouble(const struct state *st)
{
	_cleanup_free_ char *path = NULL;
	struct stat s;
	time_t now = time(NULL);

	return path_of(st, "trouble", &path, NULL) >= 0 &&
	       lstat(path, &s) == 0 && s.st_mtime <= now &&
	       s.st_mtime > now - TROUBLE_S;
}

static int sweep_one(const char *name, bool all, struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r;

	r = set_name(&st, name, err);
	if (r >= 0 && (all || !in_trouble(&st)) && lock_left(&st, err) >= 0 &&
	    (r = read_state(&st, err)) >= 0 &&
	    (st.status != STATUS_EXITED || st.ephemeral || st.stale)) {
		/* First: who is killed here leaves it to the next. */
		poddir_sweep_is_due();
		r = finish(&st, SWEEP_MS, err);
		if (r < 0)
			mark_trouble(&st);
	}
	state_clear(&st);
	return r;
}

int state_restore(const char *name, const char *config, const char *text,
		  struct shift_error *err)
{
	_cleanup_free_ char *final = NULL;
	struct state st = STATE_INIT;
	int r;

	/* Whole, or not at all: under a name that is no pod's. */
	if ((r = set_name(&st, RESTORING, err)) < 0 ||
	    (r = strf(&final, err, "%s/pods/%s", place_run(), name)) < 0)
		goto out;
	if (access(final, F_OK) == 0)
		goto out;
	remove_tree(st.dir, NULL);
	if (mkdir(st.dir, 0700) < 0) {
		r = shift_err_set(err, errno, "cannot make %s", st.dir);
		goto out;
	}
	/* One that is empty or torn tells nothing: it ended, nobody knows how. */
	st.status = STATUS_RUNNING;
	r = text ? state_from_json(&st, text, err) : 0;
	st.stale = true;
	if (st.status != STATUS_EXITED) {
		st.status = STATUS_EXITED;
		st.exit_status = POD_STATUS_SIGNAL + 9;
		st.finished = procid_booted();
	}
	st.pid = st.monitor = 0;
	st.ephemeral = false;
	if (r >= 0)
		r = str_replace(&st.name, name, err);
	if (r >= 0)
		r = write_json(&st, "config.json", config, err);
	if (r >= 0)
		r = lock_one(&st, true, err);
	if (r >= 0) {
		_cleanup_free_ char *now = NULL;

		r = state_to_json(&st, &now, err);
		if (r >= 0)
			r = write_json(&st, "state.json", now, err);
	}
	if (r >= 0 && rename(st.dir, final) < 0)
		r = shift_err_set(err, errno, "cannot make %s", final);
out:
	state_clear(&st);
	return r;
}

int state_lock_all(struct shift_error *err)
{
	return lock_all(err);
}

int state_list(struct strv *names, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct dirent **list = NULL;
	int n = 0, r = pods_dir(&path, err);

	if (r >= 0)
		n = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (r >= 0 && list[i]->d_name[0] != '.')
			r = strv_add(names, list[i]->d_name, err);
		free(list[i]);
	}
	free(list);
	return r;
}

int state_sweep(size_t most, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	struct strv names = { NULL, 0 };
	int r = pods_dir(&path, err);

	if (r >= 0 && (dir = opendir(path)))
		r = dir_sample(dir, most, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct shift_error own = SHIFT_ERROR_INIT;

		/* One pod's trouble is that pod's. */
		if (sweep_one(names.v[i], !most, &own) < 0) {
			shift_err_prefix(&own, "what is left of the pod %s",
					 names.v[i]);
			shift_err_print(&own, stderr, "runner: warning");
		}
		shift_err_clear(&own);
	}
	strv_clear(&names);
	return r;
}

/*
 * Has somebody who holds the lock of @st a pod there?  -1: there is no state yet.
 * Then it is being made, or looked at for a moment by a sweep.
 */
static int has_monitor(const struct state *st)
{
	struct state now = STATE_INIT;
	_cleanup_close_ int fd = -1;
	int has;

	if (set_name(&now, st->name, NULL) < 0 || read_state(&now, NULL) < 0 ||
	    (now.status == STATUS_CREATING && !now.monitor))
		has = -1;
	else if (now.status == STATUS_EXITED)
		has = 0;
	else
		has = (fd = procid_open(now.monitor, now.monitor_started,
					NULL)) >= 0;
	state_clear(&now);
	return has;
}

static int make_and_lock(struct state *st, struct shift_error *err)
{
	_cleanup_close_ int all = lock_all(err);

	if (all < 0)
		return all;
	if (mkdir(st->dir, 0700) < 0 && errno != EEXIST)
		return shift_err_set(err, errno, "cannot make %s", st->dir);
	fault_point("state folder");
	return lock_one(st, true, err);
}

int state_create(struct state *st, const char *name, struct shift_error *err)
{
	_cleanup_free_ char *invented = NULL;
	int64_t begin = util_now_ms();
	int r;

	if (!name) {
		if ((r = poddir_invent_name(&invented, err)) < 0)
			return r;
		name = invented;
	}
	if ((r = poddir_check_name(name, err)) < 0 ||
	    (r = set_name(st, name, err)) < 0)
		return r;
	/* Somebody may be clearing it away, or see that there is nothing to clear. */
	while ((r = make_and_lock(st, err)) == -EBUSY) {
		int has = has_monitor(st);

		if (has > 0 || util_now_ms() > begin +
			       (has < 0 ? MAKING_MS : LOCKFILE_WAIT_MS))
			break;
		shift_err_clear(err);
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	if (r < 0)
		return r;
	/* An earlier pod of this name is over. */
	if ((r = read_state(st, err)) < 0 ||
	    (r = cgroup_remove(st->cgroup, err)) < 0)
		return r;
	st->status = STATUS_CREATING;
	st->created = time(NULL);
	st->started = st->finished = 0;
	st->pid = st->exit_status = 0;
	st->monitor = getpid();
	st->monitor_started = procid_started(st->monitor);
	st->oom = false;
	free(st->cgroup);
	st->cgroup = NULL;
	return 0;
}

int state_finish(struct state *st, struct shift_error *err)
{
	return st->lock_fd < 0 ? 0 : finish(st, CGROUP_END_MS, err);
}

int state_remove_locked(struct state *st, struct shift_error *err)
{
	int r = cgroup_remove(st->cgroup, err);

	return r < 0 ? r : remove_tree(st->dir, err);
}

int state_remove(struct state *st, struct shift_error *err)
{
	int r = cgroup_remove(st->cgroup, err);

	return r < 0 ? r : remove_dir(st, err);
}

void state_clear(struct state *st)
{
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	free(st->name);
	free(st->dir);
	free(st->cgroup);
	free(st->image);
	free(st->command);
	*st = (struct state)STATE_INIT;
}
