/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are read again after a crash. */
#ifndef RUNNER_REPLACE_H
#define RUNNER_REPLACE_H

#include <stdbool.h>

#include "error.h"

/*
 * Puts @text in the place of what is at @path, if anything: whoever opens it
 * has the old or the new whole.  With @durable that holds for a host that loses
 * its power, too, and the new is there when this returns; without it the file
 * may be empty then.  @path.new is used for it.
 */
int file_replace(const char *path, const char *text, bool durable,
		 struct shift_error *err);

/* What has been done to names in the directory @path stays over a crash. */
int dir_sync(const char *path, struct shift_error *err);

#endif
