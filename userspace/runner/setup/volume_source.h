/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a volume's source is, found once and used by its descriptor.
 *
 * The administrator chose the path, and may go through his own links.  But from
 * the first directory on that a pod can write, because it is a volume of this
 * pod's or of another's, the names are the pod's: there a link may lead to
 * another place in that directory, and not out of it.  Otherwise a pod with the
 * volume /data would choose what -v /data/sub:/sub shows.
 */
#ifndef RUNNER_VOLUME_SOURCE_H
#define RUNNER_VOLUME_SOURCE_H

#include <stdbool.h>

#include "base/util.h"
#include "error.h"
#include "spec/spec.h"

/*
 * An O_PATH descriptor of @source, the caller's.  What pods can write are the
 * volumes of @spec and the directories @written, which may be NULL.  @recorded:
 * @source has been found before and had no link left, so that a link in it now
 * is an error.  *ret_real, if not NULL, is the path without links, the caller's.
 */
int volume_source_open(const struct spec *spec, const struct strv *written,
		       const char *source, bool recorded, char **ret_real,
		       struct shift_error *err);

/* Puts the path without links in the place of each volume's source. */
int volume_source_resolve(struct spec *spec, const struct strv *written,
			  struct shift_error *err);

#endif
