// SPDX-License-Identifier: GPL-2.0-or-later
#include "submounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "mounttree.h"
#include "place.h"
#include "syscalls.h"

void submounts_clear(struct submounts *submounts)
{
	for (size_t i = 0; submounts->mounts && i < submounts->below.n; i++)
		if (submounts->mounts[i] >= 0)
			close(submounts->mounts[i]);
	free(submounts->mounts);
	below_clear(&submounts->below);
	*submounts = (struct submounts)SUBMOUNTS_INIT;
}

static int make_one(const struct tree_want *want, const struct below_mount *below, bool map,
		    struct shift_error *err)
{
	_cleanup_free_ char *name = NULL;
	struct tree_want one = *want;
	char source[64];
	bool idmapped;
	int r;

	if (asprintf(&name, "%s/%s", want->name, below->path) < 0)
		return shift_err_set(err, ENOMEM, "%s", want->name);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", below->fd);
	if (!map)
		return shift_clone(source, err);
	one.name = name;
	one.source = below->fd;
	r = tree_mount(&one, &idmapped, err);
	if (r < 0)
		shift_err_hint(err, "it is mounted below %s: umount it, or ask for idmap in place of ridmap", want->name);
	return r;
}

/* Is it below one that was left out? */
static bool is_left_out(const struct submounts *submounts, size_t i)
{
	const struct below_mount *mounts = submounts->below.mounts;

	for (size_t k = 0; k < i; k++) {
		size_t len = strlen(mounts[k].path);

		if (submounts->mounts[k] < 0 && !strncmp(mounts[k].path, mounts[i].path, len) &&
		    mounts[i].path[len] == '/')
			return true;
	}
	return false;
}

/*
 * Whether mountinfo has the source's path with a slash behind it: for most it has not, and
 * libmount need not be loaded.  A name with a character that mountinfo spells otherwise
 * may be there.
 */
static bool may_have_any(const char *source)
{
	_cleanup_free_ char *path = realpath(source, NULL), *text = NULL, *word = NULL;

	if (!path || path[strcspn(path, " \t\n\\#")] || !strcmp(path, "/") ||
	    shift_read_file("/proc/self/mountinfo", &text, NULL) < 0)
		return true;
	if (asprintf(&word, " %s/", path) < 0) {
		word = NULL;
		return true;
	}
	return strstr(text, word);
}

int submounts_make(const struct tree_want *want, bool map, struct submounts *ret,
		   struct shift_error *err)
{
	char source[64];
	int r;

	snprintf(source, sizeof(source), "/proc/self/fd/%d", want->source);
	if (!may_have_any(source))
		return 0;
	r = below_list(source, true, &ret->below, err);
	if (r < 0)
		return r;
	ret->mounts = calloc(ret->below.n + 1, sizeof(*ret->mounts));
	if (!ret->mounts)
		return shift_err_set(err, ENOMEM, "%s", want->name);
	for (size_t i = 0; i < ret->below.n; i++)
		ret->mounts[i] = -1;
	for (size_t i = 0; i < ret->below.n; i++) {
		if (is_left_out(ret, i))
			continue;
		r = make_one(want, &ret->below.mounts[i], map, err);
		/* What is unbindable rbind leaves out, too. */
		if (r == -EINVAL && !map) {
			shift_err_clear(err);
			continue;
		}
		if (r < 0)
			return r;
		ret->mounts[i] = r;
	}
	return 0;
}

int submounts_attach(const struct submounts *submounts, int top, int source,
		     const char *name, struct shift_error *err)
{
	const struct below *below = &submounts->below;
	int r;

	if (!below->n)
		return 0;
	/* A clone is a peer of what it is a clone of: what is attached to it comes to both. */
	r = place_part(top, name, err);
	for (size_t i = 0; r >= 0 && i < below->n; i++) {
		_cleanup_close_ int target = -1;

		if (submounts->mounts[i] < 0)
			continue;
		target = below_open(top, below->mounts[i].path);
		if (target < 0)
			return shift_err_set(err, -target, "%s/%s, a mount below the source", name, below->mounts[i].path);
		if (sys_move_mount(submounts->mounts[i], "", target, "",
				   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return shift_err_set(err, errno, "mounting %s/%s, which is below the source", name, below->mounts[i].path);
		r = place_part(submounts->mounts[i], name, err);
	}
	if (r < 0)
		return r;
	place_rejoin(top, source);
	for (size_t i = 0; i < below->n; i++)
		if (submounts->mounts[i] >= 0)
			place_rejoin(submounts->mounts[i], below->mounts[i].fd);
	return 0;
}
