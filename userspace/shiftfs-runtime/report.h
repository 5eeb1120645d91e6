/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors where an engine looks for a runtime's: in the log file, and on stderr. */
#ifndef RUNTIME_REPORT_H
#define RUNTIME_REPORT_H

#include "args.h"
#include "error.h"

/* Writes @err by what --log and --log-format say, and to stderr.  Returns 1, the exit status. */
int report(const struct oci_args *args, const struct shift_error *err);

#endif
