/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Templates: what an agent may have started.  /etc/runner/side.d/NAME.json is the
 * administrator's, an object with these members, all but the first four optional:
 *
 *	image		as --image of runner run
 *	command		list of words; "{args}" stands for the asker's arguments,
 *			without it they follow
 *	askers		list of pods which may ask
 *	args		list of what an argument may be: a regular expression (POSIX,
 *			extended) which the whole word matches, or a list of them
 *			for words that follow each other.  The first that fits is taken
 *	volumes		list, as -v of runner run
 *	tmpfs		list, as --tmpfs
 *	env		list of NAME=VALUE
 *	user		as -u
 *	cap_add, cap_drop	lists of capabilities; dropped first
 *	network		"none" (default), "agent": the one of the agent's pod, or
 *			"named": what the request names below the agent's /run/netns
 *	userns		"auto" (default), a range of its own, or "agent"
 *	read_only	whether its root cannot be written: true by default
 *	memory		bytes
 *	pids		processes and threads, 256 by default
 *	cpus		a number
 *	log_size	bytes, 1 MiB by default
 *	restart		as --restart
 *	max		how many may run at once for one asker, 16 by default
 *	replace		whether a start with other arguments and the key of one that
 *			runs takes its place: false by default
 *	signals		list of numbers that the asker may send, HUP, INT, USR1, USR2,
 *			TERM and KILL by default
 *	settle_ms	a start is answered after that time, or the end: 300 by default
 *	stop_seconds	between TERM and KILL, 10 by default
 *	orphan_seconds	how long it may run while no pod of the asker's name is up;
 *			0, the default: for ever
 */
#ifndef RUNNER_TEMPLATE_H
#define RUNNER_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"
#include "error.h"

#define SIDE_TEMPLATES "/etc/runner/side.d"

enum side_network {
	SIDE_NETWORK_NONE,
	SIDE_NETWORK_AGENT,
	SIDE_NETWORK_NAMED,
};

struct side_pattern {
	struct strv words;
	void *compiled;		/* regex_t of each */
};

struct side_template {
	char *name;
	char *image, *user, *restart;
	struct strv command, askers, volumes, tmpfs, env, cap_add, cap_drop;
	struct side_pattern *args;
	size_t n_args;
	enum side_network network;
	bool userns_agent, read_only, replace;
	int64_t memory, pids, log_size;
	double cpus;
	int max, settle_ms, stop_seconds, orphan_seconds;
	uint64_t signals;	/* bit N: signal N */
};

/*
 * Reads NAME.json of the directory @dir.  *ret is cleared by
 * side_template_clear(), also after an error.  -ENOENT: there is none.
 */
int side_template_load(struct side_template *ret, const char *dir,
		       const char *name, struct shift_error *err);

/* The same of its text. */
int side_template_parse(struct side_template *ret, const char *name,
			const char *text, size_t len, struct shift_error *err);

void side_template_clear(struct side_template *t);

bool side_template_allows(const struct side_template *t, const char *asker);

/* Whether all of @args match; the message says which one does not. */
int side_template_match(const struct side_template *t, const struct strv *args,
			struct shift_error *err);

/* The command with @args in it. */
int side_template_command(const struct side_template *t,
			  const struct strv *args, struct strv *ret,
			  struct shift_error *err);

#endif
