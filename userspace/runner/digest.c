/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

int digest_parse(const char *text, char hex[DIGEST_HEX + 1],
		 const char *where, struct shift_error *err)
{
	static const char prefix[] = "sha256:";

	if (!text)
		return shift_err_set(err, 0, "%s: a digest is missing",
				     where);
	if (strncmp(text, prefix, sizeof(prefix) - 1) ||
	    strlen(text) != sizeof(prefix) - 1 + DIGEST_HEX ||
	    strspn(text + sizeof(prefix) - 1, "0123456789abcdef") != DIGEST_HEX)
		return shift_err_set(err, 0,
				     "%s: '%.100s' is not a sha256 digest, the only kind that runner knows",
				     where, text);
	strcpy(hex, text + sizeof(prefix) - 1);
	return 0;
}

static void free_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static int compare(EVP_MD_CTX *ctx, const char *hex, const char *path,
		   struct shift_error *err)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char got[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int len = 0;

	if (!EVP_DigestFinal_ex(ctx, md, &len))
		return shift_err_set(err, EIO, "cannot compute a sha256");
	for (unsigned int i = 0; i < len; i++)
		snprintf(got + 2 * i, 3, "%02x", md[i]);
	if (!strcmp(got, hex))
		return 0;
	shift_err_set(err, 0, "%s: its sha256 is %s, not the %s its name promises",
		      path, got, hex);
	shift_err_hint(err, "the image is damaged or was changed: fetch it again");
	return -EBADMSG;
}

int digest_check_buf(const void *buf, size_t len, const char *hex,
		     const char *path, struct shift_error *err)
{
	__attribute__((cleanup(free_ctx))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(ctx, buf, len))
		return shift_err_set(err, EIO, "cannot compute a sha256");
	return compare(ctx, hex, path, err);
}

int digest_check_fd(int fd, const char *hex, const char *path,
		    struct shift_error *err)
{
	__attribute__((cleanup(free_ctx))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const size_t room = 1 << 18;
	_cleanup_free_ char *buf = malloc(room);
	ssize_t n;

	if (!ctx || !buf || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		return shift_err_set(err, EIO, "cannot compute a sha256");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	while ((n = read(fd, buf, room))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "cannot read %s",
					     path);
		if (!EVP_DigestUpdate(ctx, buf, (size_t)n))
			return shift_err_set(err, EIO,
					     "cannot compute a sha256");
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	return compare(ctx, hex, path, err);
}
