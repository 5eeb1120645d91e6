// SPDX-License-Identifier: GPL-2.0-or-later
#include "userumount.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "delegate.h"
#include "privilege.h"
#include "request.h"
#include "syscalls.h"

#define NAME "umount." DELEGATE_UHELPER

static void cleanup_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void cleanup_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

#define _cleanup_table_ __attribute__((cleanup(cleanup_table)))
#define _cleanup_iter_ __attribute__((cleanup(cleanup_iter)))

bool user_umount_is_asked(void)
{
	return !strcmp(program_invocation_short_name, NAME);
}

static bool option_is(const char *options, const char *name, const char *want)
{
	char *value;
	size_t len;

	return options && !mnt_optstr_get_option(options, name, &value, &len) &&
	       value && len == strlen(want) && !strncmp(value, want, len);
}

static bool is_of(struct libmnt_fs *fs, const char *user)
{
	const char *options = mnt_fs_get_user_options(fs);

	return option_is(options, "uhelper", DELEGATE_UHELPER) &&
	       option_is(options, "user", user);
}

/* mountinfo with utab's part. */
static struct libmnt_table *read_mounts(void)
{
	struct libmnt_table *table = mnt_new_table();

	if (table && mnt_table_parse_mtab(table, NULL)) {
		mnt_unref_table(table);
		table = NULL;
	}
	return table;
}

int user_mounts(const char *user)
{
	_cleanup_table_ struct libmnt_table *table = read_mounts();
	_cleanup_iter_ struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int n = 0;

	if (!table || !iter)
		return INT_MAX;
	while (!mnt_table_next_fs(table, iter, &fs))
		n += is_of(fs, user);
	return n;
}

static int update_utab(struct libmnt_fs *fs, const char *target, unsigned long mflags)
{
	struct libmnt_update *update = mnt_new_update();
	int r;

	if (!update)
		return -ENOMEM;
	/* 1: there is nothing to be written */
	r = mnt_update_set_fs(update, mflags, target, fs);
	if (!r)
		r = mnt_update_table(update, NULL);
	mnt_free_update(update);
	return r < 0 ? r : 0;
}

int user_mount_note(const char *source, const char *target,
		    unsigned long mflags, const char *options)
{
	struct libmnt_fs *fs = mnt_new_fs();
	int r = -ENOMEM;

	if (fs && !mnt_fs_set_source(fs, source) && !mnt_fs_set_target(fs, target) &&
	    !mnt_fs_set_fstype(fs, MOUNT_FSTYPE) && !mnt_fs_set_options(fs, options))
		r = update_utab(fs, NULL, mflags);
	mnt_unref_fs(fs);
	return r;
}

/* The parent of @target, its last part in *ret_name; as the user. */
static int open_parent(const char *target, char **ret_name)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_free_ char *copy = strdup(target);
	char *slash;
	int fd;

	if (!copy)
		return -ENOMEM;
	slash = strrchr(copy, '/');
	if (copy[0] != '/' || !slash[1])
		return -EINVAL;
	*ret_name = strdup(slash + 1);
	if (!*ret_name)
		return -ENOMEM;
	slash[slash == copy] = '\0';
	fd = sys_openat2(AT_FDCWD, copy, &how);
	return fd < 0 ? -errno : fd;
}

static int complain(const char *target, const char *text)
{
	fprintf(stderr, NAME ": %s: %s\n", target, text);
	return MNT_EX_USAGE;
}

static int umount_it(const char *target, int flags)
{
	_cleanup_table_ struct libmnt_table *table = read_mounts();
	const struct passwd *pw = getpwuid(getuid());
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int parent = -1;
	struct libmnt_fs *fs;
	struct statx stx;

	if (!table || !pw)
		return complain(target, "the list of mounts, or that of users, cannot be read");
	fs = mnt_table_find_target(table, target, MNT_ITER_BACKWARD);
	if (!fs)
		return complain(target, "not mounted");
	if (!is_of(fs, pw->pw_name))
		return complain(target, "this user did not mount it");
	target = mnt_fs_get_target(fs);
	parent = open_parent(target, &name);
	if (parent < 0)
		return complain(target, strerror(-parent));

	/*
	 * From here on the name is looked up in a directory that is held. The
	 * mount there cannot be renamed away, and must be the one found above.
	 */
	privilege_take_over();
	if (fchdir(parent) < 0 ||
	    statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_MNT_ID, &stx) < 0)
		return complain(target, strerror(errno));
	if (!(stx.stx_mask & STATX_MNT_ID) || (int)stx.stx_mnt_id != mnt_fs_get_id(fs))
		return complain(target, "something else is mounted there now");
	if (umount2(name, flags | UMOUNT_NOFOLLOW) < 0) {
		fprintf(stderr, NAME ": %s: %s\n", target, strerror(errno));
		return MNT_EX_FAIL;
	}
	if (update_utab(NULL, target, 0))
		warn("%s is unmounted, but /run/mount/utab could not be written", target);
	return MNT_EX_SUCCESS;
}

int user_umount_main(int argc, char *argv[])
{
	int flags = 0, c;

	opterr = 0;
	while ((c = getopt(argc, argv, "flnrt:v")) != -1) {
		if (c == 'l')
			flags |= MNT_DETACH;
		else if (c == '?') {
			fputs(NAME ": unknown option; umount(8) calls this program\n", stderr);
			return MNT_EX_USAGE;
		}
	}
	if (argc - optind != 1) {
		fputs(NAME ": one mount point is needed; umount(8) calls this program\n", stderr);
		return MNT_EX_USAGE;
	}
	return umount_it(argv[optind], flags);
}
