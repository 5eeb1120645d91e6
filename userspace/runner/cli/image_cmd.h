/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner image import|ls|inspect|verify|rm|prune */
#ifndef RUNNER_IMAGE_CMD_H
#define RUNNER_IMAGE_CMD_H

#include "error.h"

/* argv[0] is "image".  Returns the exit status; @err is for the caller to print. */
int image_cmd(int argc, char **argv, struct shift_error *err);

#endif
