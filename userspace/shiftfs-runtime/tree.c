// SPDX-License-Identifier: GPL-2.0-or-later
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "choose.h"
#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "syscalls.h"
#include "userns.h"

/* The flags that a bind mount of @fd would have. */
static unsigned int attrs_of(int fd)
{
	struct statvfs sv;

	if (fstatvfs(fd, &sv) < 0)
		return 0;
	return (sv.f_flag & ST_RDONLY ? MOUNT_ATTR_RDONLY : 0) |
	       (sv.f_flag & ST_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
	       (sv.f_flag & ST_NODEV ? MOUNT_ATTR_NODEV : 0) |
	       (sv.f_flag & ST_NOEXEC ? MOUNT_ATTR_NOEXEC : 0) |
	       (sv.f_flag & ST_NOATIME ? MOUNT_ATTR_NOATIME : 0) |
	       (sv.f_flag & ST_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0);
}

/*
 * Makes a file in the directory @mnt, as the ids that the map shows first; the file has
 * no name where the filesystem has such files.  Returns 0 or an errno.
 */
static int make_file(int mnt, uid_t uid, gid_t gid)
{
	char name[48];
	uint64_t random = 0;
	int fd;

	/* With all capabilities: what the ids may is not the question. */
	if (prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS) | SECBIT_NO_SETUID_FIXUP) < 0)
		return 0;
	setfsgid(gid);
	setfsuid(uid);
	fd = openat(mnt, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0 || errno != EOPNOTSUPP)
		return fd < 0 ? errno : 0;
	if (getrandom(&random, sizeof(random), 0) < 0)
		return 0;
	snprintf(name, sizeof(name), ".shiftfs-try-%016llx", (unsigned long long)random);
	fd = openat(mnt, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	unlinkat(mnt, name, 0);
	return 0;
}

/*
 * CephFS takes a map and then refuses to create with EIO, if its servers are old.  Other
 * errors (rights, quota, no space) are no matter of the map.
 */
static bool can_create(int mnt, const struct shift_idmap *map)
{
	struct stat st;
	int status;
	pid_t pid;

	if (fstat(mnt, &st) < 0 || !S_ISDIR(st.st_mode))
		return true;
	pid = fork();
	if (!pid)
		_exit(make_file(mnt, map->uids.extents[0].seen, map->gids.extents[0].seen) == EIO);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return true;
	return pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 1;
}

/* The same map serves several mounts, and a namespace takes its time. */
static int namespace_of(const struct shift_idmap *map)
{
	static struct shift_idmap last;
	static int fd = -1;

	if (fd >= 0 && !memcmp(&last, map, sizeof(last)))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = shift_userns_create(map, NULL);
	last = *map;
	return fd;
}

static int by_idmap(const char *source, const struct tree_want *want)
{
	_cleanup_close_ int fd = shift_clone(source, NULL);
	int userns = fd < 0 ? -1 : namespace_of(want->map);

	if (userns < 0 || shift_clone_idmap(fd, source, userns, 0, 0, NULL) < 0)
		return -1;
	if (want->writable && !can_create(fd, want->map))
		return -1;
	return steal_fd(&fd);
}

static int by_shiftfs(const char *source, const struct tree_want *want, struct shift_error *err)
{
	const unsigned int attrs = attrs_of(want->source);
	_cleanup_close_ int ctx = -1, pinned = -1;
	int r;

	r = ctx = shift_fsctx_open("shiftfs", err);
	if (r >= 0)
		r = shift_set_source(ctx, source, &pinned, err);
	if (r >= 0 && !shift_idmap_empty(want->map))
		r = shift_fsctx_idmap(ctx, want->map, err);
	if (r >= 0 && want->squash_uid)
		r = shift_fsctx_string(ctx, "squash_uid", want->squash_uid, err);
	if (r >= 0 && want->squash_gid)
		r = shift_fsctx_string(ctx, "squash_gid", want->squash_gid, err);
	if (r >= 0 && (attrs & MOUNT_ATTR_RDONLY))
		r = shift_fsctx_flag(ctx, "ro", err);
	if (r >= 0)
		r = shift_fsctx_create(ctx, err);
	if (r >= 0)
		r = shift_fsctx_mount(ctx, attrs, err);
	return r;
}

/* Tries all once more, for what is in the way of each. */
static int explain(const char *source, const struct tree_want *want, struct shift_error *err)
{
	_cleanup_choice_ struct shift_choice choice = SHIFT_CHOICE_INIT;
	struct shift_want ask = SHIFT_WANT_INIT;
	int r;

	ask.map = want->map;
	r = shift_choose(source, &ask, &choice, err);
	if (r < 0)
		return r;
	if (choice.chosen < 0)
		return shift_choice_refuse(&choice, want->name, err);
	if (choice.verdicts[SHIFT_BY_IDMAP].obstacle == SHIFT_OBSTACLE_NONE)
		r = shift_err_set(err, EIO, "an idmapped mount of %s, on %s, makes no files",
				  want->name, choice.lower.fstype);
	else
		r = shift_err_set(err, EOPNOTSUPP, "%s, on %s, cannot be shifted", want->name,
				  choice.lower.fstype);
	for (int i = SHIFT_BY_IDMAP; i <= SHIFT_BY_SHIFTFS; i++)
		if (choice.verdicts[i].why)
			shift_err_hint(err, "%s: %s", shift_mechanism_name(i), choice.verdicts[i].why);
	return r;
}

int tree_mount(const struct tree_want *want, bool *ret_idmapped, struct shift_error *err)
{
	const bool squash = want->squash_uid || want->squash_gid;
	char source[64];
	int fd = -1;

	snprintf(source, sizeof(source), "/proc/self/fd/%d", want->source);
	if (want->how != TREE_SHIFTFS && !squash)
		fd = by_idmap(source, want);
	*ret_idmapped = fd >= 0;
	if (fd >= 0)
		return fd;
	if (want->how == TREE_SHIFTFS || squash) {
		fd = by_shiftfs(source, want, err);
		return fd < 0 ? shift_err_prefix(err, "shiftfs of %s", want->name) : fd;
	}
	if (want->how == TREE_AUTO)
		fd = by_shiftfs(source, want, NULL);
	return fd < 0 ? explain(source, want, err) : fd;
}
