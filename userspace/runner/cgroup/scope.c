/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pod's cgroup where systemd runs the host. */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <string.h>

#include "base/helper.h"
#include "base/host.h"
#include "base/place.h"
#include "base/util.h"
#include "cgroup/scope_so.h"
#include "cleanup.h"

bool cgroup_by_systemd(const struct spec *spec)
{
	return !spec->linux_.cgroups_path && cgroup_mount_point() &&
	       !spec_annotation(spec, SPEC_ANNOTATION_PARENT) &&
	       host_has_systemd();
}

int cgroup_create_scope(const char *name, pid_t pid, char **ret,
			struct shift_error *err)
{
	_cleanup_free_ char *unit = NULL, *about = NULL, *own = NULL;
	__typeof__(&part_create_scope) create =
		helper_load(HELPER_SYSTEMD, "part_create_scope", err);
	int r;

	if (!create)
		return -ENOENT;
	if ((r = place_name(name, &own, err)) < 0 ||
	    (r = strf(&unit, err, "runner-%s.scope", own)) < 0 ||
	    (r = strf(&about, err, "runner pod %s", name)) < 0 ||
	    (r = create(unit, about, pid, err)) < 0)
		return r;
	return cgroup_of(pid, ret, err);
}

int cgroup_stop_scope(const char *path, struct shift_error *err)
{
	const char *unit = strrchr(path, '/') + 1;
	__typeof__(&part_stop_scope) stop;

	if (strncmp(unit, "runner-", 7) || !strstr(unit, ".scope") ||
	    !host_has_systemd())
		return 0;
	stop = helper_load(HELPER_SYSTEMD, "part_stop_scope", err);
	return stop ? stop(unit, err) : -ENOENT;
}
