/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole small files, those of /proc and /sys above all. */
#ifndef SHIFT_FILEIO_H
#define SHIFT_FILEIO_H

#include "error.h"

/* *ret is malloc()ed, NUL-terminated and the caller's. */
int shift_read_file(const char *path, char **ret, struct shift_error *err);

#endif
