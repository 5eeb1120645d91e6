/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a layer takes from those below: directories it does not describe, links. */
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"
#include "syscalls.h"

/*
 * Looks for @inner, a directory or, with @any, something else, in one layer: 1
 * found, 0 look further down, -ENOENT nothing below this layer shows.
 */
static int look(const char *layer, const char *inner, bool any, struct stat *st,
		char **ret, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	bool hides = false;
	char opaque;
	size_t top;
	char *p;
	int r;

	r = strf(&path, err, "%s/%s", layer, inner);
	if (r < 0)
		return r;
	top = strlen(layer);
	if (!*inner)
		path[top] = '\0';
	for (p = path + top; ; p++) {
		char c = *p;

		if (c != '/' && c)
			continue;
		*p = '\0';
		if (lstat(path, st) < 0)
			return hides ? -ENOENT : 0;
		if (!S_ISDIR(st->st_mode) &&
		    (c || !any || S_ISCHR(st->st_mode)))
			return -ENOENT;
		hides = hides || lgetxattr(path, "trusted.overlay.opaque",
					   &opaque, 1) == 1;
		*p = c;
		if (!c)
			break;
	}
	*ret = steal_ptr(&path);
	return 1;
}

/* To the file that @to is open on; @name is for messages. */
static int copy_xattrs(const char *from, int to, const char *name,
		       struct shift_error *err)
{
	char list[4096], value[4096];
	ssize_t len = llistxattr(from, list, sizeof(list));

	for (char *p = list; len > 0 && p < list + len; p += strlen(p) + 1) {
		ssize_t n;

		if (strncmp(p, "user.", 5) && strncmp(p, "system.posix_acl_", 17) &&
		    strcmp(p, "security.capability"))
			continue;
		n = lgetxattr(from, p, value, sizeof(value));
		if (n < 0 || fsetxattr(to, p, value, (size_t)n, 0) < 0)
			return shift_err_set(err, errno, "cannot copy %s of %s to %s",
					     p, from, name);
	}
	return 0;
}

/*
 * Says that the directory @inner, which the layer does not describe, hides a symbolic
 * link.  It does so with docker and podman, too, where layers are stacked; containerd
 * and podman's driver vfs follow the link.
 */
static void say_hidden_link(const char *inner, const struct strv *lowers)
{
	_cleanup_free_ char *parent = strdup(inner), *shown = shift_escaped(inner), *from = NULL;
	char *slash = parent ? strrchr(parent, '/') : NULL;
	struct stat st = { 0 };
	int r = 0;

	if (!parent)
		return;
	/* A directory in one that hides a link is no other case. */
	if (slash) {
		*slash = '\0';
		for (size_t i = lowers->n; !r && i-- > 0; )
			r = look(lowers->v[i], parent, false, &st, &from, NULL);
		if (r == -ENOENT && S_ISLNK(st.st_mode))
			return;
	}
	fprintf(stderr, "runner: /%s is a symbolic link in the layers below, and a layer has files in it without describing it: it becomes a directory that hides the link, as with docker and podman\n",
		shown ?: "?");
}

static int inherit(const char *path, const char *inner,
		   const struct strv *lowers, struct shift_error *err)
{
	_cleanup_free_ char *from = NULL;
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY |
				      O_NOFOLLOW | O_CLOEXEC);
	struct stat st = { 0 };
	int r = 0;

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s", path);
	for (size_t i = lowers->n; !r && i-- > 0; )
		r = look(lowers->v[i], inner, false, &st, &from, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT && S_ISLNK(st.st_mode))
		say_hidden_link(inner, lowers);
	if (from) {
		times[1] = st.st_mtim;
	} else {
		st.st_uid = st.st_gid = 0;
		st.st_mode = 0755;
	}
	if (fchown(fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(fd, st.st_mode & 07777) < 0)
		return shift_err_set(err, errno, "cannot set the owner of %s", path);
	r = from ? copy_xattrs(from, fd, path, err) : 0;
	if (r >= 0 && futimens(fd, times) < 0)
		r = shift_err_set(err, errno, "cannot set the times of %s", path);
	return r;
}

