/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: one more process in a pod. */
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/regular.h"
#include "base/report.h"
#include "base/self.h"
#include "base/tty.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/options.h"
#include "monitor/monitor.h"
#include "monitor/relay.h"
#include "pod/pod.h"
#include "pod/state.h"
#include "setup/inroot.h"
#include "setup/process.h"
#include "setup/security.h"
#include "spec/rlimit_option.h"
#include "spec/seccomp.h"
#include "syscalls.h"

#define FAILED POD_STATUS_FAILED

/* For how long a helper that was killed is waited for. */
#define KILLED_MS 1000

static const struct words_option exec_options[] = {
	{ 'd', "detach", 0, NULL, "do not wait for its end; its output is dropped", NULL },
	{ 'i', "interactive", 0, NULL, "nothing: the command has the caller's stdin", NULL },
	{ 't', "tty", 0, NULL, "a terminal for the command", NULL },
	{ 'e', "env", 0, "NAME[=VALUE]", "a variable; without a value the caller's own", NULL },
	{ 0, "env-file", OPT_ENV_FILE, "FILE", "a variable in each line", NULL },
	{ 'u', "user", 0, "USER[:GROUP]", "names of the pod, or numbers", NULL },
	{ 'w', "workdir", 0, "DIR", "where the command starts", NULL },
	{ 0, "privileged", 0, NULL, NULL, "the command has the pod's rights, never more" },
	{ 0, "detach-keys", 0, "KEYS", NULL, "exec -t has no keys to detach with: use -d" },
	{ 0, "preserve-fds", OPT_PRESERVE_FDS, "N", "the caller's descriptors 3 to 2+N go along", NULL },
	WORDS_END,
};
static const struct words_command exec_words = {
	"exec", "POD COMMAND [ARGUMENT]...", "Start one more command in a pod.",
	2, WORDS_MANY, true, exec_options,
	"The exit status is the command's, or 125, 126, 127 as with run.\n",
};

struct request {
	struct state st;
	struct spec spec;
	int pidfd;
	int seccomp_fd;
	int procs_fd;
	int streams[3];		/* in place of the caller's, or -1 */
	bool detach;
};

/* One that is frozen would be entered and then not be left again. */
static int need_running(const struct state *st, struct shift_error *err)
{
	int r;

	if (st->status != STATUS_RUNNING)
		return shift_err_set(err, 0, "the pod %s is %s", st->name,
				     state_status_name(st->status));
	if (!cgroup_is_frozen(st->cgroup))
		return 0;
	r = shift_err_set(err, 0, "the pod %s is paused", st->name);
	shift_err_hint(err, "runner unpause %s lets it go on", st->name);
	return r;
}

static int parse(struct request *q, int argc, char **argv,
		 struct shift_error *err)
{
	struct strv env = { NULL, 0 }, files = { NULL, 0 };
	const char *user = NULL, *dir = NULL;
	long preserve = 0;
	bool tty = false;
	struct words w;
	int r;

	words_begin(&w, &exec_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		switch (words_code(&w)) {
		case 't':
			tty = w.on;
			break;
		case 'd':
			q->detach = w.on;
			break;
		case 'e':
			r = strv_add(&env, w.value, err);
			break;
		case OPT_ENV_FILE:
			r = strv_add(&files, w.value, err);
			break;
		case OPT_PRESERVE_FDS:
			r = options_preserve(w.value, &preserve, err);
			break;
		case 'u':
			user = w.value;
			break;
		case 'w':
			dir = w.value;
			break;
		}
		if (r < 0)
			break;
	}
	if (r >= 0 && dir && *dir != '/')
		r = shift_err_set(err, 0, "-w '%s' is not absolute", dir);
	if (r >= 0 && q->detach && tty)
		r = shift_err_set(err, 0, "exec -d has no terminal: -t is for who waits");
	if (r >= 0 && user)
		r = options_user(user, err);
	if (r >= 0)
		r = state_load(&q->st, w.operands[0], err);
	if (r >= 0)
		r = need_running(&q->st, err);
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
	for (size_t i = 0; r >= 0 && i < files.n; i++)
		r = options_env_file(&q->spec, files.v[i], err);
	for (size_t i = 0; r >= 0 && i < env.n; i++)
		r = options_env(&q->spec, env.v[i], err);
	for (int i = 1; r >= 0 && i < w.n; i++)
		r = strv_add(&q->spec.process.args, w.operands[i], err);
	if (r >= 0)
		r = options_pass_fds(preserve, false, &q->spec, err);
	strv_clear(&env);
	strv_clear(&files);
	return r;
}

