/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side containers that there are. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/procid.h"
#include "cleanup.h"
#include "pod/end.h"
#include "side/serve.h"
#include "side/start.h"

#define PREFIX "side-"
#define ASKER_DIGITS 8
#define KEY_DIGITS 12

/* For how long one that another process makes is waited for, in milliseconds. */
#define MAKING_MS 90000

/* How many ended ones of an asker are kept. */
#define ENDED_KEPT 64

static int prefix_of(const char *asker, char to[32], struct shift_error *err)
{
	char hex[DIGEST_HEX + 1];
	int r = digest_buf(asker, strlen(asker), hex, err);

	if (r >= 0)
		snprintf(to, 32, PREFIX "%.*s-", ASKER_DIGITS, hex);
	return r;
}

int side_pod_name(const char *asker, const char *template, const char *key,
		  char name[64], struct shift_error *err)
{
	char prefix[32], hex[DIGEST_HEX + 1];
	int r = prefix_of(asker, prefix, err);

	if (r >= 0)
		r = digest_buf(key, strlen(key), hex, err);
	if (r >= 0)
		snprintf(name, 64, "%s%s-%.*s", prefix, template, KEY_DIGITS,
			 hex);
	return r;
}

int side_pod_list(const char *asker, struct strv *ret, struct shift_error *err)
{
	struct strv all = { NULL, 0 };
	char prefix[32] = PREFIX;
	int r = asker ? prefix_of(asker, prefix, err) : 0;

	if (r >= 0)
		r = state_list(&all, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		if (!strncmp(all.v[i], prefix, strlen(prefix)))
			r = strv_add(ret, all.v[i], err);
	strv_clear(&all);
	return r;
}

static bool has_monitor(const struct state *st)
{
	_cleanup_close_ int fd = procid_open(st->monitor, st->monitor_started,
					     NULL);

	return fd >= 0;
}

/* A pod whose supervisor was killed is over, but says otherwise until a sweep. */
static int settle(struct state *st, const char *name, struct shift_error *err)
{
	int64_t end = util_now_ms() + MAKING_MS;
	bool swept = false;
	int r;

	for (;;) {
		state_clear(st);
		r = state_load(st, name, err);
		if (r < 0 || st->status == STATUS_EXITED ||
		    ((st->status == STATUS_RUNNING ||
		      st->status == STATUS_RESTARTING) && has_monitor(st)))
			return r;
		if (!has_monitor(st)) {
			/* One that has no state is being made, or was. */
			if (swept && st->status == STATUS_CREATING)
				return -ENOENT;
			r = state_sweep(0, err);
			if (r < 0)
				return r;
			swept = true;
		}
		if (util_now_ms() > end)
			return shift_err_set(err, ETIMEDOUT, "the pod %s is being made by process %d",
					     name, (int)st->monitor);
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
}

int side_pod_load(const char *name, struct state *st, struct spec *spec,
		  struct shift_error *err)
{
	int r = settle(st, name, err);

	if (r >= 0)
		r = state_load_spec(st, spec, err);
	if (r >= 0 && !spec_annotation(spec, SIDE_ANNOTATION_ASKER)) {
		shift_err_set(err, 0, "the pod %s is no side container", name);
		return -EEXIST;
	}
	return r;
}

static int stop_seconds(const struct spec *spec)
{
	const char *text = spec_annotation(spec, SIDE_ANNOTATION_STOP);

	return text ? atoi(text) : 10;
}

int side_pod_stop(const struct state *st, const struct spec *spec,
		  struct shift_error *err)
{
	return pod_stop(st, stop_seconds(spec), SIGTERM, false, err);
}

static bool is_up(const char *pod)
{
	struct state st = STATE_INIT;
	bool up = state_load(&st, pod, NULL) >= 0 && state_is_up(&st);

	state_clear(&st);
	return up;
}

/* When the pod @pod was last up, as far as is known: 0 for one that is not there. */
static int64_t last_up(const char *pod)
{
	struct state st = STATE_INIT;
	int64_t t = state_load(&st, pod, NULL) >= 0 ? st.finished : 0;

	state_clear(&st);
	return t;
}

static void tidy_one(const char *name, const char *asker, size_t *ended)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct state st = STATE_INIT;
	const char *orphan;
	struct spec spec;
	int r;

	memset(&spec, 0, sizeof(spec));
	r = side_pod_load(name, &st, &spec, &err);
	if (r >= 0 && st.status == STATUS_EXITED) {
		if (++*ended > ENDED_KEPT)
			r = pod_remove(name, false, true, &err);
	} else if (r >= 0 &&
		   (orphan = spec_annotation(&spec, SIDE_ANNOTATION_ORPHAN)) &&
		   atoi(orphan) > 0 && !is_up(asker)) {
		int64_t since = last_up(asker) ?: st.started;

		if (time(NULL) >= since + atoi(orphan)) {
			fprintf(stderr, "runner: side container %s of %s: ended as an orphan\n",
				name, asker);
			r = side_pod_stop(&st, &spec, &err);
		}
	}
	if (r < 0 && r != -ENOENT && r != -EEXIST)
		shift_err_print(&err, stderr, "runner: warning");
	spec_clear(&spec);
	state_clear(&st);
}

void side_tidy(const char *asker)
{
	struct strv names = { NULL, 0 };
	size_t ended = 0;

	side_pod_list(asker, &names, NULL);
	for (size_t i = 0; i < names.n; i++)
		tidy_one(names.v[i], asker, &ended);
	strv_clear(&names);
}
