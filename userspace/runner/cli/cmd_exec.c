/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: one more process in a pod. */
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/report.h"
#include "base/tty.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/options.h"
#include "monitor/monitor.h"
#include "pod/pod.h"
#include "pod/state.h"
#include "setup/process.h"
#include "setup/security.h"
#include "spec/seccomp.h"
#include "syscalls.h"

#define FAILED POD_STATUS_FAILED

static const char usage_text[] =
	"usage: runner exec [-i] [-t] [-u USER] [-w DIR] [-e NAME[=VALUE]]... POD COMMAND [ARGUMENT]...";

struct request {
	struct state st;
	struct spec spec;
	int pidfd;
	int seccomp_fd;
	int procs_fd;
};

static int parse(struct request *q, int argc, char **argv,
		 struct shift_error *err)
{
	struct strv env = { NULL, 0 };
	const char *user = NULL, *dir = NULL;
	bool tty = false;
	int c, r = 0;

	optind = 1;
	opterr = 0;
	while (r >= 0 && (c = getopt(argc, argv, "+ite:u:w:")) >= 0) {
		if (c == 't')
			tty = true;
		else if (c == 'e')
			r = strv_add(&env, optarg, err);
		else if (c == 'u')
			user = optarg;
		else if (c == 'w')
			dir = optarg;
		else if (c != 'i')
			r = shift_err_set(err, 0, usage_text);
	}
	if (r >= 0 && optind + 1 >= argc)
		r = shift_err_set(err, 0, usage_text);
	if (r >= 0)
		r = state_load(&q->st, argv[optind], err);
	if (r >= 0 && q->st.status != STATUS_RUNNING)
		r = shift_err_set(err, 0, "the pod %s is %s", q->st.name,
				  state_status_name(q->st.status));
	if (r >= 0)
		r = state_load_spec(&q->st, &q->spec, err);
	if (r >= 0) {
		strv_clear(&q->spec.process.args);
		q->spec.process.terminal = tty;
	}
	if (r >= 0 && user)
		r = str_replace(&q->spec.process.user, user, err);
	if (r >= 0 && dir)
		r = str_replace(&q->spec.process.cwd, dir, err);
	/* It would speak for the pod. */
	strv_unsetenv(&q->spec.process.env, "NOTIFY_SOCKET");
	for (size_t i = 0; r >= 0 && i < env.n; i++)
		if (strchr(env.v[i], '='))
			r = strv_setenv(&q->spec.process.env, env.v[i], err);
	for (int i = optind + 1; r >= 0 && i < argc; i++)
		r = strv_add(&q->spec.process.args, argv[i], err);
	strv_clear(&env);
	return r;
}

/*
 * The cgroup of the pod's first process, wherever that has put itself: the
 * pod's own may have been handed on to its children.  Opened outside of the
 * pod and written to by the command's process, the only one to go there.
 */
static int open_cgroup(struct request *q, struct shift_error *err)
{
	_cleanup_free_ char *path = NULL, *procs = NULL;
	int r;

	if (!q->st.cgroup)
		return 0;
	if ((r = cgroup_of(q->st.pid, &path, err)) < 0 ||
	    (r = strf(&procs, err, "%s/cgroup.procs", path)) < 0)
		return r;
	q->procs_fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (q->procs_fd < 0)
		return shift_err_set(err, errno, "cannot open %s", procs);
	return 0;
}

static int enter(const struct request *q, struct shift_error *err)
{
	static const int flags[SPEC_N_NAMESPACES] = {
		CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS,
		CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP,
	};
	int all = 0;

	for (int i = 0; i < SPEC_N_NAMESPACES; i++)
		if (q->spec.linux_.namespaces & (1u << i))
			all |= flags[i];
	if (setns(q->pidfd, all) < 0)
		return shift_err_set(err, errno,
				     "cannot join the namespaces of the pod %s",
				     q->st.name);
	return 0;
}