/*
 * The cgroup of the pod's first process, wherever that has put itself: the
 * pod's own may have been handed on to its children.  Opened and written to
 * outside of the pod; the command's process is the only one to go there.
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
	/* A pod can have frozen it itself, to its own loss. */
	if (cgroup_is_frozen(path))
		return shift_err_set(err, 0, "the first process of the pod %s is in a frozen cgroup, %s",
				     q->st.name, path);
	q->procs_fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (q->procs_fd < 0)
		return shift_err_set(err, errno, "cannot open %s", procs);
	/* It lives: so it was its number that led there. */
	if (sys_pidfd_send_signal(q->pidfd, 0, NULL, 0) < 0)
		return shift_err_set(err, errno, "the pod %s", q->st.name);
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

/*
 * In the pod's pid namespace, as the user that the command has: there is nothing
 * left of the host's but @report_fd.
 */
static void __attribute__((noreturn)) be_command(const struct request *q,
						 int report_fd, int go_fd,
						 int slave)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED, .status = FAILED };
	const int keep[] = { report_fd, go_fd, slave, q->seccomp_fd };
	int r = process_begin(keep, sizeof(keep) / sizeof(*keep),
			      q->spec.process.preserve_fds, &err);
	char c;

	/* Once it is in the pod's cgroup; or the helper has failed and says so. */
	if (read(go_fd, &c, 1) != 1)
		_exit(FAILED);
	if (r >= 0 && slave >= 0)
		r = process_take_terminal(slave, &err);
	if (r >= 0) {
		r = process_exec(&q->spec, q->seccomp_fd, -1, &err);
		report.status = r == -ENOENT ? POD_STATUS_NOT_FOUND :
					       POD_STATUS_CANNOT_EXECUTE;
	}
	report_failure(report_fd, &report, r, &err);
}

/* A start makes a directory that is missing; here a wrong word would. */
static int find_directory(const struct request *q, struct shift_error *err)
{
	const char *path = q->spec.process.cwd;
	_cleanup_close_ int fd = inroot_open(path, O_PATH | O_DIRECTORY,
					     INROOT_FOLLOW);

	if (fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR))
		return 0;
	shift_err_set(err, 0, "%s: there is no such directory in the pod", path);
	return -ENOTDIR;
}

/*
 * Joins the pod and becomes the command's user; *ret_slave may stay -1.  -ENOTDIR when
 * its directory is missing.
 */
static int become_user(const struct request *q, int report_fd, int *ret_slave,
		       struct shift_error *err)
{
	_cleanup_close_ int master = -1;
	int r;

	/* By the host's /proc: the pod's is the pod's. */
	if ((r = security_label(&q->spec, err)) < 0 ||
	    (r = regular_keep_proc(err)) < 0 ||
	    (r = enter(q, err)) < 0 || (r = process_become_root(err)) < 0)
		return r;
	if (q->spec.process.terminal) {
		struct report console = { .type = REPORT_CONSOLE };

		r = process_open_terminal(&master, ret_slave, err);
		if (r >= 0 && report_send(report_fd, &console, master) < 0)
			r = shift_err_set(err, ESRCH, "runner is gone");
	}
	if (r >= 0)
		r = find_directory(q, err);
	return r < 0 ? r : process_privileges(&q->spec, q->seccomp_fd,
					      *ret_slave,
					      (q->streams[1] >= 0 ? 1 << 1 : 0) |
					      (q->streams[2] >= 0 ? 1 << 2 : 0),
					      err);
}

