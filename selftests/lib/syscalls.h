/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls and constants that Debian 12's C library does not wrap. */
#ifndef SHIFTFS_SELFTEST_SYSCALLS_H
#define SHIFTFS_SELFTEST_SYSCALLS_H

#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int sys_io_setup(unsigned int nr, aio_context_t *ctx)
{
	return syscall(SYS_io_setup, nr, ctx);
}

static inline int sys_io_submit(aio_context_t ctx, long nr, struct iocb **cbs)
{
	return syscall(SYS_io_submit, ctx, nr, cbs);
}

static inline int sys_io_getevents(aio_context_t ctx, long min, long nr,
				   struct io_event *events)
{
	return syscall(SYS_io_getevents, ctx, min, nr, events, NULL);
}

static inline int sys_io_destroy(aio_context_t ctx)
{
	return syscall(SYS_io_destroy, ctx);
}

static inline int sys_io_uring_setup(unsigned int entries,
				     struct io_uring_params *p)
{
	return syscall(SYS_io_uring_setup, entries, p);
}

static inline int sys_io_uring_enter(int fd, unsigned int submit,
				     unsigned int wait, unsigned int flags)
{
	return syscall(SYS_io_uring_enter, fd, submit, wait, flags, NULL, 0);
}

#endif
