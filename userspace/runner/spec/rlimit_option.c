/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/rlimit_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "cleanup.h"

static const struct {
	const char *name;
	int which;
} limits[] = {
	{ "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA }, { "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS }, { "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS }, { "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

/* One number, up to @end; false: it is none. */
static bool number(const char *text, const char *end, rlim_t *ret)
{
	size_t len = (size_t)(end - text);
	unsigned long long v;
	char *stop;

	if ((len == 2 && !strncmp(text, "-1", len)) ||
	    (len == 9 && !strncmp(text, "unlimited", len))) {
		*ret = RLIM_INFINITY;
		return true;
	}
	errno = 0;
	v = strtoull(text, &stop, 10);
	if (*text < '0' || *text > '9' || stop != end || errno)
		return false;
	*ret = v;
	return true;
}

static int parse(const char *text, struct rlimit *ret)
{
	const char *end = text + strlen(text), *colon = strchr(text, ':');
	struct rlimit l;

	if (!number(text, colon ?: end, &l.rlim_cur))
		return -EINVAL;
	l.rlim_max = l.rlim_cur;
	if (colon && !number(colon + 1, end, &l.rlim_max))
		return -EINVAL;
	if (l.rlim_cur > l.rlim_max)
		return -ERANGE;
	*ret = l;
	return 0;
}

static int find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (strlen(limits[i].name) == len &&
		    !strncasecmp(name, limits[i].name, len))
			return (int)i;
	return -1;
}

int rlimit_option(struct spec *spec, const char *text,
		  struct shift_error *err)
{
	const char *equals = strchr(text, '=');
	_cleanup_free_ char *key = NULL;
	struct rlimit l;
	int i, r;

	if (!equals)
		return shift_err_set(err, 0, "--ulimit '%s' is not NAME=SOFT[:HARD]",
				     text);
	i = find(text, (size_t)(equals - text));
	if (i < 0)
		return shift_err_set(err, 0, "--ulimit '%s': there are as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending and stack",
				     text);
	r = parse(equals + 1, &l);
	if (r == -ERANGE)
		return shift_err_set(err, 0, "--ulimit '%s': the first number is the larger one",
				     text);
	if (r < 0)
		return shift_err_set(err, 0, "--ulimit '%s': a limit is a number, or -1 for none",
				     text);
	r = strf(&key, err, SPEC_ANNOTATION_RLIMIT "%s", limits[i].name);
	return r < 0 ? r : spec_annotate(spec, err, key, "%s", equals + 1);
}

int rlimit_apply(const struct spec *spec, pid_t pid, struct shift_error *err)
{
	size_t len = strlen(SPEC_ANNOTATION_RLIMIT);

	for (size_t k = 0; k < spec->annotations.n; k++) {
		const char *text = spec->annotations.v[k] + len, *value;
		struct rlimit l;
		int i;

		if (strncmp(spec->annotations.v[k], SPEC_ANNOTATION_RLIMIT,
			    len))
			continue;
		/* It may be an annotation that somebody wrote. */
		value = strchr(text, '=');
		i = value ? find(text, (size_t)(value - text)) : -1;
		if (i < 0 || parse(value + 1, &l) < 0)
			return shift_err_set(err, 0, "the annotation %s%s is no limit",
					     SPEC_ANNOTATION_RLIMIT, text);
		if (prlimit(pid, (__rlimit_resource_t)limits[i].which, &l,
			    NULL) < 0)
			return shift_err_set(err, errno, "--ulimit %s", text);
	}
	return 0;
}
