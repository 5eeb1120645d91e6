/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top, stats, events: what pods do now. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "cgroup/cgroup_tree.h"
#include "cleanup.h"
#include "cli/numbers.h"
#include "cli/words.h"
#include "escape.h"
#include "pod/pod.h"
#include "pod/state.h"

#define FAILED POD_STATUS_FAILED
#define PERIOD_S 5

static const struct words_option none[] = { WORDS_END };
static const struct words_command top_words = {
	"top", "POD", "List the processes of a pod.", 1, 1, false, none,
	"PID is the host's number, INSIDE the pod's; USER is the pod's id.\n",
};
static const struct words_option stats_options[] = {
	{ 0, "no-stream", 'o', NULL, "once, not again and again", NULL },
	{ 'i', "interval", 0, "SECONDS", "between two times, 5 by default", NULL },
	{ 'a', "all", 0, NULL, NULL, "one that does not run uses nothing" },
	{ 0, "format", 0, "TEXT", NULL, "one line each: runner stats --no-stream | awk" },
	{ 0, "no-reset", 0, NULL, NULL, "the screen is left alone" },
	{ 0, "no-trunc", 0, NULL, NULL, "nothing is cut" },
	WORDS_END,
};
static const struct words_command stats_words = {
	"stats", "[POD]...", "Print what pods use, of their cgroups.",
	0, WORDS_MANY, false, stats_options, NULL,
};
static const struct words_option events_options[] = {
	{ 0, "format", 0, "TEXT", NULL, "each is a line TIME EVENT POD" },
	{ 'f', "filter", 0, "KEY=VALUE", NULL, "runner events | grep" },
	{ 0, "no-trunc", 0, NULL, NULL, "nothing is cut" },
	{ 0, "since", 0, "TIME", NULL, "runner keeps no events: it has those from now on" },
	{ 0, "until", 0, "TIME", NULL, "timeout 60 runner events" },
	WORDS_END,
};
static const struct words_command events_words = {
	"events", "", "Print what happens to pods, from now on.",
	0, 0, false, events_options, NULL,
};

/* A process can have 65536 groups, of ten digits each, and their line is in the middle. */
#define STATUS_MAX (2 << 20)

/* One line NAME:... of /proc/PID/status; empty without it. */
static void status_line(const char *status, const char *name, char *to,
			size_t size)
{
	const char *p = strstr(status, name);

	*to = '\0';
	if (!p)
		return;
	p += strlen(name);
	p += strspn(p, "\t ");
	snprintf(to, size, "%.*s", (int)strcspn(p, "\n"), p);
}

/*
 * The pod's number of a process, of its line NSpid: the second, behind the host's.  Those
 * of pid namespaces that the pod made follow.  Without a pid namespace of the pod's there
 * is one number.
 */
static const char *number_inside(char *numbers)
{
	char *second = strchr(numbers, '\t');

	if (!second)
		return numbers;
	second[1 + strcspn(second + 1, "\t")] = '\0';
	return second + 1;
}

/* Host's id to the pod's; outside of its range as it is. */
static uint32_t inside(const struct state *st, uint32_t id)
{
	return id >= st->base ? id - st->base : id;
}

static void print_process(const struct state *st, pid_t pid)
{
	char path[64], number[256], uid[64], command[512];
	_cleanup_free_ char *status = NULL;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (read_file(path, STATUS_MAX, &status, NULL, NULL) < 0)
		return;
	status_line(status, "\nNSpid:", number, sizeof(number));
	status_line(status, "\nUid:", uid, sizeof(uid));
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(command, 1, sizeof(command) - 1, f);
		fclose(f);
	}
	for (size_t i = 0; i + 1 < n; i++)
		if (!command[i])
			command[i] = ' ';
	command[n] = '\0';
	if (!n)
		status_line(status, "Name:", command, sizeof(command));
	printf("%8d %8s %8" PRIu32 " ", (int)pid, number_inside(number),
	       inside(st, (uint32_t)strtoul(uid, NULL, 10)));
	shift_print_escaped(stdout, command, strlen(command), SHIFT_ESCAPE_ALL);
	putchar('\n');
}

static void print_one(pid_t pid, void *data)
{
	if (pid > 0)
		print_process(data, pid);
}

/* Those of the pod's cgroup and of the ones below that it made. */
static int print_cgroup(struct state *st, struct shift_error *err)
{
	_cleanup_close_ int dir = cgroup_tree_open(st->cgroup);

	if (dir < 0)
		return dir == -ENOENT ? 0 :
			shift_err_set(err, -dir, "cannot read %s", st->cgroup);
	return cgroup_tree_each(dir, print_one, st, err);
}

/* Without cgroups: those of its pid namespace. */
static int print_namespace(const struct state *st, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = opendir("/proc");
	char path[64];
	struct stat own, other;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)st->pid);
	if (!dir || stat(path, &own) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	while ((e = readdir(dir))) {
		pid_t pid = (pid_t)atoi(e->d_name);

		snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
		if (pid > 0 && stat(path, &other) == 0 &&
		    own.st_ino == other.st_ino && own.st_dev == other.st_dev)
			print_process(st, pid);
	}
	return 0;
}

