/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/numbers.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int numbers_bytes(const char *text, int64_t *ret, struct shift_error *err)
{
	static const char suffixes[] = "bkmgt";
	unsigned long long v;
	const char *s;
	char *end;
	int shift = 0;

	if (!strcmp(text, "-1")) {
		*ret = -1;
		return 0;
	}
	errno = 0;
	v = strtoull(text, &end, 10);
	if (*end && (s = strchr(suffixes, *end | 0x20))) {
		shift = 10 * (int)(s - suffixes);
		end++;
		if ((*end | 0x20) == 'b')
			end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || !v ||
	    v > (unsigned long long)INT64_MAX >> shift)
		return shift_err_set(err, 0, "'%s' is no number of bytes: a number with b, k, m, g or t behind it",
				     text);
	*ret = (int64_t)(v << shift);
	return 0;
}

int numbers_integer(const char *text, long min, long max, long *ret,
		    struct shift_error *err)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	/* strtol(3) takes blanks and signs before it. */
	if (*(*text == '-' ? text + 1 : text) < '0' ||
	    *(*text == '-' ? text + 1 : text) > '9' ||
	    *end || errno || v < min || v > max)
		return shift_err_set(err, 0, "'%s' is not a number from %ld to %ld",
				     text, min, max);
	*ret = v;
	return 0;
}

int numbers_signal(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*text && !*end)
		return v > 0 && v <= SIGRTMAX ? (int)v : 0;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	if (!strncasecmp(text, "RTMIN", 5) || !strncasecmp(text, "RTMAX", 5)) {
		int base = (text[3] | 0x20) == 'i' ? SIGRTMIN : SIGRTMAX;

		v = text[5] ? strtol(text + 5, &end, 10) : 0;
		if (text[5] && *end)
			return 0;
		return base + v >= SIGRTMIN && base + v <= SIGRTMAX ?
		       base + (int)v : 0;
	}
	for (int s = 1; s < SIGRTMIN; s++) {
		const char *name = sigabbrev_np(s);

		if (name && !strcasecmp(name, text))
			return s;
	}
	return 0;
}

/* 1h30m: how long ago, in seconds; -1: it is none. */
static int64_t ago(const char *text)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	int64_t sum = 0;

	while (*text) {
		char *end;
		long v = strtol(text, &end, 10);
		size_t u = 0;

		while (u < 4 && units[u].unit != *end)
			u++;
		if (*text < '0' || *text > '9' || u == 4 || v > 1000000000)
			return -1;
		sum += v * units[u].seconds;
		text = end + 1;
	}
	return sum;
}

/* Reads the end of a time: nothing, Z or +01:00.  -1: none of them. */
static int zone(const char *text, bool *local, long *offset)
{
	unsigned int h, m;
	int n = 0;

	*local = !*text;
	*offset = 0;
	if (!*text || !strcmp(text, "Z"))
		return 0;
	if ((*text != '+' && *text != '-') ||
	    sscanf(text + 1, "%2u:%2u%n", &h, &m, &n) != 2 || text[1 + n] ||
	    h > 14 || m > 59)
		return -1;
	*offset = (*text == '-' ? -1 : 1) * (long)(h * 3600 + m * 60);
	return 0;
}

static int date(const char *text, int64_t *ret)
{
	static const char *const forms[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
		"%Y-%m-%d %H:%M", "%Y-%m-%d",
	};
	int64_t nsec = 0, digit = 100000000;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *rest = strptime(text, forms[i], &tm);
		bool local;
		long offset;

		if (!rest)
			continue;
		if (i < 2 && *rest == '.')
			for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
				nsec += (*rest - '0') * digit;
				digit /= 10;
			}
		if (zone(rest, &local, &offset) < 0)
			continue;
		*ret = (local ? mktime(&tm) : timegm(&tm) - offset) *
		       1000000000 + nsec;
		return 0;
	}
	return -1;
}

int numbers_time(const char *text, int64_t *ret, struct shift_error *err)
{
	int64_t s = *text ? ago(text) : -1;
	long since;

	if (s >= 0)
		*ret = (time(NULL) - s) * 1000000000;
	else if (numbers_integer(text, 0, 9999999999, &since, NULL) >= 0)
		*ret = since * 1000000000;
	else if (date(text, ret) < 0)
		return shift_err_set(err, 0, "'%s' is no time: a date (2026-11-29), with a time (2026-11-29T12:00:00Z), or how long ago (90s, 10m, 1h30m)",
				     text);
	return 0;
}
