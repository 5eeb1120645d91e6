/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/helper.h"
#include "base/place.h"
#include "base/procid.h"
#include "base/report.h"
#include "cleanup.h"
#include "monitor/handoff.h"
#include "monitor/notify.h"
#include "pod/device_wait.h"
#include "pod/kept.h"
#include "pod/network.h"
#include "pod/volumes.h"
#include "pod/pod_blockdev.h"
#include "pod/written.h"
#include "spec/intercept_option.h"
#include "store/owners.h"

void held_clear(struct held *h)
{
	plan_clear(&h->plan);
	lease_release(&h->lease);
	image_clear(&h->image);
	spec_clear(&h->spec);
	state_clear(&h->state);
	for (int i = 0; i < HELD_FDS; i++) {
		if (h->keep[i] >= 0)
			close(h->keep[i]);
		h->keep[i] = -1;
	}
}

int launch_lease(struct held *h, const struct lease_request *userns,
		 struct shift_error *err)
{
	_cleanup_free_ char *memory = NULL;
	int r = 0;

	if (h->spec.linux_.namespace_paths[0])
		return 0;
	/* A pod that keeps its changes keeps its range too. */
	if (h->dir.path)
		r = strf(&memory, err, "%s/range", h->dir.path);
	if (r >= 0)
		r = lease_take(&h->lease, userns, h->dir.name, memory,
			       memory && !h->dir.ephemeral, err);
	h->spec.linux_.host_base = h->lease.base;
	h->spec.linux_.map_size = h->lease.count;
	return r;
}

static int describe_state(struct state *st, const struct spec *spec,
			  struct shift_error *err)
{
	char text[256] = "";
	size_t len = 0;
	int r;

	for (size_t i = 0; i < spec->process.args.n && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					i ? " " : "", spec->process.args.v[i]);
	r = str_replace(&st->command, text, err);
	return r < 0 ? r : str_replace(&st->image, spec_annotation(spec,
				       SPEC_ANNOTATION_IMAGE), err);
}

/* Whether the pod goes on after an end with @status. */
static bool again(const struct held *h, int status)
{
	const char *policy = spec_annotation(&h->spec, SPEC_ANNOTATION_RESTART);
	unsigned int max = ~0u;

	/* Somebody wants its end: it is not for the pod to want another. */
	if (h->pod.monitor.no_restart)
		return false;
	if (h->pod.reboot)
		return true;
	if (!policy || !strcmp(policy, "no"))
		return false;
	/* Until it is stopped, both: a stop is of this run of it. */
	if (!strcmp(policy, "always") || !strcmp(policy, "unless-stopped"))
		return true;
	/* It may be an annotation that somebody wrote. */
	if (strncmp(policy, "on-failure", strlen("on-failure")))
		return false;
	if (policy[strlen("on-failure")] == ':')
		max = (unsigned int)atoi(policy + strlen("on-failure:"));
	return status != 0 && h->state.restarts < max;
}

static int pause_before(unsigned int restarts)
{
	return 100 << (restarts < 7 ? restarts : 7);
}

static uint64_t log_size(const struct spec *spec)
{
	const char *text = spec_annotation(spec, SPEC_ANNOTATION_LOG_SIZE);

	return text ? strtoull(text, NULL, 10) : LOG_SIZE;
}

static int open_monitor(struct held *h, struct shift_error *err)
{
	struct monitor *m = &h->pod.monitor;
	_cleanup_free_ char *log = NULL, *name = NULL;
	sigset_t set;
	int r;

	monitor_signals(&set);
	m->sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (m->sig_fd < 0)
		return shift_err_set(err, errno, "cannot receive signals");
	r = monitor_listen(m, h->state.dir, err);
	if (r >= 0)
		r = device_wait_open(&h->spec, m, err);
	m->runner_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	snprintf(m->pod, sizeof(m->pod), "%s", h->state.name);
	if (r >= 0 && h->pod.detached) {
		r = strf(&log, err, "%s/log", h->dir.path);
		if (r >= 0)
			r = place_name(h->state.name, &name, err);
		if (r >= 0)
			r = log_open(&m->log, log, name, log_size(&h->spec),
				     err);
	}
	return r;
}