int cmd_top(int argc, char **argv, struct shift_error *err)
{
	struct state st = STATE_INIT;
	struct words w;
	int r = words_only(&w, &top_words, argc, argv, err);

	if (r >= 0)
		r = state_load(&st, w.operands[0], err);
	if (r >= 0)
		r = state_need_up(&st, err);
	if (r >= 0) {
		printf("%8s %8s %8s %s\n", "PID", "INSIDE", "USER", "COMMAND");
		r = st.cgroup ? print_cgroup(&st, err) :
				print_namespace(&st, err);
	}
	state_clear(&st);
	return r < 0 ? FAILED : 0;
}

/* The number behind @key in a file of the cgroup, or all of it; -1: none. */
static int64_t number_in(const char *cgroup, const char *name, const char *key)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	const char *p;

	if (strf(&path, NULL, "%s/%s", cgroup, name) < 0 ||
	    read_file(path, 65536, &text, NULL, NULL) < 0)
		return -1;
	p = key ? strstr(text, key) : text;
	if (!p)
		return -1;
	p += key ? strlen(key) : 0;
	return *p < '0' || *p > '9' ? -1 : strtoll(p, NULL, 10);
}

static void print_bytes(int64_t n)
{
	static const char units[] = "BKMGTP";
	double v = (double)n;
	int u = 0;

	for (; v >= 1024 && u < 5; u++)
		v /= 1024;
	if (n < 0)
		printf("%9s ", "-");
	else
		printf("%8.1f%c ", v, units[u]);
}

static int print_stats(const char *name, bool named, struct shift_error *err)
{
	struct state st = STATE_INIT;
	int64_t usec, pids;
	int r = state_load(&st, name, named ? err : NULL);

	if (r >= 0 && (st.status != STATUS_RUNNING || !st.cgroup)) {
		if (named)
			r = st.status == STATUS_RUNNING ?
				shift_err_set(err, ENOTSUP, "the pod %s has no cgroup", name) :
				shift_err_set(err, 0, "the pod %s is %s", name,
					      state_status_name(st.status));
	} else if (r >= 0) {
		usec = number_in(st.cgroup, "cpu.stat", "usage_usec ");
		pids = number_in(st.cgroup, "pids.current", NULL);
		printf("%-20s %9.2fs ", name, (double)usec / 1000000);
		print_bytes(number_in(st.cgroup, "memory.current", NULL));
		print_bytes(number_in(st.cgroup, "memory.max", NULL));
		if (pids < 0)
			printf("%6s\n", "-");
		else
			printf("%6" PRId64 "\n", pids);
	}
	state_clear(&st);
	/* One that was listed may have gone. */
	return named ? r : 0;
}

static int stats_once(const struct words *w, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = w->n ? 0 : state_list(&names, err);

	printf("%-20s %10s %9s %9s %6s\n", "NAME", "CPU-TIME", "MEMORY",
	       "LIMIT", "PIDS");
	for (int i = 0; r >= 0 && i < w->n; i++)
		r = print_stats(w->operands[i], true, err);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = print_stats(names.v[i], false, err);
	strv_clear(&names);
	fflush(stdout);
	return r;
}

int cmd_stats(int argc, char **argv, struct shift_error *err)
{
	long seconds = PERIOD_S;
	bool once = false;
	struct words w;
	int r;

	words_begin(&w, &stats_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		if (words_code(&w) == 'o') {
			once = w.on;
		} else if (numbers_integer(w.value, 1, INT_MAX, &seconds,
					   err) < 0) {
			shift_err_prefix(err, "stats -i");
			return FAILED;
		}
	}
	if (r >= 0)
		r = stats_once(&w, err);
	while (r >= 0 && !once && !ferror(stdout)) {
		sleep((unsigned int)seconds);
		r = stats_once(&w, err);
	}
	return r < 0 ? FAILED : 0;
}

static void event(const char *what, const char *name)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	printf("%s %s %s\n", text, what, name);
	fflush(stdout);
}

/* NAME=STATUS of each pod. */
static int look(struct strv *ret, struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = state_list(&names, err);

	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct state st = STATE_INIT;

		if (state_load(&st, names.v[i], NULL) >= 0)
			r = strv_addf(ret, err, "%s=%s", names.v[i],
				      state_is_up(&st) &&
				      cgroup_is_frozen(st.cgroup) ? "paused" :
				      state_status_name(st.status));
		state_clear(&st);
	}
	strv_clear(&names);
	return r;
}

int cmd_events(int argc, char **argv, struct shift_error *err)
{
	struct timespec t = { .tv_nsec = 100000000 };
	struct strv before = { NULL, 0 };
	struct words w;
	int r = words_only(&w, &events_words, argc, argv, err);

	if (r >= 0)
		r = look(&before, err);
	while (r >= 0 && !ferror(stdout)) {
		struct strv now = { NULL, 0 };

		nanosleep(&t, NULL);
		r = look(&now, err);
		for (size_t i = 0; r >= 0 && i < now.n; i++) {
			char *equals = strchr(now.v[i], '=');
			const char *was;

			*equals = '\0';
			was = strv_getenv(&before, now.v[i]);
			if (!was || strcmp(was, equals + 1))
				event(equals + 1, now.v[i]);
			*equals = '=';
		}
		for (size_t i = 0; r >= 0 && i < before.n; i++) {
			before.v[i][strcspn(before.v[i], "=")] = '\0';
			if (!strv_getenv(&now, before.v[i]))
				event("removed", before.v[i]);
		}
		strv_clear(&before);
		before = now;
	}
	strv_clear(&before);
	return r < 0 ? FAILED : 0;
}
