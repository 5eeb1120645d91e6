/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm-crypt by libcryptsetup, in runner-crypt.so: see base/helper.h. */
#ifndef RUNNER_CRYPT_SO_H
#define RUNNER_CRYPT_SO_H

#include <stddef.h>

#include "error.h"

/*
 * Makes the mapping @name of the LUKS device at @path with the @size bytes of @key.
 * Returns 0 or a negative errno: -EPERM for a wrong key.
 */
int part_crypt_open(const char *path, const char *name, const char *key, size_t size,
		    struct shift_error *err);

/*
 * Tells the kernel to remove the mapping @name as soon as nobody has it open: at once
 * when nobody has.  libcryptsetup calls that deferred.
 */
int part_crypt_close(const char *name, struct shift_error *err);

#endif
