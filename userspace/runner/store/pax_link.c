/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/pax_link.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define HEADER 512

static la_ssize_t read_block(struct archive *tar, void *data, const void **buf)
{
	struct pax_window *w = data;
	ssize_t n;

	memcpy(w->block[0], w->block[1], w->len[1]);
	w->len[0] = w->len[1];
	do
		n = read(w->fd, w->block[1], PAX_BLOCK);
	while (n < 0 && errno == EINTR);
	*buf = w->block[1];
	if (n < 0) {
		archive_set_error(tar, errno, "cannot read the archive");
		return ARCHIVE_FATAL;
	}
	w->len[1] = (size_t)n;
	w->end += (uint64_t)n;
	return n;
}

int pax_open(struct archive *tar, struct pax_window *w)
{
	return archive_read_open(tar, w, NULL, read_block, NULL);
}

bool pax_harmless(struct archive *tar)
{
	const char *text = archive_error_string(tar);

	return text && strstr(text, " can't be converted from UTF-8 to ");
}

/* @len bytes at @at of the archive, or NULL when they are not at hand. */
static char *bytes_at(const struct pax_window *w, uint64_t at, size_t len)
{
	uint64_t start = w->end - w->len[0] - w->len[1];
	char *copy = NULL;
	size_t first;

	if (at < start || len > w->end - at || at > w->end)
		return NULL;
	copy = calloc(1, len + 1);
	if (!copy)
		return NULL;
	at -= start;
	first = at < w->len[0] ? w->len[0] - (size_t)at : 0;
	if (first > len)
		first = len;
	memcpy(copy, w->block[0] + at, first);
	if (len > first)
		memcpy(copy + first, w->block[1] + (at + first - w->len[0]),
		       len - first);
	return copy;
}

/* The value of @key in the records of a pax header, ended by a NUL. */
static char *record(char *text, size_t len, const char *key)
{
	char *end = text + len, *found = NULL;
	size_t k = strlen(key);

	while (text < end) {
		char *after;
		unsigned long size = strtoul(text, &after, 10);

		/* LENGTH KEY=VALUE\n, all counted */
		if (after == text || *after != ' ' || size > (size_t)(end - text) ||
		    size < (size_t)(after - text) + 3 || text[size - 1] != '\n')
			return NULL;
		text[size - 1] = '\0';
		after++;
		if (!strncmp(after, key, k) && after[k] == '=')
			found = after + k + 1;
		text += size;
	}
	return found;
}

static char *find_target(const struct pax_window *w, uint64_t at, char **hold)
{
	/* Before an entry there are a few headers that describe it. */
	for (int i = 0; i < 8; i++) {
		_cleanup_free_ char *head = bytes_at(w, at, HEADER), *body = NULL;
		char digits[13] = "", *end, type;
		unsigned long size;

		if (!head)
			return NULL;
		type = head[156];
		memcpy(digits, head + 124, 12);
		size = strtoul(digits, &end, 8);
		if (!strchr("xgLK", type) || !type || size > PAX_BLOCK)
			return NULL;
		at += HEADER;
		if (type == 'x') {
			body = bytes_at(w, at, size);
			end = body ? record(body, size, "linkpath") : NULL;
			*hold = steal_ptr(&body);
			return end;
		}
		at += (size + HEADER - 1) / HEADER * HEADER;
	}
	return NULL;
}

int pax_mend_link(struct archive *tar, const struct pax_window *w,
		  struct archive_entry *entry, struct shift_error *err)
{
	_cleanup_free_ char *hold = NULL;
	bool hard = archive_entry_hardlink(entry);
	const char *target;

	if (!hard && archive_entry_filetype(entry) != AE_IFLNK)
		return 0;
	target = find_target(w, (uint64_t)archive_read_header_position(tar), &hold);
	if (target && hard)
		archive_entry_copy_hardlink(entry, target);
	else if (target)
		archive_entry_copy_symlink(entry, target);
	/* Its name alone may be what was warned of: then the target is ASCII. */
	else if (!hold)
		return shift_err_set(err, 0, "the entry '%s' has a header that is too long",
				     archive_entry_pathname(entry));
	return 0;
}
