/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on pods that are there. */
#include "cli/commands.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/procid.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/boot.h"
#include "cli/numbers.h"
#include "cli/words.h"
#include "monitor/monitor.h"
#include "pod/end.h"
#include "pod/kept.h"
#include "pod/pod.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "syscalls.h"

#define FAILED POD_STATUS_FAILED

static const struct words_option none[] = { WORDS_END };

#define ALL_OPTION \
	{ 'a', "all", 0, NULL, "every pod that it can be done to", NULL }

static const struct words_option kill_options[] = {
	ALL_OPTION,
	{ 's', "signal", 0, "SIGNAL", "KILL by default", NULL },
	WORDS_END,
};
static const struct words_option stop_options[] = {
	ALL_OPTION,
	{ 't', "time", 0, "SECONDS", "to wait before it is ended by force, 10 by default", NULL },
	{ 'i', "ignore", 0, NULL, "a pod that is not there is no error", NULL },
	{ 0, "boot", 'B', NULL, "those that start --boot brings back, for a shutdown of the host", NULL },
	WORDS_END,
};
static const struct words_option rm_options[] = {
	ALL_OPTION,
	{ 'f', "force", 0, NULL, "end it first", NULL },
	{ 'i', "ignore", 0, NULL, "a pod that is not there is no error", NULL },
	{ 'v', "volumes", 0, NULL, "its anonymous volumes go with it", NULL },
	{ 't', "time", 0, "SECONDS", NULL, "rm -f ends at once: runner stop -t first" },
	WORDS_END,
};
static const struct words_option pause_options[] = { ALL_OPTION, WORDS_END };

static const struct words_command kill_words = {
	"kill", "POD... [SIGNAL]", "Send a signal to the first process of pods.",
	0, WORDS_MANY, false, kill_options,
	"Without -s the last of two operands is the signal when it is one.\n",
};
static const struct words_command stop_words = {
	"stop", "POD...", "Ask pods to end, then end them.",
	0, WORDS_MANY, false, stop_options, NULL,
};
static const struct words_command rm_words = {
	"rm", "POD...", "Remove pods and their changes.",
	0, WORDS_MANY, false, rm_options, NULL,
};
static const struct words_command wait_words = {
	"wait", "POD...", "Wait for the end of pods, print their exit statuses.",
	1, WORDS_MANY, false, none, NULL,
};
static const struct words_command pause_words = {
	"pause", "POD...", "Freeze all processes of pods.",
	0, WORDS_MANY, false, pause_options, NULL,
};
static const struct words_command unpause_words = {
	"unpause", "POD...", "Let all processes of pods go on.",
	0, WORDS_MANY, false, pause_options, NULL,
};

/*
 * The pods that are named, or with @all those whose state @fits; an error when
 * there is neither a name nor -a.
 */
static int which_pods(const struct words *w, bool all,
		      bool (*fits)(const struct state *st),
		      struct strv *ret, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = 0;

	if (all && w->n)
		r = shift_err_set(err, 0, "%s: -a and names exclude each other",
				  w->command->name);
	else if (!all && !w->n)
		r = shift_err_set(err, 0, "%s: it needs the name of a pod, or -a",
				  w->command->name);
	if (r < 0) {
		words_hint(w->command, err);
		return r;
	}
	for (int i = 0; r >= 0 && i < w->n; i++)
		r = strv_add(ret, w->operands[i], err);
	if (r >= 0 && all)
		r = state_list(&names, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct state st = STATE_INIT;

		if (state_load(&st, names.v[i], NULL) >= 0 && fits(&st))
			r = strv_add(ret, names.v[i], err);
		state_clear(&st);
	}
	strv_clear(&names);
	return r;
}

static bool any(const struct state *st)
{
	(void)st;
	return true;
}

static bool is_running(const struct state *st)
{
	return st->status == STATUS_RUNNING;
}

static bool is_frozen(const struct state *st)
{
	return cgroup_is_frozen(st->cgroup);
}

/* One pod that fails keeps no other: what it said is printed, the last is kept. */
static int each_pod(const struct strv *names,
		    int (*fn)(const char *name, void *data,
			      struct shift_error *err),
		    void *data, struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; i < names->n; i++) {
		struct shift_error own = SHIFT_ERROR_INIT;

		if (fn(names->v[i], data, &own) >= 0) {
			shift_err_clear(&own);
			continue;
		}
		if (r < 0)
			shift_err_print(err, stderr, "runner");
		shift_err_clear(err);
		*err = own;
		r = -1;
	}
	return r;
}

