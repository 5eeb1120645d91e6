/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A write that stops half-way says why, and is never taken for a whole one. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "tap.h"

int main(void)
{
	static const struct rlimit little = { 4, RLIM_INFINITY };
	static const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct shift_error err = SHIFT_ERROR_INIT;
	char path[] = "/tmp/test_write.XXXXXX", back[16] = "";
	int fd = mkstemp(path), n, r, why;

	if (fd < 0) {
		perror(path);
		return 1;
	}
	is_int(write_file(path, "whole", &err), 0, "a whole text");
	is_int(pread(fd, back, sizeof(back), 0), 5, "is in the file");
	ok(!strcmp(back, "whole"), "as it was");

	/* It holds for what this program prints as well. */
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &little) < 0)
		return 1;
	errno = 0;
	n = write_whole(fd, "too long", 8);
	why = errno;
	errno = 0;
	r = write_file(path, "too long", &err);
	if (setrlimit(RLIMIT_FSIZE, &unlimited) < 0)
		return 1;
	ok(n < 0 && why == EFBIG, "a short write has the errno of what stopped it");
	is_int(r, -EFBIG, "and write_file() as well");
	has_text(shift_err_text(&err), path, "which names the path");
	has_text(shift_err_text(&err), strerror(EFBIG), "and the reason");
	shift_err_clear(&err);
	close(fd);
	unlink(path);
	return tap_done();
}
