// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * userns=PATH: take the map of a user namespace.  The kernel wants an fd, which
 * no string of mount(2) can carry; here it is opened and sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fscontext.h"
#include "options.h"
#include "userns.h"

int userns_parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err)
{
	int r;

	if (!value || !*value)
		return shift_err_set(err, 0,
				     "option %s needs the path of a user namespace such as /proc/PID/ns/user",
				     name);
	if (req->userns_fd >= 0)
		return shift_err_set(err, 0,
				     "option %s=%s: the namespace %s was given already",
				     name, value, req->userns_path);

	r = shift_userns_open(value, err);
	if (r < 0)
		return shift_err_prefix(err, "option %s", name);
	req->userns_fd = r;
	req->userns_path = strdup(value);
	if (!req->userns_path)
		return shift_err_set(err, ENOMEM, "option %s", name);
	return 0;
}

static int configure(const struct request *req, int fsfd,
		     struct shift_error *err)
{
	int r;

	if (req->userns_fd < 0)
		return 0;
	r = shift_fsctx_fd(fsfd, "userns", req->userns_fd, err);
	if (r < 0)
		return shift_err_prefix(err, "user namespace %s",
					req->userns_path);
	return 0;
}

static const char *const names[] = { "userns", NULL };

const struct option_handler option_userns = {
	.names = names,
	.parse = userns_parse,
	.configure = configure,
};
