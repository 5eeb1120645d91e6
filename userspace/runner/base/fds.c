/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <unistd.h>

int fds_close_but(const int *keep, size_t n)
{
	return fds_close_from(3, keep, n);
}

int fds_close_from(int from, const int *keep, size_t n)
{
	unsigned int first = (unsigned int)from;

	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= (int)first && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > first && close_range(first, next == ~0U ? next :
						next - 1, 0) < 0)
			return -errno;
		if (next == ~0U)
			return 0;
		first = next + 1;
	}
}

int fds_fill_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3 && fcntl(fd, F_SETFD, 0) == 0);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
