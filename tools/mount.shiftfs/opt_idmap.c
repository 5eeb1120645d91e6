// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * idmap=, uidmap=, gidmap= and X-mount.idmap=.  The map is checked here, where
 * a refusal can be worded for a person, and reprinted for the kernel: a map of
 * many extents has to be sent in pieces.
 */
#include <errno.h>
#include <string.h>

#include "foreign.h"
#include "fscontext.h"
#include "options.h"

static int parse(struct request *req, const char *name, const char *value,
		 struct shift_error *err)
{
	bool both = strcmp(name, "uidmap") && strcmp(name, "gidmap");
	int r;

	/* As X-mount.idmap allows: the namespace that holds the map. */
	if (value && value[0] == '/' && both)
		return userns_parse(req, name, value, err);

	if (value && both && foreign_is(value))
		r = foreign_parse(req, value, err);
	else if (both)
		r = shift_idmap_parse(&req->map, value ? value : "", err);
	else
		r = shift_idmap_parse_type(&req->map,
					   !strcmp(name, "uidmap") ? SHIFT_UID : SHIFT_GID,
					   value ? value : "", err);
	if (r < 0) {
		shift_err_prefix(err, "option %s", name);
		shift_err_hint(err, "example: idmap=b:0:100000:65536 shows the stored ids 0 to 65535 as 100000 to 165535");
	}
	return r;
}

int idmap_check(const struct request *req, struct shift_error *err)
{
	bool relative = req->passthrough || !shift_idmap_empty(&req->relative);

	if (relative && req->userns_fd < 0) {
		shift_err_set(err, 0, "option idmap: the map has ids of a container in it, and the container is not named");
		shift_err_hint(err, "add userns=/proc/PID/ns/user, where PID is a process of the container");
		return -EINVAL;
	}
	if (req->passthrough && !(shift_idmap_empty(&req->map) && shift_idmap_empty(&req->relative)))
		return shift_err_set(err, 0, "option idmap: passthrough is the whole map, give no other with it");
	if (!relative && req->userns_fd >= 0 && !shift_idmap_empty(&req->map)) {
		shift_err_set(err, 0, "option idmap: a map is given, and the map of the namespace %s: give one of the two",
			      req->userns_path);
		shift_err_hint(err, "a map of Proxmox VE, whose ids are the container's, is written idmap=pve:u:CONTAINER:DISK:COUNT");
		return -EINVAL;
	}
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
