// SPDX-License-Identifier: GPL-2.0-or-later
/* By itself, as it is what needs libmount. */
#include "lower.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "cleanup.h"
#include "syscalls.h"

#define MOUNTINFO "/proc/self/mountinfo"

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void cleanup_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

/* By mount id, as a path alone may be hidden under a later mount. */
static int find_mount(struct libmnt_table *table, uint64_t id,
		      struct libmnt_fs **ret)
{
	__attribute__((cleanup(cleanup_iter))) struct libmnt_iter *iter =
		mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;

	if (!iter)
		return -ENOMEM;
	while (!mnt_table_next_fs(table, iter, &fs))
		if ((uint64_t)mnt_fs_get_id(fs) == id) {
			*ret = fs;
			return 0;
		}
	return -ENOENT;
}

static bool has_option(const char *options, const char *name)
{
	return options && !mnt_optstr_get_option(options, name, NULL, NULL);
}

static unsigned int attrs_of(const char *options)
{
	static const struct {
		const char *name;
		unsigned int attr;
	} names[] = {
		{ "ro", MOUNT_ATTR_RDONLY },
		{ "nosuid", MOUNT_ATTR_NOSUID },
		{ "nodev", MOUNT_ATTR_NODEV },
		{ "noexec", MOUNT_ATTR_NOEXEC },
	};
	unsigned int attrs = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (has_option(options, names[i].name))
			attrs |= names[i].attr;
	return attrs;
}

/* For want of mountinfo; "ro" may be the filesystem's then. */
static unsigned int attrs_of_statvfs(const char *path)
{
	struct statvfs sv;

	if (statvfs(path, &sv) < 0)
		return 0;
	return (sv.f_flag & ST_RDONLY ? MOUNT_ATTR_RDONLY : 0) |
	       (sv.f_flag & ST_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
	       (sv.f_flag & ST_NODEV ? MOUNT_ATTR_NODEV : 0) |
	       (sv.f_flag & ST_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
}

int shift_lower_probe(const char *path, struct shift_lower *ret,
		      struct shift_error *err)
{
	__attribute__((cleanup(cleanup_table))) struct libmnt_table *table = NULL;
	_cleanup_lower_ struct shift_lower found = SHIFT_LOWER_INIT;
	struct libmnt_fs *fs;
	struct statx stx;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &stx) < 0)
		return shift_err_set(err, errno, "%s", path);
	found.is_dir = S_ISDIR(stx.stx_mode);

	table = mnt_new_table_from_file(MOUNTINFO);
	if (table && (stx.stx_mask & STATX_MNT_ID) &&
	    !find_mount(table, stx.stx_mnt_id, &fs)) {
		const char *type = mnt_fs_get_fstype(fs);
		const char *root = mnt_fs_get_target(fs);

		found.fstype = strdup(type ? type : "unknown");
		found.root = strdup(root ? root : "?");
		found.attrs = attrs_of(mnt_fs_get_vfs_options(fs));
		found.mount_ro = found.attrs & MOUNT_ATTR_RDONLY;
		found.sb_ro = has_option(mnt_fs_get_fs_options(fs), "ro");
		found.idmapped = has_option(mnt_fs_get_vfs_options(fs), "idmapped");
	} else {
		found.attrs = attrs_of_statvfs(path);
		found.mount_ro = found.attrs & MOUNT_ATTR_RDONLY;
		found.fstype = strdup("unknown");
		found.root = strdup("?");
	}
	if (!found.fstype || !found.root)
		return shift_err_set(err, ENOMEM, "%s", path);

	*ret = found;
	found.fstype = NULL;
	found.root = NULL;
	return 0;
}
