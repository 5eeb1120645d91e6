/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "pod/kept.h"
#include "pod/network.h"
#include "pod/state.h"
#include "side/start.h"

struct entry {
	char *name;
	char *joins;		/* the pod that it joins, or NULL */
	int64_t created;
	bool done;
};

struct entries {
	struct entry *v;
	size_t n;
};

static void entries_clear(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].name);
		free(e->v[i].joins);
	}
	free(e->v);
}

/* Of those that are up, or of the others that were once. */
static bool may_be(const struct state *st, bool up)
{
	return up ? state_is_kept_up(st) :
		    st->status == STATUS_EXITED && st->started;
}

static bool comes_up(const struct state *st, const struct spec *spec, bool up)
{
	const char *policy = spec_annotation(spec, SPEC_ANNOTATION_RESTART);

	/* Started again it is only when its asker asks. */
	if (!up && spec_annotation(spec, SIDE_ANNOTATION_ASKER))
		return false;
	if (!policy || (strcmp(policy, "always") &&
			strcmp(policy, "unless-stopped")))
		return false;
	return up || !strcmp(policy, "always") || !kept_is_stopped(st->name);
}

static int add(struct entries *to, const struct state *st,
	       const struct spec *spec, struct shift_error *err)
{
	const char *joins = network_joined(spec);
	struct entry *e = reallocarray(to->v, to->n + 1, sizeof(*e));

	if (!e)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	to->v = e;
	e += to->n++;
	*e = (struct entry){ .created = st->created };
	e->name = strdup(st->name);
	e->joins = joins ? strdup(joins) : NULL;
	return e->name && (!joins || e->joins) ? 0 :
		shift_err_set(err, ENOMEM, "cannot allocate memory");
}

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->created != y->created ? (x->created < y->created ? -1 : 1) :
	       strcmp(x->name, y->name);
}

/* Those that are up, or those that are not; by time. */
static int collect(struct entries *to, bool up, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = state_list(&names, err);

	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct shift_error own = SHIFT_ERROR_INIT;
		struct state st = STATE_INIT;
		struct spec spec;

		memset(&spec, 0, sizeof(spec));
		/* One whose description cannot be read keeps no other. */
		if (state_load(&st, names.v[i], NULL) >= 0 &&
		    may_be(&st, up) && state_load_spec(&st, &spec, &own) >= 0 &&
		    comes_up(&st, &spec, up))
			r = add(to, &st, &spec, err);
		if (own.msg)
			shift_err_print(&own, stderr, "runner");
		shift_err_clear(&own);
		spec_clear(&spec);
		state_clear(&st);
	}
	strv_clear(&names);
	if (to->n)
		qsort(to->v, to->n, sizeof(*to->v), by_time);
	return r;
}

static bool is_waiting(const struct entries *e, const char *name)
{
	for (size_t i = 0; name && i < e->n; i++)
		if (!e->v[i].done && !strcmp(e->v[i].name, name))
			return true;
	return false;
}

int boot_list(struct strv *names, struct shift_error *err)
{
	struct entries e = { NULL, 0 };
	int r = collect(&e, false, err);
	size_t before;

	/* From the front each time: the order stays that of time. */
	do {
		before = names->n;
		for (size_t i = 0; r >= 0 && i < e.n; i++) {
			if (e.v[i].done || is_waiting(&e, e.v[i].joins))
				continue;
			e.v[i].done = true;
			r = strv_add(names, e.v[i].name, err);
			break;
		}
	} while (r >= 0 && names->n > before);
	/* Two that join each other, or one itself: each says what is wrong. */
	for (size_t i = 0; r >= 0 && i < e.n; i++)
		if (!e.v[i].done)
			r = strv_add(names, e.v[i].name, err);
	entries_clear(&e);
	return r;
}

static bool is_joined(const struct entries *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->v[i].done && e->v[i].joins &&
		    strcmp(e->v[i].name, name) &&
		    !strcmp(e->v[i].joins, name))
			return true;
	return false;
}

static pid_t stop_in_child(const char *name,
			   int (*stop_pod)(const char *name,
					   struct shift_error *err))
{
	struct shift_error err = SHIFT_ERROR_INIT;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	if (stop_pod(name, &err) >= 0)
		_exit(0);
	shift_err_print(&err, stderr, "runner");
	_exit(1);
}

int boot_stop(int (*stop_pod)(const char *name, struct shift_error *err),
	      struct shift_error *err)
{
	struct entries e = { NULL, 0 };
	int r = collect(&e, true, err), failed = 0, status;
	bool *now = calloc(e.n + 1, sizeof(*now));
	size_t n;

	if (r >= 0 && !now)
		r = shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (n = 0; r >= 0 && n < e.n; ) {
		size_t before = n;

		for (size_t i = 0; i < e.n; i++)
			now[i] = !e.v[i].done && !is_joined(&e, e.v[i].name);
		for (size_t i = 0; i < e.n; i++) {
			if (!now[i])
				continue;
			e.v[i].done = true;
			n++;
			if (stop_in_child(e.v[i].name, stop_pod) < 0)
				failed++;
		}
		while (wait(&status) > 0)
			failed += status != 0;
		if (n == before)
			break;
	}
	if (r >= 0 && (failed || n < e.n))
		r = shift_err_set(err, 0, "%zu of %zu pods could not be stopped",
				  (size_t)failed + e.n - n, e.n);
	free(now);
	entries_clear(&e);
	return r;
}