static int kill_pod(const char *name, void *data, struct shift_error *err)
{
	_cleanup_close_ int pidfd = -1;
	struct state st = STATE_INIT;
	int r = state_load(&st, name, err);

	if (r >= 0)
		r = pidfd = state_open_process(&st, err);
	if (r >= 0 && sys_pidfd_send_signal(pidfd, *(int *)data, NULL, 0) < 0)
		r = shift_err_set(err, errno, "cannot signal the pod %s",
				  st.name);
	state_clear(&st);
	return r;
}

int cmd_kill(int argc, char **argv, struct shift_error *err)
{
	const char *text = NULL;
	struct strv names = { NULL, 0 };
	int r, signal = SIGKILL;
	bool all = false;
	struct words w;

	words_begin(&w, &kill_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		if (words_code(&w) == 'a')
			all = w.on;
		else
			text = w.value;
	}
	if (r >= 0 && !text && w.n == 2)
		text = w.operands[--w.n];
	if (r >= 0 && text && !(signal = numbers_signal(text)))
		r = shift_err_set(err, 0, "'%s' is no signal", text);
	if (r >= 0)
		r = which_pods(&w, all, is_running, &names, err);
	if (r >= 0)
		r = each_pod(&names, kill_pod, &signal, err);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

static int stop_signal(const struct state *st)
{
	struct spec spec;
	int signal = SIGTERM;

	memset(&spec, 0, sizeof(spec));
	if (state_load_spec(st, &spec, NULL) >= 0) {
		const char *text = spec_annotation(&spec, SPEC_ANNOTATION_STOP);

		if (text)
			signal = numbers_signal(text) ?: SIGTERM;
	}
	spec_clear(&spec);
	return signal;
}

/* Seconds, from the pod's own description, or 10. */
static long patience(const struct state *st)
{
	struct spec spec;
	long seconds = 10;

	memset(&spec, 0, sizeof(spec));
	if (state_load_spec(st, &spec, NULL) >= 0) {
		const char *text = spec_annotation(&spec,
						   SPEC_ANNOTATION_STOP_TIMEOUT);

		if (text)
			numbers_integer(text, 0, INT_MAX / 1000, &seconds, NULL);
	}
	spec_clear(&spec);
	return seconds;
}

struct stopping {
	long seconds;		/* -1: as the pod says */
	bool ignore;
	bool boot;		/* nobody wants it to stay down */
};

static int stop_pod(const char *name, void *data, struct shift_error *err)
{
	const struct stopping *s = data;
	struct state st = STATE_INIT;
	int r = state_load(&st, name, err);

	if (r == -ENOENT && s->ignore) {
		shift_err_clear(err);
		state_clear(&st);
		return 0;
	}
	/* First: whatever happens to the rest, this was wanted. */
	if (r >= 0 && !s->boot)
		r = kept_set_stopped(name, true, err);
	if (r >= 0 && st.status != STATUS_EXITED)
		r = pod_stop(&st, (int)(s->seconds < 0 ? patience(&st) :
					s->seconds), stop_signal(&st), false, err);
	state_clear(&st);
	return r;
}

static int stop_for_boot(const char *name, struct shift_error *err)
{
	/* It may have gone meanwhile. */
	struct stopping s = { .seconds = -1, .ignore = true, .boot = true };

	return stop_pod(name, &s, err);
}

int cmd_stop(int argc, char **argv, struct shift_error *err)
{
	struct stopping s = { .seconds = -1 };
	struct strv names = { NULL, 0 };
	bool all = false;
	struct words w;
	int r;

	words_begin(&w, &stop_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		if (words_code(&w) == 'a') {
			all = w.on;
		} else if (words_code(&w) == 'i') {
			s.ignore = w.on;
		} else if (words_code(&w) == 'B') {
			s.boot = w.on;
		} else if (numbers_integer(w.value, 0, INT_MAX / 1000,
					   &s.seconds, err) < 0) {
			/* In the milliseconds of poll(2). */
			shift_err_prefix(err, "stop -t");
			return FAILED;
		}
	}
	if (r >= 0 && s.boot && (all || w.n || s.seconds >= 0))
		r = shift_err_set(err, 0, "stop --boot takes no pod, not -a and not -t: each pod has its own --stop-timeout");
	if (r >= 0 && s.boot)
		r = boot_stop(stop_for_boot, err);
	else if (r >= 0)
		r = which_pods(&w, all, state_is_kept_up, &names, err);
	if (r >= 0)
		r = each_pod(&names, stop_pod, &s, err);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

struct removing {
	bool force, ignore, volumes;
};

static int rm_pod(const char *name, void *data, struct shift_error *err)
{
	const struct removing *how = data;
	int r = pod_remove(name, how->force, how->volumes, err);

	if (r == -ENOENT && how->ignore) {
		shift_err_clear(err);
		r = 0;
	}
	return r;
}

int pods_replace(const char *name, struct shift_error *err)
{
	struct removing how = { .force = true, .ignore = true, .volumes = true };
	int r = rm_pod(name, &how, err);

	return r < 0 ? shift_err_prefix(err, "--replace") : 0;
}

int cmd_rm(int argc, char **argv, struct shift_error *err)
{
	struct removing how = { false, false, false };
	struct strv names = { NULL, 0 };
	bool all = false;
	struct words w;
	int r;

	words_begin(&w, &rm_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		if (words_code(&w) == 'a')
			all = w.on;
		else if (words_code(&w) == 'i')
			how.ignore = w.on;
		else if (words_code(&w) == 'v')
			how.volumes = w.on;
		else
			how.force = w.on;
	}
	if (r >= 0)
		r = which_pods(&w, all, any, &names, err);
	if (r >= 0)
		r = each_pod(&names, rm_pod, &how, err);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

static int wait_pod(const char *name, void *data, struct shift_error *err)
{
	_cleanup_close_ int sock = -1;
	char message[MONITOR_MESSAGE + 1];
	struct state st = STATE_INIT;
	int r = state_load(&st, name, err), status = FAILED;

	(void)data;
	if (r >= 0 && st.status != STATUS_EXITED) {
		/* The monitor says it, since an ephemeral pod leaves nothing. */
		sock = monitor_connect(st.dir, NULL);
		while (sock >= 0 &&
		       (r = message_receive(sock, message, sizeof(message),
					    NULL)) > 0)
			if (message[0] == 'x' && r == 1 + (int)sizeof(int)) {
				memcpy(&status, message + 1, sizeof(int));
				break;
			}
		if (sock < 0 || r <= 0) {
			/* It ended in between. */
			r = state_load(&st, name, err);
			if (r >= 0 && st.status != STATUS_EXITED)
				r = shift_err_set(err, EPIPE, "the monitor of the pod %s is gone",
						  st.name);
			status = st.exit_status;
		}
	} else if (r >= 0) {
		status = st.exit_status;
	}
	state_clear(&st);
	if (r >= 0)
		printf("%d\n", status);
	return r;
}

int cmd_wait(int argc, char **argv, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	struct words w;
	int r = words_only(&w, &wait_words, argc, argv, err);

	if (r >= 0)
		r = which_pods(&w, false, any, &names, err);
	if (r >= 0)
		r = each_pod(&names, wait_pod, NULL, err);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

static int freeze_pod(const char *name, void *data, struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r = state_load(&st, name, err);

	if (r >= 0)
		r = state_need_up(&st, err);
	if (r >= 0 && !st.cgroup)
		r = shift_err_set(err, ENOTSUP, "the pod %s has no cgroup: the host has no cgroup version 2",
				  st.name);
	if (r >= 0)
		r = cgroup_freeze(st.cgroup, *(bool *)data, err);
	state_clear(&st);
	return r;
}

static int freeze(int argc, char **argv, bool on, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	bool all = false;
	struct words w;
	int r;

	words_begin(&w, on ? &pause_words : &unpause_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		all = w.on;
	if (r >= 0)
		r = which_pods(&w, all, on ? is_running : is_frozen, &names,
			       err);
	if (r >= 0)
		r = each_pod(&names, freeze_pod, &on, err);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

int cmd_pause(int argc, char **argv, struct shift_error *err)
{
	return freeze(argc, argv, true, err);
}

int cmd_unpause(int argc, char **argv, struct shift_error *err)
{
	return freeze(argc, argv, false, err);
}
