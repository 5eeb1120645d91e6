/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer on config.json, a pod's description: what is read can be written and
 * read back as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *one = NULL, *two = NULL;
	struct spec a, b;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memcpy(text, data, size);
	text[size] = '\0';
	if (spec_from_json(&a, text, "config.json", NULL) >= 0 &&
	    spec_to_json(&a, true, &one, NULL) >= 0) {
		if (spec_from_json(&b, one, "config.json", NULL) < 0 ||
		    spec_to_json(&b, true, &two, NULL) < 0 || strcmp(one, two))
			abort();
		spec_clear(&b);
	}
	spec_clear(&a);
	free(one);
	free(two);
	free(text);
	return 0;
}
