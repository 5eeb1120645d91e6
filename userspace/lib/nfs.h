/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NFS mounted for a user namespace: the kernel's client itself translates ids by
 * the map of that namespace, and nothing is stacked.  From Linux 7.2 on a process
 * with CAP_SYS_ADMIN in the initial user namespace can make such a mount, out of a
 * filesystem context which was opened inside the other one.
 */
#ifndef SHIFT_NFS_H
#define SHIFT_NFS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* An option of nfs(5), for the kernel; no value: a flag. */
struct shift_nfs_option {
	const char *name;
	const char *value;
};

/* Whether @source has the form HOST:/EXPORT; HOST may be [ADDRESS]. */
bool shift_is_nfs_source(const char *source);

struct shift_nfs {
	const char *source;	/* HOST:/EXPORT */
	const struct shift_nfs_option *options;
	size_t n_options;
	int userns;		/* whose map it is */
	int netns;		/* from where the server is reached; -1: this process's */
	unsigned int attr_flags;	/* MOUNT_ATTR_* */
};

/*
 * A mount of the export for the user namespace, not attached anywhere: attach it with
 * shift_attach() or close it to be rid of it.  A file stored as N is seen as the id
 * that the namespace calls N.  Where the options do not say vers, 4.2, 4.1 and 4.0 are
 * tried; addr, clientaddr, sec=sys and nosharecache are set unless they are among
 * the options.  Waits for the server, as long as nfs(5)'s timeo and retrans say.
 *
 * The kernel's client of a server is one for a network namespace, and takes the ids of
 * all its mounts by the user namespace of the first.  A mount that it would show by
 * another map is refused with -EBUSY; but what is mounted later from this server, by
 * mount(8), is shown by this map.  So give a network namespace that is the pod's own.
 *
 * Returns an fd with O_CLOEXEC, the caller's to close.  -EOPNOTSUPP: this kernel
 * mounts the export, but not for a user namespace.
 */
int shift_nfs_mount(const struct shift_nfs *nfs, struct shift_error *err);

#endif
