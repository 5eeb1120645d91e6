/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls of the mount and pidfd families, with the numbers, flags and
 * structures which an older C library lacks.  The wrappers are called sys_*()
 * so that they never collide with the ones glibc has had since 2.36.
 * Each returns as the system call does: -1 and errno on failure.
 */
#ifndef SHIFT_SYSCALLS_H
#define SHIFT_SYSCALLS_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* These numbers are the same everywhere but on alpha. */
#if defined(__alpha__)
# define SHIFT_NR(n) ((n) + 110)
#else
# define SHIFT_NR(n) (n)
#endif

#ifndef SYS_pidfd_send_signal
# define SYS_pidfd_send_signal SHIFT_NR(424)
#endif
#ifndef SYS_open_tree
# define SYS_open_tree SHIFT_NR(428)
#endif
#ifndef SYS_move_mount
# define SYS_move_mount SHIFT_NR(429)
#endif
#ifndef SYS_fsopen
# define SYS_fsopen SHIFT_NR(430)
#endif
#ifndef SYS_fsconfig
# define SYS_fsconfig SHIFT_NR(431)
#endif
#ifndef SYS_fsmount
# define SYS_fsmount SHIFT_NR(432)
#endif
#ifndef SYS_fspick
# define SYS_fspick SHIFT_NR(433)
#endif
#ifndef SYS_pidfd_open
# define SYS_pidfd_open SHIFT_NR(434)
#endif
#ifndef SYS_openat2
# define SYS_openat2 SHIFT_NR(437)
#endif
#ifndef SYS_pidfd_getfd
# define SYS_pidfd_getfd SHIFT_NR(438)
#endif
#ifndef SYS_mount_setattr
# define SYS_mount_setattr SHIFT_NR(442)
#endif

#ifndef FSOPEN_CLOEXEC
# define FSOPEN_CLOEXEC 0x00000001
#endif
#ifndef FSMOUNT_CLOEXEC
# define FSMOUNT_CLOEXEC 0x00000001
#endif
#ifndef FSPICK_CLOEXEC
# define FSPICK_CLOEXEC 0x00000001
# define FSPICK_SYMLINK_NOFOLLOW 0x00000002
# define FSPICK_NO_AUTOMOUNT 0x00000004
# define FSPICK_EMPTY_PATH 0x00000008
#endif
#ifndef OPEN_TREE_CLONE
# define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
# define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
# define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
# define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef AT_RECURSIVE
# define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
# define AT_EMPTY_PATH 0x1000
#endif

/* An enum in glibc, which also defines every name it has. */
#ifndef FSCONFIG_SET_FLAG
# define FSCONFIG_SET_FLAG 0
# define FSCONFIG_SET_STRING 1
# define FSCONFIG_SET_BINARY 2
# define FSCONFIG_SET_PATH 3
# define FSCONFIG_SET_PATH_EMPTY 4
# define FSCONFIG_SET_FD 5
# define FSCONFIG_CMD_CREATE 6
# define FSCONFIG_CMD_RECONFIGURE 7
#endif

/* The kernel copies at most this much of a string, the final NUL included. */
#define SHIFT_FSCONFIG_VALUE_MAX 256

#ifndef MOUNT_ATTR_RDONLY
# define MOUNT_ATTR_RDONLY 0x00000001
# define MOUNT_ATTR_NOSUID 0x00000002
# define MOUNT_ATTR_NODEV 0x00000004
# define MOUNT_ATTR_NOEXEC 0x00000008
# define MOUNT_ATTR__ATIME 0x00000070
# define MOUNT_ATTR_RELATIME 0x00000000
# define MOUNT_ATTR_NOATIME 0x00000010
# define MOUNT_ATTR_STRICTATIME 0x00000020
# define MOUNT_ATTR_NODIRATIME 0x00000080
#endif
#ifndef MOUNT_ATTR_IDMAP
# define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
# define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#ifndef MOUNT_ATTR_SIZE_VER0
# define MOUNT_ATTR_SIZE_VER0 32
struct mount_attr {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation;
	uint64_t userns_fd;
};
#endif

/* linux/nsfs.h, which is missing from some libc header sets. */
#ifndef NS_GET_NSTYPE
# include <linux/ioctl.h>
# define NS_GET_USERNS _IO(0xb7, 0x1)
# define NS_GET_PARENT _IO(0xb7, 0x2)
# define NS_GET_NSTYPE _IO(0xb7, 0x3)
# define NS_GET_OWNER_UID _IO(0xb7, 0x4)
#endif

static inline int sys_openat2(int dfd, const char *path,
			      const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dfd, path, how, sizeof(*how));
}

static inline int sys_fsopen(const char *fsname, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, fsname, flags);
}

static inline int sys_fsconfig(int fd, unsigned int cmd, const char *key,
			       const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

static inline int sys_fsmount(int fd, unsigned int flags,
			      unsigned int attr_flags)
{
	return (int)syscall(SYS_fsmount, fd, flags, attr_flags);
}

static inline int sys_fspick(int dfd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_fspick, dfd, path, flags);
}

static inline int sys_move_mount(int from_dfd, const char *from_path,
				 int to_dfd, const char *to_path,
				 unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from_dfd, from_path, to_dfd,
			    to_path, flags);
}

static inline int sys_open_tree(int dfd, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dfd, path, flags);
}

static inline int sys_mount_setattr(int dfd, const char *path,
				    unsigned int flags,
				    struct mount_attr *attr, size_t size)
{
	return (int)syscall(SYS_mount_setattr, dfd, path, flags, attr, size);
}

static inline int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int sys_pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig, void *info,
					unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, info, flags);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

#endif
