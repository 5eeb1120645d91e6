/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line that is half written when it is read is printed whole, and once. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "monitor/log.h"
#include "tap.h"

#define HEAD "2026-01-02T03:04:05.000000006Z stdout F "

static const char first[] = HEAD "one\n" HEAD "tw";
static const char rest[] = "o\n" HEAD "three\n";

struct writer {
	int fd, calls;
	bool wrote;
};

/* Asked before each reading; the second time the line has got its end. */
static bool ended(void *data)
{
	struct writer *w = data;

	if (++w->calls == 2)
		w->wrote = write_whole(w->fd, rest, strlen(rest)) == 0;
	return w->calls == 3;
}

/* As ended(), but the writer dies in the line. */
static bool died(void *data)
{
	struct writer *w = data;

	return ++w->calls == 2;
}

/* What log_print() prints of the file @path, in @text. */
static void printed(const char *path, bool (*until)(void *), struct writer *w,
		    char *text, size_t size)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	FILE *to = tmpfile();
	int kept = dup(1), r;
	ssize_t n;

	fflush(stdout);
	if (!to || kept < 0 || dup2(fileno(to), 1) < 0)
		exit(1);
	r = log_print(path, 0, false, -1, until, w, &err);
	fflush(stdout);
	if (dup2(kept, 1) < 0)
		exit(1);
	close(kept);
	is_int(r, 0, "log_print()");
	shift_err_clear(&err);
	n = pread(fileno(to), text, size - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	fclose(to);
}

int main(void)
{
	char path[] = "/tmp/test_log_print.XXXXXX", text[200], stored[300] = "";
	struct writer w = { .fd = mkstemp(path) };

	if (w.fd < 0 || write_whole(w.fd, first, strlen(first)) < 0) {
		perror(path);
		return 1;
	}
	printed(path, died, &w, text, sizeof(text));
	ok(!strcmp(text, "one\ntw\n"), "what a dead writer left: '%s'", text);
	w.calls = 0;
	printed(path, ended, &w, text, sizeof(text));
	ok(w.wrote, "the rest is written");
	ok(!strcmp(text, "one\ntwo\nthree\n"), "the lines: '%s'", text);
	ok(pread(w.fd, stored, sizeof(stored) - 1, 0) ==
	   (ssize_t)(strlen(first) + strlen(rest)) &&
	   !strncmp(stored, first, strlen(first)), "what is stored");
	close(w.fd);
	unlink(path);
	return tap_done();
}
