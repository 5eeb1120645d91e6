/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done to pods that are there. */
#include "cli/commands.h"

#include <errno.h>
#include <getopt.h>
#include <json.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/place.h"
#include "base/procid.h"
#include "base/report.h"
#include "base/tty.h"
#include "cgroup/cgroup.h"
#include "cgroup/devbpf.h"
#include "cleanup.h"
#include "cli/options.h"
#include "escape.h"
#include "monitor/log.h"
#include "monitor/monitor.h"
#include "pod/pod.h"
#include "pod/poddir.h"
#include "pod/state.h"
#include "syscalls.h"

#define FAILED POD_STATUS_FAILED

static int usage(const char *text, struct shift_error *err)
{
	shift_err_set(err, 0, "usage: runner %s", text);
	return FAILED;
}

/* The one pod that the command names, with no other argument. */
static int only_pod(int argc, char **argv, struct state *st,
		    struct shift_error *err)
{
	if (argc != 2) {
		shift_err_set(err, 0, "usage: runner %s POD", argv[0]);
		return -EINVAL;
	}
	return state_load(st, argv[1], err);
}

static void print_since(int64_t t)
{
	int64_t s = time(NULL) - t;
	char text[32] = "-";

	if (t && s < 120)
		snprintf(text, sizeof(text), "%llds", (long long)s);
	else if (t && s < 7200)
		snprintf(text, sizeof(text), "%lldm", (long long)s / 60);
	else if (t && s < 172800)
		snprintf(text, sizeof(text), "%lldh", (long long)s / 3600);
	else if (t)
		snprintf(text, sizeof(text), "%lldd", (long long)s / 86400);
	printf("%-6s ", text);
}

/* Both: what others chose does nothing to a terminal. */
static void print_text(const char *text)
{
	shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_ALL);
}

static void print_json(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);

	shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_JSON);
	putchar('\n');
}

static void print_row(const struct state *st)
{
	char status[32];

	if (st->status == STATUS_EXITED)
		snprintf(status, sizeof(status), "exited %d%s",
			 st->exit_status, st->oom ? " oom" : "");
	else
		snprintf(status, sizeof(status), "%s",
			 state_status_name(st->status));
	printf("%-20s %-14s ", st->name, status);
	if (st->pid)
		printf("%7d ", (int)st->pid);
	else
		printf("%7s ", "-");
	printf("%10u ", st->base);
	print_since(state_is_up(st) ? st->started : st->finished);
	print_text(st->command ?: "-");
	putchar('\n');
}

int cmd_ps(int argc, char **argv, struct shift_error *err)
{
	struct json_object *list = json_object_new_array();
	struct strv names = { NULL, 0 };
	bool all = false, json = false;
	int r = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-a") || !strcmp(argv[i], "--all"))
			all = true;
		else if (!strcmp(argv[i], "--json"))
			json = true;
		else
			r = -1;
	}
	if (r < 0) {
		json_object_put(list);
		return usage("ps [-a] [--json]", err);
	}
	r = poddir_prepare(err);
	if (r >= 0)
		r = state_sweep(0, err);
	if (r >= 0)
		r = poddir_sweep(err);
	if (r >= 0)
		r = state_list(&names, err);
	if (!json && r >= 0)
		printf("%-20s %-14s %7s %10s %-6s %s\n", "NAME", "STATUS",
		       "PID", "HOST-BASE", "SINCE", "COMMAND");
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *text = NULL;
		struct state st = STATE_INIT;

		/* It may have gone meanwhile. */
		if (state_load(&st, names.v[i], NULL) >= 0 &&
		    (all || st.status != STATUS_EXITED)) {
			if (!json)
				print_row(&st);
			else if ((r = state_to_json(&st, &text, err)) >= 0)
				json_object_array_add(list,
						json_tokener_parse(text));
		}
		state_clear(&st);
	}
	if (json && r >= 0)
		print_json(list);
	json_object_put(list);
	strv_clear(&names);
	return r < 0 ? FAILED : 0;
}

int cmd_inspect(int argc, char **argv, struct shift_error *err)
{
	_cleanup_free_ char *state = NULL, *path = NULL, *config = NULL;
	struct state st = STATE_INIT;
	struct json_object *top;
	int r = only_pod(argc, argv, &st, err);

	if (r >= 0)
		r = state_to_json(&st, &state, err);
	if (r >= 0)
		r = strf(&path, err, "%s/config.json", st.dir);
	if (r >= 0)
		r = read_file(path, 16 << 20, &config, NULL, err);
	if (r >= 0) {
		top = json_object_new_object();
		json_object_object_add(top, "state",
				       json_tokener_parse(state));
		json_object_object_add(top, "config",
				       json_tokener_parse(config));
		print_json(top);
		json_object_put(top);
	}
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}

