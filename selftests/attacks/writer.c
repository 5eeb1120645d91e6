// SPDX-License-Identifier: GPL-2.0-or-later
/* writer FD: tries to open the program that FD is open on for writing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[64], link[512] = "";
	int fd = -1, error = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%s", argc > 1 ? argv[1] : "9");
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return 1;
	printf("program %s\n", link);
	/* Who waits for this process still executes it: until that has gone. */
	if (fork())
		return 0;
	for (int i = 0; i < 200 && fd < 0; i++) {
		fd = open(path, O_WRONLY);
		error = errno;
		if (fd < 0 && error != ETXTBSY)
			break;
		usleep(5000);
	}
	printf(fd >= 0 && fcntl(fd, F_GET_SEALS) <= 0 ?
	       "WRITABLE\n" : "refused: %s\n", strerror(error));
	return 0;
}
