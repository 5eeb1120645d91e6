/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names in archives are bytes.  In the locale C, libarchive warns of every name
 * in a pax header that is not ASCII.  The name of an entry it gives as it is
 * then, but what a link leads to it loses: that is taken from the header here.
 */
#ifndef RUNNER_STORE_PAX_LINK_H
#define RUNNER_STORE_PAX_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct archive;
struct archive_entry;

#define PAX_BLOCK (1u << 17)

/* The last two blocks that were read of an archive. */
struct pax_window {
	int fd;
	uint64_t end;			/* of the newer one, in the archive */
	size_t len[2];
	char block[2][PAX_BLOCK];	/* the older one, the newer one */
};

/* Opens the tar archive @window->fd with @tar; a status of libarchive. */
int pax_open(struct archive *tar, struct pax_window *window);

/* Whether the last warning of @tar says no more than that. */
bool pax_harmless(struct archive *tar);

/* Gives @entry, of which that was said, the target that its header has. */
int pax_mend_link(struct archive *tar, const struct pax_window *window,
		  struct archive_entry *entry, struct shift_error *err);

#endif
