/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a container's wishes to a namespace in which the runtime finds them granted. */
#ifndef RUNTIME_SHIFT_H
#define RUNTIME_SHIFT_H

#include "args.h"
#include "error.h"
#include "settings.h"

/*
 * Makes what a create or run needs.  0: the runtime can be executed now, in this process.
 * That may be in a mount namespace of its own by then.
 */
int shift_container(const struct oci_args *args, const struct settings *settings,
		    struct shift_error *err);

#endif
