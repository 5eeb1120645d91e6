/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/poddir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/place.h"
#include "base/replace.h"
#include "base/util.h"
#include "cleanup.h"
#include "pod/volumes.h"
#include "range/lease.h"

int poddir_path(const char *name, char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s/pods%s%s", place_root(), name ? "/" : "",
		    name ?: "");
}

int poddir_prepare(struct shift_error *err)
{
	_cleanup_free_ char *pods = NULL;
	_cleanup_close_ int root = -1, dir = -1;
	int r;

	if ((r = poddir_path(NULL, &pods, err)) < 0 ||
	    (r = root = lockfile_dir(place_root(), 0700, err)) < 0 ||
	    (r = dir = lockfile_dir(pods, 0700, err)) < 0)
		return r;
	return 0;
}

/*
 * Folders are made and taken away one at a time.  The contents of a pod's folder are
 * never removed under this lock: it can be as large as the pod wanted.
 */
static int lock_all(struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = poddir_path(NULL, &path, err);

	if (r < 0)
		return r;
	r = fd = lockfile_dir(path, 0700, err);
	if (r >= 0)
		r = lockfile_wait(fd, LOCK_EX, path, err);
	return r < 0 ? r : steal_fd(&fd);
}

/*
 * A folder leaves in two steps.  Under the lock of all it gets a name that is no
 * pod's, so that the next pod of its name has nothing of it, whatever becomes
 * of the second step: to remove what is in it, which takes as long as it takes.
 */
#define GONE ".gone-"

/* Renames @path below the folder of all, whose lock is held; *ret: its new path. */
static int take_away(const char *path, char **ret, struct shift_error *err)
{
	const char *name = strrchr(path, '/') + 1;
	uint64_t n;
	int r;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return shift_err_set(err, errno, "cannot get random bytes");
	r = strf(ret, err, "%s/pods/" GONE "%016" PRIx64, place_root(), n);
	if (r >= 0 && rename(path, *ret) < 0)
		r = shift_err_set(err, errno, "cannot move %s out of the way",
				  path);
	if (r >= 0)
		lease_forget(name);
	return r;
}

/* The second step; whoever does the same at the same time is let do it. */
static int remove_gone(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY |
				      O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fd >= 0 || errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot open %s", path);
	r = volumes_remove_of(path, err);
	if (r >= 0)
		r = remove_tree(path, err);
	if (r < 0)
		shift_err_hint(err, "what is left there is no pod's any more; runner ps tries again to remove it");
	return r;
}

/* The pod's lock is held, that of all is not. */
static int remove_folder(const char *path, struct shift_error *err)
{
	_cleanup_free_ char *gone = NULL;
	_cleanup_close_ int all = lock_all(err);
	int r;

	if (all < 0)
		return all;
	r = take_away(path, &gone, err);
	close(steal_fd(&all));
	return r < 0 ? r : remove_gone(gone, err);
}

/* *ret: what is to be removed when the lock of all is free, or NULL. */
static int sweep_one(const char *name, char **ret, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *lock = NULL, *mark = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	*ret = NULL;
	if ((r = poddir_path(name, &path, err)) < 0)
		return r;
	if (!strncmp(name, GONE, strlen(GONE)))
		return str_replace(ret, path, err);
	if (name[0] == '.')
		return 0;
	if ((r = strf(&lock, err, "%s/lock", path)) < 0 ||
	    (r = strf(&mark, err, "%s/ephemeral", path)) < 0)
		return r;
	if (access(mark, F_OK) < 0)
		return 0;
	fd = open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	return take_away(path, ret, err);
}

/* A file in /run: gone after a start of the host, when all folders are old. */
static int swept(char **ret)
{
	return strf(ret, NULL, "%s/swept", place_run());
}

void poddir_sweep_is_due(void)
{
	_cleanup_free_ char *mark = NULL;

	if (swept(&mark) >= 0)
		unlink(mark);
}

int poddir_sweep_if_due(struct shift_error *err)
{
	_cleanup_free_ char *mark = NULL;

	return swept(&mark) >= 0 && !access(mark, F_OK) ? 0 : poddir_sweep(err);
}

