/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --preserve-fds and LISTEN_FDS: descriptors of the caller's that a command gets. */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caller.h"
#include "cli/numbers.h"

/* More than that is a mistake. */
#define MOST 1000

int options_preserve(const char *text, long *ret, struct shift_error *err)
{
	return numbers_integer(text, 0, MOST, ret, err) < 0 ?
		shift_err_prefix(err, "--preserve-fds") : 0;
}

/* The number of descriptors that a manager hands to this very process. */
static long handed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long p, n;

	if (!pid || !fds || numbers_integer(pid, 1, INT32_MAX, &p, NULL) < 0 ||
	    p != getpid() || numbers_integer(fds, 0, MOST, &n, NULL) < 0)
		return 0;
	return n;
}

int options_handed_fd(struct shift_error *err)
{
	long n = handed();

	if (n > 1 || (n && caller_passed() < 1))
		return shift_err_set(err, 0, "LISTEN_FDS: it has to be one descriptor, and it has to be open");
	return n ? 3 : -1;
}

static int check(int fd, struct shift_error *err)
{
	struct stat st;

	/* A descriptor that is open there by now can be runner's own. */
	if (fd >= 3 + caller_passed() || fstat(fd, &st) < 0)
		return shift_err_set(err, 0, "--preserve-fds, LISTEN_FDS: descriptor %d is not open",
				     fd);
	if (!S_ISDIR(st.st_mode))
		/* Also for the copy of itself that runner may execute. */
		return fcntl(fd, F_SETFD, 0) < 0 ?
			shift_err_set(err, errno, "descriptor %d", fd) : 0;
	return shift_err_set(err, EISDIR, "--preserve-fds, LISTEN_FDS: with descriptor %d the pod would have a directory of the host, and all that is above it",
			     fd);
}

int options_pass_fds(long n, bool listen, struct spec *spec,
		     struct shift_error *err)
{
	long sockets = listen ? handed() : 0;
	int r = 0;

	for (int i = 0; r >= 0 && i < sockets + n; i++)
		r = check(3 + i, err);
	/* LISTEN_PID is known when the command is executed. */
	if (r >= 0 && sockets)
		r = strv_setenv(&spec->process.env, "LISTEN_PID=1", err);
	if (r >= 0 && sockets)
		r = options_env(spec, "LISTEN_FDS", err);
	if (r >= 0 && sockets)
		r = options_env(spec, "LISTEN_FDNAMES", err);
	if (r >= 0)
		spec->process.preserve_fds = (int)(sockets + n);
	return r;
}
