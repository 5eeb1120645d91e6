/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices as they are named on the command line. */
#include "devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "util.h"

static bool is_access(const char *text)
{
	return *text && strlen(text) <= 3 &&
	       strspn(text, "rwm") == strlen(text);
}

static int bad(const char *text, const char *why, struct shift_error *err)
{
	shift_err_set(err, 0, "device '%s': %s", text, why);
	shift_err_hint(err, "HOST[:PATH-IN-THE-POD][:ACCESS], both paths below /dev, ACCESS some of r, w, m");
	return -EINVAL;
}

int devices_option(struct spec *spec, const char *text,
		   struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct spec_device_rule rule = { .allow = true, .access = "rwm" };
	struct spec_device device = { .mode = 0666 };
	char *host, *in_pod, *access_, *rest = copy;
	struct stat st;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	host = strsep(&rest, ":");
	in_pod = strsep(&rest, ":");
	access_ = strsep(&rest, ":");
	if (in_pod && !access_ && is_access(in_pod)) {
		access_ = in_pod;
		in_pod = NULL;
	}
	if (!in_pod)
		in_pod = host;
	if (rest || (access_ && !is_access(access_)))
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
	if (access_)
		strcpy(rule.access, access_);
	r = spec_add_device(spec, &device, err);
	return r < 0 ? r : spec_add_device_rule(spec, &rule, err);
}

int devices_io_max(const char *text, char **ret, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct stat st;
	char *limits;

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
	return strf(ret, err, "io.max=%u:%u %s", major(st.st_rdev),
		    minor(st.st_rdev), limits);
}
