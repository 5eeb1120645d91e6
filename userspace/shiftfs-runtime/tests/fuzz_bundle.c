// SPDX-License-Identifier: GPL-2.0-or-later
/* Any config.json: read, looked at, granted, written; what is written reads as the same. */
#include "bundle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char allow[] = "{\"annotations\":[\"org.shiftfs.shift\",\"org.shiftfs.root\",\"org.shiftfs.map\",\"org.shiftfs.squash\"]}";
	_cleanup_settings_ struct settings settings = SETTINGS_INIT;
	_cleanup_bundle_ struct bundle bundle = BUNDLE_INIT, again = BUNDLE_INIT;
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	const char *text;
	size_t len;

	/* A namespace of the machine is not to be opened by chance. */
	if (memmem(data, size, "path", 4) && memmem(data, size, "/proc", 5))
		return 0;
	settings_parse(allow, sizeof(allow) - 1, "runtime.json", &settings, NULL);
	if (bundle_parse((const char *)data, size, "config.json", &bundle, &err) < 0 ||
	    bundle_wishes(&bundle, &settings, &err) < 0)
		return 0;
	for (size_t i = 0; i < bundle.n; i++) {
		const struct wish *w = &bundle.wishes[i];

		/* shiftfs and idmapped mounts want both, or a squash */
		if ((!w->map->uids.n || !w->map->gids.n) && !w->squash_uid)
			abort();
		if (w->mount)
			bundle_grant(w, "/run/shiftfs-runtime/0", &err);
	}
	text = bundle_text(&bundle, &len);
	if (!text || bundle_parse(text, len, "config.json", &again, &err) < 0)
		abort();
	/* What was granted is asked for no more. */
	settings_clear(&settings);
	json_object_object_del(again.root, "annotations");
	if (bundle_wishes(&again, &settings, &err) < 0 || again.n)
		abort();
	return 0;
}
