/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not finished yet, and what is to be removed. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tree_remove.h"
#include "cleanup.h"

/* Folders that one round of a sweep holds. */
#define SWEEP_MAX 32

/* Making and sweeping temporary folders happens one at a time. */
static int lock_temps(const struct store *store, char **tmp,
		      struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	int r = store_path(store, tmp, err, "tmp");

	if (r < 0)
		return r;
	fd = open(*tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return shift_err_set(err, errno, "cannot lock %s", *tmp);
	return steal_fd(&fd);
}

int store_temp(const struct store *store, char **path, struct shift_error *err)
{
	_cleanup_free_ char *tmp = NULL, *made = NULL;
	_cleanup_close_ int all = lock_temps(store, &tmp, err), fd = -1;
	int r;

	if (all < 0)
		return all;
	r = strf(&made, err, "%s/XXXXXX", tmp);
	if (r < 0)
		return r;
	if (!mkdtemp(made))
		return shift_err_set(err, errno, "cannot make a folder in %s", tmp);
	fd = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return shift_err_set(err, errno, "cannot lock %s", made);
	*path = steal_ptr(&made);
	return steal_fd(&fd);
}

/* Locks up to SWEEP_MAX folders of killed runners, which nobody else holds. */
static int find_left(const struct store *store, struct strv *names, int *fds,
		     struct shift_error *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int all = lock_temps(store, &tmp, err);
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;
	int r = 0;

	if (all < 0)
		return all;
	dir = opendir(tmp);
	if (!dir)
		return shift_err_set(err, errno, "cannot read %s", tmp);
	while (r >= 0 && names->n < SWEEP_MAX && (errno = 0, e = readdir(dir))) {
		_cleanup_close_ int fd = -1;

		if (e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY |
			    O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		r = strv_add(names, e->d_name, err);
		if (r >= 0)
			fds[names->n - 1] = steal_fd(&fd);
	}
	if (r >= 0 && !e && errno)
		r = shift_err_set(err, errno, "cannot read %s", tmp);
	return r;
}

int store_sweep(const struct store *store, struct shift_error *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int dir = -1;
	int r = store_path(store, &tmp, err, "tmp"), fds[SWEEP_MAX];
	size_t n = 1;

	if (r >= 0) {
		dir = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			r = shift_err_set(err, errno, "cannot open %s", tmp);
	}
	/* What takes long comes when nobody waits: each folder is held by itself. */
	while (r >= 0 && n) {
		struct strv names = { 0 };

		r = find_left(store, &names, fds, err);
		n = names.n;
		for (size_t i = 0; i < n; i++) {
			if (r >= 0)
				r = tree_remove_at(dir, names.v[i], err);
			close(fds[i]);
		}
		strv_clear(&names);
	}
	return r;
}

int store_trash(struct store *store, const char *path, struct shift_error *err)
{
	_cleanup_free_ char *to = NULL;
	int r;

	if (!store->trash) {
		r = store->trash_fd = store_temp(store, &store->trash, err);
		if (r < 0)
			return r;
	}
	r = strf(&to, err, "%s/%u", store->trash, store->trashed++);
	if (r < 0)
		return r;
	if (rename(path, to) < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot remove %s", path);
	return store_sync_parent(path, err);
}

int store_empty_trash(struct store *store, struct shift_error *err)
{
	int r = store->trash ? remove_tree(store->trash, err) : 0;

	if (store->trash_fd >= 0)
		close(store->trash_fd);
	store->trash_fd = -1;
	free(steal_ptr(&store->trash));
	return r;
}
