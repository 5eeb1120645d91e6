/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/regular.h"
#include "base/tree_remove.h"
#include "cleanup.h"

static int out_of_memory(struct shift_error *err)
{
	return shift_err_set(err, ENOMEM, "cannot allocate memory");
}

static int strv_take(struct strv *s, char *text, struct shift_error *err)
{
	char **v;

	if (!text)
		return out_of_memory(err);
	v = reallocarray(s->v, s->n + 2, sizeof(*v));
	if (!v) {
		free(text);
		return out_of_memory(err);
	}
	v[s->n++] = text;
	v[s->n] = NULL;
	s->v = v;
	return 0;
}

int strv_add(struct strv *s, const char *text, struct shift_error *err)
{
	return strv_take(s, strdup(text), err);
}

int strv_addf(struct strv *s, struct shift_error *err, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	return strv_take(s, r < 0 ? NULL : text, err);
}

int strv_setenv(struct strv *s, const char *assignment,
		struct shift_error *err)
{
	size_t len = strcspn(assignment, "=");
	char *copy;

	for (size_t i = 0; i < s->n; i++) {
		if (strncmp(s->v[i], assignment, len) || s->v[i][len] != '=')
			continue;
		copy = strdup(assignment);
		if (!copy)
			return out_of_memory(err);
		free(s->v[i]);
		s->v[i] = copy;
		return 0;
	}
	return strv_add(s, assignment, err);
}

void strv_unsetenv(struct strv *s, const char *name)
{
	size_t len = strlen(name), kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!strncmp(s->v[i], name, len) && s->v[i][len] == '=')
			free(s->v[i]);
		else
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	if (s->v)
		s->v[kept] = NULL;
}

const char *strv_getenv(const struct strv *s, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < s->n; i++)
		if (!strncmp(s->v[i], name, len) && s->v[i][len] == '=')
			return s->v[i] + len + 1;
	return NULL;
}

void strv_clear(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	s->v = NULL;
	s->n = 0;
}

int strf(char **ret, struct shift_error *err, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		return out_of_memory(err);
	*ret = text;
	return 0;
}

int str_replace(char **dst, const char *text, struct shift_error *err)
{
	char *copy = NULL;

	if (text) {
		copy = strdup(text);
		if (!copy)
			return out_of_memory(err);
	}
	free(*dst);
	*dst = copy;
	return 0;
}

int64_t util_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int mkdir_parents(const char *path, mode_t mode, struct shift_error *err)
{
	_cleanup_free_ char *copy = NULL;
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return 0;
	copy = strdup(path);
	if (!copy)
		return out_of_memory(err);
	for (char *p = copy + 1; ; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return shift_err_set(err, errno,
					     "cannot create directory %s",
					     copy);
		*p = c;
		if (!c)
			break;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return shift_err_set(err, ENOTDIR, "%s", path);
	return 0;
}

int dir_sample(DIR *dir, size_t most, struct strv *ret,
	       struct shift_error *err)
{
	struct dirent *e;
	size_t seen = 0;
	int r = 0;

	if (most)
		srandom((unsigned int)getpid());
	while (r >= 0 && (e = readdir(dir))) {
		size_t at = seen;

		if (e->d_name[0] == '.')
			continue;
		/* Each of those seen so far is kept as likely as any other. */
		if (most && seen++ >= most)
			at = (size_t)random() % seen;
		if (!most || at == ret->n)
			r = strv_add(ret, e->d_name, err);
		else if (at < most)
			r = str_replace(&ret->v[at], e->d_name, err);
	}
	return r;
}

int remove_tree(const char *path, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash, *name;
	size_t len;
	int r;

	if (!copy)
		return out_of_memory(err);
	for (len = strlen(copy); len > 1 && copy[len - 1] == '/'; )
		copy[--len] = '\0';
	slash = strrchr(copy, '/');
	name = slash ? slash + 1 : copy;
	if (slash)
		*slash = '\0';
	fd = open(!slash ? "." : slash == copy ? "/" : copy,
		  O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot remove %s", path);
	r = tree_remove_at(fd, name, err);
	if (r < 0 && slash)
		shift_err_prefix(err, "in %s", slash == copy ? "/" : copy);
	return r;
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_len,
	      struct shift_error *err)
{
	return regular_read(AT_FDCWD, path, REGULAR_ANYWHERE, max, ret, ret_len,
			    err);
}

int write_whole(int fd, const void *buf, size_t len)
{
	const char *at = buf;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			errno = EIO;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int write_file(const char *path, const char *text, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return shift_err_set(err, errno, "cannot open %s for writing",
				     path);
	if (write_whole(fd, text, strlen(text)) < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}
