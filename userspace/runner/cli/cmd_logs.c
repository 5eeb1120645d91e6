/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pod's output: logs, attach. */
#include "cli/commands.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/place.h"
#include "base/tty.h"
#include "cleanup.h"
#include "cli/numbers.h"
#include "cli/words.h"
#include "monitor/log.h"
#include "monitor/monitor.h"
#include "pod/pod.h"
#include "pod/poddir.h"
#include "pod/state.h"

#define FAILED POD_STATUS_FAILED

/* For log_print(). */
static bool always_ended(void *data)
{
	(void)data;
	return true;
}

static bool has_ended(void *data)
{
	struct state st = STATE_INIT;
	bool ended = state_load(&st, data, NULL) < 0 ||
		     !state_is_kept_up(&st);

	state_clear(&st);
	return ended;
}

static const struct words_option logs_options[] = {
	{ 'f', "follow", 0, NULL, "go on until the pod has ended", NULL },
	{ 'n', "tail", 0, "LINES", "the last ones only", NULL },
	{ 0, "since", 'S', "TIME", "from then on: a date and time, or 10m, 1h30m ago", NULL },
	{ 't', "timestamps", 0, NULL, "the time before each line", NULL },
	{ 0, "until", 0, "TIME", NULL, "logs -t has the times to choose by" },
	{ 0, "color", 0, NULL, NULL, "one pod at a time is printed" },
	{ 0, "names", 0, NULL, NULL, "one pod at a time is printed" },
	WORDS_END,
};
static const struct words_command logs_words = {
	"logs", "POD", "Print what a detached pod wrote.",
	1, 1, false, logs_options, NULL,
};

int cmd_logs(int argc, char **argv, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *dir = NULL, *name = NULL;
	struct state st = STATE_INIT;
	bool follow = false, times = false;
	int64_t since = 0;
	long tail = -1;
	struct words w;
	int r;

	words_begin(&w, &logs_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		switch (words_code(&w)) {
		case 'f':
			follow = w.on;
			break;
		case 't':
			times = w.on;
			break;
		case 'S':
			r = numbers_time(w.value, &since, err);
			if (r < 0)
				shift_err_prefix(err, "logs --since");
			break;
		case 'n':
			r = strcmp(w.value, "all") ?
			    numbers_integer(w.value, -1, INT_MAX, &tail, err) : 0;
			if (r < 0)
				shift_err_prefix(err, "logs -n");
		}
		if (r < 0)
			return FAILED;
	}
	if (r >= 0)
		r = state_load(&st, w.operands[0], err);
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
		r = log_print_journal(name, since / 1000000000 > st.created ?
				      since / 1000000000 : st.created, times, tail,
				      follow ? has_ended : always_ended,
				      st.name, err);
	else if (r >= 0)
		r = log_print(path, since, times, tail, follow ? has_ended :
			      always_ended, st.name, err);
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}

static const struct words_option attach_options[] = {
	{ 0, "no-stdin", 'N', NULL, "its output only", NULL },
	{ 0, "detach-keys", 0, "KEYS", NULL, "they are ctrl-p ctrl-q" },
	WORDS_END,
};
static const struct words_command attach_words = {
	"attach", "POD", "Join the streams of a detached pod.",
	1, 1, false, attach_options, NULL,
};

int attach_pod(int sock, enum monitor_attach how, bool input, const char *name,
	       struct shift_error *err)
{
	int status = monitor_attach(sock, how, input, err);

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
	bool input = true;
	int r, status = FAILED;
	struct words w;

	words_begin(&w, &attach_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		input = !w.on;
	if (r >= 0)
		r = state_load(&st, w.operands[0], err);
	if (r >= 0)
		r = state_need_up(&st, err);
	if (r >= 0 && !st.detached)
		r = shift_err_set(err, 0, "the streams of the pod %s belong to who started it: it is not detached",
				  st.name);
	if (r >= 0)
		r = sock = monitor_connect(st.dir, err);
	if (r >= 0)
		status = attach_pod(sock, MONITOR_ATTACH, input, st.name, err);
	state_clear(&st);
	return status;
}
