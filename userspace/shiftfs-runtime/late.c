// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libmount, loaded when its first function is called.  It brings three libraries along,
 * whose loading would be most of what the wrapper costs, and only error messages, mounts
 * below a source and private mounts want it.  Without it its functions fail.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libmount/libmount.h>

static void *late(const char *name)
{
	static void *library;

	if (!library)
		library = dlopen("libmount.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		errno = ENOSYS;
	return library ? dlsym(library, name) : NULL;
}

#define LATE(type, name, params, args, failed)			\
	type name params					\
	{							\
		__typeof__(&name) f;				\
								\
		*(void **)&f = late(#name);			\
		return f ? f args : (failed);			\
	}

#define LATE_VOID(name, params, args)				\
	void name params					\
	{							\
		__typeof__(&name) f;				\
								\
		*(void **)&f = late(#name);			\
		if (f)						\
			f args;					\
	}

LATE(struct libmnt_table *, mnt_new_table, (void), (), NULL)
LATE(struct libmnt_table *, mnt_new_table_from_file, (const char *file), (file), NULL)
LATE_VOID(mnt_unref_table, (struct libmnt_table *tb), (tb))
LATE(int, mnt_table_parse_stream, (struct libmnt_table *tb, FILE *f_, const char *name),
     (tb, f_, name), -ENOSYS)
LATE(struct libmnt_iter *, mnt_new_iter, (int direction), (direction), NULL)
LATE_VOID(mnt_free_iter, (struct libmnt_iter *itr), (itr))
LATE(int, mnt_table_next_fs, (struct libmnt_table *tb, struct libmnt_iter *itr, struct libmnt_fs **fs),
     (tb, itr, fs), 1)
LATE(int, mnt_fs_get_id, (struct libmnt_fs *fs), (fs), -1)
LATE(int, mnt_fs_get_propagation, (struct libmnt_fs *fs, unsigned long *flags), (fs, flags), -ENOSYS)
LATE(const char *, mnt_fs_get_fstype, (struct libmnt_fs *fs), (fs), NULL)
LATE(const char *, mnt_fs_get_target, (struct libmnt_fs *fs), (fs), NULL)
LATE(const char *, mnt_fs_get_vfs_options, (struct libmnt_fs *fs), (fs), NULL)
LATE(const char *, mnt_fs_get_fs_options, (struct libmnt_fs *fs), (fs), NULL)
LATE(int, mnt_optstr_get_option, (const char *optstr, const char *name, char **value, size_t *size),
     (optstr, name, value, size), 1)
