/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree of one layer and its index.
 *
 * The index is text, a line for each entry in the order of a sorted walk:
 *
 *	TYPE MODE UID GID MTIME SIZE CONTENT XATTRS PATH[ -> TARGET]
 *
 * TYPE is a letter as find's %y prints it, CONTENT the sha256 of a regular
 * file, XATTRS one of all extended attributes that matter, each "-" where there
 * is none; in PATH and TARGET odd bytes are \ooo.
 */
#ifndef RUNNER_TREE_H
#define RUNNER_TREE_H

#include <fts.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/util.h"
#include "error.h"
#include "store/progress.h"

/*
 * Turns the whiteout files of an unpacked archive into what overlayfs knows:
 * .wh.NAME into a character device 0:0 called NAME, .wh..wh..opq into the
 * attribute trusted.overlay.opaque of its directory.
 */
int tree_whiteouts(const char *tree, struct shift_error *err);

/*
 * Who owns, with mode 0700, a directory that an archive has things in but does
 * not describe itself.
 */
#define TREE_NOBODY 4294967294u

/*
 * Gives such directories what the same directory has in @lowers, trees of the
 * layers below, lowest first: or they would hide its owner and mode.  So the tree
 * depends on all of these layers.
 */
int tree_inherit(const char *tree, const struct strv *lowers,
		 struct shift_error *err);

/*
 * Removes whiteouts that hide nothing of @lowers.  overlayfs shows one in a directory
 * that it does not merge, as a name that cannot be looked up.
 */
int tree_vain_whiteouts(const char *tree, const struct strv *lowers,
			struct shift_error *err);

/*
 * Makes in @tree what @list, of layer_unpack(), has as hard links to files of
 * the layers below, @lowers, lowest first: copies of these.  Before whiteouts.
 */
int tree_links(const char *tree, const char *list, const struct strv *lowers,
	       struct shift_error *err);

/*
 * Compares @index, of the tree that was unpacked, with @list, what the archive
 * had: names, types, sizes, digests, targets of links.  @path is the archive's
 * name for messages.
 */
int tree_check(const char *list, const char *index, const char *path,
	       struct shift_error *err);

/* Gives the directory @e the times that it had before what is in it was changed. */
int tree_keep_times(const FTSENT *e, struct shift_error *err);

/* An error when fts(3) could not look at @e, or at what is in it. */
int tree_walk_error(const FTSENT *e, struct shift_error *err);

/* Writes a name as an index has it: odd bytes as \ooo. */
void tree_put_text(FILE *out, const char *text);

struct tree_sum {
	uint64_t bytes;		/* of regular files, each once */
	uint64_t shared;	/* of these, in files that were there already */
	uint64_t files;
	uint32_t most_id;	/* the largest of all owners and groups */
};

/*
 * Writes the index of @tree to the file @index, which must not exist.  Where
 * @objects is not NULL it is the folder of files by digest: what it has already
 * takes the place of the tree's own file, as a hard link, what it lacks is
 * linked into it.  One inode for one content, owner, mode, time and attributes:
 * so the page cache is shared too.
 */
int tree_index(const char *tree, const char *index, const char *objects,
	       struct progress *progress, struct tree_sum *sum,
	       struct shift_error *err);

/*
 * Compares @tree with @index.  Each difference becomes a line in @findings,
 * after @label.  Negative only when comparing itself failed.
 */
int tree_verify(const char *tree, const char *index, const char *label,
		struct progress *progress, struct strv *findings,
		struct shift_error *err);

#endif
