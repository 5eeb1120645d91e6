// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fsx [-s SEED] [-n OPERATIONS] PATH [PATH]: random writes, mapped writes,
 * reads, truncations, holes and copies on one file by up to two names of it,
 * each result compared with a copy in memory. Every operation takes a name at
 * random, so what one side does the other has to see at once. The seed is
 * printed, and on a difference the operations that led to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAXLEN	(256 * 1024)
#define CHUNK	(48 * 1024)

static unsigned char model[MAXLEN], buf[MAXLEN];
static off_t size;
static int fds[2], sides = 1;
static const char *paths[2];
static uint64_t state;
static char recent[64][100];
static unsigned long step;

static unsigned int dice(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)((state >> 16) % n);
}

__attribute__((format(printf, 1, 2)))
static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(recent[step % 64], sizeof(recent[0]), fmt, ap);
	va_end(ap);
}

__attribute__((noreturn, format(printf, 1, 2)))
static void bad(const char *fmt, ...)
{
	va_list ap;
	unsigned long from = step > 63 ? step - 63 : 0;

	for (unsigned long i = from; i <= step; i++)
		printf("# %lu %s\n", i, recent[i % 64]);
	printf("# step %lu: ", step);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

static void compare(const unsigned char *got, off_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (got[i] != model[at + i])
			bad("byte %jd is %02x, wanted %02x", (intmax_t)(at + i),
			    got[i], model[at + i]);
}

static void fill(size_t len)
{
	unsigned int first = dice(256), stride = 1 + dice(7);

	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)(first + i * stride);
}

static void check_size(int fd)
{
	struct stat s;

	if (fstat(fd, &s))
		bad("fstat: %s", strerror(errno));
	if (s.st_size != size)
		bad("the size is %jd, wanted %jd", (intmax_t)s.st_size,
		    (intmax_t)size);
}

/* In the model what is behind the end is zero. */
static void set_size(off_t to)
{
	if (to < size)
		memset(model + to, 0, size - to);
	size = to;
}

static void do_write(int fd, off_t at, size_t len)
{
	fill(len);
	if (pwrite(fd, buf, len, at) != (ssize_t)len)
		bad("pwrite: %s", strerror(errno));
	memcpy(model + at, buf, len);
	if (at + (off_t)len > size)
		size = at + len;
}

static void do_append(int side, size_t len)
{
	int fd = open(paths[side], O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		bad("open: %s", strerror(errno));
	fill(len);
	if (write(fd, buf, len) != (ssize_t)len)
		bad("append: %s", strerror(errno));
	close(fd);
	memcpy(model + size, buf, len);
	size += len;
}

static void do_read(int fd, off_t at, size_t len)
{
	ssize_t want = at >= size ? 0 : size - at, got;

	if (want > (ssize_t)len)
		want = len;
	got = pread(fd, buf, len, at);
	if (got != want)
		bad("pread gave %zd, wanted %zd", got, want);
	compare(buf, at, got);
}

static void do_map(int fd, off_t at, size_t len, bool change)
{
	off_t start = at & ~4095l;
	unsigned char *p;

	if (at + (off_t)len > size) {
		if (!change || at + (off_t)len > MAXLEN)
			return;
		if (ftruncate(fd, at + len))
			bad("ftruncate: %s", strerror(errno));
		set_size(at + len);
	}
	p = mmap(NULL, at - start + len, PROT_READ | (change ? PROT_WRITE : 0),
		 MAP_SHARED, fd, start);
	if (p == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	if (change) {
		fill(len);
		memcpy(p + (at - start), buf, len);
		memcpy(model + at, buf, len);
		if (!dice(4) && msync(p, at - start + len, MS_SYNC))
			bad("msync: %s", strerror(errno));
	} else {
		compare(p + (at - start), at, len);
	}
	munmap(p, at - start + len);
}

static void do_truncate(int fd, int side, off_t to)
{
	if (dice(2) ? ftruncate(fd, to) : truncate(paths[side], to))
		bad("truncate: %s", strerror(errno));
	set_size(to);
}

static void do_fallocate(int fd, int mode, off_t at, size_t len)
{
	if (fallocate(fd, mode, at, len)) {
		if (errno == EOPNOTSUPP)
			return;
		bad("fallocate %x: %s", mode, strerror(errno));
	}
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
		off_t end = at + (off_t)len > size ? size : at + (off_t)len;

		if (at < end)
			memset(model + at, 0, end - at);
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE) && at + (off_t)len > size)
		size = at + len;
}

