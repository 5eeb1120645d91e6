/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shift_lower_probe() from runner-mount.so, which needs libmount: only an error
 * message asks for it.
 */
#include "lower.h"

#include <errno.h>
#include <string.h>

#include "base/helper.h"

int shift_lower_probe(const char *path, struct shift_lower *ret,
		      struct shift_error *err)
{
	__typeof__(&shift_lower_probe) probe =
		helper_load("runner-mount.so", "runner_lower_probe", err);

	return probe ? probe(path, ret, err) : -ENOENT;
}
