// SPDX-License-Identifier: GPL-2.0-or-later
#include "escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes the character at @s has, and the character; 0: no UTF-8. */
static size_t decode(const unsigned char *s, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 :
		   *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
	uint32_t c;

	if (!n || n > len)
		return 0;
	c = n == 1 ? *s : *s & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

/* Control characters, and those that change the direction or the line. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void shift_print_escaped(FILE *to, const char *text, size_t len,
			 enum shift_escape how)
{
	const unsigned char *s = (const unsigned char *)text;

	while (len) {
		uint32_t c = 0;
		size_t n = decode(s, len, &c);

		if (n && (!is_harmful(c) ||
			  (how != SHIFT_ESCAPE_ALL && (c == '\n' || c == '\t'))))
			fwrite(s, 1, n, to);
		else if (how == SHIFT_ESCAPE_JSON)
			fprintf(to, "\\u%04x", n ? (unsigned int)c : 0xfffd);
		else if (n && c >= 0x80)
			fprintf(to, "\\u%04x", (unsigned int)c);
		else
			fprintf(to, "\\x%02x", *s);
		n = n ?: 1;
		s += n;
		len -= n;
	}
}

char *shift_escaped(const char *text)
{
	char *ret = NULL;
	size_t size;
	FILE *to = open_memstream(&ret, &size);

	if (!to)
		return NULL;
	shift_print_escaped(to, text, strlen(text), SHIFT_ESCAPE_ALL);
	return fclose(to) ? NULL : ret;
}