/* Takes away what nobody's is; @gone: what is to be removed. */
static int sweep_names(struct strv *gone, struct shift_error *err)
{
	_cleanup_close_ int all = lock_all(err);
	_cleanup_dir_ DIR *dir = NULL;
	_cleanup_free_ char *mark = NULL;
	_cleanup_close_ int fd = -1;
	struct dirent *e;
	int r = 0;

	if (all < 0)
		return all;
	dir = fdopendir(fcntl(all, F_DUPFD_CLOEXEC, 0));
	if (!dir)
		return shift_err_set(err, errno, "cannot read the pods' folders");
	/* Before: what is left from here on makes another one due. */
	if (swept(&mark) >= 0)
		fd = open(mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (r >= 0 && (e = readdir(dir))) {
		struct shift_error own = SHIFT_ERROR_INIT;
		_cleanup_free_ char *path = NULL;

		if (sweep_one(e->d_name, &path, &own) < 0) {
			shift_err_prefix(&own, "the folder of the pod %s",
					 e->d_name);
			shift_err_print(&own, stderr, "runner: warning");
			poddir_sweep_is_due();
		} else if (path) {
			r = strv_add(gone, path, err);
		}
		shift_err_clear(&own);
	}
	return r;
}

int poddir_sweep(struct shift_error *err)
{
	struct strv gone = { NULL, 0 };
	int r = sweep_names(&gone, err);

	for (size_t i = 0; i < gone.n; i++) {
		struct shift_error own = SHIFT_ERROR_INIT;

		if (remove_gone(gone.v[i], &own) < 0)
			shift_err_print(&own, stderr, "runner: warning");
		shift_err_clear(&own);
	}
	strv_clear(&gone);
	return r;
}

int poddir_check_name(const char *name, struct shift_error *err)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strlen(name);

	/* Also the hostname, which has at most 64 bytes. */
	if (len < 1 || len > 63 || !strchr(letters, name[0]) ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != len)
		return shift_err_set(err, 0,
				     "'%s' is no name of a pod: a name has 1 to 63 letters, digits, '_', '.' or '-' and begins with a letter or digit",
				     name);
	return 0;
}

int poddir_invent_name(char **ret, struct shift_error *err)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return shift_err_set(err, errno, "cannot get random bytes");
	return strf(ret, err, "pod-%08x", n);
}

