/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/util.h"
#include "cleanup.h"

int dir_sync(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* EINVAL: a filesystem that has nothing to write back. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return shift_err_set(err, errno, "cannot write back %s", path);
	return 0;
}

int file_replace(const char *path, const char *text, bool durable,
		 struct shift_error *err)
{
	_cleanup_free_ char *new = NULL, *dir = strdup(path);
	_cleanup_close_ int fd = -1;
	int r;

	if (!dir)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if ((r = strf(&new, err, "%s.new", path)) < 0)
		return r;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0 || write_whole(fd, text, strlen(text)) < 0 ||
	    (durable && fsync(fd) < 0)) {
		r = shift_err_set(err, errno, "cannot write %s", path);
	} else {
		if (durable)
			fault_point("written, not in its place");
		if (rename(new, path) < 0)
			r = shift_err_set(err, errno, "cannot write %s", path);
	}
	if (r < 0) {
		unlink(new);
		return r;
	}
	*strrchr(dir, '/') = '\0';
	return durable ? dir_sync(dir, err) : 0;
}
