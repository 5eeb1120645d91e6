/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/publish_option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cleanup.h"

#define PORT_MAX 65535u

/* FIRST[-LAST]; 0 or -EINVAL. */
static int parse_range(const char *text, unsigned int *first,
		       unsigned int *count)
{
	unsigned int last;
	int n = 0;

	if (strspn(text, "0123456789-") != strlen(text) || *text == '-')
		return -EINVAL;
	if (sscanf(text, "%5u-%5u%n", first, &last, &n) == 2 && !text[n])
		;
	else if (sscanf(text, "%5u%n", first, &n) == 1 && !text[n])
		last = *first;
	else
		return -EINVAL;
	if (!*first || last < *first || last > PORT_MAX)
		return -EINVAL;
	*count = last - *first + 1;
	return 0;
}

static int parse_address(const char *text, char ret[64])
{
	unsigned char buf[sizeof(struct in6_addr)];
	size_t len = strlen(text);
	bool six = len > 2 && text[0] == '[' && text[len - 1] == ']';

	if (len >= 60)
		return -EINVAL;
	snprintf(ret, 64, "%.*s", (int)(six ? len - 2 : len), six ? text + 1 : text);
	if (!*ret)
		return 0;
	return inet_pton(six ? AF_INET6 : AF_INET, ret, buf) == 1 ? 0 : -EINVAL;
}

int publish_parse(const char *text, struct publish *ret,
		  struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *pod, *host, *slash;
	unsigned int count = 0;

	memset(ret, 0, sizeof(*ret));
	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	if (slash && strcmp(slash, "tcp") && strcmp(slash, "udp"))
		return shift_err_set(err, 0, "-p %s: there are /tcp and /udp", text);
	ret->udp = slash && !strcmp(slash, "udp");
	pod = strrchr(copy, ':');
	if (!pod || strchr(pod, ']')) {
		shift_err_set(err, 0, "-p %s: it is [ADDRESS:]HOST-PORT:POD-PORT[/udp]",
			      text);
		shift_err_hint(err, "runner chooses no port of the host: -p %s:%s",
			       copy, copy);
		return -EINVAL;
	}
	*pod++ = '\0';
	host = strrchr(copy, ':');
	if (host && !strchr(host, ']'))
		*host++ = '\0';
	else
		host = NULL;
	if (host && parse_address(copy, ret->address) < 0)
		return shift_err_set(err, 0, "-p %s: '%s' is no address; one of IPv6 is in brackets",
				     text, copy);
	if (parse_range(host ?: copy, &ret->host, &ret->count) < 0 ||
	    parse_range(pod, &ret->pod, &count) < 0)
		return shift_err_set(err, 0, "-p %s: a port is a number from 1 to %u, FIRST-LAST several; runner chooses none",
				     text, PORT_MAX);
	if (count != ret->count)
		return shift_err_set(err, 0, "-p %s: %u ports of the host for %u of the pod",
				     text, ret->count, count);
	return 0;
}

int publish_option(struct spec *spec, const char *text,
		   struct shift_error *err)
{
	const char *before = spec_annotation(spec, SPEC_ANNOTATION_PUBLISH);
	_cleanup_free_ char *all = NULL;
	struct publish p;
	int r = publish_parse(text, &p, err);

	if (r >= 0)
		r = strf(&all, err, "%s%s%s", before ?: "", before ? "," : "", text);
	return r < 0 ? r : spec_annotate(spec, err, SPEC_ANNOTATION_PUBLISH,
					 "%s", all);
}
