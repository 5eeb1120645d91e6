/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a pod while it is there, pods/NAME below place_run():
 *
 *	lock		flock(2)ed by the monitor as long as it lives
 *	config.json	the pod as described
 *	config.lock	flock(2)ed by who changes that: state_edit_spec()
 *	state.json	the members of struct state below
 *	monitor		socket of the monitor: monitor.h
 *
 * All of it goes with a boot of the host: kept.h has what stays of a pod that
 * keeps its changes, and makes this anew of it.
 *
 * A folder without a lock and whose state is neither "exited" nor "new" is what
 * a killed runner left; whoever comes next clears it away.
 */
#ifndef RUNNER_STATE_H
#define RUNNER_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/util.h"
#include "error.h"
#include "spec/spec.h"

enum status {
	STATUS_CREATING,	/* being set up */
	STATUS_CREATED,		/* set up, waits for start */
	STATUS_RUNNING,
	STATUS_EXITED,
	STATUS_RESTARTING,	/* has ended; its monitor will start it again */
};

struct state {
	char *name;
	char *dir;
	int lock_fd;		/* -1 while not held by this process */
	enum status status;
	pid_t pid;		/* of the pod's first process, 0 without */
	pid_t monitor;
	uint64_t pid_started, monitor_started;	/* procid_started() */
	int exit_status;	/* of the last run: EXITED, RESTARTING */
	bool oom;		/* the kernel ran out of the pod's memory */
	bool ephemeral;		/* goes with the pod */
	bool stale;		/* of a boot before this one; not written */
	bool detached;
	bool interactive;	/* has a stdin */
	int64_t created, started, finished;	/* seconds since 1970, 0: not */
	uint32_t base;		/* first host id */
	char *cgroup;		/* its directory, NULL without one */
	char *image;
	char *command;		/* for people */
	unsigned int restarts;
	uint64_t dev;		/* st_dev of the tmpfs on the pod's /dev */
};

#define STATE_INIT { .lock_fd = -1 }

const char *state_status_name(enum status status);

/*
 * Makes and locks the folder of @name, or of a new name when it is NULL.  What
 * an earlier pod of that name left is cleared; -EBUSY when it is there still.
 */
int state_create(struct state *st, const char *name, struct shift_error *err);

/* Reads the pod @name.  -ENOENT with a message when there is none. */
int state_load(struct state *st, const char *name, struct shift_error *err);

/* Created or running; the last says otherwise in words. */
bool state_is_up(const struct state *st);
/* The same, or between two runs: there is something to stop. */
bool state_is_kept_up(const struct state *st);
int state_need_up(const struct state *st, struct shift_error *err);

/*
 * A pidfd of the pod's first process, the caller's.  The pid is believed only
 * with the time at which the process was started.
 */
int state_open_process(const struct state *st, struct shift_error *err);

/* Locks a loaded pod that has no monitor.  -EBUSY: it has one. */
int state_lock(struct state *st, struct shift_error *err);

/*
 * Waits until the pod's monitor is gone: for @ms milliseconds, then -ETIMEDOUT,
 * or as long as it takes with -1.
 */
int state_wait_unlocked(const struct state *st, int ms,
			struct shift_error *err);

int state_save(const struct state *st, struct shift_error *err);

int state_save_spec(const struct state *st, const struct spec *spec,
		    struct shift_error *err);
int state_load_spec(const struct state *st, struct spec *spec,
		    struct shift_error *err);

/*
 * Loads the description of @st to change it.  Returns a locked descriptor, the
 * caller's.  A second call for the same pod waits until the first caller has closed
 * its descriptor: close it after state_save_spec().  The end of the pod does not wait.
 */
int state_edit_spec(const struct state *st, struct spec *spec,
		    struct shift_error *err);

/*
 * The description of a pod that is not ephemeral goes to where it outlives a
 * boot of the host: from then on the pod is kept.
 */
int state_keep(const struct state *st, const struct spec *spec,
	       struct shift_error *err);

/*
 * Makes the folder of the pod @name, as one that has ended, of its description
 * @config and its last state @text, NULL: none is known.  Does nothing when
 * there is one.  Under state_lock_all(), whose fd is the caller's.
 */
int state_restore(const char *name, const char *config, const char *text,
		  struct shift_error *err);
int state_lock_all(struct shift_error *err);

/* JSON text for people and programs, the caller's in *ret: state_json.c. */
int state_to_json(const struct state *st, char **ret, struct shift_error *err);

/* Fills @st; a state of another boot has no processes.  No text, or none: zeros. */
int state_from_json(struct state *st, const char *text, struct shift_error *err);

/* Names of all pods, sorted. */
int state_list(struct strv *names, struct shift_error *err);

/*
 * Clears away what killed runners left.  Of more than @most pods, 0: no limit,
 * it looks at so many by chance.  Remains that cannot be cleared away
 * are a warning and no error.
 */
int state_sweep(size_t most, struct shift_error *err);

/*
 * The end of a pod: its cgroup goes; the folder goes when the pod is ephemeral
 * or was never up, otherwise it stays as exited.
 */
int state_finish(struct state *st, struct shift_error *err);

/* Removes the folder of a pod that is locked by this process. */
int state_remove(struct state *st, struct shift_error *err);

/* The same, for a caller that holds state_lock_all(); the pod's own lock stays. */
int state_remove_locked(struct state *st, struct shift_error *err);

void state_clear(struct state *st);

#endif
