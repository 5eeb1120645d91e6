// SPDX-License-Identifier: GPL-2.0-or-later
#include "choose.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cleanup.h"
#include "fscontext.h"
#include "mounttree.h"
#include "syscalls.h"
#include "userns.h"

const char *shift_mechanism_name(enum shift_mechanism mechanism)
{
	static const char *const names[] = {
		[SHIFT_BY_IDMAP] = "idmap",
		[SHIFT_BY_SHIFTFS] = "shiftfs",
		[SHIFT_BY_DELEGATE] = "delegate",
	};

	return names[mechanism];
}

const char *shift_obstacle_name(enum shift_obstacle obstacle)
{
	static const char *const names[] = {
		[SHIFT_OBSTACLE_NONE] = "none",
		[SHIFT_OBSTACLE_UNTRIED] = "untried",
		[SHIFT_OBSTACLE_FILESYSTEM] = "filesystem",
		[SHIFT_OBSTACLE_KERNEL] = "kernel",
		[SHIFT_OBSTACLE_MODULE] = "module",
		[SHIFT_OBSTACLE_PRIVILEGE] = "privilege",
		[SHIFT_OBSTACLE_STACKING] = "stacking",
		[SHIFT_OBSTACLE_IDMAPPED] = "idmapped",
		[SHIFT_OBSTACLE_MAP] = "map",
		[SHIFT_OBSTACLE_SOURCE] = "source",
		[SHIFT_OBSTACLE_OPTION] = "option",
		[SHIFT_OBSTACLE_OTHER] = "other",
	};

	return names[obstacle];
}

/* -ENOMEM, or 0: an obstacle that was found is no failure of the search. */
static int __attribute__((format(printf, 3, 4)))
obstacle(struct shift_verdict *v, enum shift_obstacle what, const char *fmt, ...)
{
	va_list ap;
	int r;

	v->obstacle = what;
	va_start(ap, fmt);
	r = vasprintf(&v->why, fmt, ap);
	va_end(ap);
	if (r < 0) {
		v->why = NULL;
		return -ENOMEM;
	}
	v->why[strcspn(v->why, "\n")] = '\0';
	return 0;
}

static int no_privilege(struct shift_verdict *v, const char *what)
{
	if (!shift_in_initial_userns())
		return obstacle(v, SHIFT_OBSTACLE_PRIVILEGE,
				"%s needs CAP_SYS_ADMIN in the initial user namespace, and this is another one", what);
	return obstacle(v, SHIFT_OBSTACLE_PRIVILEGE,
			"%s needs CAP_SYS_ADMIN: ask as root", what);
}

/* Filesystems which got idmapped mounts later than the oldest kernel we know. */
static const char *idmap_since(const char *fstype)
{
	static const struct {
		const char *fstype, *since;
	} later[] = {
		{ "tmpfs", "; Linux 6.12 does" },
		{ "squashfs", "; Linux 6.12 does" },
		{ "ceph", "; Linux 6.12 does" },
		{ "exfat", "; Linux 6.12 does" },
		{ "overlay", "; Linux 7.3 does" },
		{ "fuse", "; from Linux 6.12 a server can ask for it, this one does not" },
	};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		size_t len = strlen(later[i].fstype);

		/* fuse.bindfs and fuseblk are fuse */
		if (!strncmp(fstype, later[i].fstype, len) &&
		    (!fstype[len] || later[i].fstype[0] == 'f'))
			return later[i].since;
	}
	return "";
}

