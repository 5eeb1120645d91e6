/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"

#include <errno.h>
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

static void put_digest(struct digest **d)
{
	digest_free(*d);
}

#define _cleanup_digest_ __attribute__((cleanup(put_digest)))

int digest_buf(const void *buf, size_t len, char hex[DIGEST_HEX + 1],
	       struct shift_error *err)
{
	_cleanup_digest_ struct digest *d = digest_begin();

	if (!d || !digest_add(d, buf, len) || !digest_end(d, hex))
		return shift_err_set(err, EIO, "cannot compute a sha256");
	return 0;
}

int digest_fd(int fd, char hex[DIGEST_HEX + 1], const char *path,
	      struct shift_error *err)
{
	_cleanup_digest_ struct digest *d = digest_begin();
	const size_t room = 1 << 18;
	_cleanup_free_ char *buf = malloc(room);
	ssize_t n;

	if (!d || !buf)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	while ((n = read(fd, buf, room))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "cannot read %s",
					     path);
		if (!digest_add(d, buf, (size_t)n))
			return shift_err_set(err, EIO,
					     "cannot compute a sha256");
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	if (!digest_end(d, hex))
		return shift_err_set(err, EIO, "cannot compute a sha256");
	return 0;
}

static int compare(const char *got, const char *hex, const char *path,
		   struct shift_error *err)
{
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
	char got[DIGEST_HEX + 1];
	int r = digest_buf(buf, len, got, err);

	return r < 0 ? r : compare(got, hex, path, err);
}

int digest_check_fd(int fd, const char *hex, const char *path,
		    struct shift_error *err)
{
	char got[DIGEST_HEX + 1];
	int r = digest_fd(fd, got, path, err);

	return r < 0 ? r : compare(got, hex, path, err);
}
