/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: what this host can do for pods and what it cannot. */
#include "cli/commands.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/host.h"
#include "base/util.h"
#include "cgroup/devbpf.h"
#include "cleanup.h"
#include "cli/words.h"
#include "pod/pod.h"
#include "syscalls.h"

/*
 * What Ceph's packages set, 30-ceph-osd.conf, and a number of threads that a host of some
 * OSDs reaches when they recover.
 */
#define AIO_OF_OSDS 1048576
#define PIDS_OF_OSDS 32768

static bool incomplete;

static void say(const char *what, bool yes, bool needed, const char *without)
{
	printf("%-34s %s", what, yes ? "yes" : needed ? "MISSING" : "no");
	if (!yes)
		printf("  (%s)", without);
	putchar('\n');
	if (!yes && needed)
		incomplete = true;
}

/* Tried in a child, so that nothing of it stays. */
static bool try_unshare(int flags)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(unshare(flags) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* As a pod's first process would; the host's has to be seen whole. */
static bool has_new_proc(void)
{
	pid_t pid = fork(), second;
	int status, ctx;

	if (!pid) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(2);
		second = fork();
		if (second > 0)
			_exit(waitpid(second, &status, 0) != second || status);
		ctx = second < 0 ? -1 : sys_fsopen("proc", 0);
		_exit(ctx < 0 ||
		      sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ||
		      sys_fsmount(ctx, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				  MOUNT_ATTR_NOEXEC) < 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static bool has_fs(const char *name)
{
	_cleanup_free_ char *list = NULL, *line = NULL;
	int fd = sys_fsopen(name, 0);

	/* This asks for the module, too. */
	if (fd >= 0) {
		close(fd);
		return true;
	}
	return read_file("/proc/filesystems", 65536, &list, NULL, NULL) >= 0 &&
	       strf(&line, NULL, "\t%s\n", name) >= 0 && strstr(list, line);
}

static bool has_controller(const char *name)
{
	_cleanup_free_ char *path = NULL, *list = NULL, *padded = NULL;
	_cleanup_free_ char *word = NULL;

	if (!cgroup_mount_point() ||
	    strf(&path, NULL, "%s/cgroup.controllers", cgroup_mount_point()) < 0 ||
	    read_file(path, 4096, &list, NULL, NULL) < 0)
		return false;
	list[strcspn(list, "\n")] = '\0';
	return strf(&padded, NULL, " %s ", list) >= 0 &&
	       strf(&word, NULL, " %s ", name) >= 0 && strstr(padded, word);
}

/* Loaded and not attached: it ends with this process. */
static bool has_device_bpf(void)
{
	struct bpf_insn insns[16];
	size_t n = devbpf_program(NULL, 0, insns, 16);
	int fd = devbpf_load(insns, n, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* Like say(), of a number of the host's that should be at least @least. */
static void say_number(const char *file, unsigned long long least,
		       const char *without)
{
	_cleanup_free_ char *path = NULL, *text = NULL, *name = NULL;
	unsigned long long n;

	if (strf(&path, NULL, "/proc/sys/%s", file) < 0 ||
	    strf(&name, NULL, "%s", file) < 0 ||
	    read_file(path, 64, &text, NULL, NULL) < 0)
		return;
	n = strtoull(text, NULL, 10);
	*strchr(name, '/') = '.';
	printf("%-34s %llu", name, n);
	if (n < least)
		printf("  (low: %s; sysctl %s=%llu)", without, name, least);
	putchar('\n');
}

/* The least pids.max of this process's cgroup and of those above. */
static void say_pids(void)
{
	_cleanup_free_ char *list = NULL, *dir = NULL;
	unsigned long long least = ULLONG_MAX;
	char *own, *slash;

	if (!cgroup_mount_point() ||
	    read_file("/proc/self/cgroup", 65536, &list, NULL, NULL) < 0 ||
	    !(own = strstr(list, "0::/")))
		return;
	own[strcspn(own, "\n")] = '\0';
	if (strf(&dir, NULL, "%s%s", cgroup_mount_point(), own + 3) < 0)
		return;
	while (strlen(dir) > strlen(cgroup_mount_point())) {
		_cleanup_free_ char *path = NULL, *text = NULL;

		if (strf(&path, NULL, "%s/pids.max", dir) >= 0 &&
		    read_file(path, 64, &text, NULL, NULL) >= 0 &&
		    *text != 'm' && strtoull(text, NULL, 10) < least)
			least = strtoull(text, NULL, 10);
		slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	if (least == ULLONG_MAX)
		return;
	printf("%-34s %llu%s\n", "pids of this cgroup", least,
	       least < PIDS_OF_OSDS ? "  (low: units of pods inherit it; TasksMax= of the unit or slice)" : "");
}

static const struct words_option none[] = { WORDS_END };
static const struct words_command check_words = {
	"check", "", "Say what this host can do for pods.", 0, 0, false, none,
	"The status is 1 when pods cannot be started.\n",
};

int cmd_check(int argc, char **argv, struct shift_error *err)
{
	static const char *const controllers[] = {
		"memory", "cpu", "pids", "io", "cpuset",
	};
	struct utsname u;
	struct words w;

	if (words_only(&w, &check_words, argc, argv, err) < 0)
		return POD_STATUS_FAILED;
	incomplete = false;
	if (uname(&u) == 0)
		printf("%-34s %s\n", "kernel", u.release);
	say("user namespaces", try_unshare(CLONE_NEWUSER), true,
	    "CONFIG_USER_NS, /proc/sys/user/max_user_namespaces");
	say("pid, mount, uts, ipc, net namespaces",
	    try_unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS |
			CLONE_NEWIPC | CLONE_NEWNET), true,
	    "CONFIG_PID_NS, CONFIG_UTS_NS, CONFIG_IPC_NS, CONFIG_NET_NS");
	say("a new /proc in a pod", has_new_proc(), true,
	    "something is mounted on a part of /proc: the kernel gives no new one that would show it");
	say("overlay", has_fs("overlay"), true, "modprobe overlay");
	say("shiftfs", has_fs("shiftfs"), false,
	    "modprobe shiftfs; idmapped mounts are used where they work");
	say("cgroup version 2", cgroup_mount_point(), false,
	    "no limits, no pause, no device list, no systemd in pods");
	say("cgroup namespaces", try_unshare(CLONE_NEWCGROUP), false,
	    "CONFIG_CGROUPS");
	for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers);
	     i++) {
		char what[64];

		snprintf(what, sizeof(what), "  controller %s", controllers[i]);
		say(what, has_controller(controllers[i]), false,
		    "its limits are refused");
	}
	say("cgroup device programs", has_device_bpf(), false,
	    "CONFIG_CGROUP_BPF and CONFIG_BPF_SYSCALL");
	say("seccomp filters", has_seccomp(), false, "CONFIG_SECCOMP_FILTER");
	say_number("fs/aio-max-nr", AIO_OF_OSDS,
		   "a Ceph OSD or a database fails in io_setup(2) when others have them all");
	say_number("kernel/pid_max", PIDS_OF_OSDS, "threads of all pods count");
	say_number("kernel/threads-max", PIDS_OF_OSDS, "threads of all pods count");
	say_pids();
	say("systemd runs the host", host_has_systemd(), false,
	    "cgroups are made below the root of version 2 instead");
	say("journal", access("/run/systemd/journal/socket", F_OK) == 0, false,
	    "logs are files");
	say("SELinux", access("/sys/fs/selinux/enforce", F_OK) == 0, false,
	    "--security-opt label= is refused");
	return incomplete ? 1 : 0;
}
