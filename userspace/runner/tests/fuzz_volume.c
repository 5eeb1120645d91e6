/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on the options of volumes. */
#include <stdlib.h>
#include <string.h>

#include "spec/volume_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct volume_options o;

	memcpy(text, data, size);
	text[size] = '\0';
	if (volume_options_parse(&o, text, NULL) >= 0)
		for (size_t i = 0; i < o.n_extents; i++)
			if (!o.extents[i].count)
				abort();
	free(text);
	return 0;
}