/* The command's process goes on when it is in the pod's cgroup. */
static int release(const struct request *q, pid_t pid, int go_fd,
		   struct shift_error *err)
{
	char number[16];
	int n = snprintf(number, sizeof(number), "%d", (int)pid);

	if (q->procs_fd >= 0 && write(q->procs_fd, number, (size_t)n) != n)
		return shift_err_set(err, errno, "cannot enter the pod's cgroup");
	return write(go_fd, "", 1) == 1 ? 0 :
		shift_err_set(err, errno, "the command's process ended too early");
}

/*
 * A pid namespace takes only children in: so a process in between, which the pod
 * does not see.  All that takes a privilege happens here, before there is a
 * process which it does.
 */
static void __attribute__((noreturn)) helper(const struct request *q,
					     int report_fd)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED, .status = FAILED };
	const int keep[] = { report_fd, q->pidfd, q->procs_fd, q->seccomp_fd };
	int go[2] = { -1, -1 }, slave = -1, status, r;
	pid_t pid = -1;

	for (int i = 0; i < 3; i++)
		if (q->streams[i] >= 0)
			dup2(q->streams[i], i);
	r = process_begin(keep, sizeof(keep) / sizeof(*keep),
			  q->spec.process.preserve_fds, &err);
	if (r >= 0)
		r = rlimit_apply(&q->spec, 0, &err);
	if (r >= 0)
		r = become_user(q, report_fd, &slave, &err);
	if (r == -ENOTDIR)
		report.status = POD_STATUS_NOT_FOUND;
	if (r >= 0 && pipe2(go, O_CLOEXEC) < 0)
		r = shift_err_set(&err, errno, "cannot make a pipe");
	/*
	 * For a moment a fork can be seen by a pod with the host's root that
	 * may trace: its own cgroup then, into which it can put its own.
	 */
	if (r >= 0)
		close(q->pidfd);
	if (r >= 0 && (pid = fork()) < 0)
		r = shift_err_set(&err, errno, "cannot fork in the pod");
	if (!pid)
		be_command(q, report_fd, go[0], slave);
	if (r >= 0) {
		close(go[0]);
		r = release(q, pid, go[1], &err);
	}
	if (r < 0) {
		if (pid > 0)
			kill(pid, SIGKILL);
		report_failure(report_fd, &report, r, &err);
	}
	/* The end of the report is when the command is executed. */
	fds_close_but(NULL, 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) :
	      POD_STATUS_SIGNAL + WTERMSIG(status));
}

/* Until the helper has ended; with the terminal's other side, if any. */
static int follow(struct monitor *m, pid_t pid)
{
	int status;

	m->relay = m->relay_input = m->master >= 0;
	if (m->master >= 0)
		tty_raw();
	monitor_wait(m, false, -1, NULL);
	monitor_drain(m);
	tty_restore();
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	monitor_close(m);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   POD_STATUS_SIGNAL + WTERMSIG(status);
}

/*
 * Waits until the pod's side has something to say.  Until the command is executed
 * a signal that ends is runner's own: what is slow may be the pod's doing.
 * Returns 0, or the exit status when the helper was ended.
 */
static int interrupted(int said, int sig_fd, pid_t helper_pid)
{
	struct pollfd p[] = {
		{ .fd = said, .events = POLLIN },
		{ .fd = sig_fd, .events = POLLIN },
	};

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			return 0;
		if (read(sig_fd, &info, sizeof(info)) != sizeof(info))
			continue;
		switch (info.ssi_signo) {
		case SIGHUP:
		case SIGINT:
		case SIGQUIT:
		case SIGTERM:
			kill(helper_pid, SIGKILL);
			return POD_STATUS_SIGNAL + (int)info.ssi_signo;
		}
	}
}