int cmd_kill(int argc, char **argv, struct shift_error *err)
{
	_cleanup_close_ int pidfd = -1;
	struct state st = STATE_INIT;
	int r, signal = SIGKILL;

	if (argc != 2 && argc != 3)
		return usage("kill POD [SIGNAL]", err);
	if (argc == 3 && !(signal = options_signal(argv[2]))) {
		shift_err_set(err, 0, "'%s' is no signal", argv[2]);
		return FAILED;
	}
	r = state_load(&st, argv[1], err);
	if (r >= 0)
		r = pidfd = state_open_process(&st, err);
	if (r >= 0 && sys_pidfd_send_signal(pidfd, signal, NULL, 0) < 0)
		r = shift_err_set(err, errno, "cannot signal the pod %s",
				  st.name);
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}

/* For how long the end of a pod by force may take, in milliseconds. */
enum {
	FORCE_ANSWER_MS = 1000,	/* until the monitor has answered */
	FORCE_END_MS = 3000,	/* until it has seen the pod's end */
	FORCE_GONE_MS = 2000,	/* until it is gone, killed itself */
	/* Without force, which leaves folders of any size to the monitor. */
	ANSWER_MS = 5000,
	END_MS = 60000,
};

/*
 * Without it --restart, or a pod that reboots, would come back.  The word stays
 * in the socket when the answer takes longer than @ms.
 */
static void no_restart(const struct state *st, int ms)
{
	_cleanup_close_ int sock = monitor_connect(st->dir, NULL);
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int64_t end = util_now_ms() + ms, left;
	char c[16];

	if (sock < 0 || message_send(sock, "N", 1, -1, MSG_DONTWAIT) < 0)
		return;
	while ((left = end - util_now_ms()) > 0 && poll(&p, 1, (int)left) > 0)
		if (message_receive(sock, c, sizeof(c), NULL) <= 0 ||
		    c[0] == 'n')
			return;
}

