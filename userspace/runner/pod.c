/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "syscalls.h"
#include "util.h"

/* What the pod's first process says when it cannot become the command. */
struct report {
	int status;		/* one of POD_STATUS_* */
	int error;
	char text[2048];
};

struct child {
	pid_t pid;
	int pidfd;
	int go_fd;		/* one byte: the id maps are written */
	int report_fd;		/* a struct report, or the end: it executes */
};

static void forwarded_signals(sigset_t *set)
{
	static const int some[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
		SIGWINCH, SIGCONT, SIGPWR,
	};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		sigaddset(set, some[i]);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
		sigaddset(set, s);
}

void pod_block_signals(void)
{
	sigset_t set;

	forwarded_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A pod's process that dies early is reported, not died of. */
	signal(SIGPIPE, SIG_IGN);
}

static void restore_signals(void)
{
	sigset_t none;

	/*
	 * By the system call: libc hides two signals of its own, which
	 * posix_spawn(3) leaves ignored in what make and others start.
	 */
	for (int s = 1; s < NSIG; s++)
		syscall(SYS_rt_sigaction, s, (const long[8]){ 0 }, NULL,
			(size_t)(NSIG - 1) / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static uint64_t clone_flags(unsigned int namespaces)
{
	static const struct { unsigned int bit; uint64_t flag; } map[] = {
		{ SPEC_NS_USER, CLONE_NEWUSER },
		{ SPEC_NS_MOUNT, CLONE_NEWNS },
		{ SPEC_NS_PID, CLONE_NEWPID },
		{ SPEC_NS_UTS, CLONE_NEWUTS },
		{ SPEC_NS_IPC, CLONE_NEWIPC },
		{ SPEC_NS_NETWORK, CLONE_NEWNET },
		{ SPEC_NS_CGROUP, CLONE_NEWCGROUP },
	};
	uint64_t flags = CLONE_PIDFD;

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (namespaces & map[i].bit)
			flags |= map[i].flag;
	return flags;
}

/* The pod's first process.  Only a failure comes back from the plan. */
static void __attribute__((noreturn)) child_main(struct plan *plan, int go_fd,
						 int report_fd)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .status = POD_STATUS_FAILED };
	size_t at = plan->n_host;
	char c;
	int r;

	if (read(go_fd, &c, 1) != 1)
		_exit(POD_STATUS_FAILED);	/* runner is gone */
	restore_signals();
	r = plan_run_pod(plan, go_fd, &at, &err);
	if (at < plan->n && plan->ops[at].type == OP_EXEC)
		report.status = r == -ENOENT ? POD_STATUS_NOT_FOUND :
					       POD_STATUS_CANNOT_EXECUTE;
	report.error = -r;
	snprintf(report.text, sizeof(report.text), "%s",
		 shift_err_text(&err));
	r = (int)write(report_fd, &report, sizeof(report));
	_exit(report.status);
}

static int spawn(struct plan *plan, struct child *child,
		 struct shift_error *err)
{
	_cleanup_close_ int go_r = -1, go_w = -1, report_r = -1, report_w = -1;
	struct clone_args args = { .exit_signal = SIGCHLD };
	int go[2], report[2], pidfd = -1;
	long pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	go_r = go[0];
	go_w = go[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	report_r = report[0];
	report_w = report[1];

	args.flags = clone_flags(plan->spec->linux_.namespaces);
	args.pidfd = (uintptr_t)&pidfd;
	fflush(NULL);
	pid = syscall(SYS_clone3, &args, sizeof(args));
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
		child_main(plan, go_r, report_w);
	}
	child->pid = (pid_t)pid;
	child->pidfd = pidfd;
	child->go_fd = steal_fd(&go_w);
	child->report_fd = steal_fd(&report_r);
	return 0;
}

static int write_map(const struct child *child, const char *file,
		     const struct spec *spec, struct shift_error *err)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child->pid, file);
	snprintf(line, sizeof(line), "0 %" PRIu32 " %" PRIu32 "\n",
		 spec->linux_.host_base, spec->linux_.map_size);
	return write_file(path, line, err);
}

/* Lets the child go and hears whether it became the command. */
static int release(struct child *child, struct report *report,
		   struct shift_error *err)
{
	size_t len = 0;
	ssize_t n;

	if (write(child->go_fd, "", 1) != 1)
		return shift_err_set(err, errno, "the pod's first process ended too early");
	while (len < sizeof(*report)) {
		n = read(child->report_fd, (char *)report + len,
			 sizeof(*report) - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (!len)
		return 0;
	if (len != sizeof(*report))
		return shift_err_set(err, EIO, "the pod's first process sent half a report");
	report->text[sizeof(report->text) - 1] = '\0';
	shift_err_set(err, 0, "%s", report->text);
	err->status = report->error;
	return report->error ? -report->error : -EIO;
}

static int forward_and_wait(struct child *child, int sig_fd, int *status,
			    struct shift_error *err)
{
	struct pollfd fds[] = {
		{ .fd = child->pidfd, .events = POLLIN },
		{ .fd = sig_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	siginfo_t end = { 0 };

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return shift_err_set(err, errno, "cannot wait for the pod");
		}
		if (fds[1].revents &&
		    read(sig_fd, &info, sizeof(info)) == sizeof(info))
			sys_pidfd_send_signal(child->pidfd,
					      (int)info.ssi_signo, NULL, 0);
		if (fds[0].revents)
			break;
	}
	if (waitid(P_PIDFD, (id_t)child->pidfd, &end, WEXITED) < 0)
		return shift_err_set(err, errno, "cannot wait for the pod");
	child->pid = -1;
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

int pod_run(struct plan *plan, int *status, struct shift_error *err)
{
	_cleanup_close_ int sig_fd = -1, pidfd = -1, go_fd = -1, report_fd = -1;
	_cleanup_close_ int host_ns = -1;
	struct child child = { -1, -1, -1, -1 };
	struct report report;
	sigset_t set;
	int r;

	*status = POD_STATUS_FAILED;
	forwarded_signals(&set);
	sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sig_fd < 0)
		return shift_err_set(err, errno, "cannot receive signals");
	r = host_ns = private_namespace(err);
	if (r >= 0)
		r = plan_run_host(plan, err);
	if (r >= 0)
		r = spawn(plan, &child, err);
	pidfd = child.pidfd;
	go_fd = child.go_fd;
	report_fd = child.report_fd;
	if (r >= 0 && (plan->spec->linux_.namespaces & SPEC_NS_USER))
		r = write_map(&child, "gid_map", plan->spec, err);
	if (r >= 0 && (plan->spec->linux_.namespaces & SPEC_NS_USER))
		r = write_map(&child, "uid_map", plan->spec, err);
	if (r >= 0) {
		memset(&report, 0, sizeof(report));
		r = release(&child, &report, err);
		if (r < 0 && report.status)
			*status = report.status;
	}
	/*
	 * The pod has its own copy of the root by now; with its namespace goes
	 * whatever runner held of the pod's and the host's filesystems.
	 */
	if (host_ns >= 0 && setns(host_ns, CLONE_NEWNS) < 0 && r >= 0)
		r = shift_err_set(err, errno, "cannot go back to the host's mounts");
	if (r >= 0)
		r = forward_and_wait(&child, sig_fd, status, err);
	/* The end of its first process is the end of a pid namespace. */
	shift_cleanup_child(&child.pid);
	return r;
}
