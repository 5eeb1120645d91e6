// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "cleanup.h"
#include "escape.h"
#include "tap.h"

static void is_escaped(const char *text, const char *want, const char *what)
{
	_cleanup_free_ char *got = shift_escaped(text);

	is_str(got, want, what);
}

static void is_printed(const char *text, enum shift_escape how,
		       const char *want, const char *what)
{
	_cleanup_free_ char *got = NULL;
	size_t size;
	FILE *to = open_memstream(&got, &size);

	shift_print_escaped(to, text, strlen(text), how);
	fclose(to);
	is_str(got, want, what);
}

int main(void)
{
	is_escaped("a plain text, K\xc3\xa4se, \xe2\x82\xac, \xf0\x9f\x90\xa7",
		   "a plain text, K\xc3\xa4se, \xe2\x82\xac, \xf0\x9f\x90\xa7",
		   "letters stay");
	is_escaped("\033]0;title\a", "\\x1b]0;title\\x07", "escape sequences");
	is_escaped("a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd", "lines");
	is_escaped("\xc2\x9b" "31m", "\\u009b31m", "a control sequence of one character");
	is_escaped("\x9b" "31m", "\\x9b31m", "the same as a byte");
	is_escaped("\x7f", "\\x7f", "delete");
	is_escaped("\xe2\x80\xae" "cod.exe", "\\u202ecod.exe", "another direction");
	is_escaped("\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80",
		   "\\xc0\\xaf\\xed\\xa0\\x80\\xf5\\x80\\x80\\x80", "no UTF-8");
	is_escaped("\xe2\x82", "\\xe2\\x82", "half a character");
	is_printed("a\n\tb\033", SHIFT_ESCAPE_LINES, "a\n\tb\\x1b", "lines stay lines");
	is_printed("{\n\t\"a\": \"\xc2\x9b\x7f\xff\" }", SHIFT_ESCAPE_JSON,
		   "{\n\t\"a\": \"\\u009b\\u007f\\ufffd\" }", "JSON stays JSON");
	return tap_done();
}
