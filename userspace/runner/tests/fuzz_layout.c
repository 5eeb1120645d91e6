/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on index.json, inner indexes and manifests of a layout.  The input is
 * documents apart by NUL bytes, the last one index.json; "@0" to "@9" in one
 * stands for the digest of an earlier one, so that what points to it is right.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "store/oci_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char base[64];

static void must(bool good, const char *what)
{
	if (!good) {
		perror(what);
		abort();
	}
}

static void put(const char *name, const char *text, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, text, len) == (ssize_t)len, path);
	close(fd);
}

static void prepare(void)
{
	char path[128];

	strcpy(base, "/dev/shm/fuzz_layout.XXXXXX");
	must(mkdtemp(base) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/blobs", base);
	must(!mkdir(path, 0700), path);
	snprintf(path, sizeof(path), "%s/blobs/sha256", base);
	must(!mkdir(path, 0700), path);
	put("oci-layout", "{}", 2);
}

/* The document in @text with digests put in; the caller's. */
static char *expand(const char *text, char digests[10][DIGEST_HEX + 1], int n)
{
	char *out = malloc(strlen(text) * (DIGEST_HEX + 8) + 1), *to = out;

	for (const char *p = text; *p; p++) {
		if (*p == '@' && p[1] >= '0' && p[1] < '0' + n) {
			to += sprintf(to, "sha256:%s", digests[p[1] - '0']);
			p++;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char digests[10][DIGEST_HEX + 1], name[96];
	char *text = malloc(size + 1), *p = text;
	struct oci_image image;
	int n = 0;

	if (!*base)
		prepare();
	memcpy(text, data, size);
	text[size] = '\0';
	for (;;) {
		char *document = expand(p, digests, n);
		size_t len = strlen(document);
		bool last = p + strlen(p) >= text + size || n == 10;

		if (last) {
			put("index.json", document, len);
		} else {
			must(digest_buf(document, len, digests[n], NULL) >= 0, "digest");
			snprintf(name, sizeof(name), "blobs/sha256/%s", digests[n++]);
			put(name, document, len);
		}
		free(document);
		if (last)
			break;
		p += strlen(p) + 1;
	}
	for (int named = 0; named < 2; named++) {
		if (oci_layout_read(&image, base, named ? "a" : NULL, NULL) >= 0) {
			must(strlen(image.manifest) == DIGEST_HEX, "manifest");
			for (size_t i = 0; i < image.layers.n; i++) {
				int fd;

				must(strlen(image.layers.v[i]) == DIGEST_HEX, "layer");
				fd = oci_layout_open_layer(&image, i, NULL);
				if (fd >= 0)
					close(fd);
			}
		}
		oci_image_clear(&image);
	}
	while (n-- > 0) {
		char path[256];

		snprintf(path, sizeof(path), "%s/blobs/sha256/%s", base, digests[n]);
		unlink(path);
	}
	free(text);
	return 0;
}
