// SPDX-License-Identifier: GPL-2.0-or-later
#include "below.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "syscalls.h"

#define MOUNTINFO "/proc/self/mountinfo"

void below_clear(struct below *below)
{
	for (size_t i = 0; i < below->n; i++) {
		free(below->mounts[i].path);
		if (below->mounts[i].fd >= 0)
			close(below->mounts[i].fd);
	}
	free(below->mounts);
	*below = (struct below)BELOW_INIT;
}

int below_open(int dir, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	int fd = sys_openat2(dir, path, &how);

	return fd < 0 ? -errno : fd;
}

/* The part of @path below @top, neither with a slash at its end; NULL if not. */
static const char *part_below(const char *top, const char *path)
{
	size_t len = strcmp(top, "/") ? strlen(top) : 0;

	if (!path || strncmp(path, top, len) || path[len] != '/' || !path[len + 1])
		return NULL;
	return path + len + 1;
}

static int add(struct below *below, const char *path, uint64_t id, int fd,
	       struct shift_error *err)
{
	struct below_mount *new = reallocarray(below->mounts, below->n + 1, sizeof(*new));

	if (!new)
		return shift_err_set(err, ENOMEM, "%s", path);
	below->mounts = new;
	new = &below->mounts[below->n];
	new->path = strdup(path);
	if (!new->path)
		return shift_err_set(err, ENOMEM, "%s", path);
	new->id = id;
	new->fd = fd;
	below->n++;
	return 0;
}

/* Is @fs what a walk from @dir to @path comes to? Then it is added. */
static int look(int dir, const char *path, struct libmnt_fs *fs, bool keep,
		struct below *below, struct shift_error *err)
{
	_cleanup_close_ int fd = below_open(dir, path);
	struct statx stx;
	int r;

	/* Mountinfo has the path; the walk shows that no other mount covers it. */
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
		return 0;
	if (stx.stx_mnt_id != (uint64_t)mnt_fs_get_id(fs))
		return 0;
	r = add(below, path, stx.stx_mnt_id, keep ? fd : -1, err);
	if (r >= 0 && keep)
		steal_fd(&fd);
	return r;
}

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void cleanup_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

int below_list(const char *source, bool keep, struct below *ret,
	       struct shift_error *err)
{
	__attribute__((cleanup(cleanup_table))) struct libmnt_table *table =
		mnt_new_table_from_file(MOUNTINFO);
	/* In the order of mountinfo: a mount comes before the mounts on it. */
	__attribute__((cleanup(cleanup_iter))) struct libmnt_iter *iter =
		mnt_new_iter(MNT_ITER_FORWARD);
	_cleanup_free_ char *top = realpath(source, NULL);
	_cleanup_close_ int dir = open(source, O_PATH | O_CLOEXEC);
	struct libmnt_fs *fs;
	int r = 0;

	if (!top || dir < 0)
		return shift_err_set(err, errno, "source %s", source);
	if (!table || !iter)
		return shift_err_set(err, errno, "the mounts below %s: " MOUNTINFO, source);
	while (r >= 0 && !mnt_table_next_fs(table, iter, &fs)) {
		const char *path = part_below(top, mnt_fs_get_target(fs));

		if (path)
			r = look(dir, path, fs, keep, ret, err);
	}
	return r;
}
