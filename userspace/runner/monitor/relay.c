/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static bool wants_pipe(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && (!S_ISCHR(st->st_mode) || isatty(fd));
}

static int make_pipe(int *runners, int *pods, uid_t owner,
		     struct shift_error *err)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	*runners = fd[0];
	*pods = fd[1];
	if (fchown(fd[1], owner, owner) < 0)
		return shift_err_set(err, errno, "cannot give the pod its streams");
	return 0;
}

int relay_open(struct monitor *m, int fds[3], uid_t owner,
	       struct shift_error *err)
{
	struct stat out, errors;
	bool has_out = wants_pipe(1, &out), has_err = wants_pipe(2, &errors);
	int r = 0;

	if (has_out) {
		r = make_pipe(&m->out, &fds[1], owner, err);
		m->relay_out = true;
	}
	if (r >= 0 && has_out && has_err && out.st_dev == errors.st_dev &&
	    out.st_ino == errors.st_ino) {
		fds[2] = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
		return fds[2] < 0 ? shift_err_set(err, errno, "cannot make a pipe") : 0;
	}
	if (r >= 0 && has_err) {
		r = make_pipe(&m->err, &fds[2], owner, err);
		m->relay_err = true;
	}
	return r;
}
