/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/util.h"
#include "cleanup.h"

#define VARIABLE "RUNNER_ROOT"
#define TAG 8

static char root_dir[PATH_MAX] = PLACE_ROOT, run_dir[64] = PLACE_RUN;
static char tag[TAG + 1];

const char *place_root(void)
{
	return root_dir;
}

const char *place_run(void)
{
	return run_dir;
}

const char *place_tag(void)
{
	return tag;
}

int place_set(const char *root, struct shift_error *err)
{
	_cleanup_free_ char *real = NULL;
	char hex[DIGEST_HEX + 1];
	int r;

	root = root ?: getenv(VARIABLE);
	if (!root || !strcmp(root, PLACE_ROOT)) {
		unsetenv(VARIABLE);
		return 0;
	}
	r = mkdir_parents(root, 0700, err);
	if (r < 0)
		return r;
	real = realpath(root, NULL);
	if (!real || setenv(VARIABLE, real, 1) < 0)
		return shift_err_set(err, errno, "--root %s", root);
	if (!strcmp(real, PLACE_ROOT))
		return 0;
	r = digest_buf(real, strlen(real), hex, err);
	if (r < 0)
		return r;
	snprintf(root_dir, sizeof(root_dir), "%s", real);
	snprintf(tag, sizeof(tag), "%.*s", TAG, hex);
	snprintf(run_dir, sizeof(run_dir), PLACE_RUN "/roots/%s", tag);
	return 0;
}

int place_name(const char *pod, char **ret, struct shift_error *err)
{
	return strf(ret, err, "%s%s%s", tag, *tag ? ":" : "", pod);
}
