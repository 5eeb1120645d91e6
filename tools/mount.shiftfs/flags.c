// SPDX-License-Identifier: GPL-2.0-or-later
#include "flags.h"

#include <stddef.h>
#include <sys/mount.h>

#include "fscontext.h"
#include "syscalls.h"

#ifndef MS_NOSYMFOLLOW
# define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
# define MS_LAZYTIME (1 << 25)
#endif

static const struct {
	unsigned long ms;
	unsigned int attr;
} attrs[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY },
	{ MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, MOUNT_ATTR_NODEV },
	{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};

static const struct {
	unsigned long ms;
	const char *on;
	const char *off;	/* NULL: the kernel has no word for it */
} sb_flags[] = {
	{ MS_RDONLY, "ro", "rw" },
	{ MS_SYNCHRONOUS, "sync", "async" },
	{ MS_DIRSYNC, "dirsync", NULL },
	{ MS_MANDLOCK, "mand", "nomand" },
	{ MS_LAZYTIME, "lazytime", "nolazytime" },
};

#define ATIME (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define N(a) (sizeof(a) / sizeof((a)[0]))

static unsigned int atime_attr(unsigned long mflags)
{
	unsigned int attr = MOUNT_ATTR_RELATIME;

	/* noatime wins over strictatime, as in mount(2). */
	if (mflags & MS_NOATIME)
		attr = MOUNT_ATTR_NOATIME;
	else if (mflags & MS_STRICTATIME)
		attr = MOUNT_ATTR_STRICTATIME;
	if (mflags & MS_NODIRATIME)
		attr |= MOUNT_ATTR_NODIRATIME;
	return attr;
}

unsigned int flags_to_attr(unsigned long mflags)
{
	unsigned int attr = atime_attr(mflags);

	for (size_t i = 0; i < N(attrs); i++)
		if (mflags & attrs[i].ms)
			attr |= attrs[i].attr;
	return attr;
}

void flags_to_remount_attr(unsigned long mflags, uint64_t *ret_set,
			   uint64_t *ret_clr)
{
	uint64_t set = 0, clr = 0;

	for (size_t i = 0; i < N(attrs); i++) {
		if (mflags & attrs[i].ms)
			set |= attrs[i].attr;
		else
			clr |= attrs[i].attr;
	}
	if (mflags & ATIME) {
		set |= atime_attr(mflags);
		clr |= MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	}
	*ret_set = set;
	*ret_clr = clr;
}

int flags_to_fsctx(unsigned long mflags, int fsfd, int all,
		   struct shift_error *err)
{
	for (size_t i = 0; i < N(sb_flags); i++) {
		const char *word = mflags & sb_flags[i].ms ? sb_flags[i].on :
				   all ? sb_flags[i].off : NULL;
		int r = word ? shift_fsctx_flag(fsfd, word, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
