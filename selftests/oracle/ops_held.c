// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a caller keeps beyond a descriptor: a working directory and a mapping. Others
 * change beneath them, or by the second mount, what they are of.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "ops.h"

#define HELD_LEN	16384
#define OP(n) long n(const struct op *op, struct result *res)
#define UNUSED (void)op, (void)res

static int held_dir = -1;
static char *held_map;
static bool held_writable;

static bool enter(void)
{
	if (held_dir >= 0)
		return !fchdir(held_dir);
	errno = EBADF;
	return false;
}

OP(op_held_chdir)
{
	int fd;

	UNUSED;
	fd = open(paths[op->path], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* as chdir(2) asks */
	if (fchdir(fd)) {
		close(fd);
		return -1;
	}
	if (held_dir >= 0)
		close(held_dir);
	held_dir = fd;
	return 0;
}

OP(op_held_stat)
{
	char cwd[256];
	struct stat st;

	if (!enter() || stat(".", &st))
		return -1;
	text_stat(res, &st);
	/* the mount points' names are of one length */
	if (op->via == LOWER)
		;	/* the two trees' own names */
	else if (getcwd(cwd, sizeof(cwd)))
		text(res, " in %s", cwd + strnlen(cwd, strlen("/run/oracle0")));
	else
		text(res, " in %s", strerrorname_np(errno));
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

OP(op_held_list)
{
	struct dirent **list;
	int n;

	(void)op;
	if (!enter())
		return -1;
	n = scandir(".", &list, NULL, by_name);
	for (int i = 0; i < n; i++) {
		if (!silly_name(list[i]->d_name))
			text(res, "%s ", list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return n < 0 ? -1 : 0;
}

OP(op_held_creat)
{
	int fd;

	UNUSED;
	if (!enter())
		return -1;
	fd = open(op->value % 2 ? "new" : "a", O_WRONLY | O_CREAT | (op->value & 2 ? O_EXCL : 0),
		  op->mode);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

OP(op_held_unlink)
{
	UNUSED;
	return enter() ? unlink(op->value % 2 ? "new" : "a") : -1;
}

OP(op_held_rename)
{
	UNUSED;
	return enter() ? rename("a", op->value % 2 ? "new" : "../moved") : -1;
}

/* A mapping of the whole file and what may be added to it. */
OP(op_held_map)
{
	int mode = fcntl(slots[op->slot], F_GETFL);
	char *p;

	UNUSED;
	if (mode < 0)
		return -1;
	held_writable = (mode & O_ACCMODE) == O_RDWR;
	p = mmap(NULL, HELD_LEN, PROT_READ | (held_writable ? PROT_WRITE : 0), MAP_SHARED,
		 slots[op->slot], 0);
	if (p == MAP_FAILED)
		return -1;
	if (held_map)
		munmap(held_map, HELD_LEN);
	held_map = p;
	return 0;
}

static sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

static long through_map(const struct op *op, struct result *res, bool write)
{
	volatile char *p;
	char buf[1024];

	if (!held_map || (write && !held_writable)) {
		errno = EBADF;
		return -1;
	}
	p = held_map + (op->off > 0 ? op->off & (HELD_LEN - 4096) : 0);
	if (sigsetjmp(fault, 1)) {
		signal(SIGBUS, SIG_DFL);
		errno = EFAULT;
		return -1;
	}
	signal(SIGBUS, on_fault);
	for (size_t i = 0; i < sizeof(buf); i++)
		if (write)
			p[i] = (char)('a' + op->value);
		else
			buf[i] = p[i];
	signal(SIGBUS, SIG_DFL);
	if (!write)
		text_sum(res, buf, sizeof(buf));
	return 0;
}

OP(op_held_map_read) { return through_map(op, res, false); }
OP(op_held_map_write) { return through_map(op, res, true); }

OP(op_held_map_sync)
{
	UNUSED;
	if (held_map)
		return msync(held_map, HELD_LEN, MS_SYNC);
	errno = EBADF;
	return -1;
}
