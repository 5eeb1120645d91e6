/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/host.h"

#include <linux/magic.h>
#include <stddef.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *cgroup_mount_point(void)
{
	/* Where systemd and others mount it: alone, or beside version 1. */
	static const char *const places[] = {
		"/sys/fs/cgroup", "/sys/fs/cgroup/unified",
	};
	static const char *found;
	static bool looked;
	struct statfs fs;

	for (size_t i = 0; !looked && !found &&
	     i < sizeof(places) / sizeof(*places); i++)
		if (!statfs(places[i], &fs) &&
		    fs.f_type == CGROUP2_SUPER_MAGIC)
			found = places[i];
	looked = true;
	return found;
}

/* What sd_booted(3) looks at. */
bool host_has_systemd(void)
{
	return access("/run/systemd/system/", F_OK) == 0;
}
