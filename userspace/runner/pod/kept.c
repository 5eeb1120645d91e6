/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/place.h"
#include "base/procid.h"
#include "base/replace.h"
#include "base/util.h"
#include "cleanup.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "range/lease.h"

#define CONFIG_MAX (16 << 20)

static int path_of(const char *name, const char *file, char **ret,
		   struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	int r = poddir_path(name, &dir, err);

	return r < 0 ? r : strf(ret, err, "%s/%s", dir, file);
}

bool kept_is(const char *name)
{
	_cleanup_free_ char *path = NULL;

	return path_of(name, "config.json", &path, NULL) >= 0 &&
	       access(path, F_OK) == 0;
}

int kept_save_config(const char *name, const char *text,
		     struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *old = NULL;
	int r = path_of(name, "config.json", &path, err);

	if (r < 0)
		return r;
	/* Each start of it again has the same. */
	if (read_file(path, CONFIG_MAX, &old, NULL, NULL) >= 0 &&
	    !strcmp(old, text))
		return 0;
	return file_replace(path, text, true, err);
}

void kept_save_state(const char *name, const char *text)
{
	_cleanup_free_ char *path = NULL;

	if (kept_is(name) && path_of(name, "state.json", &path, NULL) >= 0)
		file_replace(path, text, false, NULL);
}

bool kept_is_stopped(const char *name)
{
	_cleanup_free_ char *path = NULL;

	return path_of(name, "stopped", &path, NULL) >= 0 &&
	       access(path, F_OK) == 0;
}

int kept_set_stopped(const char *name, bool stopped, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *dir = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (!kept_is(name) || kept_is_stopped(name) == stopped)
		return 0;
	if ((r = path_of(name, "stopped", &path, err)) < 0 ||
	    (r = poddir_path(name, &dir, err)) < 0)
		return r;
	if (stopped)
		fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
	if (stopped ? fd < 0 : unlink(path) < 0)
		return shift_err_set(err, errno, "cannot change %s", path);
	return dir_sync(dir, err);
}

/* This boot's, when it has been done since. */
static int mark_path(char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s/restored", place_run());
}

static bool is_restored(void)
{
	_cleanup_free_ char *path = NULL, *boot = NULL;

	return mark_path(&path, NULL) >= 0 &&
	       read_file(path, 64, &boot, NULL, NULL) >= 0 &&
	       !strcmp(boot, procid_boot());
}

/* A pod that runs without a state is another /run's, or somebody emptied it. */
static bool is_locked(const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (path_of(name, "lock", &path, NULL) < 0)
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static int restore_one(const char *name, struct shift_error *err)
{
	_cleanup_free_ char *config = NULL, *state = NULL, *path = NULL;
	_cleanup_free_ char *mark = NULL, *last = NULL, *range = NULL;
	struct state st = STATE_INIT;
	int r;

	/* It was started since, or this was done in part. */
	r = state_load(&st, name, NULL);
	state_clear(&st);
	if (r >= 0)
		return 0;

	if ((r = path_of(name, "ephemeral", &mark, err)) < 0 ||
	    (r = path_of(name, "config.json", &path, err)) < 0 ||
	    (r = path_of(name, "state.json", &last, err)) < 0 ||
	    (r = path_of(name, "range", &range, err)) < 0)
		return r;
	/* One of a runner that kept none, or that never was: as it always was. */
	if (access(mark, F_OK) == 0 || access(path, F_OK) < 0)
		return 0;
	if (is_locked(name))
		return shift_err_set(err, EBUSY, "it runs, and %s/pods/%s is not there",
				     place_run(), name);
	if ((r = read_file(path, CONFIG_MAX, &config, NULL, err)) < 0)
		return r;
	read_file(last, 1 << 20, &state, NULL, NULL);
	if ((r = lease_keep(name, range, err)) < 0)
		return r;
	fault_point("restoring");
	return state_restore(name, config, state, err);
}

static int restore_all(const char *dir_path, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	_cleanup_free_ char *mark = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	_cleanup_close_ int all = state_lock_all(err);
	int r = all;

	/* Somebody did it while this waited. */
	if (r < 0 || is_restored())
		return r;
	if (!(dir = opendir(dir_path)))
		return shift_err_set(err, errno, "cannot read %s", dir_path);
	r = dir_sample(dir, 0, &names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct shift_error own = SHIFT_ERROR_INIT;

		if (poddir_check_name(names.v[i], NULL) >= 0 &&
		    restore_one(names.v[i], &own) < 0) {
			shift_err_prefix(&own, "the pod %s of before the boot",
					 names.v[i]);
			shift_err_print(&own, stderr, "runner: warning");
		}
		shift_err_clear(&own);
	}
	strv_clear(&names);
	if (r >= 0 && (r = mark_path(&mark, err)) >= 0)
		r = file_replace(mark, procid_boot(), false, err);
	return r;
}

void kept_restore_is_due(void)
{
	_cleanup_free_ char *mark = NULL;

	if (mark_path(&mark, NULL) >= 0)
		unlink(mark);
}

int kept_restore(struct shift_error *err)
{
	_cleanup_free_ char *pods = NULL;
	int r = poddir_path(NULL, &pods, err);

	if (r < 0 || is_restored())
		return r;
	return access(pods, F_OK) < 0 ? 0 : restore_all(pods, err);
}