int tree_inherit(const char *tree, const struct strv *lowers,
		 struct shift_error *err)
{
	char *roots[] = { (char *)tree, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int r = 0;

	if (!fts)
		return shift_err_set(err, errno, "cannot read %s", tree);
	while (r >= 0 && (errno = 0, e = fts_read(fts))) {
		r = tree_walk_error(e, err);
		if (r < 0 || e->fts_info != FTS_DP ||
		    e->fts_statp->st_uid != TREE_NOBODY ||
		    e->fts_statp->st_gid != TREE_NOBODY)
			continue;
		r = inherit(e->fts_path, e->fts_level ? e->fts_path + strlen(tree) + 1 : "",
			    lowers, err);
	}
	if (r >= 0 && errno)
		r = shift_err_set(err, errno, "cannot read all of %s", tree);
	fts_close(fts);
	return r;
}

/* What fts_number says of a directory. */
enum { NOT_MERGED = 1, CHANGED = 2 };

static bool hides_something(const char *inner, const struct strv *lowers,
			    struct shift_error *err)
{
	_cleanup_free_ char *found = NULL;
	struct stat st;
	int r = 0;

	for (size_t i = lowers->n; !r && i-- > 0; )
		r = look(lowers->v[i], inner, true, &st, &found, err);
	return r > 0;
}

int tree_vain_whiteouts(const char *tree, const struct strv *lowers,
			struct shift_error *err)
{
	char *roots[] = { (char *)tree, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int r = 0;

	if (!fts)
		return shift_err_set(err, errno, "cannot read %s", tree);
	while (r >= 0 && (errno = 0, e = fts_read(fts))) {
		char mark;

		r = tree_walk_error(e, err);
		if (r >= 0 && e->fts_info == FTS_D &&
		    ((e->fts_level && e->fts_parent->fts_number & NOT_MERGED) ||
		     lgetxattr(e->fts_path, "trusted.overlay.opaque", &mark, 1) == 1))
			e->fts_number |= NOT_MERGED;
		if (r >= 0 && e->fts_info == FTS_DP && e->fts_number & CHANGED)
			r = tree_keep_times(e, err);
		if (r < 0 || e->fts_level == 0 || !S_ISCHR(e->fts_statp->st_mode) ||
		    (!(e->fts_parent->fts_number & NOT_MERGED) &&
		     hides_something(e->fts_path + strlen(tree) + 1, lowers, err)))
			continue;
		e->fts_parent->fts_number |= CHANGED;
		if (unlink(e->fts_path) < 0)
			r = shift_err_set(err, errno, "cannot remove the whiteout %s", e->fts_path);
	}
	if (r >= 0 && errno)
		r = shift_err_set(err, errno, "cannot read all of %s", tree);
	fts_close(fts);
	return r;
}

/*
 * A name of the unpacker's list, as it is on the disk; the caller's.  One that
 * is not written as tree_put_text() does comes back empty.
 */
static char *plain_name(const char *text)
{
	char *name = malloc(strlen(text) + 1), *to = name;

	for (const char *p = text; name && *p; p++) {
		if (*p != '\\') {
			*to++ = *p;
			continue;
		}
		if (strspn(p + 1, "01234567") < 3) {
			to = name;
			break;
		}
		*to++ = (char)strtol((char[]){ p[1], p[2], p[3], 0 }, NULL, 8);
		p += 3;
	}
	if (name)
		*to = '\0';
	return name;
}

/*
 * What an entry of the list names has to be a path as the unpacker writes them:
 * it read the archive, so the list may be the archive's doing.
 */
static bool is_inner(const char *name)
{
	for (const char *p = name; ; p++) {
		size_t n = strcspn(p, "/");

		if (!n || n > NAME_MAX || !strncmp(p, ".", n) ||
		    (n == 2 && !strncmp(p, "..", 2)))
			return false;
		p += n;
		if (!*p)
			return true;
	}
}

/*
 * The directory of @name in the tree, which an image made: no link is followed,
 * as "d/x" can be an entry and "d" a link to /etc a later one.  -ENOENT when
 * there is no such directory any more.
 */
static int open_parent(const char *tree, const char *name,
		       struct shift_error *err)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_XDEV,
	};
	_cleanup_close_ int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *dir = strdup(name);
	char *slash;
	int fd;

	if (!dir || root < 0)
		return shift_err_set(err, dir ? errno : ENOMEM, "cannot open %s", tree);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	fd = sys_openat2(root, slash ? dir : ".", &how);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return -ENOENT;
	return shift_err_set(err, errno, "cannot open %s/%s", tree, dir);
}

