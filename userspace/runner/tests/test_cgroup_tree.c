/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees of cgroups that a pod has made, as root and with version 2 mounted. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/host.h"
#include "cgroup/cgroup_tree.h"
#include "tap.h"

#define DEPTH 60
#define CHILDREN 20

static char top[256];

/* A child in @dir that only SIGKILL ends. */
static pid_t child_in(int dir)
{
	pid_t pid = fork();

	if (!pid) {
		for (int s = 1; s < 65; s++)
			signal(s, SIG_IGN);
		if (cgroup_tree_write(dir, "cgroup.procs", "0", NULL) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	/* Until it is there. */
	for (int i = 0; i < 500 && cgroup_tree_event_is(dir, "populated", "1") != 1; i++)
		usleep(10000);
	return pid;
}

/* DEPTH cgroups below @dir with names of 250 letters, a child in the last. */
static pid_t nest(int dir)
{
	char name[251];
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	pid_t pid;

	memset(name, 'n', 250);
	name[250] = '\0';
	for (int i = 0; i < DEPTH; i++) {
		int next;

		if (mkdirat(at, name, 0755) < 0)
			return -1;
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	pid = child_in(at);
	close(at);
	return pid;
}

static void try(const char *what, int (*kill_all)(int, struct shift_error *),
		bool frozen)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	pid_t deep, wide[CHILDREN];
	int dir, status;

	ok(mkdir(top, 0755) == 0, "%s: the cgroup is made", what);
	dir = cgroup_tree_open(top);
	deep = nest(dir);
	ok(deep > 0, "%s: %d cgroups with long names in each other", what, DEPTH);
	for (int i = 0; i < CHILDREN; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "c%d", i);
		mkdirat(dir, name, 0755);
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		wide[i] = child_in(fd);
		close(fd);
	}
	if (frozen)
		cgroup_tree_write(dir, "cgroup.freeze", "1", NULL);
	ok(cgroup_tree_clear(dir, &err) < 0, "%s: with processes in it nothing is removed for good", what);
	shift_err_clear(&err);
	ok(kill_all(dir, &err) == 0, "%s: all are killed: %s", what, err.msg ?: "");
	ok(waitpid(deep, &status, 0) == deep && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGKILL, "%s: the deepest one", what);
	for (int i = 0; i < CHILDREN; i++)
		ok(waitpid(wide[i], &status, 0) == wide[i] &&
		   WIFSIGNALED(status), "%s: number %d", what, i);
	ok(cgroup_tree_wait(dir, "populated", "0", 5000, &err) == 0, "%s: nobody is left", what);
	ok(cgroup_tree_clear(dir, &err) == 0 &&
	   cgroup_tree_rmdir(-1, top, &err) == 0, "%s: all is removed: %s", what, err.msg ?: "");
	ok(access(top, F_OK) < 0, "%s: and gone", what);
	shift_err_clear(&err);
	close(dir);
}

int main(void)
{
	const char *mount = cgroup_mount_point();

	if (getuid() || !mount) {
		skip("killing and removing", "needs root and cgroup version 2");
		return tap_done();
	}
	snprintf(top, sizeof(top), "%s/runner-test.%d", mount, (int)getpid());
	try("cgroup.kill", cgroup_tree_kill, false);
	try("cgroup.kill, frozen", cgroup_tree_kill, true);
	try("one by one", cgroup_tree_kill_each, false);
	try("one by one, frozen", cgroup_tree_kill_each, true);
	return tap_done();
}
