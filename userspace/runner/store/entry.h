/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken of an entry of an archive that a stranger made. */
#ifndef RUNNER_STORE_ENTRY_H
#define RUNNER_STORE_ENTRY_H

#include <archive_entry.h>
#include <stdbool.h>

#include "error.h"

/*
 * The name relative to the root, "." for the root itself, in *ret, the caller's;
 * "." and ".." are taken out.  Refuses names that lead out.  @archive is named in
 * messages.
 */
int layer_entry_name(const char *name, const char *archive, char **ret,
		     struct shift_error *err);

/* Leaves user.* and, with @capabilities, security.capability: no other. */
int layer_keep_attributes(struct archive_entry *entry, bool capabilities,
			  struct shift_error *err);

#endif