static void record(const struct held *h, struct handoff *to)
{
	const struct pod *pod = &h->pod;

	memset(to, 0, sizeof(*to));
	snprintf(to->magic, sizeof(to->magic), "%s", HANDOFF_MAGIC);
	to->size = sizeof(*to);
	to->until_start = h->state.status == STATUS_CREATED;
	to->monitor = pod->monitor;
	tty_get_state(&to->tty);
	snprintf(to->pod, sizeof(to->pod), "%s", h->state.name);
	to->lease_base = h->lease.base;
	to->lease_count = h->lease.count;
	to->lease_fd = h->lease.fd;
	to->image_fd = h->image.hold_fd;
	to->state_fd = h->state.lock_fd;
	to->dir_fd = h->dir.lock_fd;
	to->dir_ephemeral = h->dir.ephemeral;
	to->dir_fresh = h->dir.fresh;
	to->detached = pod->detached;
	to->interactive = pod->interactive;
	to->announce_fd = pod->announce_fd;
	to->child = pod->child.pid;
	to->go_fd = pod->child.go_fd;
	to->report_fd = pod->child.report_fd;
	memcpy(to->keep, h->keep, sizeof(to->keep));
	to->faults = fault_passed();
}

static int keep_open(const struct handoff *to)
{
	const int fds[] = {
		to->lease_fd, to->image_fd, to->state_fd, to->dir_fd,
		to->announce_fd, to->go_fd, to->report_fd,
	};
	int r = monitor_keep(&to->monitor);

	for (size_t i = 0; r >= 0 && i < sizeof(fds) / sizeof(*fds); i++)
		r = fd_keep(fds[i]);
	for (size_t i = 0; r >= 0 && i < HELD_FDS; i++)
		r = fd_keep(to->keep[i]);
	return r;
}

/* Becomes runner-monitor, or returns: then runner waits itself. */
static void become_monitor(struct pod *pod)
{
	struct held *h = pod->held;
	char path[PATH_MAX + 64], fd[16], runner_fd[16];
	_cleanup_close_ int memory = -1;
	struct handoff to;

	if (h->pod.monitor.runner_fd < 0 ||
	    helper_find("runner-monitor", path, sizeof(path)) < 0)
		return;
	fault_point("idle");
	record(h, &to);
	memory = memfd_create("runner", MFD_CLOEXEC);
	if (memory < 0 || handoff_write(memory, &to) < 0)
		return;
	snprintf(fd, sizeof(fd), "%d", memory);
	snprintf(runner_fd, sizeof(runner_fd), "%d", to.monitor.runner_fd);
	fflush(NULL);
	/* Descriptors that the caller left open do not go along either. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (keep_open(&to) >= 0 && fd_keep(memory) >= 0)
		execl(path, "runner-monitor", fd, runner_fd, NULL);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int run_once(struct held *h, int *status, struct shift_error *err)
{
	struct strv written = { NULL, 0 };
	int joined[SPEC_N_NAMESPACES], r;

	plan_clear(&h->plan);
	r = network_hold(&h->spec, joined, err);
	if (r < 0)
		return r;
	r = plan_build(&h->plan, &h->spec, h->dir.layer, err);
	h->pod.idle = become_monitor;
	if (r >= 0)
		r = written_by_pods(&h->spec, &written, err);
	h->plan.written = &written;
	if (r >= 0)
		r = pod_run(&h->pod, status, err);
	/* They went to that run, and what has their numbers now is runner's. */
	h->spec.process.preserve_fds = 0;
	h->plan.written = NULL;
	strv_clear(&written);
	network_drop(joined);
	return r;
}

/*
 * The pod's folder, range and state are there; runs it, again if wanted.
 * @resumed: it runs already.
 */
static int run_held(struct held *h, bool resumed, int *status,
		    struct shift_error *err)
{
	int r;

	h->pod.st = &h->state;
	h->pod.plan = &h->plan;
	h->pod.held = h;
	if (resumed)
		r = pod_resume(&h->pod, status, err);
	else
		r = run_once(h, status, err);
	while (r >= 0 && again(h, *status)) {
		h->pod.wait_start = false;
		h->state.status = STATUS_RESTARTING;
		h->state.exit_status = *status;
		h->state.finished = time(NULL);
		/* If this cannot be saved, the next run says it. */
		state_save(&h->state, NULL);
		monitor_pause(&h->pod.monitor,
			      pause_before(h->state.restarts++));
		if (h->pod.monitor.no_restart)
			break;
		r = run_once(h, status, err);
	}
	return r;
}