/* Remembers the image at the first start, compares at later ones. */
static int check_image(struct poddir *dir, const char *image,
		       struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *known = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = strlen(image);
	int r;

	r = strf(&path, err, "%s/image", dir->path);
	if (r < 0)
		return r;
	if (read_file(path, 65536, &known, NULL, NULL) >= 0 && *known) {
		if (!strcmp(known, image))
			return 0;
		shift_err_set(err, 0,
			      "the pod %s has changes over another image, %s",
			      dir->name, known);
		shift_err_hint(err, "use that image, another --name, or remove %s",
			       dir->path);
		return -EEXIST;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0 || write_whole(fd, image, len) < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

/* The root directory of an overlay is that of its upper layer. */
static int make_layer(struct poddir *dir, const char *topmost,
		      struct shift_error *err)
{
	_cleanup_free_ char *upper = NULL, *work = NULL;
	struct stat st;
	int r;

	if ((r = strf(&dir->layer, err, "%s/layer", dir->path)) < 0 ||
	    (r = strf(&upper, err, "%s/upper", dir->layer)) < 0 ||
	    (r = strf(&work, err, "%s/work", dir->layer)) < 0)
		return r;
	if (stat(topmost, &st) < 0)
		return shift_err_set(err, errno, "cannot look at the image %s",
				     topmost);
	/* A new folder has nothing in it that anybody could have left. */
	if ((mkdir(dir->layer, 0755) < 0 && (errno != EEXIST || dir->fresh)) ||
	    (mkdir(work, 0755) < 0 && (errno != EEXIST || dir->fresh)))
		return shift_err_set(err, errno, "cannot make %s", work);
	if (mkdir(upper, 0755) < 0) {
		if (errno == EEXIST && !dir->fresh)
			return 0;
		return shift_err_set(err, errno, "cannot make %s", upper);
	}
	if (chown(upper, st.st_uid, st.st_gid) < 0 ||
	    chmod(upper, st.st_mode & 07777) < 0)
		return shift_err_set(err, errno, "cannot set the owner of %s",
				     upper);
	return 0;
}

static int lock_one(struct poddir *dir, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	r = strf(&path, err, "%s/lock", dir->path);
	if (r < 0)
		return r;
	r = fd = lockfile_open(-1, path, O_RDWR | O_CREAT, err);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return shift_err_set(err, errno, "cannot lock %s",
					     path);
		shift_err_set(err, 0, "the pod %s is running", dir->name);
		shift_err_hint(err, "wait for its end or choose another --name");
		return -EBUSY;
	}
	dir->lock_fd = steal_fd(&fd);
	return 0;
}

static int mark_ephemeral(struct poddir *dir, bool ephemeral,
			  struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	r = strf(&path, err, "%s/ephemeral", dir->path);
	if (r < 0)
		return r;
	if (!ephemeral) {
		unlink(path);
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot make %s", path);
	dir->ephemeral = true;
	return 0;
}

int poddir_open(struct poddir *dir, const char *name, const char *image,
		const char *root, bool ephemeral, struct shift_error *err)
{
	_cleanup_close_ int all = -1;
	bool fresh = true;
	int r;

	r = name ? poddir_check_name(name, err) : 0;
	if (r >= 0)
		r = name ? str_replace(&dir->name, name, err) :
			   poddir_invent_name(&dir->name, err);
	if (r >= 0)
		r = poddir_path(dir->name, &dir->path, err);
	if (r < 0)
		return r;
	all = lock_all(err);
	if (all < 0)
		return all;
	if (mkdir(dir->path, 0700) < 0) {
		if (errno != EEXIST || !name)
			return shift_err_set(err, errno, "cannot make %s",
					     dir->path);
		fresh = false;
	}
	dir->fresh = fresh;
	if ((r = lock_one(dir, err)) < 0 ||
	    (r = check_image(dir, image, err)) < 0 ||
	    (r = mark_ephemeral(dir, ephemeral, err)) < 0 ||
	    (r = make_layer(dir, root, err)) < 0) {
		if (fresh)
			remove_tree(dir->path, NULL);
		dir->ephemeral = false;
	}
	return r;
}

int poddir_resume(struct poddir *dir, const char *name,
		  struct shift_error *err)
{
	int r = str_replace(&dir->name, name, err);

	if (r >= 0)
		r = poddir_path(name, &dir->path, err);
	return r < 0 ? r : strf(&dir->layer, err, "%s/layer", dir->path);
}

int poddir_remove(const char *name, bool volumes, struct shift_error *err)
{
	struct poddir dir = PODDIR_INIT;
	_cleanup_free_ char *gone = NULL;
	_cleanup_close_ int all = -1;
	int r;

	if ((r = poddir_check_name(name, err)) < 0 ||
	    (r = str_replace(&dir.name, name, err)) < 0 ||
	    (r = poddir_path(name, &dir.path, err)) < 0)
		return r;
	if (access(dir.path, F_OK) == 0 && (r = all = lock_all(err)) >= 0 &&
	    (r = lock_one(&dir, err)) >= 0 &&
	    (volumes || (r = volumes_keep_of(dir.path, err)) >= 0) &&
	    (r = take_away(dir.path, &gone, err)) >= 0) {
		close(steal_fd(&all));
		r = remove_gone(gone, err);
		r = r < 0 ? r : 1;
	}
	if (dir.lock_fd >= 0)
		close(dir.lock_fd);
	free(dir.name);
	free(dir.path);
	return r;
}

int poddir_rename(const char *from, const char *to, struct shift_error *err)
{
	struct poddir dir = PODDIR_INIT;
	_cleanup_free_ char *new = NULL, *pods = NULL;
	_cleanup_close_ int all = -1;
	int r;

	if ((r = str_replace(&dir.name, from, err)) >= 0 &&
	    (r = poddir_path(from, &dir.path, err)) >= 0 &&
	    (r = poddir_path(to, &new, err)) >= 0 &&
	    (r = poddir_path(NULL, &pods, err)) >= 0 &&
	    (r = all = lock_all(err)) >= 0 && (r = lock_one(&dir, err)) >= 0) {
		if (renameat2(AT_FDCWD, dir.path, AT_FDCWD, new,
			      RENAME_NOREPLACE) < 0)
			r = shift_err_set(err, errno, "cannot rename %s to %s",
					  dir.path, new);
		else
			r = dir_sync(pods, err);
	}
	if (dir.lock_fd >= 0)
		close(dir.lock_fd);
	free(dir.name);
	free(dir.path);
	return r;
}

int poddir_close(struct poddir *dir, struct shift_error *err)
{
	int r = 0;

	if (dir->lock_fd >= 0) {
		if (dir->ephemeral)
			r = remove_folder(dir->path, err);
		close(dir->lock_fd);
		dir->lock_fd = -1;
	}
	free(dir->name);
	free(dir->path);
	free(dir->layer);
	dir->name = dir->path = dir->layer = NULL;
	return r;
}
