/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/pasta_tap.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

/* Process numbers in a new pid namespace begin at 1, and pasta forks a few times. */
#define PIDS_MAX 64

/* pasta opens the ports that are published before the tap. */
#define FDS_MAX (1 << 20)

/* Where an Ethernet frame has its fields; pasta takes none with the tag of a VLAN. */
enum { ETHERTYPE = 12, IP4_TO = 30, IP6_TO = 38 };

/* Jumps of struct sock_filter count from the next instruction; here they name one. */
#define IF(here, k, yes, no) \
	[here] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, (yes) - (here) - 1, (no) - (here) - 1)
#define LOAD(here, size, at) [here] = BPF_STMT(BPF_LD | (size) | BPF_ABS, at)

/*
 * No frame to 127.0.0.0/8 or 0.0.0.0/8, which is lo to connect(2), and to no address
 * of IPv6 that begins with 80 bits of zeros: ::, ::1, ::ffff:127.0.0.1.  A frame that
 * is too short for its kind is dropped as well.
 */
static struct sock_filter program[] = {
	LOAD(0, BPF_H, ETHERTYPE),
	IF(1, ETH_P_IPV6, 6, 2),
	IF(2, ETH_P_IP, 3, 12),
	LOAD(3, BPF_B, IP4_TO),
	IF(4, 127, 13, 5),
	IF(5, 0, 13, 12),

	LOAD(6, BPF_W, IP6_TO),
	IF(7, 0, 8, 12),
	LOAD(8, BPF_W, IP6_TO + 4),
	IF(9, 0, 10, 12),
	LOAD(10, BPF_H, IP6_TO + 8),
	IF(11, 0, 13, 12),

	[12] = BPF_STMT(BPF_RET | BPF_K, 0x40000),
	[13] = BPF_STMT(BPF_RET | BPF_K, 0),
};

/* An fd of the tap that the process @pidfd has, or -ENODEV. */
static int find_tap(int pidfd, const struct rlimit *limit)
{
	rlim_t max = limit->rlim_cur < FDS_MAX ? limit->rlim_cur : FDS_MAX;
	struct ifreq ifr;

	for (int i = 0; (rlim_t)i < max; i++) {
		int fd = sys_pidfd_getfd(pidfd, i, 0);

		if (fd >= 0 && ioctl(fd, TUNGETIFF, &ifr) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
		else if (errno != EBADF)
			return -errno;
	}
	return -ENODEV;
}

int pasta_tap_filter(struct shift_error *err)
{
	const struct sock_fprog prog = {
		.len = sizeof(program) / sizeof(*program), .filter = program,
	};
	pid_t self = getpid();
	int r = -ENODEV;

	for (pid_t pid = 1; pid < PIDS_MAX && r < 0; pid++) {
		_cleanup_close_ int pidfd = pid == self ? -1 : sys_pidfd_open(pid, 0);
		_cleanup_close_ int tap = -1;
		struct rlimit limit;

		if (pidfd < 0 || prlimit(pid, RLIMIT_NOFILE, NULL, &limit) < 0)
			continue;
		r = tap = find_tap(pidfd, &limit);
		if (r >= 0 && ioctl(tap, TUNATTACHFILTER, &prog) < 0)
			return shift_err_set(err, errno, "cannot filter what the pod sends to pasta");
	}
	return r >= 0 ? 0 : shift_err_set(err, -r, "cannot find the tap device of pasta, to filter what the pod sends");
}
