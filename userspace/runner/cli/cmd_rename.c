/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename: another name for a pod. */
#include "cli/commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli/words.h"
#include "pod/pod.h"
#include "pod/rename.h"
#include "pod/state.h"
#include "side/reader.h"
#include "side/start.h"

static const struct words_option none[] = { WORDS_END };
static const struct words_command rename_words = {
	"rename", "POD NAME", "Give another name to a pod that has ended.",
	2, 2, false, none, NULL,
};

/* Side containers and the pods that ask for them find each other by name. */
static int not_of_side(const char *name, struct shift_error *err)
{
	_cleanup_free_ char *spool = NULL;
	struct state st = STATE_INIT;
	struct spec spec;
	int r;

	memset(&spec, 0, sizeof(spec));
	r = state_load(&st, name, err);
	if (r >= 0 && state_load_spec(&st, &spec, NULL) >= 0 &&
	    spec_annotation(&spec, SIDE_ANNOTATION_ASKER))
		r = shift_err_set(err, 0, "the pod %s is a side container: the pod that asked for it knows it by its name",
				  name);
	if (r >= 0)
		r = side_spool_path(name, &spool, err);
	if (r >= 0 && access(spool, F_OK) == 0)
		r = shift_err_set(err, 0, "the pod %s asks for side containers, in %s",
				  name, spool);
	spec_clear(&spec);
	state_clear(&st);
	return r;
}

int cmd_rename(int argc, char **argv, struct shift_error *err)
{
	struct words w;
	int r = words_only(&w, &rename_words, argc, argv, err);

	if (r >= 0)
		r = state_sweep(0, err);
	if (r >= 0)
		r = not_of_side(w.operands[0], err);
	if (r >= 0)
		r = pod_rename(w.operands[0], w.operands[1], err);
	return r < 0 ? POD_STATUS_FAILED : 0;
}
