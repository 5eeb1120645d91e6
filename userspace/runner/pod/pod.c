/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/helper.h"
#include "base/host.h"
#include "base/procid.h"
#include "base/report.h"
#include "base/tty.h"
#include "base/util.h"
#include "cgroup/cgroup.h"
#include "cgroup/devbpf.h"
#include "cleanup.h"
#include "monitor/notify.h"
#include "monitor/relay.h"
#include "pod/pasta.h"
#include "range/lease.h"
#include "range/ranges.h"
#include "setup/process.h"
#include "spec/rlimit_option.h"
#include "syscalls.h"

/* A pod that ends at once is not worth becoming another program for. */
#define IDLE_MS 500

/* The child's ends of its streams, -1: runner's own. */
struct streams {
	int fd[3];
};

void pod_block_signals(void)
{
	sigset_t set;

	monitor_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A pod's process that dies early is reported, not died of. */
	signal(SIGPIPE, SIG_IGN);
}

static uint64_t clone_flags(const struct spec *spec)
{
	static const uint64_t flag[SPEC_N_NAMESPACES] = {
		CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS,
		CLONE_NEWIPC, CLONE_NEWNET, 0 /* OP_CGROUP_NS */,
	};
	uint64_t flags = 0;

	for (int i = 0; i < SPEC_N_NAMESPACES; i++)
		if ((spec->linux_.namespaces & (1u << i)) &&
		    !spec->linux_.namespace_paths[i])
			flags |= flag[i];
	return flags;
}

/* The pod's first process.  Only a failure comes back from the plan. */
static void __attribute__((noreturn)) child_main(struct plan *plan, int go_fd,
						 int report_fd,
						 const struct streams *streams)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED,
				 .status = POD_STATUS_FAILED };
	const int keep[] = { go_fd, report_fd, plan->seccomp_fd };
	size_t at = plan->n_host;
	char c;
	int r;

	for (int i = 0; i < 3; i++)
		if (streams->fd[i] >= 0)
			dup2(streams->fd[i], i);
	r = process_begin(keep, sizeof(keep) / sizeof(*keep),
			  plan->spec->process.preserve_fds, &err);
	if (read(go_fd, &c, 1) != 1)
		_exit(POD_STATUS_FAILED);	/* runner is gone */
	if (r >= 0)
		r = plan_run_pod(plan, go_fd, report_fd, &at, &err);
	if (at < plan->n && plan->ops[at].type == OP_EXEC)
		report.status = r == -ENOENT ? POD_STATUS_NOT_FOUND :
					       POD_STATUS_CANNOT_EXECUTE;
	report_failure(report_fd, &report, r, &err);
}

/*
 * A user namespace that is there already can be entered but not left again,
 * so a helper enters it and makes the pod's process a child of runner's.
 * Returns the child's pid in runner and 0 in the child.
 */
static long clone_into(const char *userns, struct clone_args *args,
		       struct shift_error *err)
{
	_cleanup_close_ int ns = open(userns, O_RDONLY | O_CLOEXEC);
	int said[2], status;
	long pid = -1;
	pid_t helper;

