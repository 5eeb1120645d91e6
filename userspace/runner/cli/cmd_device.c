/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device: nodes that a running pod gets or loses. */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cli/words.h"
#include "pod/pod.h"
#include "pod/pod_device.h"
#include "pod/state.h"
#include "spec/device_option.h"

#define FAILED POD_STATUS_FAILED

static int add(const struct state *st, struct spec *spec, const char *text,
	       struct shift_error *err)
{
	size_t before = spec->linux_.resources.n_devices;
	int r = devices_option(spec, text, err);

	return r < 0 ? r : pod_device_give(st, spec, before, true, err);
}

static int drop(const struct state *st, struct spec *spec, const char *path,
		struct shift_error *err)
{
	int r = pod_device_take(st, spec, path, true, err), saved;

	if (!r)
		return shift_err_set(err, 0, "the pod %s has no device %s",
				     st->name, path);
	saved = state_save_spec(st, spec, r < 0 ? NULL : err);
	return r < 0 ? r : saved;
}

static const struct words_option none[] = { WORDS_END };
static const struct words_command device_words = {
	"device", "add POD HOST[:PATH][:rwm[,shared]]... | rm POD PATH...",
	"Give devices to a running pod, or take them.",
	3, WORDS_MANY, false, none, NULL,
};

int cmd_device(int argc, char **argv, struct shift_error *err)
{
	struct state st = STATE_INIT;
	_cleanup_close_ int lock = -1;
	struct spec spec;
	struct words w;
	bool adding;
	int r = words_only(&w, &device_words, argc, argv, err);

	memset(&spec, 0, sizeof(spec));
	if (r < 0)
		return FAILED;
	adding = !strcmp(w.operands[0], "add");
	if (!adding && strcmp(w.operands[0], "rm")) {
		shift_err_set(err, 0, "device: there are add and rm, not '%s'",
			      w.operands[0]);
		words_hint(&device_words, err);
		return FAILED;
	}
	r = state_load(&st, w.operands[1], err);
	if (r >= 0 && st.status != STATUS_RUNNING &&
	    st.status != STATUS_CREATED)
		r = shift_err_set(err, 0, "the pod %s is %s", st.name,
				  state_status_name(st.status));
	if (r >= 0 && !st.cgroup)
		r = shift_err_set(err, ENOTSUP, "the pod %s has no cgroup, so no device list",
				  st.name);
	if (r >= 0)
		r = lock = state_edit_spec(&st, &spec, err);
	for (int i = 2; r >= 0 && i < w.n; i++) {
		r = adding ? add(&st, &spec, w.operands[i], err) :
			     drop(&st, &spec, w.operands[i], err);
		if (r >= 0 && adding)
			r = state_save_spec(&st, &spec, err);
	}
	spec_clear(&spec);
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}
