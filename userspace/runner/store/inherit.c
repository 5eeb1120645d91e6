/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories that a layer does not describe. */
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "cleanup.h"

/*
 * Looks for the directory @inner in one layer: 1 found, 0 look further down,
 * -ENOENT nothing below this layer shows.
 */
static int look(const char *layer, const char *inner, struct stat *st,
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
		if (!S_ISDIR(st->st_mode))
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

		if (strncmp(p, "user.", 5) && strncmp(p, "system.posix_acl_", 17))
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
		r = look(lowers->v[i], inner, &st, &from, err);
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
