/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/etc_option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cleanup.h"

#define ETC_KEEP "runner.etc.keep."

const char *const etc_names[ETC_N] = { "hosts", "hostname", "resolv.conf" };

bool etc_wanted(const struct spec *spec, enum etc_file file)
{
	char text[64];

	snprintf(text, sizeof(text), ETC_KEEP "%s", etc_names[file]);
	if (spec_annotation(spec, text))
		return false;
	snprintf(text, sizeof(text), "/etc/%s", etc_names[file]);
	/* By its name; behind links the volume wins as well. */
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].destination, text))
			return false;
	if (file == ETC_HOSTNAME)
		return spec->hostname != NULL;
	return file != ETC_RESOLV || spec_annotation(spec, ETC_DNS) ||
	       !(spec->linux_.namespaces & SPEC_NS_NETWORK) ||
	       spec_annotation(spec, SPEC_ANNOTATION_PASTA) ||
	       (spec->linux_.namespace_paths[5] &&
		!spec_annotation(spec, SPEC_ANNOTATION_POD));
}

static bool is_address(const char *text)
{
	unsigned char to[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, to) == 1 ||
	       inet_pton(AF_INET6, text, to) == 1;
}

int etc_add_host(struct spec *spec, const char *text, struct shift_error *err)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	const char *address = strchr(text, ':'), *had;
	_cleanup_free_ char *key = NULL, *all = NULL;
	int r;

	if (!address || address == text ||
	    strspn(text, letters) != (size_t)(address - text) ||
	    !is_address(address + 1))
		return shift_err_set(err, 0, "'%s' is not NAME:ADDRESS, a name of a host and its IP address",
				     text);
	r = strf(&key, err, ETC_HOST "%.*s", (int)(address - text), text);
	if (r < 0)
		return r;
	had = spec_annotation(spec, key);
	r = strf(&all, err, "%s%s%s", had ?: "", had ? " " : "", address + 1);
	return r < 0 ? r : spec_annotate(spec, err, key, "%s", all);
}

int etc_add_dns(struct spec *spec, const char *text, struct shift_error *err)
{
	const char *had = spec_annotation(spec, ETC_DNS);
	_cleanup_free_ char *all = NULL;
	int r;

	if (!strcmp(text, "none"))
		return etc_keep_image(spec, ETC_RESOLV, err);
	if (!is_address(text))
		return shift_err_set(err, 0, "'%s' is no IP address of a nameserver",
				     text);
	r = strf(&all, err, "%s%s%s", had ?: "", had ? " " : "", text);
	return r < 0 ? r : spec_annotate(spec, err, ETC_DNS, "%s", all);
}

int etc_keep_image(struct spec *spec, enum etc_file file,
		   struct shift_error *err)
{
	_cleanup_free_ char *key = NULL;
	int r = strf(&key, err, ETC_KEEP "%s", etc_names[file]);

	return r < 0 ? r : spec_annotate(spec, err, key, "true");
}
