// SPDX-License-Identifier: GPL-2.0-or-later
#include "fileio.h"

#include <errno.h>
#include <fcntl.h>

#include "cleanup.h"

int shift_read_file(const char *path, char **ret, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_file_ FILE *f = fopen(path, "re");
	size_t size = 0;
	ssize_t n;

	if (!f)
		return shift_err_set(err, errno, "%s", path);
	errno = 0;
	/* Files of /proc contain no NUL, so this takes all of it. */
	n = getdelim(&text, &size, '\0', f);
	if (n < 0 && !feof(f))
		return shift_err_set(err, errno, "%s", path);
	if (n < 0) {
		free(text);
		text = calloc(1, 1);
		if (!text)
			return shift_err_set(err, ENOMEM, "%s", path);
	}
	*ret = steal_ptr(&text);
	return 0;
}
