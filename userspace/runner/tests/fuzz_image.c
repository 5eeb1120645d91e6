/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on the config of an image. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/oci_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct oci_image image;

	memset(&image, 0, sizeof(image));
	memcpy(text, data, size);
	text[size] = '\0';
	if (oci_config_parse(&image, text, size, "config", NULL) >= 0) {
		for (size_t i = 0; i < image.diff_ids.n; i++)
			if (strlen(image.diff_ids.v[i]) != DIGEST_HEX)
				abort();
		for (size_t i = 0; i < image.env.n; i++)
			if (!strchr(image.env.v[i], '='))
				abort();
		if (image.working_dir && image.working_dir[0] != '/')
			abort();
	}
	oci_image_clear(&image);
	free(text);
	return 0;
}
