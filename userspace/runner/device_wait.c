/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device_wait.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "devbpf.h"
#include "devices.h"
#include "pod_device.h"
#include "util.h"

#define PREFIX "runner.device-wait."
#define KERNEL_GROUP 1

int device_wait_option(struct spec *spec, const char *text,
		       struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text), *key = NULL;
	char *host, *path, *access_, *rest = copy;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	host = strsep(&rest, ":");
	path = strsep(&rest, ":");
	access_ = strsep(&rest, ":");
	if (path && !access_ && *path != '/') {
		access_ = path;
		path = NULL;
	}
	path = path ?: host;
	access_ = access_ ?: (char *)"rwm";
	if (rest || strncmp(host, "/dev/", 5) || strncmp(path, "/dev/", 5) ||
	    !path[5] || strstr(path, "/../") || strchr(host, '=') ||
	    !*access_ || strlen(access_) > 3 ||
	    strspn(access_, "rwm") != strlen(access_))
		return shift_err_set(err, 0, "--device-wait '%s' is not HOST[:PATH][:ACCESS], both below /dev, ACCESS some of r, w, m",
				     text);
	r = strf(&key, err, PREFIX "%s", host);
	if (r >= 0)
		r = spec_annotate(spec, err, key, "%s:%s", path, access_);
	/* It comes back under the same name with another number, perhaps. */
	if (r >= 0 && access(host, F_OK) == 0)
		r = devices_option(spec, text, err);
	return r;
}

int device_wait_open(const struct spec *spec, int *ret,
		     struct shift_error *err)
{
	struct sockaddr_nl a = {
		.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP,
	};
	_cleanup_close_ int fd = -1;
	bool wanted = false;

	*ret = -1;
	for (size_t i = 0; i < spec->annotations.n; i++)
		if (!strncmp(spec->annotations.v[i], PREFIX, strlen(PREFIX)))
			wanted = true;
	if (!wanted)
		return 0;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return shift_err_set(err, errno, "cannot listen to the kernel's device events");
	*ret = steal_fd(&fd);
	return 0;
}

struct event {
	const char *action, *name, *subsystem;
	unsigned int major, minor;
};

/* Strings one after the other: ACTION@PATH, then KEY=VALUE. */
static bool parse(char *text, size_t len, struct event *e)
{
	static const char none[] = "";

	*e = (struct event){ none, none, none, 0, 0 };
	for (char *p = text; p < text + len; p += strlen(p) + 1) {
		if (!strncmp(p, "ACTION=", 7))
			e->action = p + 7;
		else if (!strncmp(p, "DEVNAME=", 8))
			e->name = p + 8;
		else if (!strncmp(p, "SUBSYSTEM=", 10))
			e->subsystem = p + 10;
		else if (!strncmp(p, "MAJOR=", 6))
			e->major = (unsigned int)strtoul(p + 6, NULL, 10);
		else if (!strncmp(p, "MINOR=", 6))
			e->minor = (unsigned int)strtoul(p + 6, NULL, 10);
	}
	return *e->name;
}

/* Forgets the device at @path and its rule, if the pod has one. */
static int forget(const struct state *st, struct spec *spec, const char *path,
		  struct shift_error *err)
{
	struct spec_resources *res = &spec->linux_.resources;

	for (size_t i = 0; i < spec->linux_.n_devices; i++) {
		struct spec_device *d = &spec->linux_.devices[i];
		size_t kept = 0;
		int r;

		if (strcmp(d->path, path))
			continue;
		for (size_t k = 0; k < res->n_devices; k++)
			if (!res->devices[k].allow ||
			    res->devices[k].type != d->type ||
			    res->devices[k].major != d->major ||
			    res->devices[k].minor != d->minor)
				res->devices[kept++] = res->devices[k];
		res->n_devices = kept;
		r = pod_device_remove(st, d, err);
		free(d->path);
		*d = spec->linux_.devices[--spec->linux_.n_devices];
		return r;
	}
	return 0;
}

static int give(const struct state *st, struct spec *spec, const char *path,
		const char *access_, const struct event *e,
		struct shift_error *err)
{
	bool block = !strcmp(e->subsystem, "block");
	struct spec_device d = {
		.path = (char *)path, .type = block ? 'b' : 'c',
		.major = e->major, .minor = e->minor, .mode = 0660,
	};
	struct spec_device_rule rule = {
		.allow = true, .type = d.type,
		.major = e->major, .minor = e->minor,
	};
	struct spec_resources *res = &spec->linux_.resources;
	int r;

	snprintf(rule.access, sizeof(rule.access), "%s", access_);
	if ((r = forget(st, spec, path, err)) < 0 ||
	    (r = spec_add_device(spec, &d, err)) < 0 ||
	    (r = spec_add_device_rule(spec, &rule, err)) < 0 ||
	    (r = devbpf_apply(st->cgroup, res->devices, res->n_devices,
			      err)) < 0)
		return r;
	return pod_device_make(st, &d, err);
}

static int take(const struct state *st, struct spec *spec, const char *path,
		struct shift_error *err)
{
	struct spec_resources *res = &spec->linux_.resources;
	int r = forget(st, spec, path, err);

	return r < 0 ? r : devbpf_apply(st->cgroup, res->devices,
					res->n_devices, err);
}

void device_wait_event(int fd, const struct state *st)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *key = NULL, *path = NULL;
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	char text[8192 + 1];
	struct event e;
	struct spec spec;
	const char *value, *colon;
	int r = 0;
	ssize_t n = recvfrom(fd, text, sizeof(text) - 1, 0,
			     (struct sockaddr *)&from, &size);

	/* Only the kernel's own word counts. */
	if (n <= 0 || from.nl_pid || !st->cgroup)
		return;
	text[n] = '\0';
	if (!parse(text, (size_t)n, &e) ||
	    strf(&key, &err, PREFIX "/dev/%s", e.name) < 0)
		return;
	/* Read anew: runner device may have changed it. */
	memset(&spec, 0, sizeof(spec));
	if (state_load_spec(st, &spec, &err) >= 0 &&
	    (value = spec_annotation(&spec, key)) &&
	    (colon = strrchr(value, ':')) &&
	    (path = strndup(value, (size_t)(colon - value)))) {
		if (!strcmp(e.action, "add"))
			r = give(st, &spec, path, colon + 1, &e, &err);
		else if (!strcmp(e.action, "remove"))
			r = take(st, &spec, path, &err);
		if (r >= 0)
			r = state_save_spec(st, &spec, &err);
		if (r < 0)
			shift_err_print(&err, stderr, "runner");
	}
	spec_clear(&spec);
}
