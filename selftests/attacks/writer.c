// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * writer FD	tries to open the program that FD is open on for writing
 * writer hold	lives for two seconds
 */
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

	if (argc > 1 && !strcmp(argv[1], "hold"))
		return (int)sleep(2);
	snprintf(path, sizeof(path), "/proc/self/fd/%s", argc > 1 ? argv[1] : "9");
	setvbuf(stdout, NULL, _IONBF, 0);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return 1;
	printf("program %s\n", link);
	/* Who executed it becomes another program: soon, not at once. */
	for (int i = 0; i < 800 && fd < 0; i++) {
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
