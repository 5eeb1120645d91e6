/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/written.h"

#include <string.h>

#include "pod/state.h"
#include "setup/volume_source.h"

static bool has_volume(const struct spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].type, "bind"))
			return true;
	return false;
}

static int add_of(const struct spec *spec, struct strv *written,
		  struct shift_error *err)
{
	int r = 0;

	/* Read-only ones as well: another pod can have the same to write. */
	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].type, "bind"))
			r = strv_add(written, spec->mounts[i].source, err);
	if (r >= 0 && spec->root.direct && spec->root.layers.n)
		r = strv_add(written, spec->root.layers.v[0], err);
	return r;
}

int written_by_pods(const struct spec *spec, struct strv *written,
		    struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = 0;

	if (!has_volume(spec))
		return 0;
	if (spec->root.direct && spec->root.layers.n)
		r = strv_add(written, spec->root.layers.v[0], err);
	if (r >= 0)
		r = state_list(&names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct state st = STATE_INIT;
		struct spec other;

		memset(&other, 0, sizeof(other));
		/* It may have gone meanwhile. */
		if (state_load(&st, names.v[i], NULL) >= 0 &&
		    state_load_spec(&st, &other, NULL) >= 0)
			r = add_of(&other, written, err);
		spec_clear(&other);
		state_clear(&st);
	}
	strv_clear(&names);
	return r;
}

int written_find_volumes(struct spec *spec, struct shift_error *err)
{
	struct strv written = { NULL, 0 };
	int r = written_by_pods(spec, &written, err);

	if (r >= 0)
		r = volume_source_resolve(spec, &written, err);
	strv_clear(&written);
	return r;
}