/* The map as a user namespace: a duplicate of the caller's, or a new one. */
static int want_userns(const struct shift_want *want,
		       const struct shift_idmap *map, struct shift_error *err)
{
	int fd;

	if (want->userns_fd < 0)
		return shift_userns_create(map, err);
	fd = fcntl(want->userns_fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? shift_err_set(err, errno, "user namespace") : fd;
}

static int try_idmap(const char *path, const struct shift_want *want,
		     const struct shift_idmap *map,
		     const struct shift_lower *lower, struct shift_verdict *v)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_close_ int fd = -1, userns = -1;
	struct utsname uts;
	int r;

	if (shift_is_nfs_source(path))
		return obstacle(v, SHIFT_OBSTACLE_FILESYSTEM,
				"nfs has no idmapped mounts");
	if (want->many_to_one)
		return obstacle(v, SHIFT_OBSTACLE_MAP,
				"an idmapped mount maps each id to one id; many to one is shiftfs's alone");
	if (want->shiftfs_option)
		return obstacle(v, SHIFT_OBSTACLE_OPTION,
				"an idmapped mount has no option %s",
				want->shiftfs_option);
	fd = shift_clone(path, &err);
	switch (fd < 0 ? -fd : 0) {
	case 0:
		break;
	case ENOSYS:
		return obstacle(v, SHIFT_OBSTACLE_KERNEL,
				"open_tree(2) is not there: Linux 5.12 or newer is needed, and no seccomp filter in the way");
	case EPERM:
		return no_privilege(v, "an idmapped mount");
	case EINVAL:
		return obstacle(v, SHIFT_OBSTACLE_OTHER,
				"the mount at %s cannot be cloned: it is unbindable, not in this mount namespace, or has locked mounts below", lower->root);
	default:
		return obstacle(v, SHIFT_OBSTACLE_OTHER, "%s", shift_err_text(&err));
	}

	userns = want_userns(want, map, &err);
	switch (userns < 0 ? -userns : 0) {
	case 0:
		break;
	case E2BIG:
		return obstacle(v, SHIFT_OBSTACLE_MAP, "%s", shift_err_text(&err));
	case EPERM:
		return obstacle(v, SHIFT_OBSTACLE_PRIVILEGE, "%s", shift_err_text(&err));
	default:
		return obstacle(v, SHIFT_OBSTACLE_OTHER, "%s", shift_err_text(&err));
	}

	r = shift_clone_idmap(fd, path, userns, 0, 0, &err);
	switch (-r) {
	case 0:
		return 0;
	case ENOSYS:
		return obstacle(v, SHIFT_OBSTACLE_KERNEL,
				"mount_setattr(2) is not there: Linux 5.12 or newer is needed, and no seccomp filter in the way");
	case EINVAL:
		if (uname(&uts) < 0)
			uts.release[0] = '\0';
		return obstacle(v, SHIFT_OBSTACLE_FILESYSTEM,
				"%s has no idmapped mounts on Linux %s%s", lower->fstype,
				uts.release, idmap_since(lower->fstype));
	case EPERM:
		if (lower->idmapped)
			return obstacle(v, SHIFT_OBSTACLE_IDMAPPED,
					"the mount at %s is idmapped already, and such maps do not add up; shiftfs can stand on it", lower->root);
		return obstacle(v, SHIFT_OBSTACLE_PRIVILEGE,
				"an idmapped mount of %s needs CAP_SYS_ADMIN in the user namespace that mounted it", lower->root);
	default:
		return obstacle(v, SHIFT_OBSTACLE_OTHER, "%s", shift_err_text(&err));
	}
}

static int make_shiftfs(int fsfd, const char *path, const struct shift_want *want,
			const struct shift_idmap *map, struct shift_error *err)
{
	_cleanup_close_ int pinned = -1;
	int r;

	r = shift_set_source(fsfd, path, &pinned, err);
	if (r < 0)
		return r;
	if (want->userns_fd >= 0)
		r = shift_fsctx_fd(fsfd, "userns", want->userns_fd, err);
	else
		r = shift_fsctx_idmap(fsfd, map, err);
	if (r < 0)
		return r;
	return shift_fsctx_create(fsfd, err);
}

static int try_shiftfs(const char *path, const struct shift_want *want,
		       const struct shift_idmap *map,
		       const struct shift_lower *lower, struct shift_verdict *v)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_close_ int fsfd = -1;
	int r;

	if (shift_is_nfs_source(path))
		return obstacle(v, SHIFT_OBSTACLE_SOURCE,
				"shiftfs shows what is mounted: mount %s, and give the path where it is", path);
	fsfd = shift_fsctx_open("shiftfs", &err);
	switch (fsfd < 0 ? -fsfd : 0) {
	case 0:
		break;
	case ENODEV:
		return obstacle(v, SHIFT_OBSTACLE_MODULE,
				"this kernel has no shiftfs: load the module with \"modprobe shiftfs\", or build and install it for this kernel");
	case ENOSYS:
		return obstacle(v, SHIFT_OBSTACLE_KERNEL,
				"fsopen(2) is not there: Linux 5.2 or newer is needed, and no seccomp filter in the way");
	case EPERM:
		return no_privilege(v, "a shiftfs mount");
	default:
		return obstacle(v, SHIFT_OBSTACLE_OTHER, "%s", shift_err_text(&err));
	}

	r = make_shiftfs(fsfd, path, want, map, &err);
	if (r >= 0)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (strstr(shift_err_text(&err), "stacked"))
		return obstacle(v, SHIFT_OBSTACLE_STACKING, "%s", shift_err_text(&err));
	if (r == -EPERM || r == -EACCES)
		return no_privilege(v, "a shiftfs mount");
	return obstacle(v, shift_is_stacked(lower->fstype) && r == -ELOOP ?
				SHIFT_OBSTACLE_STACKING : SHIFT_OBSTACLE_OTHER,
			"%s", shift_err_text(&err));
}

