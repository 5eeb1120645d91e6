/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/intercept_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/place.h"
#include "blockdev/node.h"
#include "cleanup.h"
#include "store/sandbox.h"
#include "syscalls.h"

#define CHECK_SECONDS 1800

/* A status that no checker ends with. */
#define NO_PROGRAM 127

/* The options that a filesystem may get; all others are refused with EINVAL. */
static const char *const known[] = {
	"acl", "attr2", "barrier", "discard", "inode32", "inode64", "largeio",
	"noacl", "nobarrier", "nodiscard", "nolargeio", "noquota",
	"nouser_xattr", "user_xattr",
};

/* Below place_run(), in mount namespaces of this program's own. */
static int own_place(char path[64])
{
	snprintf(path, 64, "%s", place_run());
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

/* In the sandbox. */
static void __attribute__((noreturn)) run_checker(bool is_xfs)
{
	static const char *const ext4[] = { "e2fsck", "-n", "-f", "/device", NULL };
	static const char *const xfs[] = { "xfs_repair", "-n", "/device", NULL };

	/* ASan leaves the standard error as it was. */
	if (dup2(0, 2) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0 ||
	    clearenv() || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0)
		_exit(1);
	alarm(CHECK_SECONDS);
	execvp(is_xfs ? xfs[0] : ext4[0],
	       (char *const *)(is_xfs ? xfs : ext4));
	_exit(NO_PROGRAM);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int intercept_check(const char *type, dev_t dev, uid_t id, char *why,
		    size_t size)
{
	bool is_xfs = !strcmp(type, "xfs");
	_cleanup_close_ int userns = sandbox_userns(), in = -1, out = -1;
	struct sandbox sandbox = {
		.role = SANDBOX_CHECK, .root = place_run(), .fds = &out, .n = 1,
		.userns = userns, .device = dev, .id = id,
	};
	ssize_t n;
	pid_t pid;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	in = p[0];
	out = p[1];
	pid = sandbox_fork(&sandbox, NULL);
	if (pid < 0)
		return pid;
	if (!pid)
		run_checker(is_xfs);
	close(steal_fd(&out));
	while ((n = read(in, why, size - 1)) < 0 && errno == EINTR)
		;
	why[n > 0 ? n : 0] = '\0';
	r = wait_for(pid);
	if (*why == SANDBOX_FAILED)
		return -EIO;
	if (r == NO_PROGRAM) {
		snprintf(why, size, "the host has no checker for %s: apt-get install %s",
			 type, is_xfs ? "xfsprogs" : "e2fsprogs");
		return -ENOPKG;
	}
	return r ? -EUCLEAN : 0;
}

static bool is_known(const char *option)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(option, known[i]))
			return true;
	return false;
}

static int set_options(int fs, const struct intercept_mount *m)
{
	char *option, *rest = m->options;

	if ((m->flags & MS_RDONLY) &&
	    sys_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return -errno;
	while ((option = strsep(&rest, ","))) {
		if (!*option)
			continue;
		if (!is_known(option))
			return -EINVAL;
		if (sys_fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0)
			return -errno;
	}
	return 0;
}

static unsigned int attributes(unsigned long flags)
{
	unsigned int attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

	if (flags & MS_RDONLY)
		attrs |= MOUNT_ATTR_RDONLY;
	if (flags & MS_NOEXEC)
		attrs |= MOUNT_ATTR_NOEXEC;
	if (flags & MS_NODIRATIME)
		attrs |= MOUNT_ATTR_NODIRATIME;
	if (flags & MS_NOATIME)
		attrs |= MOUNT_ATTR_NOATIME;
	else if (flags & MS_STRICTATIME)
		attrs |= MOUNT_ATTR_STRICTATIME;
	return attrs;
}

int intercept_make(const struct intercept_mount *m)
{
	_cleanup_close_ int fs = sys_fsopen(m->type, FSOPEN_CLOEXEC), mnt = -1;
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)m->userns,
	};
	char node[BLOCKDEV_NAME], place[64];
	int r;

	if (fs < 0)
		return -errno;
	if (blockdev_path(m->dev, node, NULL) < 0)
		return -ENODEV;
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", node, 0) < 0)
		return -errno;
	r = set_options(fs, m);
	if (r < 0)
		return r;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, attributes(m->flags));
	if (mnt < 0 || sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &attr,
					 sizeof(attr)) < 0)
		return -errno;
	r = own_place(place);
	if (r < 0)
		return r;
	return sys_move_mount(mnt, "", AT_FDCWD, place,
			      MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/*
 * A copy of this mount namespace that belongs to the pod's user namespace has its
 * mounts with their flags locked, and a clone of a mount keeps that.
 */
static int attach(const struct intercept_mount *m)
{
	_cleanup_close_ int tree = -1;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setns(m->userns, CLONE_NEWUSER) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	tree = sys_open_tree(AT_FDCWD, place_run(),
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || setns(m->mntns, CLONE_NEWNS) < 0 ||
	    sys_move_mount(tree, "", m->target, "", MOVE_MOUNT_F_EMPTY_PATH |
						    MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int intercept_attach(const struct intercept_mount *m)
{
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-attach(m) & 0xff);
	r = wait_for(pid);
	return r < 0 ? r : -r;
}
