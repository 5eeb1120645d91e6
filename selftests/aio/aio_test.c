// SPDX-License-Identifier: GPL-2.0-or-later
/* Asynchronous I/O: io_submit(2) and io_uring, buffered and direct. */
#include <sys/mman.h>
#include <sys/uio.h>

#include "fixture.h"
#include "ring.h"
#include "syscalls.h"

static int above(const char *name, int flags)
{
	int fd;

	become(SEEN(1000), SEEN(1000));
	fd = openat(upper, name, flags | O_CLOEXEC, 0644);
	become_root();
	return fd;
}

TEST_F(shift, io_submit)
{
	aio_context_t ctx = 0;
	char buf[16] = "";
	int fd = OK(above("f", O_CREAT | O_RDWR));

	OK(sys_io_setup(4, &ctx));
	EQ(5, aio(ctx, IOCB_CMD_PWRITE, fd, "async", 5, 0));
	CONTENT(lower, "f", "async");
	EQ(5, st(upper, "f").st_size);
	EQ(5, aio(ctx, IOCB_CMD_PREAD, fd, buf, 16, 0));
	CHECK(!strcmp(buf, "async"));
	EQ(0, aio(ctx, IOCB_CMD_FSYNC, fd, NULL, 0, 0));
	OK(sys_io_destroy(ctx));
	close(fd);
	/* nothing is left open: a write lease is for who is alone */
	fd = OK(openat(lower, "f", O_RDONLY));
	CHECK(!fcntl(fd, F_SETLEASE, F_WRLCK) || errno == EINVAL);
}

#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif

/* On a mount that is "sync", where the lower one is not, it is written at once. */
TEST_F(shift, io_submit_on_a_sync_mount)
{
	struct { uint64_t off, len; } range = { 0, 0 };
	struct { uint64_t cache, dirty, writeback, evicted, recently; } stat;
	const char *point = mount_point(true);
	aio_context_t ctx = 0;
	int view, fd, below;

	ONLY_SHIFTFS();
	make("f", 1000, 1000, S_IFREG | 0644);
	below = OK(openat(lower, "f", O_RDONLY));
	SKIP_IF(syscall(__NR_cachestat, below, &range, &stat, 0) &&
		errno == ENOSYS, "no cachestat(2), which tells");
	OK(mount(lower_path, point, "shiftfs", MS_SYNCHRONOUS, "idmap=" MAP));
	view = OK(open(point, O_RDONLY | O_DIRECTORY));
	become(SEEN(1000), SEEN(1000));
	fd = OK(openat(view, "f", O_WRONLY));
	become_root();
	OK(sys_io_setup(4, &ctx));
	EQ(5, aio(ctx, IOCB_CMD_PWRITE, fd, "async", 5, 0));
	OK(sys_io_destroy(ctx));
	OK(syscall(__NR_cachestat, below, &range, &stat, 0));
	/* a tmpfs has nowhere to write it, and an overlay no pages */
	if (!lower_is("tmpfs"))
		EQ(0, stat.dirty + stat.writeback);
	CONTENT(lower, "f", "async");
}