/* The whole pod, whatever it does with signals; frozen or stopped as well. */
static void kill_all(const struct state *st, int pidfd)
{
	if (st->cgroup)
		cgroup_kill(st->cgroup, NULL);
	if (pidfd >= 0)
		sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

/* The last means: the pod goes with its monitor, and is cleared away after. */
static int kill_monitor(const char *name, struct shift_error *err)
{
	struct state st = STATE_INIT;
	_cleanup_close_ int monitor = -1, pidfd = -1;
	int r = state_load(&st, name, err);

	if (r >= 0) {
		monitor = procid_open(st.monitor, st.monitor_started, NULL);
		pidfd = procid_open(st.pid, st.pid_started, NULL);
		if (monitor >= 0)
			sys_pidfd_send_signal(monitor, SIGKILL, NULL, 0);
		kill_all(&st, pidfd);
		r = state_wait_unlocked(&st, FORCE_GONE_MS, err);
		if (r == -ETIMEDOUT)
			shift_err_hint(err, "its runner is process %d: see /proc/%d/stack for what it waits for",
				       (int)st.monitor, (int)st.monitor);
	} else if (r == -ENOENT) {
		shift_err_clear(err);
		r = 0;
	}
	state_clear(&st);
	return r;
}

static int stop_signal(const struct state *st)
{
	struct spec spec;
	int signal = SIGTERM;

	memset(&spec, 0, sizeof(spec));
	if (state_load_spec(st, &spec, NULL) >= 0) {
		const char *text = spec_annotation(&spec, SPEC_ANNOTATION_STOP);

		if (text)
			signal = options_signal(text) ?: SIGTERM;
	}
	spec_clear(&spec);
	return signal;
}

/*
 * Asks, waits for @seconds, then takes it by force; waits for its end.  With
 * @force it is taken at once, and its monitor with it when that does not see
 * its end in time.
 */
static int stop(const struct state *st, int seconds, bool force,
		struct shift_error *err)
{
	_cleanup_close_ int pidfd = -1;
	struct pollfd p = { .events = POLLIN };
	int r = 0;

	no_restart(st, force ? FORCE_ANSWER_MS : ANSWER_MS);
	p.fd = pidfd = state_open_process(st, NULL);
	/* One that is not started yet would not even hear it. */
	if (pidfd >= 0 && st->status == STATUS_RUNNING && seconds > 0) {
		/* What is frozen cannot answer. */
		if (st->cgroup)
			cgroup_freeze(st->cgroup, false, NULL);
		sys_pidfd_send_signal(pidfd, stop_signal(st), NULL, 0);
		while ((r = poll(&p, 1, seconds * 1000)) < 0 && errno == EINTR)
			;
	}
	if (!r)
		kill_all(st, pidfd);
	r = state_wait_unlocked(st, force ? FORCE_END_MS : END_MS, err);
	if (r != -ETIMEDOUT)
		return r;
	if (!force) {
		shift_err_hint(err, "runner rm -f ends it with its monitor");
		return r;
	}
	shift_err_clear(err);
	return kill_monitor(st->name, err);
}

int cmd_stop(int argc, char **argv, struct shift_error *err)
{
	struct state st = STATE_INIT;
	long seconds = 10;
	int c, r = 0;

	optind = 1;
	while ((c = getopt(argc, argv, "+t:")) >= 0) {
		if (c != 't')
			return usage("stop [-t SECONDS] POD...", err);
		/* In the milliseconds of poll(2). */
		if (options_integer(optarg, 0, INT_MAX / 1000, &seconds,
				    err) < 0) {
			shift_err_prefix(err, "stop -t");
			return FAILED;
		}
	}
	if (optind >= argc)
		return usage("stop [-t SECONDS] POD...", err);
	for (int i = optind; r >= 0 && i < argc; i++) {
		r = state_load(&st, argv[i], err);
		if (r >= 0 && st.status != STATUS_EXITED)
			r = stop(&st, (int)seconds, false, err);
		state_clear(&st);
	}
	return r < 0 ? FAILED : 0;
}

/* After a boot of the host a pod is but its folder. */
static int remove_folder_alone(const char *name, struct shift_error *err)
{
	struct shift_error own = SHIFT_ERROR_INIT;
	int r = poddir_remove(name, &own);

	/* Without a folder what @err says, that there is no such pod, holds. */
	if (!r)
		return -ENOENT;
	shift_err_clear(err);
	if (r < 0)
		shift_err_set(err, 0, "%s", shift_err_text(&own));
	shift_err_clear(&own);
	return r;
}

static int remove_pod(const char *name, bool force, struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r = state_load(&st, name, err);

	if (r == -ENOENT) {
		state_clear(&st);
		return remove_folder_alone(name, err);
	}
	if (r >= 0 && force && st.status != STATUS_EXITED) {
		r = stop(&st, 0, true, err);
	} else if (r >= 0 && state_is_up(&st)) {
		r = shift_err_set(err, 0, "the pod %s is %s", name,
				  state_status_name(st.status));
		shift_err_hint(err, "stop it first, or runner rm -f");
	}
	/* Its supervisor may be about to leave. */
	if (r >= 0 && st.status == STATUS_EXITED)
		r = state_wait_unlocked(&st, END_MS, err);
	/* One that was ephemeral went with its end. */
	if (r >= 0 && access(st.dir, F_OK) == 0) {
		r = state_lock(&st, err);
		if (r >= 0)
			r = state_remove(&st, err);
		else if (r == -ENOENT)
			shift_err_clear(err), r = 0;
	}
	if (r >= 0)
		r = poddir_remove(name, err);
	state_clear(&st);
	return r;
}

int cmd_rm(int argc, char **argv, struct shift_error *err)
{
	bool force = argc > 1 && (!strcmp(argv[1], "-f") ||
				  !strcmp(argv[1], "--force"));
	int r = 0;

	if (argc < 2 + force)
		return usage("rm [-f] POD...", err);
	for (int i = 1 + force; i < argc; i++) {
		struct shift_error own = SHIFT_ERROR_INIT;

		/* One that cannot be removed keeps no other. */
		if (remove_pod(argv[i], force, &own) < 0) {
			if (r < 0)
				shift_err_print(err, stderr, "runner");
			shift_err_clear(err);
			*err = own;
			r = -1;
		} else {
			shift_err_clear(&own);
		}
	}
	return r < 0 ? FAILED : 0;
}

int cmd_wait(int argc, char **argv, struct shift_error *err)
{
	_cleanup_close_ int sock = -1;
	char message[MONITOR_MESSAGE + 1];
	struct state st = STATE_INIT;
	int r = only_pod(argc, argv, &st, err), status = FAILED;

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
			r = state_load(&st, argv[1], err);
			if (r >= 0 && st.status != STATUS_EXITED)
				r = shift_err_set(err, EPIPE, "the monitor of the pod %s is gone",
						  st.name);
			status = st.exit_status;
		}
	} else if (r >= 0) {
		status = st.exit_status;
	}
	state_clear(&st);
	if (r < 0)
		return FAILED;
	printf("%d\n", status);
	return 0;
}

