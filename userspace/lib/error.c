// SPDX-License-Identifier: GPL-2.0-or-later
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "escape.h"

static const char out_of_memory[] = "out of memory while describing an error";

/*
 * The text of @fmt, which the caller frees, as one line: a name in it may be an image's
 * or a pod's, and a line of its own would be taken for one of the hints.
 */
static char *one_line(const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;
	char *line, *to;
	size_t n = 0;

	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return NULL;
	}
	for (const char *p = text; *p; p++)
		n += *p == '\n' ? 4 : 1;
	line = to = malloc(n + 1);
	for (const char *p = text; line && *p; p++) {
		if (*p == '\n')
			to = stpcpy(to, "\\x0a");
		else
			*to++ = *p;
	}
	if (line)
		*to = '\0';
	return line;
}

int shift_err_set(struct shift_error *err, int status, const char *fmt, ...)
{
	int ret = status > 0 ? -status : -EINVAL;
	_cleanup_free_ char *text = NULL;
	va_list ap;

	if (!err)
		return ret;

	va_start(ap, fmt);
	text = one_line(fmt, ap);
	va_end(ap);

	shift_err_clear(err);
	err->status = status > 0 ? status : 0;
	if (!text)
		return ret;
	if (status <= 0) {
		err->msg = steal_ptr(&text);
		return ret;
	}
	if (asprintf(&err->msg, "%s: %s", text, strerror(status)) < 0)
		err->msg = NULL;
	return ret;
}

int shift_err_relay(struct shift_error *err, const char *text)
{
	if (!err)
		return -EINVAL;
	shift_err_clear(err);
	err->msg = strdup(text);
	return -EINVAL;
}

int shift_err_prefix(struct shift_error *err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	char *joined;
	va_list ap;

	if (!err)
		return -EINVAL;

	va_start(ap, fmt);
	text = one_line(fmt, ap);
	va_end(ap);
	if (text && asprintf(&joined, "%s: %s", text, shift_err_text(err)) >= 0) {
		free(err->msg);
		err->msg = joined;
	}
	return err->status ? -err->status : -EINVAL;
}

void shift_err_hint(struct shift_error *err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	char *joined;
	va_list ap;

	if (!err)
		return;

	va_start(ap, fmt);
	text = one_line(fmt, ap);
	va_end(ap);
	if (text && asprintf(&joined, "%s\n%s", shift_err_text(err), text) >= 0) {
		free(err->msg);
		err->msg = joined;
	}
}

const char *shift_err_text(const struct shift_error *err)
{
	return err && err->msg ? err->msg : out_of_memory;
}

void shift_err_print(const struct shift_error *err, FILE *to, const char *prog)
{
	const char *line = shift_err_text(err);

	/* Names in it may be an image's or a pod's. */
	fprintf(to, "%s: ", prog);
	for (;;) {
		size_t len = strcspn(line, "\n");

		shift_print_escaped(to, line, len, SHIFT_ESCAPE_ALL);
		putc('\n', to);
		if (!line[len])
			break;
		fputs("  ", to);
		line += len + 1;
	}
}

void shift_err_clear(struct shift_error *err)
{
	if (!err)
		return;
	free(err->msg);
	err->msg = NULL;
	err->status = 0;
}
