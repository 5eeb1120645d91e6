// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lockprobe KIND try PATH            status 0 when the lock was free, 1 when not
 * lockprobe KIND hold PATH READY GO  take it, make READY, release when GO is there
 *
 * KIND is flock, posix or ofd; with the suffix -read a shared lock. A posix or
 * ofd lock covers bytes 100 to 199.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int take(int fd, const char *kind, bool wait)
{
	bool shared = strstr(kind, "-read");
	struct flock l = {
		.l_type = shared ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 100,
		.l_len = 100,
	};

	if (!strncmp(kind, "flock", 5))
		return flock(fd, (shared ? LOCK_SH : LOCK_EX) |
				 (wait ? 0 : LOCK_NB));
	if (!strncmp(kind, "posix", 5))
		return fcntl(fd, wait ? F_SETLKW : F_SETLK, &l);
	return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
}

int main(int argc, char **argv)
{
	bool hold;
	int fd;

	hold = argc > 2 && !strcmp(argv[2], "hold");
	if (argc != (hold ? 6 : 4)) {
		fprintf(stderr, "usage: lockprobe KIND try PATH | KIND hold PATH READY GO\n");
		return 2;
	}
	fd = open(argv[3], O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[3]);
		return 2;
	}
	if (take(fd, argv[1], hold)) {
		if (errno == EAGAIN || errno == EACCES)
			return 1;
		perror(argv[1]);
		return 2;
	}
	if (!hold)
		return 0;
	close(open(argv[4], O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	while (access(argv[5], F_OK))
		usleep(20000);
	return 0;
}
