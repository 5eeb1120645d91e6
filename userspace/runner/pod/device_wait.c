/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/device_wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "monitor/uevent.h"
#include "pod/pod_device.h"
#include "pod/state.h"
#include "spec/device_option.h"

#define PREFIX "runner.device-wait."

int device_wait_option(struct spec *spec, const char *text,
		       struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text), *key = NULL;
	char *host, *path, *access_, *rest = copy, rights[4];
	bool shared;
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
	    !devices_access(access_, rights, &shared))
		return shift_err_set(err, 0, "--device-wait '%s' is not HOST[:PATH][:ACCESS], both below /dev, ACCESS some of r, w, m, and ',shared' behind them",
				     text);
	r = strf(&key, err, PREFIX "%s", host);
	if (r >= 0)
		r = spec_annotate(spec, err, key, "%s:%s", path, access_);
	/* It comes back under the same name with another number, perhaps. */
	if (r >= 0 && access(host, F_OK) == 0)
		r = devices_option(spec, text, err);
	return r;
}

int device_wait_open(const struct spec *spec, struct monitor *m,
		     struct shift_error *err)
{
	size_t len = 0;

	for (size_t i = 0; i < spec->annotations.n; i++) {
		const char *a = spec->annotations.v[i];
		size_t n;

		if (strncmp(a, PREFIX, strlen(PREFIX)))
			continue;
		a += strlen(PREFIX);
		n = strcspn(a, "=");
		if (len + n + 2 > sizeof(m->awaited))
			return shift_err_set(err, E2BIG, "--device-wait: too many devices");
		memcpy(m->awaited + len, a, n);
		len += n + 1;
	}
	return len ? uevent_open(&m->uevent_fd, err) : 0;
}

static int give(const struct state *st, struct spec *spec, const char *path,
		const char *access_, char *const dev[3],
		struct shift_error *err)
{
	bool block = !strcmp(dev[0], "block");
	struct spec_device d = {
		.path = (char *)path, .type = block ? 'b' : 'c',
		.major = (unsigned int)strtoul(dev[1], NULL, 10),
		.minor = (unsigned int)strtoul(dev[2], NULL, 10),
		.mode = 0660,
	};
	struct spec_device_rule rule = {
		.allow = true, .type = d.type,
		.major = d.major, .minor = d.minor,
	};
	size_t before;
	bool shared;
	int r;

	/* It has been looked at when it was given. */
	if (!devices_access(access_, rule.access, &shared))
		return shift_err_set(err, EINVAL, "%s", access_);
	r = pod_device_take(st, spec, path, false, err);
	before = spec->linux_.resources.n_devices;
	if (r < 0 || (r = spec_add_device(spec, &d, err)) < 0 ||
	    (r = spec_share_device(spec, path, shared, err)) < 0 ||
	    (r = spec_add_device_rule(spec, &rule, err)) < 0)
		return r;
	return pod_device_give(st, spec, before, false, err);
}

int device_wait_cmd(int argc, char **argv, struct shift_error *err)
{
	_cleanup_free_ char *key = NULL, *path = NULL;
	_cleanup_close_ int lock = -1;
	struct state st = STATE_INIT;
	struct spec spec = { 0 };
	const char *value, *colon;
	int r;

	if (argc != 7)
		return 125;
	if ((r = strf(&key, err, PREFIX "%s", argv[3])) >= 0 &&
	    (r = state_load(&st, argv[1], err)) >= 0 && st.cgroup &&
	    /* Read anew each time: runner device may have changed it. */
	    (r = lock = state_edit_spec(&st, &spec, err)) >= 0 &&
	    (value = spec_annotation(&spec, key)) &&
	    (colon = strrchr(value, ':')) &&
	    (path = strndup(value, (size_t)(colon - value)))) {
		r = !strcmp(argv[2], "add") ?
			give(&st, &spec, path, colon + 1, argv + 4, err) :
			pod_device_take(&st, &spec, path, false, err);
		/* Also when there is no node: the right is another matter. */
		if (state_save_spec(&st, &spec, r < 0 ? NULL : err) < 0)
			r = -EIO;
	}
	spec_clear(&spec);
	state_clear(&st);
	return r < 0 ? 125 : 0;
}
