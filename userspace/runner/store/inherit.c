/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a layer takes from those below: directories it does not describe, links. */
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"

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
	top = strlen(layer) + 1;
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

static int copy_xattrs(const char *from, const char *to, struct shift_error *err)
{
	char list[4096], value[4096];
	ssize_t len = llistxattr(from, list, sizeof(list));

	for (char *p = list; len > 0 && p < list + len; p += strlen(p) + 1) {
		ssize_t n;

		if (strncmp(p, "user.", 5) && strncmp(p, "system.posix_acl_", 17) &&
		    strcmp(p, "security.capability"))
			continue;
		n = lgetxattr(from, p, value, sizeof(value));
		if (n < 0 || lsetxattr(to, p, value, (size_t)n, 0) < 0)
			return shift_err_set(err, errno, "cannot copy %s of %s", p, from);
	}
	return 0;
}

static int inherit(const char *path, const char *inner,
		   const struct strv *lowers, struct shift_error *err)
{
	_cleanup_free_ char *from = NULL;
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	struct stat st;
	int r = 0;

	for (size_t i = lowers->n; !r && i-- > 0; )
		r = look(lowers->v[i], inner, false, &st, &from, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (from) {
		times[1] = st.st_mtim;
	} else {
		st.st_uid = st.st_gid = 0;
		st.st_mode = 0755;
	}
	if (lchown(path, st.st_uid, st.st_gid) < 0 ||
	    chmod(path, st.st_mode & 07777) < 0)
		return shift_err_set(err, errno, "cannot set the owner of %s", path);
	r = from ? copy_xattrs(from, path, err) : 0;
	if (r >= 0 && utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
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
		if (r < 0 || e->fts_info != FTS_DP || e->fts_level == 0 ||
		    e->fts_statp->st_uid != TREE_NOBODY ||
		    e->fts_statp->st_gid != TREE_NOBODY)
			continue;
		r = inherit(e->fts_path, e->fts_path + strlen(tree) + 1, lowers,
			    err);
	}
	if (r >= 0 && errno)
		r = shift_err_set(err, errno, "cannot read all of %s", tree);
	fts_close(fts);
	return r;
}

/* A name of the unpacker's list, as it is on the disk; the caller's. */
static char *plain_name(const char *text)
{
	char *name = malloc(strlen(text) + 1), *to = name;

	for (const char *p = text; name && *p; p++) {
		if (*p != '\\') {
			*to++ = *p;
			continue;
		}
		*to++ = (char)strtol((char[]){ p[1], p[2], p[3], 0 }, NULL, 8);
		p += 3;
	}
	if (name)
		*to = '\0';
	return name;
}

static int copy_content(const char *from, const char *to, const struct stat *st,
			struct shift_error *err)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL |
				       O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t left = st->st_size;

	if (in < 0 || out < 0)
		return shift_err_set(err, errno, "cannot copy %s to %s", from, to);
	while (left > 0) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);

		if (n <= 0)
			return shift_err_set(err, n ? errno : EIO,
					     "cannot copy %s to %s", from, to);
		left -= n;
	}
	return 0;
}

/* The file @from of a layer below, under the name @to in this one. */
static int copy_file(const char *from, const char *to, const struct stat *st,
		     struct shift_error *err)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[4096];
	ssize_t n;
	int r;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(from, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (n < 0 || symlink(target, to) < 0)
			return shift_err_set(err, errno, "cannot make the link %s", to);
	} else if (S_ISREG(st->st_mode)) {
		r = copy_content(from, to, st, err);
		if (r < 0)
			return r;
	} else {
		return shift_err_set(err, 0, "a hard link to %s, which is no file", from);
	}
	if (lchown(to, st->st_uid, st->st_gid) < 0 ||
	    (!S_ISLNK(st->st_mode) && chmod(to, st->st_mode & 07777) < 0))
		return shift_err_set(err, errno, "cannot set the owner of %s", to);
	r = S_ISLNK(st->st_mode) ? 0 : copy_xattrs(from, to, err);
	if (r >= 0 && utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = shift_err_set(err, errno, "cannot set the times of %s", to);
	return r;
}

static int make_link(const char *tree, const char *name, const char *target,
		     const struct strv *lowers, struct shift_error *err)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *dir = NULL;
	struct stat st, parent;
	int r = strf(&to, err, "%s/%s", tree, name);

	if (r < 0)
		return r;
	/* Something else took the name later on. */
	if (!lstat(to, &st))
		return 0;
	for (size_t i = lowers->n; !r && i-- > 0; )
		r = look(lowers->v[i], target, true, &st, &from, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (!from)
		return shift_err_set(err, 0, "the entry '%s' is a hard link to '%s', which is neither in the layer nor in those below",
				     name, target);
	dir = strdup(to);
	if (!dir)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	*strrchr(dir, '/') = '\0';
	if (lstat(dir, &parent) < 0)
		return 0;	/* its folder was replaced */
	r = copy_file(from, to, &st, err);
	if (r >= 0 && utimensat(AT_FDCWD, dir, (struct timespec[2]){
			parent.st_atim, parent.st_mtim }, AT_SYMLINK_NOFOLLOW) < 0)
		r = shift_err_set(err, errno, "cannot set the times of %s", dir);
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
