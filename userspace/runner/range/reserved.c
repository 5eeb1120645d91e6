/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "range/reserved.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/util.h"
#include "cleanup.h"
#include "range/lease.h"

/* BASE-COUNT-POD; NULL: it is none, else POD. */
static const char *parse(const char *name, uint32_t *base, uint32_t *count)
{
	char *end;

	*base = (uint32_t)strtoul(name, &end, 10);
	if (end == name || *end != '-')
		return NULL;
	name = end + 1;
	*count = (uint32_t)strtoul(name, &end, 10);
	return end == name || *end != '-' ? NULL : end + 1;
}

int reserved_add(struct ranges *to, const char *own, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = opendir(LEASE_RESERVED);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot read %s",
				      LEASE_RESERVED);
	while (r >= 0 && (e = readdir(dir))) {
		uint32_t base, count;
		const char *pod = parse(e->d_name, &base, &count);

		if (pod && strcmp(pod, own))
			r = ranges_add(to, base, count, err, "the pod %s", pod);
	}
	return r;
}

/* All of @own but @but, if that is not NULL. */
static void drop(const char *own, const char *but)
{
	_cleanup_dir_ DIR *dir = opendir(LEASE_RESERVED);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		uint32_t base, count;
		const char *pod = parse(e->d_name, &base, &count);

		if (pod && !strcmp(pod, own) && (!but || strcmp(e->d_name, but)))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
}

int reserved_set(const char *own, uint32_t base, uint32_t count,
		 struct shift_error *err)
{
	_cleanup_close_ int dir = lockfile_dir(LEASE_RESERVED, 0700, err);
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *name = NULL;
	int r = dir;

	if (r >= 0)
		r = strf(&name, err, "%" PRIu32 "-%" PRIu32 "-%s", base, count,
			 own);
	if (r >= 0)
		r = fd = lockfile_open(dir, name, O_RDWR | O_CREAT, err);
	if (r >= 0)
		drop(own, name);
	return r < 0 ? shift_err_prefix(err, LEASE_RESERVED) : 0;
}

void reserved_drop(const char *own)
{
	drop(own, NULL);
}