TEST_F(shift, io_submit_direct)
{
	struct iocb cb[8], *cbs[8];
	struct io_event ev[8];
	aio_context_t ctx = 0;
	char *buf;
	int fd;

	OK(touch(lower, "f", 0666));
	fd = openat(lower, "f", O_RDWR | O_DIRECT);
	SKIP_IF(fd < 0 && errno == EINVAL, "the lower has no O_DIRECT");
	close(OK(fd));
	fd = OK(above("f", O_RDWR | O_DIRECT));
	OK(sys_io_setup(8, &ctx));
	CHECK(!posix_memalign((void **)&buf, 4096, 8 * 4096));
	for (int i = 0; i < 8; i++) {
		memset(buf + i * 4096, 'a' + i, 4096);
		cb[i] = (struct iocb) {
			.aio_lio_opcode = IOCB_CMD_PWRITE,
			.aio_fildes = fd,
			.aio_buf = (uintptr_t)(buf + i * 4096),
			.aio_nbytes = 4096,
			.aio_offset = i * 4096,
		};
		cbs[i] = &cb[i];
	}
	EQ(8, sys_io_submit(ctx, 8, cbs));
	EQ(8, sys_io_getevents(ctx, 8, 8, ev));
	for (int i = 0; i < 8; i++)
		EQ(4096, ev[i].res);
	EQ(8 * 4096, st(lower, "f").st_size);
	EQ(8 * 4096, st(upper, "f").st_size);
	memset(buf, 0, 8 * 4096);
	EQ(8 * 4096, aio(ctx, IOCB_CMD_PREAD, fd, buf, 8 * 4096, 0));
	EQ('h', buf[8 * 4096 - 1]);
	/* a descriptor closed while the request runs */
	for (int i = 0; i < 8; i++)
		cb[i].aio_lio_opcode = IOCB_CMD_PREAD;
	EQ(8, sys_io_submit(ctx, 8, cbs));
	close(fd);
	EQ(8, sys_io_getevents(ctx, 8, 8, ev));
	for (int i = 0; i < 8; i++)
		EQ(4096, ev[i].res);
	OK(sys_io_destroy(ctx));
}

TEST_F(shift, io_uring)
{
	char buf[16] = "", *direct;
	struct ring r;
	int fd, p[2];

	SKIP_IF(ring_open(&r) && (errno == ENOSYS || errno == EPERM),
		"the kernel has no io_uring");
	fd = OK(above("f", O_CREAT | O_RDWR));
	EQ(4, ring_do(&r, rw(IORING_OP_WRITE, fd, "ring", 4, 0, 0)));
	CONTENT(lower, "f", "ring");
	EQ(4, ring_do(&r, rw(IORING_OP_READ, fd, buf, 16, 0, 0)));
	CHECK(!strcmp(buf, "ring"));
	/* from a worker of the kernel */
	EQ(5, ring_do(&r, rw(IORING_OP_WRITE, fd, "async", 5, 0,
			     IOSQE_ASYNC)));
	CONTENT(lower, "f", "async");
	EQ(5, ring_do(&r, rw(IORING_OP_READ, fd, buf, 16, 0, IOSQE_ASYNC)));
	CHECK(!strcmp(buf, "async"));
	EQ(0, ring_do(&r, (struct io_uring_sqe) {
		.opcode = IORING_OP_FSYNC, .fd = fd }));
	EQ(0, ring_do(&r, (struct io_uring_sqe) {
		.opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = 8192 }));
	EQ(8192, st(lower, "f").st_size);
	OK(pipe2(p, O_CLOEXEC));
	EQ(5, ring_do(&r, (struct io_uring_sqe) {
		.opcode = IORING_OP_SPLICE, .fd = p[1], .len = 5,
		.splice_fd_in = fd, .splice_off_in = 0, .off = -1 }));
	EQ(5, read(p[0], buf, 16));
	close(fd);

	fd = openat(lower, "f", O_RDWR | O_DIRECT);
	if (fd >= 0) {
		close(fd);
		fd = OK(above("f", O_RDWR | O_DIRECT));
		CHECK(!posix_memalign((void **)&direct, 4096, 4096));
		memset(direct, 'u', 4096);
		EQ(4096, ring_do(&r, rw(IORING_OP_WRITE, fd, direct, 4096, 0,
					0)));
		memset(direct, 0, 4096);
		EQ(4096, ring_do(&r, rw(IORING_OP_READ, fd, direct, 4096, 0,
					0)));
		EQ('u', direct[4095]);
	}
	/* opened, and attributes read, by the ring */
	fd = ring_do(&r, (struct io_uring_sqe) {
		.opcode = IORING_OP_OPENAT, .fd = upper,
		.addr = (uintptr_t)"f", .open_flags = O_RDONLY | O_CLOEXEC });
	CHECK(fd >= 0);
	BOTH("f", 1000, 1000, S_IFREG | 0644);
}

SHIFT_TEST_MAIN
