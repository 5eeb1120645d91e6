// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "cleanup.h"
#include "error.h"
#include "tap.h"

int main(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	_cleanup_free_ char *printed = NULL;
	size_t size;
	FILE *to;

	is_int(shift_err_set(&err, ENOENT, "%s", "/a/path"), -ENOENT, "set returns -errno");
	is_str(shift_err_text(&err), "/a/path: No such file or directory", "the errno is spelt out");
	is_int(shift_err_prefix(&err, "opening %d", 3), -ENOENT, "prefix returns -errno");
	is_str(shift_err_text(&err), "opening 3: /a/path: No such file or directory", "context goes in front");
	shift_err_hint(&err, "make it");

	to = open_memstream(&printed, &size);
	shift_err_print(&err, to, "prog");
	fclose(to);
	is_str(printed, "prog: opening 3: /a/path: No such file or directory\n  make it\n", "a hint is a line of its own");

	shift_err_set(&err, 0, "a\nb");
	shift_err_prefix(&err, "c\n%s", "d\n");
	shift_err_hint(&err, "%s", "e\nf");
	is_str(shift_err_text(&err), "c\\x0ad\\x0a: a\\x0ab\ne\\x0af", "a name makes no line of its own");
	is_int(shift_err_relay(&err, "said\nhint"), -EINVAL, "relay returns -EINVAL");
	is_str(shift_err_text(&err), "said\nhint", "hints that are relayed stay");

	is_int(shift_err_set(&err, 0, "nonsense"), -EINVAL, "without errno it is EINVAL");
	is_str(shift_err_text(&err), "nonsense", "and the text stands alone");
	is_int(err.status, 0, "no errno is noted");

	is_int(shift_err_set(NULL, EIO, "x"), -EIO, "no object is needed");
	shift_err_hint(NULL, "x");
	shift_err_clear(&err);
	ok(shift_err_text(&err) != NULL, "there is always a text");
	return tap_done();
}