static void __attribute__((noreturn)) be_command(const struct request *q,
						 int report_fd)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED, .status = FAILED };
	_cleanup_close_ int master = -1;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	pod_restore_signals();
	r = q->procs_fd >= 0 && write(q->procs_fd, "0", 1) != 1 ?
		shift_err_set(&err, errno, "cannot enter the pod's cgroup") :
		process_become_root(&err);
	if (r >= 0 && q->spec.process.terminal) {
		struct report console = { .type = REPORT_CONSOLE };

		r = process_console(false, &master, &err);
		if (r >= 0)
			r = report_send(report_fd, &console, master);
	}
	if (r >= 0)
		r = process_privileges(&q->spec, q->seccomp_fd, true, &err);
	if (r >= 0) {
		r = process_exec(&q->spec, q->seccomp_fd, &err);
		report.status = r == -ENOENT ? POD_STATUS_NOT_FOUND :
					       POD_STATUS_CANNOT_EXECUTE;
	}
	report_failure(report_fd, &report, r, &err);
}

/* A pid namespace takes only children in: so a process in between. */
static void __attribute__((noreturn)) helper(const struct request *q,
					     int report_fd)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED, .status = FAILED };
	int r, status;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	r = enter(q, &err);
	if (r >= 0) {
		pid = fork();
		if (!pid)
			be_command(q, report_fd);
		close(report_fd);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) :
		      POD_STATUS_SIGNAL + WTERMSIG(status));
	}
	report.error = -r;
	snprintf(report.text, sizeof(report.text), "%s",
		 shift_err_text(&err));
	report_send(report_fd, &report, -1);
	_exit(FAILED);
}

/* Until the helper has ended; with the terminal's other side, if any. */
static int follow(pid_t pid, int pidfd, int sig_fd, int master)
{
	struct monitor m;
	int status;

	monitor_init(&m);
	m.pidfd = pidfd;
	m.sig_fd = sig_fd;
	m.master = master;
	m.relay = m.relay_input = master >= 0;
	if (master >= 0)
		tty_raw();
	monitor_wait(&m, false, -1, NULL);
	monitor_drain(&m);
	tty_restore();
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	monitor_close(&m);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   POD_STATUS_SIGNAL + WTERMSIG(status);
}

static int spawn(const struct request *q, struct shift_error *err)
{
	_cleanup_close_ int said = -1;
	int pair[2], master = -1, fd, pidfd, sig_fd, r;
	struct report report;
	sigset_t set;
	pid_t pid;

	pod_block_signals();
	monitor_signals(&set);
	sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sig_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				     pair) < 0) {
		shift_err_set(err, errno, "cannot make a socket");
		return FAILED;
	}
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		helper(q, pair[1]);
	}
	close(pair[1]);
	said = pair[0];
	pidfd = sys_pidfd_open(pid, 0);
	for (;;) {
		r = report_receive(said, &report, &fd);
		if (fd >= 0) {
			master = fd;
			fcntl(master, F_SETFL, O_NONBLOCK);
			tty_copy_size(master);
			continue;
		}
		if (r < 0 || report.type == REPORT_NONE)
			break;
		shift_err_set(err, 0, "%s", report.text);
		break;
	}
	r = follow(pid, pidfd, sig_fd, master);
	return report.type == REPORT_FAILED ? report.status : r;
}

int cmd_exec(int argc, char **argv, struct shift_error *err)
{
	struct request q = { .st = STATE_INIT, .pidfd = -1, .seccomp_fd = -1,
			     .procs_fd = -1 };
	int status = FAILED, r = parse(&q, argc, argv, err);

	if (r >= 0)
		r = q.pidfd = state_open_process(&q.st, err);
	if (r >= 0)
		r = open_cgroup(&q, err);
	if (r >= 0 && q.spec.linux_.seccomp)
		r = seccomp_compile(q.spec.linux_.seccomp, &q.seccomp_fd, err);
	if (r >= 0)
		status = spawn(&q, err);
	if (q.pidfd >= 0)
		close(q.pidfd);
	if (q.procs_fd >= 0)
		close(q.procs_fd);
	if (q.seccomp_fd >= 0)
		close(q.seccomp_fd);
	spec_clear(&q.spec);
	state_clear(&q.st);
	return status;
}
