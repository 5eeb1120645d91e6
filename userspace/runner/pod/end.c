/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/end.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/procid.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "monitor/monitor.h"
#include "pod/poddir.h"
#include "syscalls.h"

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

int pod_stop(const struct state *st, int seconds, int signal, bool force,
	     struct shift_error *err)
{
	_cleanup_close_ int pidfd = -1;
	struct pollfd p = { .events = POLLIN };
	int r = 0;

	no_restart(st, force ? FORCE_ANSWER_MS : ANSWER_MS);
	p.fd = pidfd = state_open_process(st, NULL);
	/* One that is not started yet would not even hear it. */
	if (pidfd >= 0 && st->status == STATUS_RUNNING && seconds > 0) {
		/* A frozen process cannot answer. */
		if (st->cgroup)
			cgroup_freeze(st->cgroup, false, NULL);
		sys_pidfd_send_signal(pidfd, signal, NULL, 0);
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

/* After a boot of the host a pod is but its folder. */
static int remove_folder_alone(const char *name, bool volumes,
			       struct shift_error *err)
{
	struct shift_error own = SHIFT_ERROR_INIT;
	int r = poddir_remove(name, volumes, &own);

	/* Without a folder what @err says, that there is no such pod, holds. */
	if (!r)
		return -ENOENT;
	shift_err_clear(err);
	if (r < 0)
		shift_err_relay(err, shift_err_text(&own));
	shift_err_clear(&own);
	return r;
}

int pod_remove(const char *name, bool force, bool volumes,
	       struct shift_error *err)
{
	struct state st = STATE_INIT;
	int r = state_load(&st, name, err);

	if (r == -ENOENT) {
		state_clear(&st);
		return remove_folder_alone(name, volumes, err);
	}
	/* One that is created has run nothing yet: nothing is lost. */
	if (r >= 0 && st.status != STATUS_EXITED &&
	    (force || st.status == STATUS_CREATED)) {
		r = pod_stop(&st, 0, SIGKILL, true, err);
	} else if (r >= 0 && state_is_kept_up(&st)) {
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
		r = poddir_remove(name, volumes, err);
	state_clear(&st);
	return r;
}
