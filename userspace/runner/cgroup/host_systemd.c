/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where systemd runs the host: see systemd_part.h. */
#include "cgroup/host_systemd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/place.h"
#include "base/systemd_part.h"
#include "base/util.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "monitor/log.h"

/* What sd_booted(3) looks at. */
bool host_has_systemd(void)
{
	return access("/run/systemd/system/", F_OK) == 0;
}

static const struct systemd_part *part(struct shift_error *err)
{
	static const struct systemd_part *loaded;

	if (!loaded)
		loaded = helper_load(SYSTEMD_PART_FILE, SYSTEMD_PART_NAME, err);
	return loaded;
}

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
	const struct systemd_part *p = part(err);
	int r;

	if (!p)
		return -ENOENT;
	if ((r = place_name(name, &own, err)) < 0 ||
	    (r = strf(&unit, err, "runner-%s.scope", own)) < 0 ||
	    (r = strf(&about, err, "runner pod %s", name)) < 0 ||
	    (r = p->create_scope(unit, about, pid, err)) < 0)
		return r;
	return cgroup_of(pid, ret, err);
}

int cgroup_stop_scope(const char *path, struct shift_error *err)
{
	const char *unit = strrchr(path, '/') + 1;
	const struct systemd_part *p;

	if (strncmp(unit, "runner-", 7) || !strstr(unit, ".scope") ||
	    !host_has_systemd())
		return 0;
	p = part(err);
	return p ? p->stop_scope(unit, err) : -ENOENT;
}

int log_print_journal(const char *pod, int64_t since, bool times, long tail,
		      bool (*ended)(void *data), void *data,
		      struct shift_error *err)
{
	const struct systemd_part *p = part(err);

	return p ? p->print_journal(pod, since, times, tail, ended, data, err) :
		   -ENOENT;
}
