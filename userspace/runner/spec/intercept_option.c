/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/intercept_option.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>

#include "base/host.h"
#include "cleanup.h"

#define ANNOTATION "runner.intercept-mount"
#define UNCHECKED "unchecked"

static const char *const types[] = { "ext4", "xfs" };

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, word, len) && (p[len] == ',' || !p[len]))
			return true;
	}
	return false;
}

int intercept_option(struct spec *spec, const char *text,
		     struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *word, *rest = copy;
	bool any = false;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	while ((word = strsep(&rest, ","))) {
		bool is_type = !strcmp(word, types[0]) || !strcmp(word, types[1]);

		if (!is_type && strcmp(word, UNCHECKED))
			return shift_err_set(err, 0, "--intercept-mount %s: '%s' is not ext4, xfs or unchecked",
					     text, word);
		any |= is_type;
	}
	if (!any)
		return shift_err_set(err, 0, "--intercept-mount %s names no type: ext4, xfs",
				     text);
	return spec_annotate(spec, err, ANNOTATION, "%s", text);
}

bool intercept_wanted(const struct spec *spec)
{
	return spec_annotation(spec, ANNOTATION) != NULL;
}

bool intercept_has(const struct spec *spec, const char *type)
{
	const char *list = spec_annotation(spec, ANNOTATION);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return has_word(list, type);
	return false;
}

bool intercept_unchecked(const struct spec *spec)
{
	return has_word(spec_annotation(spec, ANNOTATION), UNCHECKED);
}

int intercept_possible(const struct spec *spec, struct shift_error *err)
{
	if (!intercept_wanted(spec))
		return 0;
	if (!(spec->linux_.namespaces & SPEC_NS_USER) ||
	    !(spec->linux_.namespaces & SPEC_NS_MOUNT) ||
	    spec->linux_.namespace_paths[0] || spec->linux_.namespace_paths[1])
		return shift_err_set(err, ENOTSUP, "--intercept-mount is for pods with user and mount namespaces of their own");
	if (!(spec->process.capabilities.effective & (1ULL << CAP_SYS_ADMIN))) {
		shift_err_set(err, 0, "--intercept-mount: the pod's command has no CAP_SYS_ADMIN in its user namespace, so it cannot mount");
		shift_err_hint(err, "--cap-add sys_admin");
		return -EINVAL;
	}
	if (!cgroup_mount_point())
		return shift_err_set(err, ENOTSUP, "--intercept-mount needs cgroup version 2, for the list of devices");
	return 0;
}
