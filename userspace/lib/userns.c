// SPDX-License-Identifier: GPL-2.0-or-later
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "cleanup.h"
#include "fileio.h"
#include "syscalls.h"

int shift_userns_open(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int type;

	if (fd < 0) {
		int saved = errno;
		int r = shift_err_set(err, saved, "user namespace %s", path);

		if (saved == ENOENT)
			shift_err_hint(err, "give the namespace as a path such as /proc/PID/ns/user of a running process");
		return r;
	}
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return shift_err_set(err, 0,
				     "%s is not a namespace; give a path such as /proc/PID/ns/user",
				     path);
	if (type != CLONE_NEWUSER)
		return shift_err_set(err, 0,
				     "%s is a namespace of another kind; give a path such as /proc/PID/ns/user",
				     path);
	return steal_fd(&fd);
}

/* Waits for the one byte by which a child says how far it is. */
static int wait_for_child(int fd, struct shift_error *err, const char *what)
{
	int child_errno = 0;
	ssize_t n;

	do
		n = read(fd, &child_errno, sizeof(child_errno));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return shift_err_set(err, errno, "%s", what);
	if (n != (ssize_t)sizeof(child_errno))
		return shift_err_set(err, 0, "%s: the child died", what);
	if (child_errno)
		return shift_err_set(err, child_errno, "%s", what);
	return 0;
}

/*
 * Forks a child that enters the namespace @fd, or a new one when @fd is -1, and
 * then waits to be killed.  On success *ret is the child's pid.
 */
static int hold_userns(int fd, pid_t *ret, struct shift_error *err)
{
	const char *what = fd < 0 ? "making a user namespace" :
				    "entering the user namespace";
	_cleanup_close_ int out = -1, in = -1;
	_cleanup_child_ pid_t pid = -1;
	const bool root = !geteuid();
	pid_t parent = getpid();
	int pipefd[2], r;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "%s", what);
	out = pipefd[0];
	in = pipefd[1];

	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "%s", what);
	if (!pid) {
		int status = 0;

		/* Nothing of us may outlive the parent. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			status = errno;
		else if (getppid() != parent)
			_exit(1);
		else if (fd < 0 ? unshare(CLONE_NEWUSER) :
				  setns(fd, CLONE_NEWUSER))
			status = errno;
		/*
		 * Entering a user namespace makes the process undumpable, and
		 * its files in /proc unreadable for a parent without privilege,
		 * and nobody else is to look into a child of the host's root.
		 * In here that has the id which the namespace gives it, or none.
		 */
		else if (prctl(PR_SET_DUMPABLE, !root) < 0)
			status = errno;
		if (write(in, &status, sizeof(status)) != sizeof(status))
			_exit(1);
		for (;;)
			pause();
	}

	close(steal_fd(&in));
	r = wait_for_child(out, err, what);
	if (r == -ENOSPC || r == -EPERM)
		shift_err_hint(err, fd < 0 ?
			"see user.max_user_namespaces and, on Debian, kernel.unprivileged_userns_clone in sysctl" :
			"CAP_SYS_ADMIN in that namespace is needed: run this as root, outside of it");
	if (r < 0)
		return r;
	*ret = pid;
	pid = -1;
	return 0;
}

static int read_map(pid_t pid, enum shift_id_type type, struct shift_idmap *map,
		    struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid,
		 type == SHIFT_GID ? "gid_map" : "uid_map");
	r = shift_read_file(path, &text, err);
	if (r < 0)
		return r;
	if (!text[strspn(text, " \t\n")])
		return shift_err_set(err, ENODATA, "the user namespace has no map of %s yet",
				     type == SHIFT_GID ? "gids" : "uids");
	return shift_idmap_parse_proc(map, type, text, err);
}

