/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For runner itself: its texts are short, and libcrypto is slow to load. */
#include "base/digest.h"

#include <sha2.h>
#include <stdlib.h>

struct digest {
	SHA2_CTX ctx;
};

struct digest *digest_begin(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d)
		SHA256Init(&d->ctx);
	return d;
}

bool digest_add(struct digest *d, const void *buf, size_t len)
{
	SHA256Update(&d->ctx, buf, len);
	return true;
}

bool digest_end(struct digest *d, char hex[DIGEST_HEX + 1])
{
	return SHA256End(&d->ctx, hex) != NULL;
}

void digest_free(struct digest *d)
{
	free(d);
}
