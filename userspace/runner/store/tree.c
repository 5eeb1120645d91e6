/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "cleanup.h"

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define OVERLAY_OPAQUE "trusted.overlay.opaque"

static void put_fts(FTS **fts)
{
	if (*fts)
		fts_close(*fts);
}

#define _cleanup_fts_ __attribute__((cleanup(put_fts)))

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *walk(const char *tree, struct shift_error *err)
{
	char *roots[] = { (char *)tree, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR,
			    by_name);

	if (!fts)
		shift_err_set(err, errno, "cannot read %s", tree);
	return fts;
}

int tree_walk_error(const FTSENT *e, struct shift_error *err)
{
	if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR ||
	    e->fts_info == FTS_NS || e->fts_info == FTS_DC)
		return shift_err_set(err, e->fts_errno ?: EIO, "cannot read %s",
				     e->fts_path);
	return 0;
}

/* Below the tree, "." for its root. */
static const char *inner(const char *tree, const FTSENT *e)
{
	const char *p = e->fts_path + strlen(tree);

	while (*p == '/')
		p++;
	return *p ? p : ".";
}

/* fts keeps what a directory was before anything in it was changed. */
int tree_keep_times(const FTSENT *e, struct shift_error *err)
{
	struct timespec t[2] = { e->fts_statp->st_atim, e->fts_statp->st_mtim };

	if (utimensat(AT_FDCWD, e->fts_path, t, AT_SYMLINK_NOFOLLOW) < 0)
		return shift_err_set(err, errno, "cannot set the times of %s",
				     e->fts_path);
	return 0;
}

static int make_opaque(const char *dir, struct shift_error *err)
{
	if (lsetxattr(dir, OVERLAY_OPAQUE, "y", 1, 0) < 0)
		return shift_err_set(err, errno, "cannot set %s of %s",
				     OVERLAY_OPAQUE, dir);
	return 0;
}

/* @e is the marker; its directory is @dir. */
static int whiteout(const FTSENT *e, struct shift_error *err)
{
	const char *name = e->fts_name + strlen(WHITEOUT);
	_cleanup_free_ char *dir = strdup(e->fts_path), *victim = NULL;
	struct stat st;
	int r;

	if (!dir)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	*strrchr(dir, '/') = '\0';
	if (!strcmp(e->fts_name, OPAQUE))
		return make_opaque(dir, err);
	/* Other names of two markers are reserved; "." and ".." mean nothing. */
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") ||
	    !strncmp(name, WHITEOUT, strlen(WHITEOUT)))
		return 0;
	r = strf(&victim, err, "%s/%s", dir, name);
	if (r < 0)
		return r;
	if (!lstat(victim, &st))
		/* Gone below and there again: what is below must not show. */
		return S_ISDIR(st.st_mode) ? make_opaque(victim, err) : 0;
	if (mknod(victim, S_IFCHR, makedev(0, 0)) < 0)
		return shift_err_set(err, errno, "cannot make the whiteout %s",
				     victim);
	return 0;
}

int tree_whiteouts(const char *tree, struct shift_error *err)
{
	_cleanup_fts_ FTS *fts = walk(tree, err);
	FTSENT *e;
	int r = 0;

	if (!fts)
		return -EIO;
	while (r >= 0 && (errno = 0, e = fts_read(fts))) {
		r = tree_walk_error(e, err);
		if (r >= 0 && e->fts_info == FTS_DP && e->fts_number)
			r = tree_keep_times(e, err);
		if (r < 0 || e->fts_info == FTS_DP || e->fts_level == 0 ||
		    strncmp(e->fts_name, WHITEOUT, strlen(WHITEOUT)))
			continue;
		e->fts_parent->fts_number = 1;
		if (e->fts_info == FTS_D)
			fts_set(fts, e, FTS_SKIP);
		else
			r = whiteout(e, err);
		if (r >= 0)
			r = remove_tree(e->fts_path, err);
	}
	if (r >= 0 && errno)
		r = shift_err_set(err, errno, "cannot read all of %s", tree);
	return r;
}

/* One inode that was read: an image's hard links are hashed once. */
struct seen {
	ino_t ino;
	char content[DIGEST_HEX + 1];
	char object[DIGEST_HEX + 1];
	bool alone;			/* it stays in the tree only */
};

struct indexer {
	const char *tree;
	const char *objects;		/* NULL: nothing is linked */
	FILE *out;
	struct progress *progress;
	struct tree_sum sum;
	void *seen;			/* tsearch(3) of struct seen by inode */
	unsigned int temps;
};

