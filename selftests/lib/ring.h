/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request at a time by io_submit(2), and by io_uring. */
#ifndef SHIFTFS_SELFTEST_RING_H
#define SHIFTFS_SELFTEST_RING_H

#include <sys/mman.h>

#include "syscalls.h"
#include "utils.h"

/* Returns what read(2) and its like return, or a negative error number. */
static inline long aio(aio_context_t ctx, int op, int fd, void *buf, size_t len,
		       off_t off)
{
	struct iocb cb = {
		.aio_lio_opcode = op,
		.aio_fildes = fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = len,
		.aio_offset = off,
	}, *cbs[] = { &cb };
	struct io_event ev;

	/* An error is said at once by some kernels, in the event by others. */
	if (sys_io_submit(ctx, 1, cbs) < 0)
		return -errno;
	EQ(1, sys_io_getevents(ctx, 1, 1, &ev));
	return ev.res;
}

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static inline int ring_open(struct ring *r)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	*r = (struct ring){ .fd = sys_io_uring_setup(8, &p) };
	if (r->fd < 0)
		return -1;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4,
		  PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*r->cqes),
		  PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		  IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(*r->sqes),
		       PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	CHECK(sq != MAP_FAILED && cq != MAP_FAILED &&
	      (void *)r->sqes != MAP_FAILED);
	r->sq_tail = (void *)(sq + p.sq_off.tail);
	r->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (void *)(sq + p.sq_off.array);
	r->cq_head = (void *)(cq + p.cq_off.head);
	r->cq_tail = (void *)(cq + p.cq_off.tail);
	r->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	r->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

static inline int ring_do(struct ring *r, struct io_uring_sqe sqe)
{
	unsigned int tail = *r->sq_tail, i = tail & *r->sq_mask;
	unsigned int head;
	int res;

	r->sqes[i] = sqe;
	r->sq_array[i] = i;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	EQ(1, sys_io_uring_enter(r->fd, 1, 1, IORING_ENTER_GETEVENTS));
	head = *r->cq_head;
	CHECK(head != __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE));
	res = r->cqes[head & *r->cq_mask].res;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return res;
}

static inline struct io_uring_sqe rw(int op, int fd, void *buf, unsigned int len,
				     off_t off, int flags)
{
	return (struct io_uring_sqe) {
		.opcode = op, .fd = fd, .addr = (uintptr_t)buf, .len = len,
		.off = off, .flags = flags,
	};
}

#endif