/* Starts what h->spec describes and sees it to its end. */
static int launch(struct held *h, const struct lease_request *userns,
		  bool keep, int *status, struct shift_error *err)
{
	struct state *st = &h->state;
	int r;

	st->ephemeral = !keep;
	st->detached = h->pod.detached;
	st->monitor = getpid();
	st->monitor_started = procid_started(st->monitor);
	monitor_init(&h->pod.monitor);
	if ((r = intercept_possible(&h->spec, err)) < 0 ||
	    (r = pod_blockdev_hold(&h->spec, &h->pod.monitor, err)) < 0 ||
	    (r = describe_state(st, &h->spec, err)) < 0 ||
	    (r = state_save(st, err)) < 0)
		return r;
	fault_point("state");
	if ((r = poddir_open(&h->dir, st->name, h->spec.root.path,
			     h->spec.root.layers.v[h->spec.root.layers.n - 1],
			     !keep, err)) < 0)
		return r;
	fault_point("pod folder");
	if ((r = volumes_make(&h->spec, st->name, h->dir.path, err)) < 0)
		return r;
	fault_point("volumes");
	if ((r = launch_lease(h, userns, err)) < 0)
		return r;
	fault_point("lease");
	/* An end that somebody asked for still holds. */
	if ((r = kept_set_stopped(st->name, false, err)) < 0)
		return r;
	st->base = h->spec.linux_.host_base;
	if (!h->spec.hostname &&
	    (r = str_replace(&h->spec.hostname, st->name, err)) < 0)
		return r;
	if ((r = state_save_spec(st, &h->spec, err)) < 0 ||
	    (r = state_save(st, err)) < 0 ||
	    (r = open_monitor(h, err)) < 0)
		return r;
	fault_point("description");
	return run_held(h, false, status, err);
}

/* Also after a failed launch(): what it made goes. */
static void finish(struct held *h, int *status)
{
	struct shift_error second = SHIFT_ERROR_INIT;
	struct monitor *m = &h->pod.monitor;
	struct state *st = &h->state;
	int r;

	if (st->name)
		notify_manager("STATUS=pod %s has ended with status %d",
			       st->name, *status);
	st->status = STATUS_EXITED;
	st->exit_status = *status;
	st->finished = time(NULL);
	/* Nothing has run on it: not even its empty changes are worth keeping. */
	if (!st->started && h->dir.fresh)
		h->dir.ephemeral = true;
	if (st->lock_fd >= 0)
		log_close(&m->log);
	r = poddir_close(&h->dir, &second);
	fault_point("pod folder closed");
	/* A folder that cannot be removed does not keep the pod's name. */
	if (r < 0)
		shift_err_print(&second, stderr, "runner");
	shift_err_clear(&second);
	if (state_finish(st, &second) < 0) {
		shift_err_print(&second, stderr, "runner");
		r = -1;
	}
	if (r < 0 && !*status)
		*status = POD_STATUS_FAILED;
	shift_err_clear(&second);
	fault_point("state finished");
	lease_release(&h->lease);
	monitor_let_go(m, 0);
	/* A process that hears of the end may remove the pod or start it again at once. */
	if (st->lock_fd >= 0)
		close(steal_fd(&st->lock_fd));
	if (m->sig_fd > 0) {
		monitor_tell(m, 'x', status, sizeof(*status));
		monitor_close(m);
	}
}

/* The sockets of the caller and of the process that will be the monitor. */
static int detach(int *ret_announce, pid_t *ret_pid, struct shift_error *err)
{
	pid_t pid = report_fork(ret_announce, err);
	int null;

	if (pid < 0)
		return (int)pid;
	*ret_pid = pid;
	if (pid)
		return 0;
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	return chdir("/") < 0 ? shift_err_set(err, errno, "/") : 0;
}

/* The status of a failed start, where a signal was the reason. */
static int failed_status(int status)
{
	return helper_ended_by() ? POD_STATUS_SIGNAL + helper_ended_by() : status;
}

/*
 * The caller's side: 0 when the pod is up, else its status.  A signal that ends goes
 * on to @monitor, which is to clear away; who sends another does not wait for that.
 */
static int hear(int announce, pid_t monitor, struct shift_error *err)
{
	int r, signal = helper_interrupted(announce);
	struct report report;

	if (signal) {
		kill(monitor, signal);
		signal = helper_interrupted(announce);
	}
	if (signal) {
		close(announce);
		shift_err_set(err, EINTR, "process %d still ends the start",
			      (int)monitor);
		return POD_STATUS_SIGNAL + signal;
	}
	r = report_receive(announce, &report, NULL);
	close(announce);
	if (r < 0 || report.type == REPORT_NONE) {
		shift_err_set(err, 0, "runner ended before the pod was up");
		if (err)
			err->status = ECONNRESET;
		return POD_STATUS_FAILED;
	}
	if (report.type == REPORT_READY)
		return 0;
	shift_err_relay(err, report.text);
	return report.status;
}

