/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tree_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

/* Directories held open at a time; deeper ones are moved to the top first. */
#define DEPTH_MAX 32

/* How often a directory is read again that was not empty in the end. */
#define ROUNDS_MAX 16

/* More than any filesystem has room for in levels of a tree. */
#define MOVES_MAX (1u << 22)

struct level {
	DIR *dir;
	int rounds;
	bool found;		/* something, since the directory was read last */
	bool stuck;		/* something in it cannot be removed */
	char name[NAME_MAX + 1];	/* its own, in the level above */
};

struct removal {
	int parent;		/* where levels[0] has its name */
	struct level levels[DEPTH_MAX];
	int n;
	uint64_t moved;		/* directories, to the top */
	const char *what;	/* for messages: the name of the tree */
	int first;		/* error, 0: none so far */
	struct shift_error *err;
};

static void fail(struct removal *x, int status, const char *name,
		 const char *doing)
{
	if (x->n)
		x->levels[x->n - 1].stuck = true;
	if (x->first)
		return;
	if (status == EXDEV)
		x->first = shift_err_set(x->err, EXDEV, "cannot remove %s: something is mounted at %s in it",
					 x->what, name);
	else if (status == ENOTEMPTY)
		x->first = shift_err_set(x->err, ENOTEMPTY, "cannot remove %s: somebody is adding to it at %s",
					 x->what, name);
	else
		x->first = shift_err_set(x->err, status, "cannot remove %s: %s %s",
					 x->what, doing, name);
}

static int open_below(int dirfd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC |
			 O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd;

	/* EAGAIN: something was renamed during the look-up. */
	for (int i = 0; i < 64; i++) {
		fd = sys_openat2(dirfd, name, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

static int top_fd(const struct removal *x)
{
	return x->n ? dirfd(x->levels[x->n - 1].dir) : x->parent;
}

/* The directory @fd, called @name, becomes the one that is emptied. */
static void enter(struct removal *x, int fd, const char *name)
{
	struct level *l = &x->levels[x->n];

	memset(l, 0, sizeof(*l));
	snprintf(l->name, sizeof(l->name), "%s", name);
	l->dir = fdopendir(fd);
	if (l->dir) {
		x->n++;
		return;
	}
	fail(x, errno, name, "no memory for");
	close(fd);
}

/*
 * Gives @name, in the deepest directory that may be held, a name at the top of
 * the tree that nobody can have made before: it is found there later.
 */
static void move_to_top(struct removal *x, const char *name)
{
	int top = dirfd(x->levels[0].dir);
	char to[40];
	uint64_t id;

	if (x->moved++ == MOVES_MAX) {
		fail(x, ENOTEMPTY, name, "");
		return;
	}
	if (getrandom(&id, sizeof(id), 0) != sizeof(id)) {
		fail(x, errno, name, "no random name for");
		return;
	}
	snprintf(to, sizeof(to), ".removed-%016llx", (unsigned long long)id);
	if (!renameat(top_fd(x), name, top, to)) {
		x->levels[0].found = true;
		x->levels[0].rounds = 0;
	} else if (errno != ENOENT) {
		fail(x, errno, name, "cannot move");
	}
}

/* @name is in the directory that is emptied; enters it when it is one itself. */
static void remove_entry(struct removal *x, const char *name, bool directory)
{
	int here = top_fd(x), fd = -1;

	/* Somebody may be swapping it for something else: then once more. */
	for (int i = 0; i < 64; i++) {
		if (!directory) {
			if (!unlinkat(here, name, 0) || errno == ENOENT)
				return;
			if (errno != EISDIR) {
				fail(x, errno, name, "cannot unlink");
				return;
			}
		}
		if (x->n == DEPTH_MAX) {
			/* An empty one needs no other place. */
			if (unlinkat(here, name, AT_REMOVEDIR) < 0 &&
			    errno != ENOENT)
				move_to_top(x, name);
			return;
		}
		fd = open_below(here, name);
		if (fd >= 0) {
			enter(x, fd, name);
			return;
		}
		if (errno == ENOENT)
			return;
		if (errno != ENOTDIR && errno != ELOOP)
			break;
		directory = false;
	}
	fail(x, errno, name, "cannot open");
}

/* All of the deepest directory was seen. */
static void leave(struct removal *x)
{
	struct level *l = &x->levels[x->n - 1];
	int above = x->n > 1 ? dirfd(x->levels[x->n - 2].dir) : x->parent;
	bool stuck = l->stuck;
	char name[NAME_MAX + 1];
	int status;

	status = unlinkat(above, l->name, AT_REMOVEDIR) < 0 ? errno : 0;
	if (status == EEXIST)
		status = ENOTEMPTY;
	/* Names that came late, or that readdir(3) left out meanwhile. */
	if (status == ENOTEMPTY && l->found && !stuck &&
	    l->rounds++ < ROUNDS_MAX) {
		rewinddir(l->dir);
		l->found = false;
		return;
	}
	strcpy(name, l->name);
	closedir(l->dir);
	x->n--;
	if (stuck && x->n)
		x->levels[x->n - 1].stuck = true;
	if (status && status != ENOENT && !stuck)
		fail(x, status, name, "cannot remove the directory");
}

int tree_remove_at(int dirfd, const char *name, struct shift_error *err)
{
	_cleanup_free_ struct removal *x = calloc(1, sizeof(*x));
	struct dirent *e;

	if (!x)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (!*name || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, "..") || strlen(name) > NAME_MAX)
		return shift_err_set(err, EINVAL, "cannot remove '%s'", name);
	x->parent = dirfd;
	x->what = name;
	x->err = err;
	remove_entry(x, name, false);
	while (x->n) {
		struct level *l = &x->levels[x->n - 1];

		errno = 0;
		e = readdir(l->dir);
		if (!e && errno) {
			fail(x, errno, l->name, "cannot read the directory");
			leave(x);
		} else if (!e) {
			leave(x);
		} else if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
			l->found = true;
			remove_entry(x, e->d_name, e->d_type == DT_DIR);
		}
	}
	return x->first;
}