static int copy_content(const char *from, int out, const struct stat *st,
			const char *name, struct shift_error *err)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t left = st->st_size;

	if (in < 0)
		return shift_err_set(err, errno, "cannot copy %s to %s", from, name);
	while (left > 0) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);

		if (n <= 0)
			return shift_err_set(err, n ? errno : EIO,
					     "cannot copy %s to %s", from, name);
		left -= n;
	}
	return 0;
}

static int copy_regular(const char *from, int dir, const char *base,
			const char *name, const struct stat *st,
			struct shift_error *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	_cleanup_close_ int out = openat(dir, base, O_WRONLY | O_CREAT | O_EXCL |
					 O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (out < 0)
		return shift_err_set(err, errno, "cannot make %s", name);
	r = copy_content(from, out, st, name, err);
	if (r >= 0 && (fchown(out, st->st_uid, st->st_gid) < 0 ||
		       fchmod(out, st->st_mode & 07777) < 0))
		r = shift_err_set(err, errno, "cannot set the owner of %s", name);
	if (r >= 0)
		r = copy_xattrs(from, out, name, err);
	if (r >= 0 && futimens(out, times) < 0)
		r = shift_err_set(err, errno, "cannot set the times of %s", name);
	return r;
}

static int copy_link(const char *from, int dir, const char *base,
		     const char *name, const struct stat *st,
		     struct shift_error *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[4096];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	if (n < 0 || symlinkat(target, dir, base) < 0)
		return shift_err_set(err, errno, "cannot make the link %s", name);
	if (fchownat(dir, base, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(dir, base, times, AT_SYMLINK_NOFOLLOW) < 0)
		return shift_err_set(err, errno, "cannot set the owner of %s", name);
	return 0;
}

/* The file @from of a layer below, as @base in the directory of @name. */
static int copy_file(const char *from, int dir, const char *base,
		     const char *name, const struct stat *st,
		     struct shift_error *err)
{
	if (S_ISLNK(st->st_mode))
		return copy_link(from, dir, base, name, st, err);
	if (S_ISREG(st->st_mode))
		return copy_regular(from, dir, base, name, st, err);
	return shift_err_set(err, 0, "a hard link to %s, which is no file", from);
}

static int make_link(const char *tree, const char *name, const char *target,
		     const struct strv *lowers, struct shift_error *err)
{
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	_cleanup_free_ char *from = NULL;
	_cleanup_close_ int dir = -1;
	struct stat st, parent;
	int r = 0;

	if (!is_inner(name) || !is_inner(target))
		return shift_err_set(err, 0, "the hard link '%s' to '%s' leads out of the image",
				     name, target);
	dir = open_parent(tree, name, err);
	if (dir < 0)	/* its folder was replaced later on, or an error */
		return dir == -ENOENT ? 0 : dir;
	/* Something else took the name later on. */
	if (!fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	for (size_t i = lowers->n; !r && i-- > 0; )
		r = look(lowers->v[i], target, true, &st, &from, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!from)
		return shift_err_set(err, 0, "the entry '%s' is a hard link to '%s', which is neither in the layer nor in those below",
				     name, target);
	if (fstat(dir, &parent) < 0)
		return shift_err_set(err, errno, "cannot read the folder of %s", name);
	r = copy_file(from, dir, base, name, &st, err);
	if (r >= 0 && futimens(dir, (struct timespec[2]){ parent.st_atim,
							  parent.st_mtim }) < 0)
		r = shift_err_set(err, errno, "cannot set the times of the folder of %s",
				  name);
	return r;
}

int tree_links(const char *tree, const char *list, const struct strv *lowers,
	       struct shift_error *err)
{
	_cleanup_file_ FILE *f = fopen(list, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (!f)
		return shift_err_set(err, errno, "cannot read %s", list);
	while (r >= 0 && getline(&line, &room, f) > 0) {
		_cleanup_free_ char *name = NULL, *target = NULL;
		char *arrow = strstr(line, " -> ");

		if (strncmp(line, "H 0 - ", 6) || !arrow)
			continue;
		*arrow = '\0';
		arrow[4 + strcspn(arrow + 4, "\n")] = '\0';
		name = plain_name(line + 6);
		target = plain_name(arrow + 4);
		r = !name || !target ?
		    shift_err_set(err, ENOMEM, "cannot allocate memory") :
		    make_link(tree, name, target, lowers, err);
	}
	if (r >= 0 && ferror(f))
		r = shift_err_set(err, errno ?: EIO, "cannot read %s", list);
	return r;
}
