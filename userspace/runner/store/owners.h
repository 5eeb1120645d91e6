/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of an image whose owners a pod has no ids for. */
#ifndef RUNNER_STORE_OWNERS_H
#define RUNNER_STORE_OWNERS_H

#include <stdint.h>

#include "base/util.h"

/*
 * Says on stderr, in one line, that files of an image belong to ids that a pod with
 * the ids 0 to @count - 1 lacks: how many, the first of them, and what to do.  @trees
 * are the layers' trees in the store, lowest first; of others nothing is known.  What
 * a higher layer hides does not count.  Only where there is such an id in a layer is
 * its index read.
 */
void owners_warn(const struct strv *trees, uint32_t count);

#endif
