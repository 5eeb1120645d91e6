// SPDX-License-Identifier: GPL-2.0-or-later
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "advice.h"
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

bool backend_mounts_export(const struct request *req)
{
	return req->backend == BACKEND_DELEGATE ||
	       (req->backend == BACKEND_AUTO && shift_is_nfs_source(req->source));
}

/* Parameters and flags of the superblock, as the kernel's NFS takes them. */
static int nfs_options(const struct request *req, struct shift_nfs_option **ret, size_t *ret_n,
		       struct shift_error *err)
{
	struct shift_nfs_option *options = calloc(req->n_params + 2, sizeof(*options));
	const char *flag = sb_option(req->mflags);
	size_t n = 0;

	if (!options)
		return shift_err_set(err, ENOMEM, "options");
	for (; n < req->n_params; n++)
		options[n] = (struct shift_nfs_option){ req->params[n].name, req->params[n].value };
	if (req->mflags & MS_RDONLY)
		options[n++].name = "ro";
	if (flag)
		options[n++].name = flag;
	*ret = options;
	*ret_n = n;
	return 0;
}

int backend_want(const struct request *req, const char *source, struct shift_want *ret,
		 struct shift_nfs_option **ret_nfs, struct shift_error *err)
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
	if (shift_is_nfs_source(source)) {
		int r = nfs_options(req, ret_nfs, &ret->n_nfs_options, err);

		ret->nfs_options = *ret_nfs;
		ret->netns_fd = req->netns_fd;
		return r;
	}
	return 0;
}

static bool has_map(const struct request *req)
{
	return req->userns_fd >= 0 || !shift_idmap_empty(&req->map);
}

static int no_map(const struct request *req, struct shift_error *err)
{
	shift_err_set(err, 0, "%s on %s: no map given", req->source, req->target);
	advice_no_map(err);
	return -EINVAL;
}

int backend_resolve(struct request *req, struct shift_error *err)
{
	_cleanup_choice_ struct shift_choice choice = SHIFT_CHOICE_INIT;
	struct shift_config config = SHIFT_CONFIG_INIT;
	_cleanup_free_ struct shift_nfs_option *nfs = NULL;
	struct shift_want want;
	int r;

	if (req->backend != BACKEND_AUTO)
		return 0;
	r = shift_config_read(SHIFT_CONFIG_FILE, &config, err);
	if (r < 0)
		return r;
	r = backend_want(req, req->source, &want, &nfs, err);
	if (r < 0)
		return r;
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
	req->backend = choice.chosen == SHIFT_BY_IDMAP ? BACKEND_IDMAP :
		       choice.chosen == SHIFT_BY_DELEGATE ? BACKEND_DELEGATE : BACKEND_SHIFTFS;
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

/* The namespace of userns=, or one made of the map; the caller's fd. */
static int userns_of(const struct request *req, struct shift_error *err)
{
	int fd;

	if (req->userns_fd < 0)
		return shift_userns_create(&req->map, err);
	fd = fcntl(req->userns_fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? shift_err_set(err, errno, "user namespace %s", req->userns_path) : fd;
}

int backend_delegate(const struct request *req, struct shift_error *err)
{
	_cleanup_free_ struct shift_nfs_option *options = NULL;
	struct shift_nfs nfs = {
		.source = req->source, .netns = req->netns_fd,
		.attr_flags = flags_to_attr(req->mflags),
	};
	_cleanup_close_ int userns = -1;
	int r;

	if (!has_map(req))
		return no_map(req, err);
	userns = userns_of(req, err);
	if (userns < 0)
		return shift_err_prefix(err, "%s on %s", req->source, req->target);
	r = nfs_options(req, &options, &nfs.n_options, err);
	if (r < 0)
		return r;
	nfs.options = options;
	nfs.userns = userns;
	if (req->netns_fd < 0)
		warn("%s: other mounts from this server in this network namespace will show the ids of this map; give another namespace by netns=", req->source);
	return shift_nfs_mount(&nfs, err);
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
	userns = userns_of(req, err);
	if (userns < 0)
		return shift_err_prefix(err, "idmapped mount of %s", req->source);

	flags_to_remount_attr(req->mflags, &set, &clr);
	r = shift_clone_idmap(fd, req->source, userns, (unsigned int)set,
			      (unsigned int)clr & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME),
			      err);
	if (r < 0)
		return r;
	verbose("mount_setattr(idmapped, attributes %#llx): ok", (unsigned long long)set);
	return steal_fd(&fd);
}
