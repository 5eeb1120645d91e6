// SPDX-License-Identifier: GPL-2.0-or-later
#include "lower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

void shift_lower_clear(struct shift_lower *lower)
{
	free(lower->fstype);
	free(lower->root);
	lower->fstype = NULL;
	lower->root = NULL;
}

bool shift_in_initial_userns(void)
{
	struct stat st;

	/* The inode number of the initial user namespace is fixed. */
	return !stat("/proc/self/ns/user", &st) && st.st_ino == 0xEFFFFFFDu;
}

bool shift_is_stacked(const char *fstype)
{
	static const char *const stacked[] = { "overlay", "shiftfs", "ecryptfs" };

	for (size_t i = 0; i < sizeof(stacked) / sizeof(stacked[0]); i++)
		if (!strcmp(fstype, stacked[i]))
			return true;
	return false;
}

int shift_lower_explain(int r, const char *source, struct shift_error *err)
{
	_cleanup_lower_ struct shift_lower lower = SHIFT_LOWER_INIT;

	if (!err)
		return r;
	if (shift_lower_probe(source, &lower, NULL) < 0) {
		shift_err_hint(err, "the source %s cannot be reached: %s", source,
			       strerror(errno));
		return r;
	}
	shift_err_hint(err, "%s is a %s on %s, mounted at %s%s%s", source,
		       lower.is_dir ? "directory" : "file", lower.fstype,
		       lower.root,
		       lower.sb_ro || lower.mount_ro ? ", read-only" : "",
		       lower.idmapped ? ", an idmapped mount" : "");

	switch (-r) {
	case EPERM:
	case EACCES:
		if (!shift_in_initial_userns())
			shift_err_hint(err, "this runs in a user namespace: do the mount outside of it, as root of the machine");
		else
			shift_err_hint(err, "CAP_SYS_ADMIN is needed: run this as root");
		break;
	case EINVAL:
	case ELOOP:
		if (shift_is_stacked(lower.fstype))
			shift_err_hint(err, "the kernel lets filesystems stand two deep on one another, %s counts as one or more: take a source further down",
				       lower.fstype);
		break;
	case EROFS:
		shift_err_hint(err, "add the option ro, or remount %s read-write", lower.root);
		break;
	}
	return r;
}
