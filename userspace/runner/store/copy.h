/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying files from one process to another, each of which sees but its own
 * side: the one writes a tar archive into a pipe, the other makes files of it.
 * So a pod is read and written by a process in it, with its ids and its links, and
 * the host by one on the host.
 */
#ifndef RUNNER_STORE_COPY_H
#define RUNNER_STORE_COPY_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/*
 * Writes the file that is open as @file, or with -1 all of the working directory,
 * to @fd.  Its name in the archive is @as; NULL: "." for the directory.  With
 * @mounts what is mounted in it goes along, but nothing of what the kernel itself
 * shows.  A failure is said in the pipe @say: layer_hear().  Returns an exit
 * status.
 */
int copy_pack(int fd, int file, const char *as, bool mounts, int say);

struct copy_in {
	const char *what;	/* names the archive in messages */
	const char *top;	/* takes the place of its first component, or NULL */
	bool contents;		/* of the top: its first component is "." */
	bool top_is_file;	/* there is something else than a directory */
	bool top_wants_dir;	/* a '/' was behind its name */
	bool compressed;	/* it may be */
	bool own;		/* all is given to @uid and @gid, else ids stay */
	uid_t uid;
	gid_t gid;
	bool harmless;		/* without set-ids and capabilities */
	bool top_too;		/* the working directory gets what "." has */
};

/*
 * Makes files of the archive @fd in the working directory, which a stranger may
 * write as well.  No entry goes through a symbolic link.  A directory and anything
 * else do not take each other's place.
 */
int copy_unpack(int fd, const struct copy_in *how, struct shift_error *err);

/*
 * Copies what is in the directory @from to the directory @to, with owners, modes and
 * attributes, and those of @from itself: by two processes in sandboxes.
 */
int copy_tree(const char *from, const char *to, struct shift_error *err);

#endif
