/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/hostdir_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cleanup.h"

#define ANNOTATION_NOTIFY "runner.notify"

bool hostdir_wanted(const struct spec *spec)
{
	if (spec_annotation(spec, SPEC_ANNOTATION_SYSTEMD) ||
	    spec_annotation(spec, ANNOTATION_NOTIFY))
		return true;
	for (size_t i = 0; i < spec->annotations.n; i++)
		if (!strncmp(spec->annotations.v[i], HOSTDIR_CREDENTIAL,
			     strlen(HOSTDIR_CREDENTIAL)))
			return true;
	return false;
}

int hostdir_credential(struct spec *spec, const char *text,
		       struct shift_error *err)
{
	_cleanup_free_ char *key = NULL, *real = NULL;
	const char *path = strchr(text, ':');
	int r;

	if (!path || path == text || strcspn(text, "/=") < (size_t)(path - text))
		return shift_err_set(err, 0, "--credential '%s' is not ID:PATH",
				     text);
	real = realpath(path + 1, NULL);
	if (!real)
		return shift_err_set(err, errno, "--credential %s", path + 1);
	r = strf(&key, err, HOSTDIR_CREDENTIAL "%.*s", (int)(path - text),
		 text);
	if (r >= 0)
		r = spec_annotate(spec, err, key, "%s", real);
	if (r >= 0)
		r = strv_setenv(&spec->process.env, "CREDENTIALS_DIRECTORY="
				HOSTDIR_IN_POD "/credentials", err);
	return r;
}

int hostdir_notify(struct spec *spec, struct shift_error *err)
{
	int r = strv_setenv(&spec->process.env,
			    "NOTIFY_SOCKET=" HOSTDIR_NOTIFY, err);

	return r < 0 ? r : spec_annotate(spec, err, ANNOTATION_NOTIFY, "true");
}
