// SPDX-License-Identifier: GPL-2.0-or-later
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libmount/libmount.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(errno));
	_exit(MNT_EX_SYSERR);
}

bool privilege_is_borrowed(void)
{
	/* AT_SECURE tells of file capabilities too; for root, a change of label. */
	return getuid() != geteuid() || getgid() != getegid() ||
	       (getuid() && getauxval(AT_SECURE));
}

void privilege_put_away(void)
{
	int fd;

	/* If 0, 1 or 2 is closed, a file opened later would become stderr. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	must(fd >= 0, "/dev/null");
	close(fd);
	must(!clearenv(), "the environment");
	must(!setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1), "the environment");
	umask(022);
	must(!setresgid(getgid(), getgid(), getgid()), "giving up the group");
	privilege_put_back();
}

void privilege_put_back(void)
{
	must(!setresuid(-1, getuid(), 0), "giving up root");
	must(geteuid() == getuid(), "giving up root");
}

void privilege_take_out(void)
{
	must(!setresuid(-1, 0, 0), "taking root's rights");
}

void privilege_take_over(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	sigset_t all;

	privilege_take_out();
	must(!setgroups(0, NULL), "groups");
	must(!setresgid(0, 0, 0), "the group root");
	must(!setresuid(0, 0, 0), "the user root");
	/* utab must not be cut off half-way, by a limit or from the terminal. */
	must(!setrlimit(RLIMIT_FSIZE, &none), "the limit of file sizes");
	must(!setrlimit(RLIMIT_CPU, &none), "the limit of processor time");
	sigfillset(&all);
	must(!sigprocmask(SIG_SETMASK, &all, NULL), "signals");
	must(!chdir("/"), "/");
}

void privilege_renounce(void)
{
	uid_t uid = getuid();

	must(!setresuid(uid, uid, uid), "giving up root");
	must(!uid || setresuid(-1, 0, -1) < 0, "root could be had again");
}
