/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "setup/security.h"
#include "setup/user.h"

int process_become_root(struct shift_error *err)
{
	/* A session of its own: the host's terminal is out of TIOCSTI's reach. */
	setsid();
	umask(022);
	/* No runner, no half-made pod; changes of credentials reset it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return shift_err_set(err, errno,
				     "cannot become root of the pod");
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return 0;
}

int process_hostname(const char *name, struct shift_error *err)
{
	if (sethostname(name, strlen(name)) < 0)
		return shift_err_set(err, errno, "cannot set the hostname %s",
				     name);
	return 0;
}

int process_loopback(struct shift_error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	if (fd < 0)
		return 0;	/* a kernel without IPv4 */
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return shift_err_set(err, errno,
				     "cannot bring up lo in the pod");
	return 0;
}

int process_cgroup_namespace(struct shift_error *err)
{
	/*
	 * Not by clone3(2): the new namespace's root is the cgroup of who asks,
	 * and runner has moved this process since.
	 */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return shift_err_set(err, errno,
				     "cannot make a cgroup namespace");
	return 0;
}

int process_console(bool bind, int *ret_master, struct shift_error *err)
{
	_cleanup_close_ int master = -1, slave = -1, fd = -1;
	char name[64];

	master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)))
		return shift_err_set(err, errno,
				     "cannot make a terminal for the pod");
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return shift_err_set(err, errno, "cannot open %s in the pod",
				     name);
	if (bind) {
		fd = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC |
			  O_NOFOLLOW | O_NOCTTY, 0600);
		if (fd < 0 || mount(name, "/dev/console", NULL, MS_BIND,
				    NULL) < 0)
			return shift_err_set(err, errno,
					     "cannot make /dev/console");
	}
	if (ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0 ||
	    dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
		return shift_err_set(err, errno,
				     "cannot take the terminal %s", name);
	*ret_master = steal_fd(&master);
	return 0;
}

int process_privileges(const struct spec *spec, int seccomp_fd, bool tied,
		       struct shift_error *err)
{
	struct identity id;
	int r;

	if ((r = user_resolve(spec->process.user, &id, err)) < 0 ||
	    (r = mkdir_parents(spec->process.cwd, 0755, err)) < 0)
		return r;
	/* The terminal belongs to who uses it. */
	if (spec->process.terminal && isatty(0))
		(void)!fchown(0, id.uid, (gid_t)-1);
	if ((r = security_label(spec, err)) < 0 ||
	    (r = security_bounding(spec, err)) < 0)
		return r;
	/* Without no_new_privs a filter takes capabilities. */
	if (!spec->process.no_new_privileges &&
	    (r = security_seccomp(seccomp_fd, err)) < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, id.uid != 0, 0, 0, 0) < 0 ||
	    setgroups(id.n_groups, id.groups) < 0 ||
	    setresgid(id.gid, id.gid, id.gid) < 0 ||
	    setresuid(id.uid, id.uid, id.uid) < 0)
		return shift_err_set(err, errno,
				     "cannot become uid %u, gid %u of the pod",
				     id.uid, id.gid);
	r = security_capabilities(spec, id.uid != 0, err);
	if (r < 0)
		return r;
	if (chdir(spec->process.cwd) < 0)
		return shift_err_set(err, errno,
				     "cannot change to the directory %s in the pod",
				     spec->process.cwd);
	if (spec->process.no_new_privileges &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return shift_err_set(err, errno, "cannot set no_new_privs");
	/* Every change of credentials above would have reset this. */
	if (tied && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return shift_err_set(err, errno,
				     "cannot tie the pod's life to runner's");
	environ = spec->process.env.v;
	if (!getenv("HOME") && setenv("HOME", id.home, 1) < 0)
		return shift_err_set(err, errno, "cannot set HOME");
	return 0;
}

static int filter(const struct spec *spec, int seccomp_fd,
		  struct shift_error *err)
{
	return spec->process.no_new_privileges ?
	       security_seccomp(seccomp_fd, err) : 0;
}

bool process_runner_alive(int alive_fd)
{
	struct pollfd p = { .fd = alive_fd };

	/* Readable, with a word to start, is alive as well. */
	return poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR));
}

/* 0 when @path may be executed as far as the file itself tells. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) < 0 ? -errno : 0;
}

static int find_in_path(const char *name, char *buf, size_t size)
{
	const char *p = getenv("PATH");
	int r, worst = -ENOENT;

	while (p && *p) {
		size_t len = strcspn(p, ":");

		if (snprintf(buf, size, "%.*s/%s", len ? (int)len : 1,
			     len ? p : ".", name) < (int)size) {
			r = check_executable(buf);
			if (!r)
				return 0;
			if (r != -ENOENT && r != -ENOTDIR)
				worst = r;
		}
		p += len + (p[len] == ':');
	}
	return worst;
}

int process_exec(const struct spec *spec, int seccomp_fd,
		 struct shift_error *err)
{
	char **argv = spec->process.args.v;
	char path[PATH_MAX];
	int r;

	if (strchr(argv[0], '/')) {
		snprintf(path, sizeof(path), "%s", argv[0]);
		r = check_executable(path);
	} else {
		r = find_in_path(argv[0], path, sizeof(path));
	}
	if (r == -ENOENT || r == -ENOTDIR) {
		shift_err_set(err, 0, "%s: there is no such command in the pod",
			      argv[0]);
		if (!strchr(argv[0], '/'))
			shift_err_hint(err, "looked in PATH, %s",
				       getenv("PATH") ?: "which is not set");
		return -ENOENT;
	}
	if (r < 0) {
		shift_err_set(err, -r, "cannot execute %s in the pod", argv[0]);
		return -EACCES;
	}
	/* Nothing that runner, or who called it, had open goes along. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot close descriptors");
	/* Last: what a filter forbids is the command's affair. */
	r = filter(spec, seccomp_fd, err);
	if (r < 0)
		return r;
	execv(path, argv);
	shift_err_set(err, errno, "cannot execute %s in the pod", argv[0]);
	if (errno == ENOENT)
		shift_err_hint(err, "the file exists: its interpreter or loader does not, or it is for another libc or machine");
	return -EACCES;
}
