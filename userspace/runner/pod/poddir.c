/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/poddir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"
#include "base/util.h"
#include "cleanup.h"

int poddir_path(const char *name, char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s/pods%s%s", place_root(), name ? "/" : "",
		    name ?: "");
}

int poddir_prepare(struct shift_error *err)
{
	_cleanup_free_ char *pods = NULL;
	int r;

	if ((r = poddir_path(NULL, &pods, err)) < 0 ||
	    (r = mkdir_parents(pods, 0700, err)) < 0)
		return r;
	if (chmod(place_root(), 0700) < 0 || chmod(pods, 0700) < 0)
		return shift_err_set(err, errno, "cannot close %s to others",
				     pods);
	return 0;
}

/* Making, removing and sweeping folders happens one at a time. */
static int lock_all(struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = poddir_path(NULL, &path, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return shift_err_set(err, errno, "cannot lock %s", path);
	return steal_fd(&fd);
}

static int sweep_one(const char *name, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *lock = NULL, *mark = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if ((r = poddir_path(name, &path, err)) < 0 ||
	    (r = strf(&lock, err, "%s/lock", path)) < 0 ||
	    (r = strf(&mark, err, "%s/ephemeral", path)) < 0)
		return r;
	if (access(mark, F_OK) < 0)
		return 0;
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	return remove_tree(path, err);
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

int poddir_sweep(struct shift_error *err)
{
	_cleanup_close_ int all = lock_all(err);
	_cleanup_dir_ DIR *dir = NULL;
	_cleanup_free_ char *mark = NULL;
	_cleanup_close_ int fd = -1;
	struct dirent *e;
	int r;

	if (all < 0)
		return all;
	dir = fdopendir(dup(all));
	if (!dir)
		return shift_err_set(err, errno, "cannot read the pods' folders");
	/* Before: what is left from here on makes another one due. */
	if (swept(&mark) >= 0)
		fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		r = sweep_one(e->d_name, err);
		if (r < 0) {
			poddir_sweep_is_due();
			return r;
		}
	}
	return 0;
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
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, image, len) != (ssize_t)len)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

/* The root directory of an overlay is that of its upper layer. */
static int make_layer(struct poddir *dir, const char *image,
		      struct shift_error *err)
{
	_cleanup_free_ char *upper = NULL, *work = NULL;
	struct stat st;
	int r;

	if ((r = strf(&dir->layer, err, "%s/layer", dir->path)) < 0 ||
	    (r = strf(&upper, err, "%s/upper", dir->layer)) < 0 ||
	    (r = strf(&work, err, "%s/work", dir->layer)) < 0)
		return r;
	if (stat(image, &st) < 0)
		return shift_err_set(err, errno, "cannot look at the image %s",
				     image);
	if ((mkdir(dir->layer, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(work, 0755) < 0 && errno != EEXIST))
		return shift_err_set(err, errno, "cannot make %s", work);
	if (mkdir(upper, 0755) < 0) {
		if (errno == EEXIST)
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
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
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
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
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

int poddir_remove(const char *name, struct shift_error *err)
{
	struct poddir dir = PODDIR_INIT;
	_cleanup_close_ int all = -1;
	int r;

	if ((r = poddir_check_name(name, err)) < 0 ||
	    (r = str_replace(&dir.name, name, err)) < 0 ||
	    (r = poddir_path(name, &dir.path, err)) < 0)
		return r;
	if (access(dir.path, F_OK) == 0 && (r = all = lock_all(err)) >= 0 &&
	    (r = lock_one(&dir, err)) >= 0)
		r = remove_tree(dir.path, err) < 0 ? -EIO : 1;
	if (dir.lock_fd >= 0)
		close(dir.lock_fd);
	free(dir.name);
	free(dir.path);
	return r;
}

int poddir_close(struct poddir *dir, struct shift_error *err)
{
	_cleanup_close_ int all = -1;
	int r = 0;

	if (dir->lock_fd >= 0) {
		all = lock_all(err);
		if (all < 0)
			r = all;
		else if (dir->ephemeral)
			r = remove_tree(dir->path, err);
		close(dir->lock_fd);
		dir->lock_fd = -1;
	}
	free(dir->name);
	free(dir->path);
	free(dir->layer);
	dir->name = dir->path = dir->layer = NULL;
	return r;
}
