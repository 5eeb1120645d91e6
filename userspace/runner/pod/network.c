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

#include "base/procid.h"
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

/* The network alone, of the pod @name, whose state *st is then. */
static int join_network(struct spec *spec, const char *name, struct state *st,
			struct shift_error *err)
{
	int r = running_pod(name, st, err);

	if (r >= 0)
		r = join(spec, 5, st->pid, "net", err);
	return r < 0 ? r : spec_annotate(spec, err, SPEC_ANNOTATION_NET_POD,
					 "%s", name);
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
	if (!strcmp(text, "pasta"))
		return spec_annotate(spec, err, SPEC_ANNOTATION_PASTA, "true");
	if (strncmp(text, "pod:", 4) && strncmp(text, "container:", 10))
		return shift_err_set(err, 0, "--net '%s': there are none, private, pasta, host, ns:PATH and pod:NAME",
				     text);
	r = join_network(spec, strchr(text, ':') + 1, &st, err);
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

static int join_pod(struct spec *spec, const char *name, struct state *st,
		    struct shift_error *err)
{
	struct spec other;
	int r;

	memset(&other, 0, sizeof(other));
	if ((r = running_pod(name, st, err)) >= 0 &&
	    (r = state_load_spec(st, &other, err)) >= 0 &&
	    (r = join(spec, 0, st->pid, "user", err)) >= 0 &&
	    (r = join(spec, 3, st->pid, "uts", err)) >= 0 &&
	    (r = join(spec, 4, st->pid, "ipc", err)) >= 0 &&
	    (r = join(spec, 5, st->pid, "net", err)) >= 0) {
		spec->linux_.host_base = other.linux_.host_base;
		spec->linux_.map_size = other.linux_.map_size;
		r = spec_annotate(spec, err, SPEC_ANNOTATION_POD, "%s", name);
		if (r >= 0 && st->cgroup)
			r = spec_annotate(spec, err, SPEC_ANNOTATION_PARENT,
					  "%s", st->cgroup);
		if (r >= 0)
			r = refuse_limits(spec, name, err);
	}
	spec_clear(&other);
	return r;
}

int network_join_pod(struct spec *spec, const char *name,
		     struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r = join_pod(spec, name, &st, err);

	state_clear(&st);
	return r;
}

/* If the process is still there after the open, the namespace is its own. */
static int hold(struct spec *spec, const struct state *st, int which, int *fd,
		struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	int r;

	*fd = open(spec->linux_.namespace_paths[which], O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || procid_started(st->pid) != st->pid_started)
		return shift_err_set(err, *fd < 0 ? errno : ESRCH,
				     "a namespace of the pod %s", st->name);
	r = strf(&path, err, "/proc/self/fd/%d", *fd);
	return r < 0 ? r : str_replace(&spec->linux_.namespace_paths[which],
				       path, err);
}

void network_drop(int fds[SPEC_N_NAMESPACES])
{
	for (int i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int network_hold(struct spec *spec, int fds[SPEC_N_NAMESPACES],
		 struct shift_error *err)
{
	const char *pod = spec_annotation(spec, SPEC_ANNOTATION_POD);
	const char *net = spec_annotation(spec, SPEC_ANNOTATION_NET_POD);
	_cleanup_free_ char *name = NULL;
	struct state st = STATE_INIT;
	int r;

	for (int i = 0; i < SPEC_N_NAMESPACES; i++)
		fds[i] = -1;
	if (!pod && !net)
		return 0;
	/* The annotation is written anew. */
	r = str_replace(&name, pod ?: net, err);
	if (r >= 0)
		r = pod ? join_pod(spec, name, &st, err) :
			  join_network(spec, name, &st, err);
	for (int i = 0; r >= 0 && i < SPEC_N_NAMESPACES; i++)
		if (spec->linux_.namespace_paths[i] && (pod || i == 5))
			r = hold(spec, &st, i, &fds[i], err);
	state_clear(&st);
	if (r < 0)
		network_drop(fds);
	return r;
}

const char *network_joined(const struct spec *spec)
{
	const char *userns = spec_annotation(spec, SPEC_ANNOTATION_USERNS);

	if (userns && !strncmp(userns, "pod:", 4))
		userns += 4;
	return spec_annotation(spec, SPEC_ANNOTATION_POD) ?:
	       spec_annotation(spec, SPEC_ANNOTATION_NET_POD) ?: userns;
}
