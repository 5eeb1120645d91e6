/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/limits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cleanup.h"
#include "cli/numbers.h"
#include "spec/device_option.h"

static int parse_cpus(const char *text, struct spec_resources *res,
		      struct shift_error *err)
{
	char *end;
	double v = strtod(text, &end);

	/* So that it is none of the things that are no number, too. */
	if (!*text || *end || !(v >= 0.01 && v <= 10000))
		return shift_err_set(err, 0, "'%s' is no number of processors from 0.01 to 10000",
				     text);
	res->cpu_period = 100000;
	res->cpu_quota = (int64_t)(v * 100000 + 0.5);
	return 0;
}

/* -1 is no limit. */
static int parse_pids(const char *text, int64_t *ret, struct shift_error *err)
{
	long v = -1;
	int r = strcmp(text, "-1") ?
		numbers_integer(text, 1, INT_MAX, &v, err) : 0;

	if (r >= 0)
		*ret = v;
	return r;
}

/* 0-3,5 */
static int parse_list(const char *file, const char *text, char **ret,
		      struct shift_error *err)
{
	static const char digits[] = "0123456789";
	const char *p = text;

	for (;;) {
		size_t n = strspn(p, digits);

		p += n;
		if (n && *p == '-') {
			n = strspn(++p, digits);
			p += n;
		}
		if (!n || (*p && *p != ','))
			return shift_err_set(err, 0, "'%s' is no list of numbers as in 0-3,5",
					     text);
		if (!*p++)
			break;
	}
	return strf(ret, err, "%s=%s", file, text);
}

/* DEVICE:N, for io.max; a bps may have a suffix. */
static int parse_device(const char *key, const char *text,
			struct spec_resources *res, char **ret,
			struct shift_error *err)
{
	const char *colon = strrchr(text, ':');
	_cleanup_free_ char *limits = NULL;
	int64_t bytes = 0;
	long n;
	int r;

	if (!colon || colon == text)
		return shift_err_set(err, 0, "'%s' is not DEVICE:N", text);
	if (strstr(key, "bps")) {
		r = numbers_bytes(colon + 1, &bytes, err);
		if (r >= 0 && bytes < 1)
			r = shift_err_set(err, 0, "'%s' is no number of bytes",
					  colon + 1);
	} else {
		r = numbers_integer(colon + 1, 1, INT_MAX, &n, err);
		bytes = r < 0 ? 0 : n;
	}
	if (r >= 0)
		r = strf(&limits, err, "%.*s:%s=%lld", (int)(colon - text),
			 text, key, (long long)bytes);
	return r < 0 ? r : devices_io_max(limits, res, ret, err);
}

int limits_take(const char *name, const char *value,
		struct spec_resources *res, struct shift_error *err)
{
	static const struct { const char *name, *key; } of_device[] = {
		{ "device-read-bps", "rbps" }, { "device-write-bps", "wbps" },
		{ "device-read-iops", "riops" },
		{ "device-write-iops", "wiops" },
	};
	_cleanup_free_ char *text = NULL;
	int64_t bytes;
	long v;
	int r;

	if (!strcmp(name, "memory")) {
		r = numbers_bytes(value, &res->memory_limit, err);
	} else if (!strcmp(name, "memory-swap")) {
		r = numbers_bytes(value, &res->memory_swap, err);
	} else if (!strcmp(name, "memory-reservation")) {
		r = numbers_bytes(value, &bytes, err);
		if (r >= 0)
			r = strf(&text, err, "memory.low=%lld",
				 bytes < 0 ? 0 : (long long)bytes);
	} else if (!strcmp(name, "cpus")) {
		r = parse_cpus(value, res, err);
	} else if (!strcmp(name, "cpu-period")) {
		r = numbers_integer(value, 1000, 1000000, &v, err);
		if (r >= 0)
			res->cpu_period = (uint64_t)v;
	} else if (!strcmp(name, "cpu-quota")) {
		r = numbers_integer(value, 1000, INT_MAX, &v, err);
		if (r >= 0)
			res->cpu_quota = v;
		if (r >= 0 && !res->cpu_period)
			res->cpu_period = 100000;
	} else if (!strcmp(name, "cpuset-cpus")) {
		r = parse_list("cpuset.cpus", value, &text, err);
	} else if (!strcmp(name, "cpuset-mems")) {
		r = parse_list("cpuset.mems", value, &text, err);
	} else if (!strcmp(name, "pids-limit")) {
		r = parse_pids(value, &res->pids_limit, err);
	} else if (!strcmp(name, "cpu-shares")) {
		r = numbers_integer(value, 1, 262144, &v, err);
		if (r >= 0)
			res->cpu_shares = v < 2 ? 2 : (uint64_t)v;
	} else if (!strcmp(name, "io-weight")) {
		r = numbers_integer(value, 1, 10000, &v, err);
		if (r >= 0)
			r = strf(&text, err, "io.weight=%ld", v);
	} else if (!strcmp(name, "io-max")) {
		r = devices_io_max(value, res, &text, err);
	} else if (!strcmp(name, "cgroup-conf")) {
		r = strchr(value, '=') ? str_replace(&text, value, err) :
			shift_err_set(err, 0, "'%s' is not FILE=VALUE", value);
	} else {
		r = shift_err_set(err, 0, "it is no limit");
		for (size_t i = 0; i < sizeof(of_device) / sizeof(*of_device);
		     i++)
			if (!strcmp(name, of_device[i].name))
				r = parse_device(of_device[i].key, value, res,
						 &text, err);
	}
	if (r >= 0 && text)
		r = strv_setenv(&res->unified, text, err);
	return r < 0 ? shift_err_prefix(err, "--%s", name) : 0;
}
