/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unpacking one archive, which may be hostile, into an empty tree. */
#ifndef RUNNER_STORE_LAYER_H
#define RUNNER_STORE_LAYER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/digest.h"
#include "error.h"
#include "store/progress.h"

/* What an import may still unpack, or has unpacked; of all its layers. */
struct layer_budget {
	uint64_t bytes;		/* of archives uncompressed, and of their files */
	uint64_t entries;
	uint64_t names;		/* bytes of all names */
};

struct layer_taken {
	struct layer_budget used;
	uint64_t end;		/* of the last file's content in the archive */
};

struct layer_source {
	int fd;			/* the archive, read from its start if it has one */
	const char *path;	/* its name for messages */
	const char *diff_id;	/* sha256 promised of the archive uncompressed, or NULL */
	int userns;		/* of sandbox_userns() */
};

/*
 * Unpacks the tar archive (plain or compressed by what libarchive itself can
 * read) of @source into the directory @root, says in @diff_id the digest of the
 * archive uncompressed and takes what it needed from @budget.  @progress may be
 * NULL.
 *
 * One process in a sandbox uncompresses; runner counts and digests what that
 * gives, and feeds it to another one in a sandbox, whose root is @root, which
 * makes the files.  Refused are names that lead out of @root, entries that go
 * through a symbolic link, entries that the archive has not whole, and what
 * exceeds @budget.  Left out are device nodes (the pod's /dev is not the image's)
 * and trusted.* and foreign security.* attributes, which overlayfs and security
 * modules would take as their own.  Whiteouts arrive as the files .wh.NAME that
 * they are in the archive: see tree_whiteouts().
 *
 * Where the digest is the one promised, a last block may be incomplete, as other
 * tools write it, and the archive empty.
 *
 * The descriptor @list gets a line for each entry, in the archive's order:
 *
 *	TYPE SIZE CONTENT PATH[ -> TARGET]
 *
 * as in an index (tree.h), with TYPE 'h' for a hard link, and 'H' for one to a
 * file which this archive does not have: nothing is made for it.
 */
int layer_unpack(const char *root, const struct layer_source *source, int list,
		 struct layer_budget *budget, struct progress *progress,
		 char diff_id[DIGEST_HEX + 1], struct shift_error *err);

/*
 * What the process in the sandbox does: the tar archive in @fd goes to the
 * working directory; *taken is what it needed.
 */
int layer_extract(int fd, const char *path, const struct layer_budget *budget,
		  FILE *list, struct layer_taken *taken, struct shift_error *err);

/* The error that says so: -EFBIG. */
int layer_too_large(const char *path, struct shift_error *err);

/*
 * Starts a process in a sandbox that uncompresses the archive @fd into @out, a
 * pipe or a file of at most @file_max bytes; what it cannot do it says in the
 * pipe @say.  Returns its pid.
 */
pid_t layer_inflate(int fd, int out, int say, const char *root,
		    uint64_t file_max, struct shift_error *err);

/*
 * Waits for a process of a sandbox and reads what it said in the pipe @from, at
 * most @room bytes with the final NUL.  Negative when it failed; that is in @err.
 */
int layer_hear(pid_t pid, int from, const char *path, char *text, size_t room,
	       struct shift_error *err);

/*
 * Writes the tree @dir as a tar archive to the pipe @fd, as a process in a
 * sandbox; *ret is its pid, to be waited for by layer_hear(), and *say the pipe
 * that it speaks to.
 */
int layer_pack_begin(const char *dir, int fd, pid_t *ret, int *say,
		     struct shift_error *err);

#endif
