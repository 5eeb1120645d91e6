/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pathtext.h"
#include "base/util.h"
#include "cleanup.h"
#include "syscalls.h"

#define LINKS_MAX 40

/* Relative to the root, "." for the root; @path has no link in it. */
static int open_plain(int root, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned int)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	int fd = sys_openat2(root, *path ? path : ".", &how);

	return fd < 0 ? -errno : fd;
}

/* When what @done names is a link: it is taken off, and put before @rest. */
static int follow(int root, char done[PATH_MAX], char rest[PATH_MAX],
		  int *links)
{
	_cleanup_close_ int fd = open_plain(root, done, O_NOFOLLOW);
	char to[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(fd, "", to, sizeof(to) - 1);
	if (n < 0)
		return -errno;
	if (++*links > LINKS_MAX)
		return -ELOOP;
	to[n] = '\0';
	if (strlen(to) + strlen(rest) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	strcat(to, "/");
	strcat(to, rest);
	strcpy(rest, to);
	if (*to == '/')
		*done = '\0';
	else
		pathtext_drop(done);
	return 0;
}

int target_resolve(const char *path, char **ret, struct shift_error *err)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char done[PATH_MAX] = "", rest[PATH_MAX], name[NAME_MAX + 1];
	int links = 0, r = root < 0 ? -errno : 0;

	if (snprintf(rest, sizeof(rest), "%s", path) >= (int)sizeof(rest))
		r = -ENAMETOOLONG;
	while (r >= 0 && *rest) {
		r = pathtext_next(rest, name);
		if (r < 0 || !*name || !strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			pathtext_drop(done);
			continue;
		}
		r = pathtext_add(done, name);
		if (r >= 0)
			r = follow(root, done, rest, &links);
	}
	if (r < 0)
		return shift_err_set(err, -r, "the place %s in the pod", path);
	return *done ? strf(ret, err, "/%s", done) : pathtext_is_root(path, err);
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Of two at one place: whether the first is the one to go. */
static int loser(const struct target *a, const struct target *b,
		 struct shift_error *err)
{
	if (a->kind == TARGET_VOLUME && b->kind == TARGET_VOLUME)
		return shift_err_set(err, 0, "two volumes have one place in the pod, %s",
				     a->path);
	/* The later of two filesystems, as it may have other options. */
	return a->kind <= b->kind;
}

int targets_arrange(struct target *t, size_t *n, struct shift_error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		size_t k = 0;
		int r;

		while (k < kept && strcmp(t[k].path, t[i].path))
			k++;
		if (k == kept) {
			t[kept++] = t[i];
			continue;
		}
		r = loser(&t[k], &t[i], err);
		if (r < 0)
			return r;
		if (r)
			t[k] = t[i];
	}
	*n = kept;
	/* Insertion sort: there are few, and equal depths keep their order. */
	for (size_t i = 1; i < kept; i++) {
		struct target one = t[i];
		size_t k = i;

		for (; k && depth(t[k - 1].path) > depth(one.path); k--)
			t[k] = t[k - 1];
		t[k] = one;
	}
	return 0;
}
