/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "side/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "pod/state.h"
#include "syscalls.h"

/* The inode of the first user namespace: include/linux/proc_ns.h. */
#define INITIAL_USER 0xEFFFFFFDu

static int open_of(const struct side_agent *a, const char *what, int flags,
		   struct shift_error *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)a->pid, what);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? shift_err_set(err, errno, "%s of the pod %s", what,
				      a->name) : fd;
}

/* A first process can have entered another namespace, with a map of its own. */
static int check_map(const struct side_agent *a, const char *file,
		     struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	uint32_t inside, outside, count;
	int r, n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)a->pid, file);
	r = read_file(path, 4096, &text, NULL, err);
	if (r < 0)
		return r;
	if (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %n", &inside,
		   &outside, &count, &n) != 3 || text[n] || inside ||
	    outside != a->base || count != a->size)
		return shift_err_set(err, 0, "the first process of the pod %s is in another user namespace than runner gave it",
				     a->name);
	return 0;
}

static int check_alive(const struct side_agent *a, struct shift_error *err)
{
	struct pollfd p = { .fd = a->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0 ? 0 :
		shift_err_set(err, ESRCH, "the pod %s", a->name);
}

static int load(struct side_agent *a, struct state *st, struct spec *spec,
		struct shift_error *err)
{
	struct stat ns;
	int r = state_load(st, a->name, err);

	if (r == -ENOENT)
		return shift_err_set(err, ESRCH, "the pod %s is not there",
				     a->name);
	if (r < 0)
		return r;
	if (st->status != STATUS_RUNNING)
		return shift_err_set(err, ESRCH, "the pod %s is %s", a->name,
				     state_status_name(st->status));
	if ((r = state_load_spec(st, spec, err)) < 0 ||
	    (r = a->pidfd = state_open_process(st, err)) < 0)
		return r;
	a->pid = st->pid;
	a->base = spec->linux_.host_base;
	a->size = spec->linux_.map_size;
	if ((r = a->user_fd = open_of(a, "ns/user", O_RDONLY, err)) < 0 ||
	    (r = a->root_fd = open_of(a, "root", O_PATH | O_DIRECTORY,
				      err)) < 0)
		return r;
	if (fstat(a->user_fd, &ns) < 0 || ns.st_ino == INITIAL_USER ||
	    !(spec->linux_.namespaces & SPEC_NS_USER))
		return shift_err_set(err, 0, "the pod %s has the host's user namespace",
				     a->name);
	if ((r = check_map(a, "uid_map", err)) < 0 ||
	    (r = check_map(a, "gid_map", err)) < 0)
		return r;
	/* Last: what was opened by the number is this process's. */
	return check_alive(a, err);
}

int side_agent_open(struct side_agent *a, const char *name,
		    struct shift_error *err)
{
	struct state st = STATE_INIT;
	struct spec spec;
	int r;

	memset(&spec, 0, sizeof(spec));
	*a = (struct side_agent)SIDE_AGENT_INIT;
	r = str_replace(&a->name, name, err);
	if (r >= 0)
		r = load(a, &st, &spec, err);
	spec_clear(&spec);
	state_clear(&st);
	return r;
}

/* With O_PATH: a device or a FIFO is not opened for being looked at. */
static int find_named(const struct side_agent *a, const char *netns,
		      struct shift_error *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_free_ char *path = NULL;
	int r = strf(&path, err, "run/netns/%s", netns), fd = -1;

	if (r < 0)
		return r;
	for (int i = 0; i < 64 && fd < 0; i++) {
		fd = sys_openat2(a->root_fd, path, &how);
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	return fd < 0 ? shift_err_set(err, errno, "/%s in the pod %s", path,
				      a->name) : fd;
}

static int check_network(const struct side_agent *a, int fd, const char *name,
			 struct shift_error *err)
{
	_cleanup_close_ int owner = -1;
	struct stat of_ns, of_agent;

	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return shift_err_set(err, 0, "%s of the pod %s is no network namespace",
				     name, a->name);
	owner = ioctl(fd, NS_GET_USERNS);
	if (owner < 0 || fstat(owner, &of_ns) < 0 ||
	    fstat(a->user_fd, &of_agent) < 0 ||
	    of_ns.st_ino != of_agent.st_ino || of_ns.st_dev != of_agent.st_dev)
		return shift_err_set(err, 0, "the network namespace %s is not owned by the user namespace of the pod %s",
				     name, a->name);
	return 0;
}

int side_agent_network(const struct side_agent *a, const char *netns,
		       struct shift_error *err)
{
	_cleanup_close_ int look = -1, fd = -1;
	struct statfs fs;
	char path[64];
	int r;

	if (!netns) {
		r = fd = open_of(a, "ns/net", O_RDONLY, err);
		if (r >= 0)
			r = check_alive(a, err);
	} else {
		r = look = find_named(a, netns, err);
		if (r >= 0 && (fstatfs(look, &fs) < 0 ||
			       (unsigned long)fs.f_type != NSFS_MAGIC))
			r = shift_err_set(err, 0, "/run/netns/%s in the pod %s is no namespace",
					  netns, a->name);
		if (r >= 0) {
			snprintf(path, sizeof(path), "/proc/self/fd/%d", look);
			r = fd = open(path, O_RDONLY | O_CLOEXEC);
			if (r < 0)
				r = shift_err_set(err, errno, "/run/netns/%s in the pod %s",
						  netns, a->name);
		}
	}
	if (r >= 0)
		r = check_network(a, fd, netns ?: "of its own", err);
	return r < 0 ? r : steal_fd(&fd);
}

static bool differs(const char *asker, const char *netns, pid_t pid)
{
	struct side_agent agent;
	struct stat wanted, has;
	char path[64];
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return side_agent_open(&agent, asker, NULL) >= 0 &&
	       (fd = side_agent_network(&agent, netns, NULL)) >= 0 &&
	       fstat(fd, &wanted) == 0 && stat(path, &has) == 0 &&
	       (wanted.st_ino != has.st_ino || wanted.st_dev != has.st_dev);
}

bool side_agent_other_network(const char *asker, const char *netns, pid_t pid)
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (!child) {
		alarm(10);
		_exit(differs(asker, netns, pid));
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

void side_agent_clear(struct side_agent *a)
{
	const int fds[] = { a->pidfd, a->user_fd, a->root_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(a->name);
	*a = (struct side_agent)SIDE_AGENT_INIT;
}
