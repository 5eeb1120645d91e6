/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sha256 digests as the OCI image specification writes them. */
#ifndef RUNNER_DIGEST_H
#define RUNNER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define DIGEST_HEX 64

/*
 * Takes "sha256:" and 64 lower-case hexadecimal digits; @where goes into the
 * message.  hex gets the digits alone, which are safe in a path.
 */
int digest_parse(const char *text, char hex[DIGEST_HEX + 1],
		 const char *where, struct shift_error *err);

/* The digest of @len bytes. */
int digest_buf(const void *buf, size_t len, char hex[DIGEST_HEX + 1],
	       struct shift_error *err);

/* The digest of all of @fd, from its start and back to it. */
int digest_fd(int fd, char hex[DIGEST_HEX + 1], const char *path,
	      struct shift_error *err);

/* A digest that is computed piece by piece; NULL without memory. */
struct digest;
struct digest *digest_begin(void);
bool digest_add(struct digest *d, const void *buf, size_t len);
bool digest_end(struct digest *d, char hex[DIGEST_HEX + 1]);
void digest_free(struct digest *d);

/* Compares @len bytes with @hex; @path goes into the message. */
int digest_check_buf(const void *buf, size_t len, const char *hex,
		     const char *path, struct shift_error *err);

/* Compares all of @fd, from its start and back to it, with @hex. */
int digest_check_fd(int fd, const char *hex, const char *path,
		    struct shift_error *err);

#endif