static int spawn(struct request *q, int announce, struct shift_error *err)
{
	_cleanup_close_ int said = -1;
	int fd, status = 0, r;
	struct report report = { .type = REPORT_NONE };
	struct monitor m;
	sigset_t set;
	pid_t pid;

	pod_block_signals();
	monitor_init(&m);
	monitor_signals(&set);
	m.sig_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (m.sig_fd < 0) {
		shift_err_set(err, errno, "cannot wait for signals");
		return FAILED;
	}
	if (!q->spec.process.terminal &&
	    relay_open(&m, q->streams, q->st.base, err) < 0)
		return FAILED;
	pid = report_fork(&said, err);
	if (pid < 0)
		return FAILED;
	if (!pid)
		helper(q, said);
	for (int i = 0; i < q->spec.process.preserve_fds; i++)
		close(3 + i);
	/* Only the command has them now, so their end is the end of its output. */
	for (int i = 0; i < 3; i++)
		if (q->streams[i] >= 0)
			close(steal_fd(&q->streams[i]));
	m.pidfd = sys_pidfd_open(pid, 0);
	for (;;) {
		r = interrupted(said, m.sig_fd, pid);
		if (r) {
			status = r;
			break;
		}
		r = report_receive(said, &report, &fd);
		if (fd >= 0) {
			m.master = fd;
			fcntl(fd, F_SETFL, O_NONBLOCK);
			tty_copy_size(fd);
			continue;
		}
		if (r < 0 || report.type == REPORT_NONE)
			break;
		shift_err_relay(err, report.text);
		break;
	}
	/* Executed, or not: whoever started it need not wait for its end. */
	if (announce >= 0)
		report_send(announce, &report, -1);
	/* Killed, it may wait for a filesystem of the pod's, as long as that wants. */
	if (status) {
		struct pollfd p = { .fd = m.pidfd, .events = POLLIN };

		poll(&p, 1, KILLED_MS);
		return status;
	}
	r = follow(&m, pid);
	return report.type == REPORT_FAILED ? report.status : r;
}

/*
 * For -d: a process stays, as its command's parent, and ends with it.  Returns
 * in the caller when the command is being executed.
 */
static int spawn_detached(struct request *q, struct shift_error *err)
{
	struct report report = { .type = REPORT_NONE };
	struct shift_error own = SHIFT_ERROR_INIT;
	int sock, null, r;
	pid_t pid = report_fork(&sock, err);

	if (pid < 0)
		return FAILED;
	if (!pid) {
		setsid();
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int i = 0; i < 3; i++)
			dup2(null, i);
		if (chdir("/") < 0)
			_exit(FAILED);
		r = spawn(q, sock, &own);
		shift_err_clear(&own);
		_exit(r);
	}
	r = report_receive(sock, &report, NULL);
	close(sock);
	if (r < 0) {
		shift_err_set(err, 0, "the command's process ended too early");
		return FAILED;
	}
	if (report.type != REPORT_FAILED)
		return 0;
	shift_err_relay(err, report.text);
	return report.status;
}

int cmd_exec(int argc, char **argv, struct shift_error *err)
{
	struct request q = { .st = STATE_INIT, .pidfd = -1, .seccomp_fd = -1,
			     .procs_fd = -1, .streams = { -1, -1, -1 } };
	int status = FAILED, r = parse(&q, argc, argv, err);

	if (r >= 0 && !(q.spec.linux_.namespaces & SPEC_NS_USER))
		r = self_seal(err);
	if (r >= 0)
		r = q.pidfd = state_open_process(&q.st, err);
	if (r >= 0)
		r = open_cgroup(&q, err);
	if (r >= 0 && q.spec.linux_.seccomp)
		r = seccomp_compile(q.spec.linux_.seccomp, &q.seccomp_fd, err);
	if (r >= 0)
		status = q.detach ? spawn_detached(&q, err) :
				    spawn(&q, -1, err);
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