static int by_inode(const void *a, const void *b)
{
	ino_t x = ((const struct seen *)a)->ino, y = ((const struct seen *)b)->ino;

	return x < y ? -1 : x > y;
}

void tree_put_text(FILE *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '\\')
			fprintf(out, "\\%03o", *p);
		else
			fputc(*p, out);
}

/* What an image decides; labels are the host's. */
static bool xattr_matters(const char *name)
{
	return !strncmp(name, "user.", 5) ||
	       !strcmp(name, "security.capability") ||
	       !strncmp(name, "system.posix_acl_", 17) ||
	       !strncmp(name, "trusted.overlay.", 16);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The digest of names and values, or "-". */
static int xattrs_digest(const char *path, char ret[DIGEST_HEX + 1],
			 struct shift_error *err)
{
	_cleanup_free_ char *list = NULL, *value = NULL, **names = NULL;
	struct digest *d;
	ssize_t len, n = 0;
	size_t count = 0;
	bool good = true;

	strcpy(ret, "-");
	len = llistxattr(path, NULL, 0);
	if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
		return 0;
	if (len > 0) {
		list = malloc((size_t)len);
		names = calloc((size_t)len, sizeof(*names));
		value = malloc(65536);
	}
	if (!list || !names || !value ||
	    (len = llistxattr(path, list, (size_t)len)) < 0)
		return shift_err_set(err, errno, "cannot list the attributes of %s",
				     path);
	for (char *p = list; p < list + len; p += strlen(p) + 1)
		if (xattr_matters(p))
			names[count++] = p;
	if (!count)
		return 0;
	qsort(names, count, sizeof(*names), compare_names);
	d = digest_begin();
	for (size_t i = 0; d && n >= 0 && i < count; i++) {
		char head[32];

		n = lgetxattr(path, names[i], value, 65536);
		if (n < 0)
			break;
		snprintf(head, sizeof(head), "%zd:", n);
		good = good && digest_add(d, names[i], strlen(names[i]) + 1) &&
		       digest_add(d, head, strlen(head)) &&
		       digest_add(d, value, (size_t)n);
	}
	if (n < 0)
		shift_err_set(err, errno, "cannot read the attributes of %s", path);
	else if (!d || !good || !digest_end(d, ret))
		n = shift_err_set(err, EIO, "cannot compute a sha256");
	digest_free(d);
	return n < 0 ? -EIO : 0;
}

static void meta_text(char *text, size_t room, const struct stat *st)
{
	bool timed = !S_ISCHR(st->st_mode);	/* whiteouts have no time */

	snprintf(text, room, "%04o %u %u %lld.%09ld %lld",
		 st->st_mode & 07777, st->st_uid, st->st_gid,
		 timed ? (long long)st->st_mtim.tv_sec : 0LL,
		 timed ? st->st_mtim.tv_nsec : 0L,
		 S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size);
}

/*
 * Two names of one inode are two hard links to a program that looks.  Some do:
 * cron takes no crontab that has two names.  Such files are few and small.
 */
static bool may_be_shared(const char *path, const struct stat *st)
{
	static const char *const not_below[] = { "etc/cron", "var/" };

	if (!st->st_size)
		return false;
	for (size_t i = 0; i < sizeof(not_below) / sizeof(*not_below); i++)
		if (!strncmp(path, not_below[i], strlen(not_below[i])))
			return false;
	return true;
}

/* Puts the object in the place of @path. */
static int take_object(struct indexer *x, const char *object, const char *path,
		       struct shift_error *err)
{
	_cleanup_free_ char *temp = NULL;
	int r;

	/* In the tree's parent, so that no name of the tree is in the way. */
	r = strf(&temp, err, "%s.link%u", x->tree, x->temps++);
	if (r < 0)
		return r;
	if (link(object, temp) < 0) {
		/* Without room for a link, or pruned just now: it stays alone. */
		if (errno == EMLINK || errno == ENOENT)
			return 0;
		return shift_err_set(err, errno, "cannot link %s", object);
	}
	if (rename(temp, path) < 0) {
		r = shift_err_set(err, errno, "cannot replace %s", path);
		unlink(temp);
		return r;
	}
	return 1;
}

static int share(struct indexer *x, const FTSENT *e, struct seen *s,
		 const char *meta, const char *xattrs, struct shift_error *err)
{
	const struct stat *st = e->fts_statp;
	_cleanup_free_ char *key = NULL, *object = NULL, *dir = NULL;
	struct stat have;
	int r;

	if (!s->object[0]) {
		s->alone = s->alone || !may_be_shared(inner(x->tree, e), st);
		if (s->alone)
			return 0;
		r = strf(&key, err, "%s %s %s", meta, s->content, xattrs);
		if (r >= 0)
			r = digest_buf(key, strlen(key), s->object, err);
		if (r < 0)
			return r;
	}
	if ((r = strf(&dir, err, "%s/%.2s", x->objects, s->object)) < 0 ||
	    (r = strf(&object, err, "%s/%s", dir, s->object + 2)) < 0)
		return r;
	/* Somebody who prunes may remove the object, and its folder, meanwhile. */
	for (int i = 0; ; i++) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return shift_err_set(err, errno, "cannot make %s", dir);
		if (!link(e->fts_path, object) || errno == EMLINK)
			return 0;
		if (errno == EEXIST && !lstat(object, &have))
			break;
		if (errno != ENOENT || i == 100)
			return shift_err_set(err, errno, "cannot link %s", object);
	}
	if (have.st_ino == st->st_ino)
		return 0;
	r = take_object(x, object, e->fts_path, err);
	if (r > 0) {
		e->fts_parent->fts_number = 1;
		x->sum.shared += (uint64_t)st->st_size;
	}
	return r;
}

