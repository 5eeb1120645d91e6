// SPDX-License-Identifier: GPL-2.0-or-later
/* See shiftfs-runtime(8), and Documentation/design/runtime.rst for why it is so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "report.h"
#include "settings.h"
#include "shift.h"

static int find_runtime(const char *self, const struct oci_args *args,
			struct settings *settings, struct shift_error *err)
{
	const char *name = settings_name_says(self);
	int r;

	/* A broken file keeps no container from being stopped, where the name says it all. */
	if (!name || oci_args_makes_container(args)) {
		r = settings_read(RUNTIME_SETTINGS_FILE, settings, err);
		if (r < 0)
			return r;
	}
	if (name) {
		free(settings->runtime);
		settings->runtime = strdup(name);
		if (!settings->runtime)
			return shift_err_set(err, ENOMEM, "%s", name);
	}
	return settings_find(settings, err);
}

int main(int argc, char *argv[])
{
	_cleanup_settings_ struct settings settings = SETTINGS_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct oci_args args;
	int r;

	oci_args_read(argv, &args);
	r = find_runtime(argc ? argv[0] : NULL, &args, &settings, &err);
	if (r >= 0 && oci_args_makes_container(&args))
		r = shift_container(&args, &settings, &err);
	if (r < 0)
		return report(&args, &err);
	if (argc)
		argv[0] = settings.runtime;
	execv(settings.runtime, argv);
	shift_err_set(&err, errno, "%s", settings.runtime);
	return report(&args, &err);
}
