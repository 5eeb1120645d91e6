/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner cp */
#ifndef RUNNER_COPY_CMD_H
#define RUNNER_COPY_CMD_H

#include "error.h"

/* argv[0] is "cp".  Returns the exit status; @err is for the caller to print. */
int copy_cmd(int argc, char **argv, struct shift_error *err);

#endif