static int content_of(struct indexer *x, const FTSENT *e, struct seen **ret,
		      struct shift_error *err)
{
	struct seen *s, key = { .ino = e->fts_statp->st_ino };
	_cleanup_close_ int fd = -1;
	void *found;
	int r;

	found = tfind(&key, &x->seen, by_inode);
	if (found) {
		*ret = *(struct seen **)found;
		return 0;
	}
	fd = open(e->fts_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
			       O_NOATIME);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot read %s", e->fts_path);
	s = calloc(1, sizeof(*s));
	if (!s)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	s->ino = key.ino;
	r = digest_fd(fd, s->content, e->fts_path, err);
	if (r < 0) {
		free(s);
		return r;
	}
	if (!tsearch(s, &x->seen, by_inode)) {
		free(s);
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	}
	x->sum.files++;
	x->sum.bytes += (uint64_t)e->fts_statp->st_size;
	if (x->progress)
		progress_at(x->progress, x->progress->done +
			    (uint64_t)e->fts_statp->st_size);
	*ret = s;
	return 0;
}

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFCHR:
		return 'c';
	default:
		return 'b';
	}
}

static int index_entry(struct indexer *x, const FTSENT *e,
		       struct shift_error *err)
{
	const struct stat *st = e->fts_statp;
	char meta[128], xattrs[DIGEST_HEX + 1], target[4096];
	struct seen *s = NULL;
	ssize_t len = 0;
	int r;

	meta_text(meta, sizeof(meta), st);
	if (st->st_uid > x->sum.most_id)
		x->sum.most_id = st->st_uid;
	if (st->st_gid > x->sum.most_id)
		x->sum.most_id = st->st_gid;
	r = xattrs_digest(e->fts_path, xattrs, err);
	if (r >= 0 && S_ISREG(st->st_mode))
		r = content_of(x, e, &s, err);
	if (r >= 0 && s && x->objects)
		r = share(x, e, s, meta, xattrs, err);
	if (r < 0)
		return r;
	if (S_ISLNK(st->st_mode)) {
		len = readlink(e->fts_path, target, sizeof(target) - 1);
		if (len < 0)
			return shift_err_set(err, errno, "cannot read %s",
					     e->fts_path);
		target[len] = '\0';
	}
	fprintf(x->out, "%c %s %s %s ", type_letter(st->st_mode), meta,
		s ? s->content : "-", xattrs);
	tree_put_text(x->out, inner(x->tree, e));
	if (S_ISLNK(st->st_mode)) {
		fputs(" -> ", x->out);
		tree_put_text(x->out, target);
	}
	fputc('\n', x->out);
	return 0;
}

static int index_all(struct indexer *x, struct shift_error *err)
{
	_cleanup_fts_ FTS *fts = walk(x->tree, err);
	FTSENT *e;
	int r = 0;

	if (!fts)
		return -EIO;
	while (r >= 0 && (errno = 0, e = fts_read(fts))) {
		r = tree_walk_error(e, err);
		if (r >= 0 && e->fts_info != FTS_DP)
			r = index_entry(x, e, err);
		else if (r >= 0 && e->fts_number)
			r = tree_keep_times(e, err);
	}
	if (r >= 0 && errno)
		r = shift_err_set(err, errno, "cannot read %s", x->tree);
	return r;
}

int tree_index(const char *tree, const char *index, const char *objects,
	       struct progress *progress, struct tree_sum *sum,
	       struct shift_error *err)
{
	struct indexer x = {
		.tree = tree, .objects = objects, .progress = progress,
	};
	int r;

