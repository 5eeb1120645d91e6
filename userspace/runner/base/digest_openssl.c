/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For runner-image: layers are large, and OpenSSL uses what the processor has. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct digest {
	EVP_MD_CTX *ctx;
};

struct digest *digest_begin(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx && EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL))
		return d;
	digest_free(d);
	return NULL;
}

bool digest_add(struct digest *d, const void *buf, size_t len)
{
	return EVP_DigestUpdate(d->ctx, buf, len);
}

bool digest_end(struct digest *d, char hex[DIGEST_HEX + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!EVP_DigestFinal_ex(d->ctx, md, &len) || len != DIGEST_HEX / 2)
		return false;
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	return true;
}

void digest_free(struct digest *d)
{
	if (d)
		EVP_MD_CTX_free(d->ctx);
	free(d);
}
