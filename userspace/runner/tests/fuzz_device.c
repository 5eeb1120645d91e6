/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on the options of devices and of their limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spec/device_option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *limits = NULL;
	struct spec spec;

	memcpy(text, data, size);
	text[size] = '\0';
	if (spec_init(&spec, NULL) >= 0) {
		if (devices_option(&spec, text, NULL) >= 0)
			for (size_t i = 0; i < spec.linux_.n_devices; i++)
				if (!spec.linux_.devices[i].path)
					abort();
		devices_io_max(text, &spec.linux_.resources, &limits, NULL);
		free(limits);
	}
	spec_clear(&spec);
	free(text);
	return 0;
}