static int try_delegate(const char *path, const struct shift_want *want,
			const struct shift_idmap *map,
			const struct shift_lower *lower, struct shift_verdict *v)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_close_ int fd = -1, userns = -1;
	struct shift_nfs nfs = {
		.source = path, .options = want->nfs_options,
		.n_options = want->n_nfs_options, .netns = want->netns_fd,
	};

	if (!shift_is_nfs_source(path))
		return obstacle(v, SHIFT_OBSTACLE_SOURCE,
				strncmp(lower->fstype, "nfs", 3) ?
				"it mounts an export of an NFS server, HOST:/EXPORT, for a user namespace" :
				"it makes a mount of its own: give HOST:/EXPORT in place of the path where nfs is mounted already");
	if (want->many_to_one)
		return obstacle(v, SHIFT_OBSTACLE_MAP,
				"a user namespace maps each id to one id; many to one is shiftfs's alone");
	nfs.userns = userns = want_userns(want, map, &err);
	fd = userns < 0 ? userns : shift_nfs_mount(&nfs, &err);
	switch (fd < 0 ? -fd : 0) {
	case 0:
		return 0;
	case EOPNOTSUPP:
	case ENODEV:
	case ENOSYS:
		return obstacle(v, SHIFT_OBSTACLE_KERNEL, "%s", shift_err_text(&err));
	case E2BIG:
		return obstacle(v, SHIFT_OBSTACLE_MAP, "%s", shift_err_text(&err));
	case EPERM:
		return no_privilege(v, "NFS for a user namespace");
	default:
		return obstacle(v, SHIFT_OBSTACLE_OTHER, "%s", shift_err_text(&err));
	}
}

/* Nothing of an export can be looked at before it is mounted. */
static int probe_lower(const char *path, struct shift_lower *ret, struct shift_error *err)
{
	struct shift_lower lower = SHIFT_LOWER_INIT;

	if (!shift_is_nfs_source(path))
		return shift_lower_probe(path, ret, err);
	lower.fstype = strdup("nfs");
	lower.root = strdup(path);
	lower.is_dir = true;
	*ret = lower;
	return lower.fstype && lower.root ? 0 : shift_err_set(err, ENOMEM, "%s", path);
}

static int try(enum shift_mechanism mechanism, const char *path,
	       const struct shift_want *want, const struct shift_idmap *map,
	       const struct shift_lower *lower, struct shift_verdict *v)
{
	switch (mechanism) {
	case SHIFT_BY_IDMAP:
		return try_idmap(path, want, map, lower, v);
	case SHIFT_BY_DELEGATE:
		return try_delegate(path, want, map, lower, v);
	default:
		return try_shiftfs(path, want, map, lower, v);
	}
}

int shift_choose(const char *path, const struct shift_want *want,
		 struct shift_choice *ret, struct shift_error *err)
{
	_cleanup_choice_ struct shift_choice choice = SHIFT_CHOICE_INIT;
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));
	/* The last makes mounts of exports alone, the others none of those. */
	const enum shift_mechanism order[SHIFT_N_MECHANISMS] = {
		want->prefer,
		want->prefer == SHIFT_BY_IDMAP ? SHIFT_BY_SHIFTFS : SHIFT_BY_IDMAP,
		SHIFT_BY_DELEGATE,
	};
	int r;

	if (!map)
		return shift_err_set(err, ENOMEM, "%s", path);
	if (want->map)
		*map = *want->map;
	else
		shift_idmap_add(map, SHIFT_BOTH, 0, 100000, 65536, NULL);

	r = probe_lower(path, &choice.lower, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < SHIFT_N_MECHANISMS; i++) {
		struct shift_verdict *v = &choice.verdicts[order[i]];

		if (want->first_only && choice.chosen >= 0)
			r = obstacle(v, SHIFT_OBSTACLE_UNTRIED,
				     "not tried, as %s works and is preferred",
				     shift_mechanism_name((enum shift_mechanism)choice.chosen));
		else
			r = try(order[i], path, want, map, &choice.lower, v);
		if (r < 0)
			return shift_err_set(err, -r, "%s", path);
		if (choice.chosen < 0 && v->obstacle == SHIFT_OBSTACLE_NONE)
			choice.chosen = (int)order[i];
	}
	*ret = choice;
	choice = (struct shift_choice)SHIFT_CHOICE_INIT;
	return 0;
}

void shift_choice_clear(struct shift_choice *choice)
{
	shift_lower_clear(&choice->lower);
	for (size_t i = 0; i < SHIFT_N_MECHANISMS; i++) {
		free(choice->verdicts[i].why);
		choice->verdicts[i].why = NULL;
	}
}

int shift_choice_refuse(const struct shift_choice *choice, const char *path,
			struct shift_error *err)
{
	bool privilege = true;
	int r;

	for (size_t i = 0; i < SHIFT_N_MECHANISMS; i++)
		if (choice->verdicts[i].obstacle != SHIFT_OBSTACLE_PRIVILEGE &&
		    choice->verdicts[i].obstacle != SHIFT_OBSTACLE_SOURCE)
			privilege = false;
	if (shift_is_nfs_source(path))
		r = shift_err_set(err, privilege ? EPERM : EOPNOTSUPP,
				  "nothing can mount %s shifted", path);
	else
		r = shift_err_set(err, privilege ? EPERM : EOPNOTSUPP,
				  "nothing can shift %s, on %s mounted at %s", path,
				  choice->lower.fstype, choice->lower.root);
	for (size_t i = 0; i < SHIFT_N_MECHANISMS; i++)
		if (i != SHIFT_BY_DELEGATE || choice->verdicts[i].obstacle != SHIFT_OBSTACLE_SOURCE ||
		    !strncmp(choice->lower.fstype, "nfs", 3))
			shift_err_hint(err, "%s: %s", shift_mechanism_name(i),
				       choice->verdicts[i].why);
	return r;
}
