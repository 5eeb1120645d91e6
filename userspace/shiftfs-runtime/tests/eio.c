// SPDX-License-Identifier: GPL-2.0-or-later
/* To be preloaded: files without a name cannot be made; the errno is $EIO_ERRNO, or EIO. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int openat(int dir, const char *path, int flags, ...)
{
	const char *number = getenv("EIO_ERRNO");
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = number ? atoi(number) : EIO;
		return -1;
	}
	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}