int shift_userns_read(int fd, struct shift_idmap *map, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *new = malloc(sizeof(*new));
	_cleanup_child_ pid_t pid = -1;
	struct stat ours, theirs;
	int r;

	if (!new)
		return shift_err_set(err, ENOMEM, "user namespace");
	*new = *map;

	if (fstat(fd, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0)
		return shift_err_set(err, errno, "/proc/self/ns/user");
	if (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
		return shift_err_set(err, 0,
				     "this is the user namespace of the caller itself, which shifts nothing");

	r = hold_userns(fd, &pid, err);
	if (r < 0)
		return r;
	r = read_map(pid, SHIFT_UID, new, err);
	if (r < 0)
		return r;
	r = read_map(pid, SHIFT_GID, new, err);
	if (r < 0)
		return r;
	*map = *new;
	return 0;
}

static int write_map(pid_t pid, enum shift_id_type type,
		     const struct shift_idmap *map, struct shift_error *err)
{
	const char *name = type == SHIFT_GID ? "gid_map" : "uid_map";
	size_t n = type == SHIFT_GID ? map->gids.n : map->uids.n;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	char path[64];
	size_t len;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	r = shift_idmap_format_proc(map, type, &text, err);
	if (r < 0)
		return r;
	len = strlen(text);
	if (len >= (size_t)sysconf(_SC_PAGESIZE)) {
		r = shift_err_set(err, E2BIG,
				  "the %s of a user namespace: %zu extents take %zu bytes, the kernel accepts less than %ld",
				  name, n, len, sysconf(_SC_PAGESIZE));
		shift_err_hint(err, "use fewer extents, or shiftfs, which takes all %d", SHIFT_IDMAP_MAX);
		return r;
	}

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return shift_err_set(err, errno, "%s", path);
	/* A map is accepted in one write or not at all. */
	if (write(fd, text, len) < 0) {
		int saved = errno;

		r = shift_err_set(err, saved, "writing the %s of a user namespace",
				  name);
		if (saved == EPERM)
			shift_err_hint(err, "CAP_SET%s is needed, and every id that is seen must exist in the user namespace of the caller",
				       type == SHIFT_GID ? "GID" : "UID");
		return r;
	}
	return 0;
}

int shift_userns_create(const struct shift_idmap *map, struct shift_error *err)
{
	_cleanup_free_ struct shift_idmap *tidy = malloc(sizeof(*tidy));
	_cleanup_child_ pid_t pid = -1;
	char path[64];
	int fd, r;

	if (!tidy)
		return shift_err_set(err, ENOMEM, "user namespace");
	if (shift_idmap_empty(map))
		return shift_err_set(err, 0,
				     "no map given: use idmap=b:STORED:SEEN:COUNT");
	if (!map->uids.n || !map->gids.n)
		return shift_err_set(err, 0,
				     "there is a map for %s ids only: give %s= as well, or idmap=b:STORED:SEEN:COUNT for both",
				     map->uids.n ? "user" : "group",
				     map->uids.n ? "gidmap" : "uidmap");
	/* Joined extents take less of the page. */
	*tidy = *map;
	shift_idmap_normalize(tidy);

	r = hold_userns(-1, &pid, err);
	if (r < 0)
		return r;
	r = write_map(pid, SHIFT_UID, tidy, err);
	if (r < 0)
		return r;
	r = write_map(pid, SHIFT_GID, tidy, err);
	if (r < 0)
		return r;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return shift_err_set(err, errno, "%s", path);
	return fd;
}

/* One descriptor, or the errno in its place. */
static bool send_fd(int socket, int fd, int status)
{
	union { struct cmsghdr align; char data[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct iovec iov = { &status, sizeof(status) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(socket, &msg, 0) == (ssize_t)sizeof(status);
}

/* Returns the descriptor, -1 and *ret_status, or -1 and 0 if the sender died. */
static int receive_fd(int socket, int *ret_status)
{
	union { struct cmsghdr align; char data[CMSG_SPACE(sizeof(int))]; } control;
	int status = 0, fd = -1;
	struct iovec iov = { &status, sizeof(status) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n == (ssize_t)sizeof(status) ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	*ret_status = n == (ssize_t)sizeof(status) ? status : 0;
	return fd;
}

/* In the child, which has the parent's memory: nobody in @userns may trace it. */
static int fsopen_inside(int userns, const char *fstype)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setns(userns, CLONE_NEWUSER) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		return -1;
	/* fsopen(2) wants CAP_SYS_ADMIN over the mount namespace. */
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return sys_fsopen(fstype, FSOPEN_CLOEXEC);
}

int shift_userns_fsopen(int userns, const char *fstype, struct shift_error *err)
{
	_cleanup_close_ int out = -1, in = -1;
	_cleanup_child_ pid_t pid = -1;
	int pair[2], fd, status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return shift_err_set(err, errno, "filesystem type %s", fstype);
	out = pair[0];
	in = pair[1];
	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "filesystem type %s", fstype);
	if (!pid) {
		fd = fsopen_inside(userns, fstype);
		_exit(!send_fd(in, fd, fd < 0 ? errno : 0));
	}
	close(steal_fd(&in));
	fd = receive_fd(out, &status);
	if (fd < 0)
		return shift_err_set(err, status, "filesystem type %s, inside the user namespace%s",
				     fstype, status ? "" : ": the child died");
	return fd;
}