/* Within one side: from one filesystem to another is EXDEV. */
static void do_copy(int fd, off_t from, off_t to, size_t len)
{
	ssize_t n;

	/* the length is bounded by what the inode was last seen to be */
	check_size(fd);
	if (from + (off_t)len > size || llabs(from - to) < (long long)len)
		return;
	while (len) {
		off_t f = from, t = to;

		n = copy_file_range(fd, &f, fd, &t, len, 0);
		if (n <= 0)
			bad("copy_file_range gave %zd: %s", n, strerror(errno));
		memcpy(model + to, model + from, n);
		if (to + n > size)
			size = to + n;
		from += n;
		to += n;
		len -= n;
	}
}

static void reopen(int side)
{
	close(fds[side]);
	fds[side] = open(paths[side], O_RDWR | O_CLOEXEC);
	if (fds[side] < 0)
		bad("open %s: %s", paths[side], strerror(errno));
}

int main(int argc, char **argv)
{
	unsigned long seed = time(NULL), operations = 2000;
	int opt;

	while ((opt = getopt(argc, argv, "s:n:")) != -1) {
		if (opt == 's') {
			seed = strtoul(optarg, NULL, 0);
		} else if (opt == 'n') {
			operations = strtoul(optarg, NULL, 0);
		} else {
			optind = argc;
			break;
		}
	}
	if (optind >= argc || argc - optind > 2) {
		fprintf(stderr, "usage: fsx [-s SEED] [-n OPERATIONS] PATH [PATH]\n");
		return 2;
	}
	printf("# fsx -s %lu -n %lu\n", seed, operations);
	fflush(stdout);
	state = seed * 0x9e3779b97f4a7c15u + 1;
	paths[0] = argv[optind];
	fds[0] = open(paths[0], O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0666);
	if (fds[0] < 0) {
		perror(paths[0]);
		return 2;
	}
	if (argc - optind == 2) {
		paths[1] = argv[optind + 1];
		fds[1] = -1;
		sides = 2;
		reopen(1);
	}
	for (step = 0; step < operations; step++) {
		int side = dice(sides), fd = fds[side];
		off_t at = dice(MAXLEN - CHUNK);
		size_t len = 1 + dice(dice(2) ? CHUNK : 5000);
		unsigned int what = dice(100);

		if (!dice(3))
			at &= ~4095l;
		note("kind %u through %d at %jd length %zu, size %jd", what,
		     side, (intmax_t)at, len, (intmax_t)size);
		if (what < 22)
			do_write(fd, at, len);
		else if (what < 42)
			do_read(fd, at, len);
		else if (what < 57)
			do_map(fd, at, len, true);
		else if (what < 70)
			do_map(fd, at, len, false);
		else if (what < 76)
			do_truncate(fd, side, at);
		else if (what < 78)
			do_fallocate(fd, 0, at, len);
		else if (what < 82)
			do_fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				     FALLOC_FL_KEEP_SIZE, at, len);
		else if (what < 85)
			do_fallocate(fd, FALLOC_FL_ZERO_RANGE |
				     (dice(2) ? FALLOC_FL_KEEP_SIZE : 0),
				     at, len);
		else if (what < 89)
			do_copy(fd, at,
				dice(MAXLEN - CHUNK), len);
		else if (what < 92 && size + (off_t)len <= MAXLEN)
			do_append(side, len);
		else if (what < 96)
			reopen(side);
		else if (what < 98 && (dice(2) ? fsync(fd) : fdatasync(fd)))
			bad("fsync: %s", strerror(errno));
		check_size(fds[dice(sides)]);
	}
	for (int side = 0; side < sides; side++) {
		check_size(fds[side]);
		do_read(fds[side], 0, MAXLEN);
		reopen(side);
		do_read(fds[side], 0, MAXLEN);
	}
	return 0;
}