/* In the monitor of a detached pod: the message is for who waits, if any. */
static void __attribute__((noreturn)) end_detached(struct held *h, int r,
						   int status,
						   struct shift_error *err)
{
	struct report report = { .type = REPORT_FAILED, .status = status };

	if (r < 0) {
		const char *text = shift_err_text(err);

		snprintf(report.text, sizeof(report.text), "%s", text);
		if (h->pod.announce_fd >= 0)
			report_send(h->pod.announce_fd, &report, -1);
		monitor_tell(&h->pod.monitor, 'f', text, strlen(text));
	}
	finish(h, &status);
	held_clear(h);
	shift_err_clear(err);
	exit(status);
}

int launch_go(struct held *h, const struct lease_request *userns, bool keep,
	      bool detached, struct shift_error *err)
{
	int announce = -1, r, status = POD_STATUS_FAILED;
	const char *policy;
	pid_t pid;

	/* While there is a stderr that somebody reads. */
	if (userns->mode == LEASE_AUTO || userns->mode == LEASE_FIXED)
		owners_warn(&h->spec.root.layers, userns->size ?: LEASE_SIZE);
	pod_block_signals();
	h->pod.announce_fd = -1;
	h->pod.detached = detached;
	if (detached) {
		r = detach(&announce, &pid, err);
		if (r < 0)
			return POD_STATUS_FAILED;
		if (pid)
			return hear(announce, pid, err);
		h->pod.announce_fd = announce;
	}
	policy = spec_annotation(&h->spec, SPEC_ANNOTATION_SDNOTIFY);
	if (policy && !strcmp(policy, "ignore"))
		unsetenv("NOTIFY_SOCKET");
	/* The manager that started runner, if it asked to be told. */
	notify_manager("STATUS=pod %s is being started", h->state.name ?: "");
	r = launch(h, userns, keep, &status, err);
	if (r < 0)
		status = failed_status(status);
	if (detached)
		end_detached(h, r, status, err);
	finish(h, &status);
	return status;
}


static int take_over(struct held *h, const struct handoff *from, bool refused,
		     struct shift_error *err)
{
	struct pod *pod = &h->pod;
	int r;

	tty_set_state(&from->tty);
	fault_resume(from->faults);
	h->lease = (struct lease){ from->lease_base, from->lease_count,
				   from->lease_fd };
	h->image.hold_fd = from->image_fd;
	memcpy(h->keep, from->keep, sizeof(h->keep));
	pod->monitor = from->monitor;
	pod->detached = from->detached;
	pod->interactive = from->interactive;
	pod->wait_start = true;
	pod->announce_fd = from->announce_fd;
	pod->child = (struct pod_child){ from->child, from->monitor.pidfd,
					 from->go_fd, from->report_fd };
	pod->idle = refused ? NULL : become_monitor;
	r = state_load(&h->state, from->pod, err);
	h->state.lock_fd = from->state_fd;
	if (r >= 0)
		r = state_load_spec(&h->state, &h->spec, err);
	h->plan.spec = &h->spec;
	h->dir.ephemeral = from->dir_ephemeral;
	h->dir.fresh = from->dir_fresh;
	h->dir.lock_fd = from->dir_fd;
	return r < 0 ? r : poddir_resume(&h->dir, from->pod, err);
}

int launch_resume_cmd(int argc, char **argv, struct shift_error *err)
{
	struct held h = HELD_INIT;
	struct handoff from;
	int fd, r, status = POD_STATUS_FAILED;

	prctl(PR_SET_NAME, "runner", 0, 0, 0);
	fd = argc >= 2 ? atoi(argv[1]) : -1;
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ||
	    handoff_read(fd, &from) < 0) {
		shift_err_set(err, 0, "-resume is runner's own affair");
		return status;
	}
	close(fd);
	pod_block_signals();
	r = take_over(&h, &from, argc > 2, err);
	fault_point("resumed");
	if (r >= 0)
		r = run_held(&h, true, &status, err);
	if (r < 0)
		status = failed_status(status);
	if (from.detached)
		end_detached(&h, r, status, err);
	finish(&h, &status);
	held_clear(&h);
	return status;
}
