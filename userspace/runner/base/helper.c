/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/report.h"
#include "base/self.h"
#include "cleanup.h"

#define ARGS_MAX 8

int helper_find(const char *name, char *path, size_t size)
{
	static const char *const places[] = {
		"", "../libexec/runner/", "../../bin/",
	};
	char self[PATH_MAX];
	int r = self_path(self, sizeof(self));
	char *slash;

	if (r < 0)
		return r;
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(path, size, "%s/%s%s", self, places[i], name) <
		    (int)size && access(path, R_OK) == 0)
			return 0;
	return -ENOENT;
}

static int find(const char *name, char path[PATH_MAX], struct shift_error *err)
{
	int r = helper_find(name, path, PATH_MAX);

	if (r >= 0)
		return r;
	shift_err_set(err, -r, "cannot find %s, a part of runner", name);
	shift_err_hint(err, "it belongs beside runner, or into ../libexec/runner");
	return r;
}

void *helper_load(const char *file, const char *symbol,
		  struct shift_error *err)
{
	void *so, *found = NULL;
	char path[PATH_MAX];

	if (find(file, path, err) < 0)
		return NULL;
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so)
		found = dlsym(so, symbol);
	if (!found)
		shift_err_set(err, 0, "cannot load %s: %s", path, dlerror());
	return found;
}

int helper_become(const char *name, int argc, char **argv,
		  struct shift_error *err)
{
	_cleanup_free_ char **args = calloc((size_t)argc + 2, sizeof(*args));
	char path[PATH_MAX];
	int r = find(name, path, err);

	if (r < 0)
		return r;
	if (!args)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	args[0] = (char *)name;
	memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
	execv(path, args);
	return shift_err_set(err, errno, "cannot execute %s", path);
}

static void __attribute__((noreturn)) child_main(const char *path, pid_t parent,
						 const char *what,
						 const char *const *args,
						 size_t n, int sock)
{
	struct report report = { .type = REPORT_FAILED };
	const char *argv[ARGS_MAX + 4] = { HELPER_IMAGE, what };
	struct shift_error err = SHIFT_ERROR_INIT;
	char fd[16];
	int r = 0;

	snprintf(fd, sizeof(fd), "%d", sock);
	argv[2] = fd;
	memcpy(argv + 3, args, n * sizeof(*args));
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent || fcntl(sock, F_SETFD, 0) < 0)
		_exit(1);
	execv(path, (char *const *)argv);
	r = shift_err_set(&err, errno, "cannot execute %s", path);
	report_failure(sock, &report, r, &err);
}

static int ended_by;

int helper_ended_by(void)
{
	return ended_by;
}

int helper_interrupted(int said)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct pollfd p[] = {
		{ .fd = said, .events = POLLIN }, { .fd = -1, .events = POLLIN },
	};
	_cleanup_close_ int sig_fd = -1;
	struct signalfd_siginfo info;
	sigset_t blocked, set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigismember(&blocked, ends[i]))
			sigaddset(&set, ends[i]);
	p[1].fd = sig_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			return 0;
		if (read(sig_fd, &info, sizeof(info)) == sizeof(info))
			return ended_by = (int)info.ssi_signo;
	}
}

int helper_image(const char *what, const char *const *args, size_t n,
		 struct shift_error *err)
{
	_cleanup_close_ int sock = -1;
	struct report report;
	pid_t parent = getpid(), pid;
	char path[PATH_MAX];
	int status, signal, r;

	if (n > ARGS_MAX)
		return shift_err_set(err, E2BIG, HELPER_IMAGE);
	r = find(HELPER_IMAGE, path, err);
	if (r < 0)
		return r;
	pid = report_fork(&sock, err);
	if (pid < 0)
		return (int)pid;
	if (!pid)
		child_main(path, parent, what, args, n, sock);
	signal = helper_interrupted(sock);
	if (signal)
		kill(pid, SIGKILL);
	r = report_receive(sock, &report, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (signal)
		return shift_err_set(err, EINTR, "ended by signal %d", signal);
	if (r < 0)
		return shift_err_set(err, -r, HELPER_IMAGE);
	if (report.type == REPORT_FAILED) {
		shift_err_relay(err, report.text);
		return report.error ? -report.error : -EIO;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return shift_err_set(err, EIO, HELPER_IMAGE " ended too early");
	return 0;
}
