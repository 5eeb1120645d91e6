// SPDX-License-Identifier: GPL-2.0-or-later
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <string.h>
#include <sys/mount.h>

#include "cleanup.h"
#include "config.h"
#include "flags.h"
#include "mounttree.h"
#include "syscalls.h"
#include "userns.h"

/* Flags of a superblock, of which an idmapped mount has none of its own. */
static const char *sb_option(unsigned long mflags)
{
	static const struct {
		unsigned long ms;
		const char *name;
	} flags[] = {
		{ MS_SYNCHRONOUS, "sync" },
		{ MS_DIRSYNC, "dirsync" },
		{ MS_MANDLOCK, "mand" },
		{ 1 << 25, "lazytime" },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (mflags & flags[i].ms)
			return flags[i].name;
	return NULL;
}

void backend_want(const struct request *req, struct shift_want *ret)
{
	*ret = (struct shift_want)SHIFT_WANT_INIT;
	ret->userns_fd = req->userns_fd;
	if (!shift_idmap_empty(&req->map))
		ret->map = &req->map;
	ret->shiftfs_option = req->n_params ? req->params[0].name :
			      sb_option(req->mflags);
	for (size_t i = 0; i < req->n_params; i++)
		if (!strncmp(req->params[i].name, "squash_", strlen("squash_")))
			ret->many_to_one = true;
}

static bool has_map(const struct request *req)
{
	return req->userns_fd >= 0 || !shift_idmap_empty(&req->map);
}

static int no_map(const struct request *req, struct shift_error *err)
{
	shift_err_set(err, 0, "%s on %s: no map given", req->source, req->target);
	shift_err_hint(err, "example: idmap=b:0:100000:65536 shows the stored ids 0 to 65535 as 100000 to 165535");
	return -EINVAL;
}

int backend_resolve(struct request *req, struct shift_error *err)
{
	_cleanup_choice_ struct shift_choice choice = SHIFT_CHOICE_INIT;
	struct shift_config config = SHIFT_CONFIG_INIT;
	struct shift_want want;
	int r;

	if (req->backend != BACKEND_AUTO)
		return 0;
	r = shift_config_read(SHIFT_CONFIG_FILE, &config, err);
	if (r < 0)
		return r;
	backend_want(req, &want);
	want.prefer = config.prefer;
	want.first_only = true;
	if (!has_map(req) && !req->n_params)
		return no_map(req, err);
	r = shift_choose(req->source, &want, &choice, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < SHIFT_N_MECHANISMS; i++)
		verbose("%s: %s", shift_mechanism_name(i),
			choice.verdicts[i].why ? choice.verdicts[i].why : "works");
	if (choice.chosen < 0)
		return shift_choice_refuse(&choice, req->source, err);
	req->backend = choice.chosen == SHIFT_BY_IDMAP ? BACKEND_IDMAP : BACKEND_SHIFTFS;
	return 0;
}

/* An option that cannot be honoured is an error, unless -s was given. */
static int check_options(const struct request *req, struct shift_error *err)
{
	const char *name = sb_option(req->mflags);

	if (!name && req->n_params)
		name = req->params[0].name;
	if (!name)
		return 0;
	if (req->sloppy) {
		warn("option %s: an idmapped mount has none of that name", name);
		return 0;
	}
	shift_err_set(err, EINVAL, "option %s: an idmapped mount has none of that name", name);
	shift_err_hint(err, "use backend=shiftfs, or -s to pass over it");
	return -EINVAL;
}

int backend_idmap(const struct request *req, struct shift_error *err)
{
	_cleanup_close_ int fd = -1, userns = -1;
	uint64_t set, clr;
	int r;

	if (!has_map(req))
		return no_map(req, err);
	r = check_options(req, err);
	if (r < 0)
		return shift_err_prefix(err, "%s on %s", req->source, req->target);

	/* A clone has the flags of the mount it was made of; none is cleared. */
	fd = shift_clone(req->source, err);
	if (fd < 0)
		return fd;
	if (req->userns_fd >= 0)
		userns = fcntl(req->userns_fd, F_DUPFD_CLOEXEC, 3);
	else
		userns = shift_userns_create(&req->map, err);
	if (userns < 0)
		return req->userns_fd >= 0 ?
			shift_err_set(err, errno, "user namespace %s", req->userns_path) :
			shift_err_prefix(err, "idmapped mount of %s", req->source);

	flags_to_remount_attr(req->mflags, &set, &clr);
	r = shift_clone_idmap(fd, req->source, userns, (unsigned int)set,
			      (unsigned int)clr & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME),
			      err);
	if (r < 0)
		return r;
	verbose("mount_setattr(idmapped, attributes %#llx): ok", (unsigned long long)set);
	return steal_fd(&fd);
}
