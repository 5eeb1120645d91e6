/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/device_wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "monitor/dev_watch.h"
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

/* Of the annotation @a: HOST, and of its value PATH and ACCESS, the caller's. */
static int split(const char *a, char **host, char **path, char **access_,
		 struct shift_error *err)
{
	size_t n = strcspn(a, "=");
	const char *colon = strrchr(a + n, ':');
	int r;

	if (!colon)
		return shift_err_set(err, EINVAL, PREFIX "%s", a);
	if ((r = strf(host, err, "%.*s", (int)n, a)) < 0 ||
	    (r = strf(path, err, "%.*s", (int)(colon - a - n - 1), a + n + 1)) < 0)
		return r;
	return strf(access_, err, "%s", colon + 1);
}

static void drop(struct spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->linux_.n_devices; i++)
		if (!strcmp(spec->linux_.devices[i].path, path)) {
			spec_drop_device_rules(spec, &spec->linux_.devices[i]);
			spec_drop_device(spec, i);
			return;
		}
}

int device_wait_again(struct spec *spec, struct shift_error *err)
{
	struct strv waits = { NULL, 0 };
	int r = 0;

	/* The annotations change below. */
	for (size_t i = 0; r >= 0 && i < spec->annotations.n; i++)
		if (!strncmp(spec->annotations.v[i], PREFIX, strlen(PREFIX)))
			r = strv_add(&waits, spec->annotations.v[i], err);
	for (size_t i = 0; r >= 0 && i < waits.n; i++) {
		_cleanup_free_ char *host = NULL, *path = NULL, *access_ = NULL;
		_cleanup_free_ char *text = NULL;

		r = split(waits.v[i] + strlen(PREFIX), &host, &path, &access_,
			  err);
		if (r < 0)
			break;
		drop(spec, path);
		if (access(host, F_OK) < 0)
			continue;
		r = strf(&text, err, "%s:%s:%s", host, path, access_);
		if (r >= 0)
			r = devices_option(spec, text, err);
	}
	strv_clear(&waits);
	return r;
}

int device_wait_open(const struct spec *spec, struct monitor *m,
		     struct shift_error *err)
{
	size_t len = 0;
	int r;

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
	if (!len)
		return 0;
	r = uevent_open(&m->uevent_fd, err);
	return r < 0 ? r : dev_watch_open(m, err);
}

/* A device in the host's /dev, or one that was there when the kernel said so. */
struct found {
	char type;		/* 'c' or 'b' */
	unsigned int major, minor;
};

static int give(const struct state *st, struct spec *spec, const char *path,
		const char *access_, const struct found *f,
		struct shift_error *err)
{
	struct spec_device d = {
		.path = (char *)path, .type = f->type,
		.major = f->major, .minor = f->minor, .mode = 0660,
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

static bool has(const struct spec *spec, const char *path,
		const struct found *f)
{
	for (size_t i = 0; i < spec->linux_.n_devices; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];

		if (!strcmp(d->path, path))
			return d->type == f->type && d->major == f->major &&
			       d->minor == f->minor;
	}
	return false;
}

/* One that went and came back with the same number is taken for the same. */
static int look_at(const struct state *st, struct spec *spec, const char *host,
		   const char *path, const char *access_,
		   struct shift_error *err)
{
	struct found f;
	struct stat s;

	if (stat(host, &s) < 0)
		return errno != ENOENT && errno != ENOTDIR ?
			shift_err_set(err, errno, "%s", host) :
			pod_device_take(st, spec, path, false, err);
	if (!S_ISBLK(s.st_mode) && !S_ISCHR(s.st_mode))
		return 0;
	f = (struct found){ S_ISBLK(s.st_mode) ? 'b' : 'c', major(s.st_rdev),
			    minor(s.st_rdev) };
	return has(spec, path, &f) ? 0 : give(st, spec, path, access_, &f, err);
}

/* Each for itself: the first failure is what is said. */
static int look(const struct state *st, struct spec *spec,
		struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; i < spec->annotations.n; i++) {
		_cleanup_free_ char *host = NULL, *path = NULL, *access_ = NULL;
		const char *a = spec->annotations.v[i];
		int one;

		if (strncmp(a, PREFIX, strlen(PREFIX)))
			continue;
		one = split(a + strlen(PREFIX), &host, &path, &access_,
			    r < 0 ? NULL : err);
		if (one >= 0)
			one = look_at(st, spec, host, path, access_,
				      r < 0 ? NULL : err);
		r = r < 0 ? r : one;
	}
	return r < 0 ? r : 0;
}

/* The one that the kernel has named in @argv: add|remove HOST SUBSYSTEM MAJOR MINOR. */
static int change(const struct state *st, struct spec *spec, char **argv,
		  struct shift_error *err)
{
	const struct found f = {
		strcmp(argv[2], "block") ? 'c' : 'b',
		(unsigned int)strtoul(argv[3], NULL, 10),
		(unsigned int)strtoul(argv[4], NULL, 10),
	};
	size_t len = strlen(argv[1]);

	for (size_t i = 0; i < spec->annotations.n; i++) {
		_cleanup_free_ char *host = NULL, *path = NULL, *access_ = NULL;
		const char *a = spec->annotations.v[i];
		int r;

		if (strncmp(a, PREFIX, strlen(PREFIX)) ||
		    strncmp(a + strlen(PREFIX), argv[1], len) ||
		    a[strlen(PREFIX) + len] != '=')
			continue;
		r = split(a + strlen(PREFIX), &host, &path, &access_, err);
		if (r < 0)
			return r;
		if (strcmp(argv[0], "add"))
			return pod_device_take(st, spec, path, false, err);
		/* A look that dev_watch.c asked for was sooner, perhaps. */
		return has(spec, path, &f) ? 0 :
		       give(st, spec, path, access_, &f, err);
	}
	return 0;
}

int device_wait_cmd(int argc, char **argv, struct shift_error *err)
{
	bool looks = argc == 3 && !strcmp(argv[2], "look");
	_cleanup_close_ int lock = -1;
	struct state st = STATE_INIT;
	struct spec spec = { 0 };
	int r;

	if (argc != 7 && !looks)
		return 125;
	if ((r = state_load(&st, argv[1], err)) >= 0 && st.cgroup &&
	    /* Read anew each time: runner device may have changed it. */
	    (r = lock = state_edit_spec(&st, &spec, err)) >= 0) {
		r = looks ? look(&st, &spec, err) :
			    change(&st, &spec, argv + 2, err);
		/* Also when there is no node: the right is another matter. */
		if (state_save_spec(&st, &spec, r < 0 ? NULL : err) < 0)
			r = -EIO;
	}
	spec_clear(&spec);
	state_clear(&st);
	return r < 0 ? 125 : 0;
}
