/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/device_option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "cleanup.h"

bool devices_access(const char *text, char access_[4], bool *shared)
{
	size_t n = strcspn(text, ",");

	if (!n || n > 3 || strspn(text, "rwm") != n ||
	    (text[n] && strcmp(text + n, ",shared")))
		return false;
	snprintf(access_, 4, "%.*s", (int)n, text);
	*shared = text[n] == ',';
	return true;
}

static int bad(const char *text, const char *why, struct shift_error *err)
{
	shift_err_set(err, 0, "device '%s': %s", text, why);
	shift_err_hint(err, "HOST[:PATH-IN-THE-POD][:ACCESS], both paths below /dev, ACCESS some of r, w, m, and ',shared' behind them");
	return -EINVAL;
}

int devices_option(struct spec *spec, const char *text,
		   struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text), *key = NULL;
	struct spec_device_rule rule = { .allow = true, .access = "rwm" };
	struct spec_device device = { .mode = 0666 };
	char *host, *in_pod, *access_, *rest = copy;
	bool shared = false;
	struct stat st;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	host = strsep(&rest, ":");
	in_pod = strsep(&rest, ":");
	access_ = strsep(&rest, ":");
	if (in_pod && !access_ &&
	    devices_access(in_pod, rule.access, &shared)) {
		access_ = in_pod;
		in_pod = NULL;
	}
	if (!in_pod)
		in_pod = host;
	if (rest || (access_ && !devices_access(access_, rule.access, &shared)))
		return bad(text, "not understood", err);
	if (strncmp(in_pod, "/dev/", 5) || strstr(in_pod, "/../") ||
	    !in_pod[5] || in_pod[strlen(in_pod) - 1] == '/')
		return bad(text, "the path in the pod is not below /dev", err);
	if (stat(host, &st) < 0)
		return shift_err_set(err, errno, "device %s", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return bad(text, "is no device", err);
	device.path = in_pod;
	device.type = rule.type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	device.major = major(st.st_rdev);
	device.minor = minor(st.st_rdev);
	/* Its owner in the pod is the pod's root, and so is its group. */
	device.mode = st.st_mode & 0777;
	rule.major = device.major;
	rule.minor = device.minor;
	if ((r = spec_add_device(spec, &device, err)) < 0 ||
	    (r = spec_share_device(spec, in_pod, shared, err)) < 0 ||
	    (r = spec_add_device_rule(spec, &rule, err)) < 0)
		return r;
	/* The path, for a time when the numbers differ: devices_again(). */
	if (strf(&key, err, SPEC_ANNOTATION_DEVICE "%s", in_pod) < 0)
		return -ENOMEM;
	return spec_annotate(spec, err, key, "%s", host);
}

/* The rules of devices as they were before any of them has new numbers. */
static void renumber(struct spec_resources *res, size_t n,
		     const struct spec_device *old,
		     const struct spec_device *new, bool *done)
{
	for (size_t i = 0; i < n; i++) {
		struct spec_device_rule *rule = &res->devices[i];

		if (done[i] || !rule->allow || rule->type != old->type ||
		    rule->major != (int64_t)old->major ||
		    rule->minor != (int64_t)old->minor)
			continue;
		rule->major = new->major;
		rule->minor = new->minor;
		done[i] = true;
	}
}

int devices_again(struct spec *spec, struct shift_error *err)
{
	struct spec_resources *res = &spec->linux_.resources;
	bool *done = calloc(res->n_devices + 1, sizeof(*done));
	int r = done ? 0 : shift_err_set(err, ENOMEM, "cannot allocate memory");

	for (size_t i = 0; r >= 0 && i < spec->linux_.n_devices; i++) {
		struct spec_device *d = &spec->linux_.devices[i], old = *d;
		_cleanup_free_ char *key = NULL;
		const char *host;
		struct stat st;

		r = strf(&key, err, SPEC_ANNOTATION_DEVICE "%s", d->path);
		host = r < 0 ? NULL : spec_annotation(spec, key);
		if (!host)
			continue;
		if (stat(host, &st) < 0) {
			r = shift_err_set(err, errno, "device %s", host);
		} else if (d->type == 'b' ? !S_ISBLK(st.st_mode) :
					    !S_ISCHR(st.st_mode)) {
			r = shift_err_set(err, 0, "device %s is not the kind of device that it was",
					  host);
		} else {
			d->major = major(st.st_rdev);
			d->minor = minor(st.st_rdev);
			renumber(res, res->n_devices, &old, d, done);
		}
	}
	free(done);
	return r;
}

/* Keeps those limits of @old whose keys @new does not have. */
static int keep_keys(char *old, const char *new, struct strv *to,
		     struct shift_error *err)
{
	char *save, *word;
	int r = 0;

	for (word = strtok_r(old, " ", &save); r >= 0 && word;
	     word = strtok_r(NULL, " ", &save)) {
		_cleanup_free_ char *key = strndup(word, strcspn(word, "=") + 1);

		if (!key)
			return shift_err_set(err, ENOMEM, "cannot allocate memory");
		if (!strstr(new, key))
			r = strv_add(to, word, err);
	}
	return r;
}

/*
 * io.max has a line for each device, which are written one by one: cgroup.c.
 * A device that has a line already gets the new limits into that.
 */
static int merge_io_max(const char *have, const char *device, const char *limits,
			char **ret, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(have ?: ""), *line = NULL;
	struct strv kept = { NULL, 0 };
	size_t len = strlen(device);
	char *save, *old;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r = str_replace(ret, "io.max=", err);
	for (old = strtok_r(copy, "\n", &save); r >= 0 && old;
	     old = strtok_r(NULL, "\n", &save)) {
		_cleanup_free_ char *before = steal_ptr(ret);

		if (!strncmp(old, device, len) && old[len] == ' ') {
			r = keep_keys(old + len + 1, limits, &kept, err);
			*ret = steal_ptr(&before);
		} else {
			r = strf(ret, err, "%s%s\n", before, old);
		}
	}
	if (r >= 0)
		r = strf(&line, err, "%s %s", device, limits);
	for (size_t i = 0; r >= 0 && i < kept.n; i++) {
		_cleanup_free_ char *before = steal_ptr(&line);

		r = strf(&line, err, "%s %s", before, kept.v[i]);
	}
	if (r >= 0) {
		_cleanup_free_ char *before = steal_ptr(ret);

		r = strf(ret, err, "%s%s", before, line);
	}
	strv_clear(&kept);
	return r;
}

int devices_io_max(const char *text, const struct spec_resources *res,
		   char **ret, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *limits, device[32];
	struct stat st;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	limits = strchr(copy, ':');
	if (!limits || *copy != '/')
		return shift_err_set(err, 0, "'%s' is not DEVICE:rbps=N,wbps=N,riops=N,wiops=N",
				     text);
	*limits++ = '\0';
	if (stat(copy, &st) < 0 || !S_ISBLK(st.st_mode))
		return shift_err_set(err, 0, "%s is no block device", copy);
	for (char *p = limits; *p; p++)
		if (*p == ',')
			*p = ' ';
	snprintf(device, sizeof(device), "%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	return merge_io_max(strv_getenv(&res->unified, "io.max"), device,
			    limits, ret, err);
}
