/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/fds.h"
#include "base/regular.h"
#include "base/report.h"
#include "cleanup.h"
#include "mounttree.h"
#include "setup/inroot.h"
#include "setup/security.h"
#include "setup/user.h"
#include "spec/intercept_option.h"
#include "syscalls.h"

/* Changes of credentials reset both. */
static void tie(void)
{
	/* No runner, no half-made pod. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	caller_undumpable();
}

static int check_stream(int fd, struct shift_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	shift_err_set(err, 0, "descriptor %d is a directory of the host", fd);
	shift_err_hint(err, "the pod would have it as a standard stream, and all that is above it: use < /dev/null");
	return -EISDIR;
}

int process_begin(const int *keep, size_t n, int passed,
		  struct shift_error *err)
{
	int r;

	tie();
	/* A session of its own: the host's terminal is out of TIOCSTI's reach. */
	setsid();
	caller_hide();
	umask(022);
	caller_reset_signals();
	r = fds_close_from(3 + passed, keep, n);
	if (r < 0)
		return shift_err_set(err, -r, "cannot close descriptors");
	for (int fd = 0; r >= 0 && fd < 3; fd++)
		r = check_stream(fd, err);
	return r;
}

int process_become_root(struct shift_error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return shift_err_set(err, errno,
				     "cannot become root of the pod");
	tie();
	/* The caller's keys stay with the caller.  A kernel without has none. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 &&
	    errno != ENOSYS)
		return shift_err_set(err, errno,
				     "cannot make a session keyring for the pod");
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

int process_open_terminal(int *ret_master, int *ret_slave,
			  struct shift_error *err)
{
	static const char path[] = "/dev/pts/ptmx";
	_cleanup_close_ int master = -1, slave = -1;
	struct statfs fs;
	int unlock = 0;

	/* The pod may have put anything there: nothing to wait for. */
	master = inroot_open(path, O_RDWR | O_NOCTTY | O_NONBLOCK, INROOT_NONE);
	if (master < 0)
		return shift_err_set(err, -master, "cannot open %s in the pod",
				     path);
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return shift_err_set(err, 0, "%s in the pod is not runner's devpts",
				     path);
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return shift_err_set(err, errno,
				     "cannot make a terminal for the pod");
	/* By the other side: a name could lead elsewhere. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return shift_err_set(err, errno,
				     "cannot open the terminal of the pod");
	*ret_master = steal_fd(&master);
	*ret_slave = steal_fd(&slave);
	return 0;
}

int process_bind_console(int slave, struct shift_error *err)
{
	static const char path[] = "/dev/console";
	_cleanup_close_ int at = inroot_target(path, true, err);
	_cleanup_close_ int tree = -1;

	if (at < 0)
		return at;
	tree = sys_open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE |
			     OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return shift_err_set(err, errno, "cannot make %s", path);
	return shift_attach_at(tree, at, path, err);
}

int process_take_terminal(int slave, struct shift_error *err)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0 ||
	    dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
		return shift_err_set(err, errno, "cannot take the terminal");
	return 0;
}

static int check_id(const struct spec *spec, const char *what, uint32_t id,
		    struct shift_error *err)
{
	uint32_t size = spec->linux_.map_size;
	int r;

	if (!(spec->linux_.namespaces & SPEC_NS_USER) || !size || id < size)
		return 0;
	r = shift_err_set(err, 0, "the %s id %u is outside of the pod's range: it has the ids 0 to %u",
			  what, id, size - 1);
	shift_err_hint(err, "--userns=auto:size=N gives a pod more");
	return r;
}

/* Before the kernel says no more than that an argument is invalid. */
static int check_range(const struct spec *spec, const struct identity *id,
		       struct shift_error *err)
{
	int r = check_id(spec, "user", id->uid, err);

	if (r >= 0)
		r = check_id(spec, "group", id->gid, err);
	for (size_t i = 0; r >= 0 && i < id->n_groups; i++)
		r = check_id(spec, "group", id->groups[i], err);
	return r;
}

/*
 * /dev/stdout is opened anew by its user, nginx for its log, and a pipe has an
 * owner as a file has.  Only what runner made is given to the user: what the
 * caller redirected to is the caller's.
 */
static void own_pipes(uid_t uid, int which)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if ((which & 1 << fd) && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
			(void)!fchown(fd, uid, (gid_t)-1);
	}
}

int process_privileges(const struct spec *spec, int seccomp_fd, int terminal,
		       int own_streams, struct shift_error *err)
{
	const char *groups = spec_annotation(spec, SPEC_ANNOTATION_GROUPS);
	_cleanup_close_ int cwd = -1;
	struct identity id;
	int r = user_resolve(spec->process.user, &id, err);

	if (r >= 0 && groups)
		r = user_add_groups(groups, &id, err);
	/* It leads to the host's /proc. */
	regular_drop_proc();
	if (r < 0 || (r = check_range(spec, &id, err)) < 0 ||
	    (r = cwd = getpid() == 1 ?
		   inroot_make_owned(spec->process.cwd, id.uid, id.gid, err) :
		   inroot_make(spec->process.cwd, false, INROOT_FOLLOW, err)) < 0)
		return r < 0 ? shift_err_prefix(err, "in the pod") : r;
	close(steal_fd(&cwd));
	/* The terminal belongs to who uses it. */
	if (terminal >= 0)
		(void)!fchown(terminal, id.uid, (gid_t)-1);
	own_pipes(id.uid, own_streams);
	r = security_bounding(spec, err);
	if (r < 0)
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
	r = inroot_chdir(spec->process.cwd, err);
	if (r < 0)
		return r;
	if (spec->process.no_new_privileges &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return shift_err_set(err, errno, "cannot set no_new_privs");
	tie();
	environ = spec->process.env.v;
	if (!getenv("HOME") && setenv("HOME", id.home, 1) < 0)
		return shift_err_set(err, errno, "cannot set HOME");
	if (spec->hostname && !getenv("HOSTNAME") &&
	    setenv("HOSTNAME", spec->hostname, 1) < 0)
		return shift_err_set(err, errno, "cannot set HOSTNAME");
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

/* The listener goes to the monitor; here it closes when the command is executed. */
static int listen_to_mounts(int say_fd, struct shift_error *err)
{
	struct report report = { .type = REPORT_LISTENER };
	_cleanup_close_ int listener = -1;
	int r = security_listen(&listener, err);

	if (r >= 0)
		r = report_send(say_fd, &report, listener);
	return r;
}

int process_exec(const struct spec *spec, int seccomp_fd, int say_fd,
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
	if (close_range(3 + (unsigned int)spec->process.preserve_fds, ~0U,
			CLOSE_RANGE_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot close descriptors");
	for (int i = 0; i < spec->process.preserve_fds; i++)
		fcntl(3 + i, F_SETFD, 0);
	/* sd_listen_fds(3) compares it. */
	if (spec->process.preserve_fds && getenv("LISTEN_PID")) {
		char number[16];

		snprintf(number, sizeof(number), "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
	}
	/* Last: what a filter forbids is the command's affair. */
	r = filter(spec, seccomp_fd, err);
	if (r >= 0 && say_fd >= 0 && intercept_wanted(spec))
		r = listen_to_mounts(say_fd, err);
	if (r < 0)
		return r;
	execv(path, argv);
	shift_err_set(err, errno, "cannot execute %s in the pod", argv[0]);
	if (errno == ENOENT)
		shift_err_hint(err, "the file exists: its interpreter or loader does not, or it is for another libc or machine");
	return -EACCES;
}
