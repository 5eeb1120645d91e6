/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which descriptors a process has. */
#ifndef RUNNER_FDS_H
#define RUNNER_FDS_H

#include <stddef.h>

/*
 * Closes every descriptor but the standard streams and the @n of @keep, which
 * may be -1.  Returns 0 or a negative errno.
 */
int fds_close_but(const int *keep, size_t n);

/* The same, of those from @from on. */
int fds_close_from(int from, const int *keep, size_t n);

/*
 * Opens /dev/null as each standard stream that the caller has closed: what is
 * opened next must not become one.
 */
int fds_fill_streams(void);

#endif
