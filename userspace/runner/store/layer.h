/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacking one archive, which may be hostile, into an empty tree. */
#ifndef RUNNER_LAYER_H
#define RUNNER_LAYER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "error.h"
#include "store/progress.h"

struct archive;

struct layer_limits {
	uint64_t bytes;		/* of the archive unpacked, and of its files */
	uint64_t entries;
};

/*
 * Unpacks the tar archive (plain or compressed by what libarchive itself can
 * read) in @fd, from its start where that can be sought, into the directory
 * @root, and says in @diff_id the digest of the archive uncompressed.  @path
 * is the archive's name for messages, @progress may be NULL.
 *
 * The archive is read by a child in a chroot of @root with few capabilities
 * and no other descriptor, so that no link and no name of it leads out of
 * @root.  Refused are names with "..", entries that go through a symbolic link
 * and what exceeds @limits.  Left out are device nodes (the pod's /dev is not
 * the image's) and trusted.* and foreign security.* attributes, which overlayfs
 * and security modules would take as their own.  Whiteouts arrive as the files
 * .wh.NAME that they are in the archive: see tree_seal().
 */
int layer_unpack(const char *root, int fd, const char *path,
		 const struct layer_limits *limits, struct progress *progress,
		 char diff_id[DIGEST_HEX + 1], struct shift_error *err);

/*
 * What the child does once it is in its chroot: the archive in @fd goes to the
 * working directory.  For the fuzzer.
 */
int layer_extract(int fd, const char *path, const struct layer_limits *limits,
		  char diff_id[DIGEST_HEX + 1], struct shift_error *err);

/*
 * For a forked child that only looks: gives up what it may do and opens the
 * archive in @fd.  NULL when that fails; never freed, the child ends.
 */
struct archive *layer_open_confined(pid_t parent, int fd);

/*
 * For a forked child of @parent: it ends with it, and keeps of its descriptors
 * those up to 2 and *@fd.  Locks of the parent are descriptors too.
 */
int layer_confine(pid_t parent, int *fd);

/*
 * Writes the tree @dir as a tar archive to the pipe @fd, as a child that ends
 * by itself; *ret is its pid, to be waited for by layer_pack_end().
 */
int layer_pack_begin(const char *dir, int fd, pid_t *ret,
		     struct shift_error *err);
int layer_pack_end(pid_t pid, const char *dir, struct shift_error *err);

#endif
