/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/host_setuid.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/pathtext.h"
#include "cleanup.h"
#include "syscalls.h"

bool host_setuid_maps_root(const struct shift_idmap *map)
{
	for (size_t i = 0; i < map->uids.n; i++)
		if (!map->uids.extents[i].stored)
			return true;
	return false;
}

/* Whether some directory above the last part of @path is root's alone. */
static bool is_private(const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_BENEATH,
	};
	_cleanup_close_ int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char rest[PATH_MAX], name[NAME_MAX + 1];
	struct stat st;

	if (at < 0 || snprintf(rest, sizeof(rest), "%s", path) >=
	    (int)sizeof(rest))
		return false;
	for (;;) {
		int fd;

		if (fstat(at, &st) < 0)
			return false;
		if (!st.st_uid && !(st.st_mode & (S_IXGRP | S_IXOTH)))
			return true;
		if (pathtext_next(rest, name) < 0 || !*rest)
			return false;
		fd = sys_openat2(at, name, &how);
		if (fd < 0)
			return false;
		close(at);
		at = fd;
	}
}

int host_setuid_check(int fd, const char *path, struct shift_error *err)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return shift_err_set(err, errno, "%s", path);
	if ((fs.f_flag & ST_NOSUID) || is_private(path))
		return 0;
	shift_err_set(err, 0, "%s: a setuid program which the pod's root stores there is root's on this host, for every user",
		      path);
	shift_err_hint(err, "put it into a directory that only root can enter, mount it nosuid on the host (mount --bind D D; mount -o remount,bind,nosuid D), map other ids than root's (idmap=TYPE:STORED:POD:COUNT), or give the option unsafe-setuid");
	return -EPERM;
}
