/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mechanism can shift a path: shiftfs, or an idmapped mount of the kernel. And
 * an export of an NFS server, HOST:/EXPORT: a mount of it for a user namespace.
 *
 * Nothing is guessed from version numbers.  Each mechanism is tried: a detached
 * mount is made, never attached, and closed.  The kernel answers as it
 * would for the real mount.
 */
#ifndef SHIFT_CHOOSE_H
#define SHIFT_CHOOSE_H

#include "error.h"
#include "idmap.h"
#include "lower.h"
#include "nfs.h"

enum shift_mechanism {
	SHIFT_BY_IDMAP,		/* mount_setattr(2) with MOUNT_ATTR_IDMAP */
	SHIFT_BY_SHIFTFS,
	SHIFT_BY_DELEGATE,	/* NFS mounted for a user namespace, see nfs.h */
	SHIFT_N_MECHANISMS,
};

/* "idmap", "shiftfs" or "delegate". */
const char *shift_mechanism_name(enum shift_mechanism mechanism);

/* The reason why a mechanism does not work here. */
enum shift_obstacle {
	SHIFT_OBSTACLE_NONE,
	SHIFT_OBSTACLE_UNTRIED,		/* shift_want.first_only */
	SHIFT_OBSTACLE_FILESYSTEM,	/* the lower's type does not allow it */
	SHIFT_OBSTACLE_KERNEL,		/* the kernel lacks the system calls */
	SHIFT_OBSTACLE_MODULE,		/* no shiftfs in this kernel */
	SHIFT_OBSTACLE_PRIVILEGE,
	SHIFT_OBSTACLE_STACKING,	/* too many filesystems on one another */
	SHIFT_OBSTACLE_IDMAPPED,	/* idmapped already, and maps do not add up */
	SHIFT_OBSTACLE_MAP,		/* the map does not fit, or many ids to one */
	SHIFT_OBSTACLE_SOURCE,		/* it wants a path, or an export */
	SHIFT_OBSTACLE_OPTION,		/* an option which it does not have */
	SHIFT_OBSTACLE_OTHER,
};

/* One word, for JSON; "none" for a mechanism that works. */
const char *shift_obstacle_name(enum shift_obstacle obstacle);

struct shift_want {
	/* Both borrowed.  NULL and -1: 65536 ids from 0, to see whether any works. */
	const struct shift_idmap *map;
	int userns_fd;
	/* An option that is shiftfs's alone, without its value, or NULL. */
	const char *shiftfs_option;
	/* Borrowed: for an export, the options of nfs(5), and the network or -1. */
	const struct shift_nfs_option *nfs_options;
	size_t n_nfs_options;
	int netns_fd;
	bool many_to_one;	/* several stored ids are to be seen as one, or stored as one */
	enum shift_mechanism prefer;
	/* Stop at the first that works: no module is loaded in vain. */
	bool first_only;
};

#define SHIFT_WANT_INIT { NULL, -1, NULL, NULL, 0, -1, false, SHIFT_BY_IDMAP, false }

struct shift_verdict {
	enum shift_obstacle obstacle;
	char *why;	/* a line for a person, NULL when it works */
};

struct shift_choice {
	struct shift_lower lower;
	struct shift_verdict verdicts[SHIFT_N_MECHANISMS];
	int chosen;	/* enum shift_mechanism, -1: none works */
};

#define SHIFT_CHOICE_INIT { SHIFT_LOWER_INIT, { { 0, NULL } }, -1 }

/*
 * Tries the mechanisms on @path, which may be HOST:/EXPORT.  An export is asked of
 * its server, and mounted and unmounted where that works.  Fails only if @path cannot be looked at or
 * memory is out; that nothing works is an answer.
 */
int shift_choose(const char *path, const struct shift_want *want,
		 struct shift_choice *ret, struct shift_error *err);
void shift_choice_clear(struct shift_choice *choice);

#define _cleanup_choice_ __attribute__((cleanup(shift_choice_clear)))

/* Sets @err to why none works.  Returns a negative errno. */
int shift_choice_refuse(const struct shift_choice *choice, const char *path,
			struct shift_error *err);

#endif
