/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/network.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"
#include "pod/state.h"

static int running_pod(const char *name, struct state *st,
		       struct shift_error *err)
{
	int r = state_load(st, name, err);

	if (r < 0)
		return r;
	if (st->status != STATUS_RUNNING && st->status != STATUS_CREATED)
		return shift_err_set(err, 0, "the pod %s is not running", name);
	return 0;
}

static int join(struct spec *spec, int which, pid_t pid, const char *file,
		struct shift_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, file);
	spec->linux_.namespaces |= 1u << which;
	return str_replace(&spec->linux_.namespace_paths[which], path, err);
}

static int check_netns(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
				      O_NONBLOCK);

	if (fd < 0)
		return shift_err_set(err, errno, "--net ns:%s", path);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return shift_err_set(err, 0, "--net ns:%s is no network namespace",
				     path);
	return 0;
}

int network_option(struct spec *spec, const char *text,
		   struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r;

	if (!text || !strcmp(text, "none") || !strcmp(text, "private"))
		return 0;
	if (!strcmp(text, "host")) {
		spec->linux_.namespaces &= ~(unsigned int)SPEC_NS_NETWORK;
		return 0;
	}
	if (!strncmp(text, "ns:", 3)) {
		r = check_netns(text + 3, err);
		return r < 0 ? r :
			str_replace(&spec->linux_.namespace_paths[5], text + 3,
				    err);
	}
	if (strncmp(text, "pod:", 4))
		return shift_err_set(err, 0, "--net '%s': there are none, private, host, ns:PATH and pod:NAME",
				     text);
	r = running_pod(text + 4, &st, err);
	if (r >= 0)
		r = join(spec, 5, st.pid, "net", err);
	state_clear(&st);
	return r;
}

/* A cgroup below one that has processes cannot have controllers. */
static int refuse_limits(const struct spec *spec, const char *name,
			 struct shift_error *err)
{
	const struct spec_resources *res = &spec->linux_.resources;

	if (!res->memory_limit && !res->memory_swap && !res->cpu_shares &&
	    !res->cpu_quota && !res->pids_limit && !res->unified.n)
		return 0;
	shift_err_set(err, 0, "--pod %s: limits are the whole pod's", name);
	shift_err_hint(err, "give them to %s: runner update, or when it is started",
		       name);
	return -EINVAL;
}

int network_join_pod(struct spec *spec, const char *name,
		     struct shift_error *err)
{
	struct state st = STATE_INIT;
	struct spec other;
	int r;

	memset(&other, 0, sizeof(other));
	if ((r = running_pod(name, &st, err)) >= 0 &&
	    (r = state_load_spec(&st, &other, err)) >= 0 &&
	    (r = join(spec, 0, st.pid, "user", err)) >= 0 &&
	    (r = join(spec, 3, st.pid, "uts", err)) >= 0 &&
	    (r = join(spec, 4, st.pid, "ipc", err)) >= 0 &&
	    (r = join(spec, 5, st.pid, "net", err)) >= 0) {
		spec->linux_.host_base = other.linux_.host_base;
		spec->linux_.map_size = other.linux_.map_size;
		r = spec_annotate(spec, err, SPEC_ANNOTATION_POD, "%s", name);
		if (r >= 0 && st.cgroup)
			r = spec_annotate(spec, err, SPEC_ANNOTATION_PARENT,
					  "%s", st.cgroup);
		if (r >= 0)
			r = refuse_limits(spec, name, err);
	}
	spec_clear(&other);
	state_clear(&st);
	return r;
}