	x.out = fopen(index, "wxe");
	if (!x.out)
		return shift_err_set(err, errno, "cannot make %s", index);
	r = index_all(&x, err);
	tdestroy(x.seen, free);
	if (ferror(x.out) | fclose(x.out) && r >= 0)
		r = shift_err_set(err, errno ? errno : EIO, "cannot write %s",
				  index);
	if (r >= 0 && sum)
		*sum = x.sum;
	return r;
}

/* The path in a line of an index. */
static const char *path_in(const char *line)
{
	for (int i = 0; i < 8 && line; i++) {
		line = strchr(line, ' ');
		line = line ? line + 1 : NULL;
	}
	return line ? line : "?";
}

/*
 * The walk visits "a", "a/b", "a.c" in that order: paths compare as if '/' were
 * the smallest byte.  Escapes are one byte each in the walk.
 */
static int compare_paths(const char *a, const char *b)
{
	size_t i = 0, k = 0;

	for (;;) {
		int c[2];
		const char *s[2] = { a + i, b + k };
		size_t step[2] = { 1, 1 };

		for (int n = 0; n < 2; n++) {
			unsigned char ch = (unsigned char)*s[n];

			if (ch == '\\') {
				c[n] = 2 + (int)strtol((char[]){ s[n][1], s[n][2], s[n][3], 0 }, NULL, 8);
				step[n] = 4;
			} else if (ch == '\0' || ch == ' ' || ch == '\n') {
				c[n] = 0;
			} else {
				c[n] = ch == '/' ? 1 : 2 + ch;
			}
		}
		if (c[0] != c[1] || !c[0])
			return c[0] - c[1];
		i += step[0];
		k += step[1];
	}
}

/* The words of a line that differ, by name. */
static void differences(const char *was, const char *is, char *text,
			size_t room)
{
	static const char *const names[] = {
		"type", "mode", "owner", "group", "time", "size", "content",
		"attributes", "target",
	};
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < 9; i++) {
		size_t a = i < 8 ? strcspn(was, " \n") : strlen(was);
		size_t b = i < 8 ? strcspn(is, " \n") : strlen(is);

		if ((a != b || memcmp(was, is, a)) && len < room)
			len += (size_t)snprintf(text + len, room - len, "%s%s",
						len ? ", " : "", names[i]);
		was += a + (was[a] != '\0');
		is += b + (is[b] != '\0');
	}
}

static int compare_indexes(FILE *was, FILE *is, const char *label,
			   struct strv *findings, struct shift_error *err)
{
	_cleanup_free_ char *a = NULL, *b = NULL;
	size_t a_room = 0, b_room = 0;
	bool more_a = getline(&a, &a_room, was) > 0;
	bool more_b = getline(&b, &b_room, is) > 0;
	char what[128];
	int r = 0, c;

	while (r >= 0 && (more_a || more_b)) {
		const char *pa = more_a ? path_in(a) : NULL;
		const char *pb = more_b ? path_in(b) : NULL;

		c = !more_a ? 1 : !more_b ? -1 : compare_paths(pa, pb);
		if (c < 0)
			r = strv_addf(findings, err, "%s: %.*s is missing",
				      label, (int)strcspn(pa, "\n"), pa);
		else if (c > 0)
			r = strv_addf(findings, err, "%s: %.*s is not of the image",
				      label, (int)strcspn(pb, "\n"), pb);
		else if (strcmp(a, b)) {
			differences(a, b, what, sizeof(what));
			r = strv_addf(findings, err, "%s: %.*s: %s changed",
				      label, (int)strcspn(pa, " \n"), pa, what);
		}
		if (c <= 0)
			more_a = getline(&a, &a_room, was) > 0;
		if (c >= 0)
			more_b = getline(&b, &b_room, is) > 0;
	}
	return r;
}

int tree_verify(const char *tree, const char *index, const char *label,
		struct progress *progress, struct strv *findings,
		struct shift_error *err)
{
	struct indexer x = { .tree = tree, .progress = progress };
	_cleanup_file_ FILE *was = NULL, *is = tmpfile();
	int r;

	was = fopen(index, "re");
	if (!was || !is)
		return shift_err_set(err, errno, "cannot read %s",
				     was ? "a temporary file" : index);
	x.out = is;
	r = index_all(&x, err);
	tdestroy(x.seen, free);
	if (r < 0)
		return r;
	if (fflush(is) || ferror(is))
		return shift_err_set(err, errno, "cannot write a temporary file");
	rewind(is);
	return compare_indexes(was, is, label, findings, err);
}
