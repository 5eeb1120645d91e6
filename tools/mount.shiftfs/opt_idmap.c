// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * idmap=, uidmap=, gidmap= and X-mount.idmap=.  The map is checked here, where
 * a refusal can be worded for a person, and reprinted for the kernel: a map of
 * many extents has to be sent in pieces.
 */
#include <string.h>

#include "fscontext.h"
#include "options.h"

static int parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err)
{
	int r;

	/* As X-mount.idmap allows: the namespace that holds the map. */
	if (value && value[0] == '/' && strstr(name, "idmap") &&
	    strcmp(name, "uidmap") && strcmp(name, "gidmap"))
		return userns_parse(req, name, value, err);

	if (!strcmp(name, "uidmap"))
		r = shift_idmap_parse_type(&req->map, SHIFT_UID,
					   value ? value : "", err);
	else if (!strcmp(name, "gidmap"))
		r = shift_idmap_parse_type(&req->map, SHIFT_GID,
					   value ? value : "", err);
	else
		r = shift_idmap_parse(&req->map, value ? value : "", err);
	if (r < 0) {
		shift_err_prefix(err, "option %s", name);
		shift_err_hint(err, "example: idmap=b:0:100000:65536 shows the stored ids 0 to 65535 as 100000 to 165535");
		return r;
	}
	if (req->userns_fd >= 0)
		return shift_err_set(err, 0,
				     "option %s: the map is taken from the namespace %s already, give one of the two",
				     name, req->userns_path);
	return 0;
}

static int configure(const struct request *req, int fsfd,
		     struct shift_error *err)
{
	return shift_fsctx_idmap(fsfd, &req->map, err);
}

static const char *const names[] = {
	"idmap", "uidmap", "gidmap", "X-mount.idmap", NULL
};

const struct option_handler option_idmap = {
	.names = names,
	.parse = parse,
	.configure = configure,
};