static int freeze(int argc, char **argv, bool on, struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r = only_pod(argc, argv, &st, err);

	if (r >= 0)
		r = state_need_up(&st, err);
	if (r >= 0 && !st.cgroup)
		r = shift_err_set(err, ENOTSUP, "the pod %s has no cgroup: the host has no cgroup version 2",
				  st.name);
	if (r >= 0)
		r = cgroup_freeze(st.cgroup, on, err);
	state_clear(&st);
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

/* For log_print(). */
static bool always_ended(void *data)
{
	(void)data;
	return true;
}

static bool has_ended(void *data)
{
	struct state st = STATE_INIT;
	bool ended = state_load(&st, data, NULL) < 0 || !state_is_up(&st);

	state_clear(&st);
	return ended;
}

int cmd_logs(int argc, char **argv, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *dir = NULL, *name = NULL;
	struct state st = STATE_INIT;
	bool follow = false, times = false;
	long tail = -1;
	int c, r;

	optind = 1;
	while ((c = getopt(argc, argv, "+ftn:")) >= 0) {
		if (c == 'f') {
			follow = true;
		} else if (c == 't') {
			times = true;
		} else if (c != 'n') {
			return usage("logs [-f] [-t] [-n LINES] POD", err);
		} else if (options_integer(optarg, 0, INT_MAX, &tail,
					   err) < 0) {
			shift_err_prefix(err, "logs -n");
			return FAILED;
		}
	}
	if (optind + 1 != argc)
		return usage("logs [-f] [-t] [-n LINES] POD", err);
	r = state_load(&st, argv[optind], err);
	if (r >= 0 && !st.detached)
		r = shift_err_set(err, 0, "what the pod %s writes goes to who started it: it is not detached",
				  st.name);
	if (r >= 0)
		r = poddir_path(st.name, &dir, err);
	if (r >= 0)
		r = strf(&path, err, "%s/log", dir);
	if (r >= 0)
		r = place_name(st.name, &name, err);
	if (r >= 0 && access(path, F_OK) < 0)
		r = log_print_journal(name, st.created, times, tail,
				      follow ? has_ended : always_ended,
				      st.name, err);
	else if (r >= 0)
		r = log_print(path, times, tail, follow ? has_ended :
			      always_ended, st.name, err);
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}

int attach_pod(int sock, bool input, const char *name,
	       struct shift_error *err)
{
	int status = monitor_attach(sock, input, err);

	tty_restore();
	if (status == -ENOTCONN) {
		fprintf(stderr, "\nrunner: detached from %s\n", name);
		return 0;
	}
	return status < 0 ? FAILED : status;
}

int cmd_attach(int argc, char **argv, struct shift_error *err)
{
	_cleanup_close_ int sock = -1;
	struct state st = STATE_INIT;
	int r = only_pod(argc, argv, &st, err), status = FAILED;

	if (r >= 0)
		r = state_need_up(&st, err);
	if (r >= 0 && !st.detached)
		r = shift_err_set(err, 0, "the streams of the pod %s belong to who started it: it is not detached",
				  st.name);
	if (r >= 0)
		r = sock = monitor_connect(st.dir, err);
	if (r >= 0)
		status = attach_pod(sock, true, st.name, err);
	state_clear(&st);
	return status;
}

int cmd_update(int argc, char **argv, struct shift_error *err)
{
	struct spec_resources res;
	struct state st = STATE_INIT;
	struct spec spec;
	int r;

	if (argc < 4)
		return usage("update POD --memory N|--cpus N|--pids-limit N|...", err);
	memset(&res, 0, sizeof(res));
	memset(&spec, 0, sizeof(spec));
	r = state_load(&st, argv[1], err);
	if (r >= 0)
		r = state_load_spec(&st, &spec, err);
	for (int i = 2; r >= 0 && i < argc; i += 2) {
		if (strncmp(argv[i], "--", 2) || i + 1 == argc)
			r = 1;
		else
			r = options_limit(argv[i] + 2, argv[i + 1], &res, err);
		/* Again for what the next start has. */
		if (r == 0)
			r = options_limit(argv[i] + 2, argv[i + 1],
					  &spec.linux_.resources, err);
		if (r > 0)
			r = shift_err_set(err, 0, "update does not know '%s'",
					  argv[i]);
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
	strv_clear(&res.unified);
	spec_clear(&spec);
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}
