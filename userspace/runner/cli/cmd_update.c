/* SPDX-License-Identifier: GPL-2.0-or-later */
/* update: other limits, for now and for the next start. */
#include "cli/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/limits.h"
#include "cli/options.h"
#include "cli/words.h"
#include "pod/pod.h"
#include "pod/state.h"

#define FAILED POD_STATUS_FAILED

static const struct words_option update_options[] = {
	LIMIT_OPTIONS(OPT_LIMIT),
	LIMITS_REFUSED,
	WORDS_END,
};
static const struct words_command update_words = {
	"update", "POD", "Change the limits of a pod.",
	1, 1, false, update_options, NULL,
};

int cmd_update(int argc, char **argv, struct shift_error *err)
{
	struct { const char *name, *value; } *limits;
	struct spec_resources res;
	struct state st = STATE_INIT;
	_cleanup_close_ int lock = -1;
	struct spec spec;
	struct words w;
	size_t n = 0;
	int r;

	memset(&res, 0, sizeof(res));
	memset(&spec, 0, sizeof(spec));
	limits = calloc((size_t)argc, sizeof(*limits));
	if (!limits) {
		shift_err_set(err, ENOMEM, "cannot allocate memory");
		return FAILED;
	}
	words_begin(&w, &update_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		limits[n].name = w.option->name;
		limits[n++].value = w.value;
	}
	if (r >= 0 && !n) {
		r = shift_err_set(err, 0, "update: no limit is given");
		words_hint(&update_words, err);
	}
	if (r >= 0)
		r = state_load(&st, w.operands[0], err);
	if (r >= 0)
		r = lock = state_edit_spec(&st, &spec, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = limits_take(limits[i].name, limits[i].value, &res, err);
		/* Again for what the next start has. */
		if (r >= 0)
			r = limits_take(limits[i].name, limits[i].value,
					&spec.linux_.resources, err);
	}
	if (r >= 0 && state_is_up(&st)) {
		if (!st.cgroup)
			r = shift_err_set(err, ENOTSUP, "the pod %s has no cgroup",
					  st.name);
		else
			r = cgroup_limit(st.cgroup, &res, err);
	}
	if (r >= 0)
		r = state_save_spec(&st, &spec, err);
	free(limits);
	strv_clear(&res.unified);
	spec_clear(&spec);
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}
