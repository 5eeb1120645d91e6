/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/volume_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/place.h"
#include "cleanup.h"
#include "spec/volume_options.h"
#include "syscalls.h"

#define LINKS_MAX 40

/* The directories that a pod can write. */
struct places {
	struct { dev_t dev; ino_t ino; } *v;
	size_t n;
};

static int add_place(struct places *p, const char *path,
		     struct shift_error *err)
{
	struct stat st;
	void *more;

	/* One that is not there has no names in it. */
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	more = reallocarray(p->v, p->n + 1, sizeof(*p->v));
	if (!more)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	p->v = more;
	p->v[p->n].dev = st.st_dev;
	p->v[p->n++].ino = st.st_ino;
	return 0;
}

static bool is_place(const struct places *p, const struct stat *st)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].ino == st->st_ino && p->v[i].dev == st->st_dev)
			return true;
	return false;
}

static bool is_writable(const struct spec_mount *m)
{
	struct volume_options o;

	return !strcmp(m->type, "bind") &&
	       (volume_options_parse(&o, m->options, NULL) < 0 ||
		!(o.attrs & MOUNT_ATTR_RDONLY));
}

static int find_places(const struct spec *spec, const struct strv *written,
		       struct places *p, struct shift_error *err)
{
	/* The changes of all pods are below. */
	int r = add_place(p, place_root(), err);

	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++)
		if (is_writable(&spec->mounts[i]))
			r = add_place(p, spec->mounts[i].source, err);
	for (size_t i = 0; r >= 0 && written && i < written->n; i++)
		r = add_place(p, written->v[i], err);
	return r;
}

/* A walk along a path, one component after the other. */
struct walk {
	const struct places *places;
	int at;			/* the directory that is reached */
	int place;		/* the last one on the way that a pod can write, or -1 */
	char beneath[PATH_MAX];	/* from there to where the walk is */
	char rest[PATH_MAX];	/* what has to be walked yet */
	int links;
};

/* @more behind @text, as a path; both fit into PATH_MAX. */
static int append(char text[PATH_MAX], const char *more)
{
	size_t len = strlen(text);

	return snprintf(text + len, PATH_MAX - len, "%s%s", len ? "/" : "",
			more) >= (int)(PATH_MAX - len) ? -ENAMETOOLONG : 0;
}

static int take_link(struct walk *w, int link)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(link, "", to, sizeof(to) - 1);

	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	to[n] = '\0';
	if (append(to, w->rest) < 0)
		return -ENAMETOOLONG;
	strcpy(w->rest, to);
	if (*to != '/')
		return 0;
	close(w->at);
	w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->at < 0 ? -errno : 0;
}

/* The rest of the way by the kernel, and not out of what the pod can write. */
static int go_beneath(struct walk *w, const char *name)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (append(w->beneath, name) < 0 || append(w->beneath, w->rest) < 0)
		return -ENAMETOOLONG;
	fd = sys_openat2(w->place, w->beneath, &how);
	if (fd < 0)
		return -errno;
	close(w->at);
	w->at = fd;
	*w->rest = '\0';
	return 0;
}

static int arrive(struct walk *w, int *fd, const struct stat *st,
		  const char *name)
{
	close(w->at);
	w->at = steal_fd(fd);
	if (S_ISDIR(st->st_mode) && is_place(w->places, st)) {
		if (w->place >= 0)
			close(w->place);
		w->place = fcntl(w->at, F_DUPFD_CLOEXEC, 0);
		*w->beneath = '\0';
		return w->place < 0 ? -errno : 0;
	}
	return w->place >= 0 ? append(w->beneath, name) : 0;
}

static int step(struct walk *w, bool recorded)
{
	char name[NAME_MAX + 1];
	_cleanup_close_ int fd = -1;
	size_t skip = strspn(w->rest, "/");
	size_t len = strcspn(w->rest + skip, "/");
	struct stat st;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(name, sizeof(name), "%.*s", (int)len, w->rest + skip);
	skip += len;
	skip += strspn(w->rest + skip, "/");
	memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
	if (!*name || !strcmp(name, "."))
		return 0;
	/* Upwards within what a pod can write is for the kernel to tell. */
	if (w->place >= 0 && !strcmp(name, ".."))
		return go_beneath(w, name);
	fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return arrive(w, &fd, &st, name);
	if (w->place >= 0)
		return go_beneath(w, name);
	return recorded ? -ELOOP : take_link(w, fd);
}

static int say(int r, const char *source, bool in_place, bool recorded,
	       struct shift_error *err)
{
	shift_err_set(err, -r, "volume %s", source);
	if (r == -EXDEV)
		shift_err_hint(err, "a part of that path lies in what a pod can write, and there a link leads out of it: the pod may have put it there");
	else if (r == -ELOOP && recorded && !in_place)
		shift_err_hint(err, "when the pod was made that path had no link in it, and now it has: see who changed it, and make the pod anew");
	else if (r == -ENOENT)
		shift_err_hint(err, "make it first, with the owner that it shall have");
	return r;
}

int volume_source_open(const struct spec *spec, const struct strv *written,
		       const char *source, bool recorded, char **ret_real,
		       struct shift_error *err)
{
	struct places places = { NULL, 0 };
	struct walk w = { .places = &places, .at = -1, .place = -1 };
	char proc[64], real[PATH_MAX];
	int r = find_places(spec, written, &places, err);
	ssize_t n;

	if (r >= 0 && snprintf(w.rest, sizeof(w.rest), "%s", source) >=
	    (int)sizeof(w.rest))
		r = shift_err_set(err, ENAMETOOLONG, "volume %s", source);
	if (r >= 0) {
		w.at = open(*source == '/' ? "/" : ".",
			    O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = w.at < 0 ? -errno : 0;
		while (r >= 0 && *w.rest)
			r = step(&w, recorded);
		if (r < 0)
			say(r, source, w.place >= 0, recorded, err);
	}
	if (r >= 0 && ret_real) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", w.at);
		n = readlink(proc, real, sizeof(real) - 1);
		real[n > 0 ? n : 0] = '\0';
		if (*real != '/')
			r = shift_err_set(err, ENOENT, "volume %s", source);
		else
			r = str_replace(ret_real, real, err);
	}
	free(places.v);
	if (w.place >= 0)
		close(w.place);
	if (r >= 0)
		return w.at;
	if (w.at >= 0)
		close(w.at);
	return r;
}

int volume_source_resolve(struct spec *spec, const struct strv *written,
			  struct shift_error *err)
{
	struct strv real = { NULL, 0 };
	int r = 0;

	/* All are found before one is changed: what they are tells places. */
	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++) {
		_cleanup_free_ char *path = NULL;
		_cleanup_close_ int fd = -1;

		if (!strcmp(spec->mounts[i].type, "bind"))
			r = fd = volume_source_open(spec, written,
						    spec->mounts[i].source,
						    false, &path, err);
		if (r >= 0)
			r = strv_add(&real, path ?: "", err);
	}
	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++)
		if (*real.v[i])
			r = str_replace(&spec->mounts[i].source, real.v[i], err);
	strv_clear(&real);
	return r;
}
