/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/init_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "spec/volume_add.h"

#define INIT_IN_POD "/run/runner-init"

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int find(const char **path, struct shift_error *err)
{
	static const char *const known[] = {
		"/usr/bin/catatonit", "/usr/libexec/podman/catatonit",
		"/usr/bin/tini-static",
	};
	int r;

	if (*path && is_program(*path))
		return 0;
	if (*path)
		return shift_err_set(err, 0, "--init-path %s is no program", *path);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is_program(known[i])) {
			*path = known[i];
			return 0;
		}
	r = shift_err_set(err, 0, "--init: this host has neither /usr/bin/catatonit nor /usr/bin/tini-static");
	shift_err_hint(err, "apt-get install catatonit, or name a static init with --init-path");
	return r;
}

int init_option(struct spec *spec, const char *path, struct shift_error *err)
{
	_cleanup_free_ char *real = NULL, *volume = NULL;
	struct strv args = { NULL, 0 };
	int r = find(&path, err);

	if (r < 0)
		return r;
	if (spec_annotation(spec, SPEC_ANNOTATION_SYSTEMD))
		return shift_err_set(err, 0, "--init: systemd is an init itself");
	if (!spec->process.args.n)
		return shift_err_set(err, 0, "--init: there is no command");
	real = realpath(path, NULL);
	if (!real || strchr(real, ':'))
		return shift_err_set(err, real ? EINVAL : errno, "--init-path %s",
				     path);
	if ((r = strf(&volume, err, "%s:" INIT_IN_POD ":ro", real)) < 0 ||
	    (r = volume_add(spec, volume, err)) < 0)
		return shift_err_prefix(err, "--init");
	if ((r = strv_add(&args, INIT_IN_POD, err)) >= 0)
		r = strv_add(&args, "--", err);
	for (size_t i = 0; r >= 0 && i < spec->process.args.n; i++)
		r = strv_add(&args, spec->process.args.v[i], err);
	if (r < 0) {
		strv_clear(&args);
		return r;
	}
	strv_clear(&spec->process.args);
	spec->process.args = args;
	return 0;
}