	if (ns < 0 || pipe2(said, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot open %s", userns);
	args->flags |= CLONE_PARENT;
	args->exit_signal = 0;
	helper = fork();
	if (!helper) {
		pid = setns(ns, CLONE_NEWUSER) < 0 ? -1 :
			syscall(SYS_clone3, args, sizeof(*args));
		if (!pid) {
			close(said[0]);
			close(said[1]);
			return 0;
		}
		if (pid < 0)
			pid = -errno;
		_exit(write(said[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	close(said[1]);
	if (helper < 0 || read(said[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -EIO;
	close(said[0]);
	if (helper > 0)
		waitpid(helper, &status, 0);
	errno = pid < 0 ? (int)-pid : 0;
	return pid < 0 ? -1 : pid;
}

static int spawn(struct plan *plan, const struct streams *streams,
		 struct pod_child *child, struct shift_error *err)
{
	const char *userns = plan->spec->linux_.namespace_paths[0];
	_cleanup_close_ int go_r = -1, go_w = -1, report_r = -1, report_w = -1;
	struct clone_args args = { .exit_signal = SIGCHLD };
	int go[2], report[2];
	long pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	go_r = go[0];
	go_w = go[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0)
		return shift_err_set(err, errno, "cannot make a socket");
	report_r = report[0];
	report_w = report[1];

	args.flags = clone_flags(plan->spec);
	fflush(NULL);
	pid = userns ? clone_into(userns, &args, err) :
		syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) {
		int e = errno;

		shift_err_set(err, e, "cannot create the pod's namespaces");
		if (e == ENOSPC || e == EPERM)
			shift_err_hint(err, "look at /proc/sys/user/max_*_namespaces and, in a chroot, start runner outside of it");
		return -e;
	}
	if (!pid) {
		/* Closed here, so that runner's end shows as end of file. */
		close(go_w);
		close(report_r);
		child_main(plan, go_r, report_w, streams);
	}
	child->pid = (pid_t)pid;
	/* It is runner's child and not reaped, so the number is its own. */
	child->pidfd = sys_pidfd_open(child->pid, 0);
	child->go_fd = steal_fd(&go_w);
	child->report_fd = steal_fd(&report_r);
	if (child->pidfd < 0)
		return shift_err_set(err, errno, "cannot watch the pod");
	return 0;
}

static int write_map(const struct pod_child *child, const char *file,
		     const struct spec *spec, struct shift_error *err)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child->pid, file);
	snprintf(line, sizeof(line), "0 %" PRIu32 " %" PRIu32 "\n",
		 spec->linux_.host_base, spec->linux_.map_size);
	return write_file(path, line, err);
}

static int go(const struct pod_child *child, struct shift_error *err)
{
	if (write(child->go_fd, "", 1) != 1)
		return shift_err_set(err, errno, "the pod's first process ended too early");
	return 0;
}

/*
 * Lets the child go on and hears what it says, until @until or its failure.  Until the
 * command is executed what is slow may be a volume's or the image's doing, so a signal
 * that ends counts: -EINTR.
 */
static int release(struct pod *pod, const struct pod_child *child,
		   enum report_type until, int *status,
		   struct shift_error *err)
{
	struct report report;
	int fd, r;

	r = go(child, err);
	if (r < 0)
		return r;
	for (;;) {
		r = helper_interrupted(child->report_fd);
		if (r)
			return shift_err_set(err, EINTR, "the start was ended by signal %d",
					     r);
		r = report_receive(child->report_fd, &report, &fd);
		if (r < 0)
			return shift_err_set(err, -r, "the pod's first process");
		if (report.type == REPORT_CONSOLE && fd >= 0) {
			pod->monitor.master = fd;
			fcntl(fd, F_SETFL, O_NONBLOCK);
			tty_copy_size(fd);
			continue;
		}
		if (report.type == REPORT_LISTENER && fd >= 0) {
			pod->monitor.intercept_fd = fd;
			continue;
		}
		if (fd >= 0)
			close(fd);
		if (report.type == until)
			return 0;
		if (report.type == REPORT_FAILED)
			break;
		if (report.type == REPORT_NONE)
			return shift_err_set(err, ESRCH, "the pod's first process ended too early");
	}
	shift_err_relay(err, report.text);
	err->status = report.error;
	*status = report.status;
	return report.error ? -report.error : -EIO;
}

static int reap(struct pod_child *child, int *status, bool *reboot,
		struct shift_error *err)
{
	siginfo_t end = { 0 };

	if (waitid(P_PIDFD, (id_t)child->pidfd, &end, WEXITED) < 0)
		return shift_err_set(err, errno, "cannot wait for the pod");
	child->pid = -1;
	/*
	 * reboot(2) ends a pid namespace like this, and nothing else can: from
	 * outside the kernel lets only SIGKILL end it, unless it wants to.
	 */
	if (end.si_code == CLD_KILLED && end.si_status == SIGHUP)
		*reboot = true;
	if (end.si_code == CLD_KILLED && end.si_status == SIGINT) {
		*status = 0;
		return 0;
	}
	*status = end.si_code == CLD_EXITED ? end.si_status :
					      POD_STATUS_SIGNAL + end.si_status;
	return 0;
}

/* Returns an fd of the namespace that was left, the caller's. */
static int private_namespace(struct shift_error *err)
{
	_cleanup_close_ int host = open("/proc/self/ns/mnt",
					O_RDONLY | O_CLOEXEC);

	/* Slave: what the host unmounts meanwhile goes away here as well. */
	if (host < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return shift_err_set(err, errno,
				     "cannot make a mount namespace for runner");
	return steal_fd(&host);
}

static int open_pipe(int *runners, int *pods, bool reads,
		     struct shift_error *err)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	*runners = fd[reads ? 0 : 1];
	*pods = fd[reads ? 1 : 0];
	return 0;
}

static int open_streams(struct pod *pod, struct streams *s,
			struct shift_error *err)
{
	struct monitor *m = &pod->monitor;
	int r = 0;

	if (pod->plan->spec->process.terminal) {
		m->relay = !pod->detached;
		m->relay_input = m->relay && pod->interactive;
		/* Until the pod has its own. */
		s->fd[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		return 0;
	}
	if (!pod->detached) {
		pod->plan->own_streams = 1 << 1 | 1 << 2;
		return relay_open(m, s->fd, pod->plan->spec->linux_.host_base,
				  err);
	}
	if (pod->interactive) {
		r = open_pipe(&m->in, &s->fd[0], false, err);
		if (r >= 0)
			fcntl(m->in, F_SETFL, O_NONBLOCK);
	} else {
		s->fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (r >= 0)
		r = open_pipe(&m->out, &s->fd[1], true, err);
	if (r >= 0)
		r = open_pipe(&m->err, &s->fd[2], true, err);
	/* The pod's root can give them to the pod's user then. */
	for (int i = 0; r >= 0 && i < 3; i++)
		if ((i || m->in >= 0) &&
		    fchown(s->fd[i], pod->plan->spec->linux_.host_base,
			   pod->plan->spec->linux_.host_base) < 0)
			r = shift_err_set(err, errno, "cannot give the pod its streams");
	pod->plan->own_streams = 1 << 0 | 1 << 1 | 1 << 2;
	return r;
}

static void close_streams(struct streams *s)
{
	for (int i = 0; i < 3; i++) {
		if (s->fd[i] >= 0)
			close(s->fd[i]);
		s->fd[i] = -1;
	}
}

/* The cgroup with the first process in it, before that has done anything. */
static int enter_cgroup(struct pod *pod, pid_t pid, struct shift_error *err)
{
	const struct spec *spec = pod->plan->spec;
	const struct spec_resources *res = &spec->linux_.resources;
	struct state *st = pod->st;
	int r;

	if (!cgroup_mount_point()) {
		if (!res->memory_limit && !res->cpu_quota && !res->pids_limit)
			return 0;
		return shift_err_set(err, ENOTSUP, "limits need cgroup version 2 mounted at /sys/fs/cgroup");
	}
	/* That of the run before, of a pod that is started again. */
	free(steal_ptr(&st->cgroup));
	if (cgroup_by_systemd(spec)) {
		r = cgroup_create_scope(st->name, pid, &st->cgroup, err);
		if (r >= 0)
			r = state_save(st, err);
	} else {
		if ((r = cgroup_path(spec, st->name, &st->cgroup, err)) < 0)
			return r;
		/* Known before it is there, for who comes after a kill. */
		r = state_save(st, err);
		fault_point("cgroup known");
		if (r >= 0)
			r = cgroup_create(st->cgroup, pid, err);
	}
	fault_point("cgroup made");
	if (r >= 0 && spec_delegates_cgroup(spec))
		r = cgroup_bound(st->cgroup, err);
	if (r >= 0)
		r = cgroup_limit(st->cgroup, res, err);
	if (r >= 0)
		r = devbpf_apply(st->cgroup, res->devices, res->n_devices,
				 err);
	if (r >= 0 && spec_delegates_cgroup(spec))
		r = cgroup_delegate(st->cgroup, spec->linux_.host_base, err);
	fault_point("cgroup limits");
	return r;
}

static int set_status(struct pod *pod, enum status status, pid_t pid,
		      struct shift_error *err)
{
	struct state *st = pod->st;

	st->status = status;
	st->pid = pid;
	st->pid_started = procid_started(pid);
	st->monitor = getpid();
	st->monitor_started = procid_started(st->monitor);
	if (status == STATUS_RUNNING)
		st->started = time(NULL);
	return state_save(st, err);
}

static void announce(struct pod *pod)
{
	struct report report = { .type = REPORT_READY };

	if (pod->announce_fd < 0)
		return;
	report_send(pod->announce_fd, &report, -1);
	close(pod->announce_fd);
	pod->announce_fd = -1;
}

/* Everything up to where the pod only waits for the word to start. */
static int set_up(struct pod *pod, struct pod_child *child, int *status,
		  struct shift_error *err)
{
	struct plan *plan = pod->plan;
	struct streams streams = { { -1, -1, -1 } };
	static const char *const back[] = { "net", "ipc", "uts", "pid" };
	int saved[4], r;
	struct stat st;

	for (int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/ns/%s", back[i]);
		saved[i] = open(path, O_RDONLY | O_CLOEXEC);
	}
	r = plan_run_host(plan, err);
	if (r >= 0 && stat(STAGE_DEV, &st) == 0)
		pod->st->dev = st.st_dev;
	if (r >= 0)
		r = open_streams(pod, &streams, err);
	fault_point("streams");
	if (r >= 0)
		r = spawn(plan, &streams, child, err);
	/* They are the pod's alone, and of this run. */
	for (int i = 0; i < plan->spec->process.preserve_fds; i++)
		close(3 + i);
	fault_point("first process");
	if (r >= 0)
		r = rlimit_apply(plan->spec, child->pid, err);
	for (int i = 0; i < 4; i++) {
		if (saved[i] >= 0 && setns(saved[i], 0) < 0 && r >= 0)
			r = shift_err_set(err, errno, "cannot go back to the host's namespaces");
		if (saved[i] >= 0)
			close(saved[i]);
	}
	close_streams(&streams);
	pod->monitor.pidfd = child->pidfd;
	pod->monitor.notify_fd = steal_fd(&plan->notify_fd);
	if (r >= 0)
		r = enter_cgroup(pod, child->pid, err);
	if (r >= 0 && (plan->spec->linux_.namespaces & SPEC_NS_USER) &&
	    !plan->spec->linux_.namespace_paths[0]) {
		r = write_map(child, "gid_map", plan->spec, err);
		if (r >= 0)
			r = write_map(child, "uid_map", plan->spec, err);
		if (r >= 0)
			ranges_know_map(LEASE_MAPS, child->pid,
					plan->spec->linux_.host_base,
					plan->spec->linux_.map_size);
	}
	fault_point("id maps");
	if (r >= 0 && pasta_wanted(plan->spec))
		r = pasta_start(plan->spec, child->pid, child->pidfd, err);
	if (r >= 0)
		r = release(pod, child, REPORT_READY, status, err);
	fault_point("set up");
	return r;
}

static int wait_for(struct pod *pod, bool until_start, struct shift_error *err)
{
	struct monitor *m = &pod->monitor;
	int r = monitor_wait(m, until_start, pod->idle ? IDLE_MS : -1, err);

	if (r != 1)
		return r;
	pod->idle(pod);
	pod->idle = NULL;
	return monitor_wait(m, until_start, -1, err);
}

static int start(struct pod *pod, int *status, struct shift_error *err)
{
	struct pod_child *child = &pod->child;
	int r = 0;

	if (pod->wait_start) {
		announce(pod);
		r = wait_for(pod, true, err);
		if (r >= 0 && !pod->monitor.start)
			r = shift_err_set(err, ESRCH, "the pod ended before it was started");
	}
	pod->monitor.start = false;
	if (r >= 0)
		r = release(pod, child, REPORT_NONE, status, err);
	fault_point("started");
	if (r < 0)
		return r;
	r = set_status(pod, STATUS_RUNNING, child->pid, err);
	fault_point("running");
	monitor_tell(&pod->monitor, 's', "", 0);
	/* A pod without a socket cannot say when it is ready. */
	if (r >= 0 && !strv_getenv(&pod->plan->spec->process.env,
				   "NOTIFY_SOCKET"))
		notify_manager("READY=1\nMAINPID=%d\nSTATUS=pod %s runs",
			       (int)getpid(), pod->st->name);
	announce(pod);
	if (r >= 0 && pod->monitor.relay && pod->interactive)
		tty_raw();
	return r;
}

static void close_child(struct pod_child *child)
{
	if (child->go_fd >= 0)
		close(child->go_fd);
	if (child->report_fd >= 0)
		close(child->report_fd);
	child->go_fd = child->report_fd = -1;
}

/* From where the pod is set up, or could not be, to its end. */
static int go_on(struct pod *pod, int r, int *status, struct shift_error *err)
{
	struct state *st = pod->st;

	if (r >= 0 && st->status != STATUS_RUNNING)
		r = start(pod, status, err);
	close_child(&pod->child);
	if (r >= 0) {
		r = wait_for(pod, false, err);
		monitor_drain(&pod->monitor);
		tty_restore();
	}
	/* Said before the pid can be another's: state_open_process(). */
	st->pid = 0;
	state_save(st, NULL);
	if (r >= 0)
		r = reap(&pod->child, status, &pod->reboot, err);
	/* The end of its first process is the end of a pid namespace. */
	shift_cleanup_child(&pod->child.pid);
	fault_point("ended");
	st->oom = cgroup_oom_kills(st->cgroup) > 0;
	if (cgroup_remove(st->cgroup, r < 0 ? NULL : err) < 0 && r >= 0) {
		*status = POD_STATUS_FAILED;
		r = -EBUSY;
	}
	fault_point("cgroup gone");
	monitor_end_run(&pod->monitor);
	return r;
}

int pod_run(struct pod *pod, int *status, struct shift_error *err)
{
	_cleanup_close_ int host_ns = -1;
	struct pod_child *child = &pod->child;
	int r;

	*status = POD_STATUS_FAILED;
	*child = (struct pod_child){ -1, -1, -1, -1 };
	pod->reboot = false;
	r = host_ns = private_namespace(err);
	fault_point("mount namespace");
	if (r >= 0)
		r = set_up(pod, child, status, err);
	/*
	 * The pod has its own copy of the root by now; with its namespace goes
	 * whatever runner held of the pod's and the host's filesystems.
	 */
	if (host_ns >= 0 && setns(host_ns, CLONE_NEWNS) < 0 && r >= 0)
		r = shift_err_set(err, errno, "cannot go back to the host's mounts");
	/* Only what could be set up is worth keeping. */
	if (r >= 0)
		r = state_keep(pod->st, pod->plan->spec, err);
	fault_point("kept");
	if (r >= 0)
		r = set_status(pod, STATUS_CREATED, child->pid, err);
	fault_point("created");
	return go_on(pod, r, status, err);
}

int pod_resume(struct pod *pod, int *status, struct shift_error *err)
{
	*status = POD_STATUS_FAILED;
	return go_on(pod, 0, status, err);
}
