/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/util.h"
#include "cleanup.h"
#include "pod/kept.h"
#include "pod/network.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "pod/volumes.h"
#include "range/lease.h"
#include "spec/spec_json.h"

/* For how long the pod's monitor may take to leave, in milliseconds. */
#define END_MS 10000

/* A description that names @name would have another pod, or none, afterwards. */
static int not_joined(const char *name, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = state_list(&names, err);

	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct state st = STATE_INIT;
		const char *joins = NULL;
		struct spec spec;

		memset(&spec, 0, sizeof(spec));
		if (state_load(&st, names.v[i], NULL) >= 0 &&
		    state_load_spec(&st, &spec, NULL) >= 0)
			joins = network_joined(&spec);
		if (joins && !strcmp(joins, name)) {
			shift_err_set(err, 0, "the pod %s joins the pod %s, by that name",
				      names.v[i], name);
			shift_err_hint(err, "remove that one first, and create it again afterwards");
			r = -EBUSY;
		}
		spec_clear(&spec);
		state_clear(&st);
	}
	strv_clear(&names);
	return r;
}

static int has_ended(const struct state *st, struct shift_error *err)
{
	if (st->status != STATUS_EXITED) {
		shift_err_set(err, 0, "the pod %s is %s: its cgroup, its log and its monitor have its name",
			      st->name, state_status_name(st->status));
		shift_err_hint(err, "runner stop %s first", st->name);
		return -EBUSY;
	}
	if (kept_is(st->name))
		return 0;
	return shift_err_set(err, 0, "the pod %s is not kept: it has no folder with its description",
			     st->name);
}

/* Where there is no pod yet: under the lock of all states. */
static int is_free(const char *name, struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	struct state st = STATE_INIT;
	int r = poddir_path(name, &dir, err);

	if (r < 0)
		return r;
	r = state_load(&st, name, NULL);
	state_clear(&st);
	if (r == -ENOENT && access(dir, F_OK) < 0)
		return 0;
	shift_err_set(err, 0, "there is a pod %s", name);
	shift_err_hint(err, "runner rm %s removes it", name);
	return -EEXIST;
}

/* The folder has its new name from here on; the rest is made of what is in it. */
static int make_anew(const char *from, const char *to, const char *config,
		     struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL, *path = NULL, *range = NULL;
	_cleanup_free_ char *state = NULL;
	int r;

	if ((r = poddir_path(to, &dir, err)) < 0 ||
	    (r = strf(&path, err, "%s/state.json", dir)) < 0 ||
	    (r = strf(&range, err, "%s/range", dir)) < 0)
		return r;
	read_file(path, 1 << 20, &state, NULL, NULL);
	if ((r = lease_keep(to, range, err)) < 0)
		return r;
	lease_forget(from);
	if ((r = volumes_rename_of(dir, to, err)) < 0)
		return r;
	fault_point("renamed folder");
	return state_restore(to, config, state, err);
}

/* @st is locked. */
static int rename_locked(struct state *st, struct spec *spec, const char *to,
			 struct shift_error *err)
{
	_cleanup_free_ char *config = NULL;
	_cleanup_close_ int all = -1;
	int r;

	if (spec->hostname && !strcmp(spec->hostname, st->name) &&
	    (r = str_replace(&spec->hostname, to, err)) < 0)
		return r;
	if ((r = spec_to_json(spec, false, &config, err)) < 0 ||
	    (r = all = state_lock_all(err)) < 0 ||
	    (r = is_free(to, err)) < 0 ||
	    (r = kept_save_config(st->name, config, err)) < 0)
		return r;
	/* After a kill the next command restores the state from the folders. */
	kept_restore_is_due();
	fault_point("rename");
	/* First: or a kill leaves a state without a folder under the old name. */
	if ((r = state_remove_locked(st, err)) < 0)
		return r;
	fault_point("removed state");
	r = poddir_rename(st->name, to, err);
	return r < 0 ? r : make_anew(st->name, to, config, err);
}

int pod_rename(const char *from, const char *to, struct shift_error *err)
{
	struct state st = STATE_INIT;
	struct spec spec;
	int r;

	memset(&spec, 0, sizeof(spec));
	if ((r = poddir_check_name(to, err)) >= 0 &&
	    (r = state_load(&st, from, err)) >= 0 &&
	    (r = has_ended(&st, err)) >= 0 &&
	    (r = not_joined(from, err)) >= 0 &&
	    (r = state_load_spec(&st, &spec, err)) >= 0 &&
	    /* Its supervisor may be about to leave. */
	    (r = state_wait_unlocked(&st, END_MS, err)) >= 0 &&
	    (r = state_lock(&st, err)) >= 0)
		r = rename_locked(&st, &spec, to, err);
	spec_clear(&spec);
	state_clear(&st);
	return r;
}
