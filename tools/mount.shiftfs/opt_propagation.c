// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shared, slave, private, unbindable and their r-forms: a second step after the
 * mount.  libmount splits these off as MS_* bits; the names are for the table.
 */
#include <errno.h>
#include <sys/mount.h>

#include "options.h"
#include "syscalls.h"

#define PROPAGATION (MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)

static int attached(const struct request *req, int mntfd,
		    struct shift_error *err)
{
	struct mount_attr attr = {
		.propagation = req->mflags & PROPAGATION,
	};
	unsigned int flags = AT_EMPTY_PATH;

	if (!attr.propagation)
		return 0;
	if (req->mflags & MS_REC)
		flags |= AT_RECURSIVE;
	if (sys_mount_setattr(mntfd, "", flags, &attr, sizeof(attr)) < 0)
		return shift_err_set(err, errno,
				     "the mount stands, but its propagation could not be set");
	verbose("mount_setattr(propagation %#llx): ok",
		(unsigned long long)attr.propagation);
	return 0;
}

static const char *const names[] = { NULL };

const struct option_handler option_propagation = {
	.names = names,
	.attached = attached,
};
