/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/util.h"
#include "cleanup.h"
#include "escape.h"
#include "monitor/journal_so.h"

/* Nothing that a pod wrote yesterday does anything to today's terminal. */
static void print_text(FILE *to, const char *text, size_t len)
{
	if (!isatty(fileno(to))) {
		fwrite(text, 1, len, to);
		return;
	}
	/* Lines of a terminal end like that. */
	if (len && text[len - 1] == '\r')
		len--;
	shift_print_escaped(to, text, len, SHIFT_ESCAPE_LINES);
}

/* "TIME STREAM F TEXT\n" */
static void print_line(const char *line, bool times)
{
	const char *stream = strchr(line, ' ');
	const char *mark = stream ? strchr(stream + 1, ' ') : NULL;
	FILE *to;

	if (!mark || mark[1] == '\0' || mark[2] != ' ')
		return;
	to = !strncmp(stream + 1, "stderr", 6) ? stderr : stdout;
	if (times)
		fprintf(to, "%.*s ", (int)(stream - line), line);
	print_text(to, mark + 3, strcspn(mark + 3, "\n"));
	if (mark[1] == 'F')
		putc('\n', to);
}

/* Whether the line was written at @since_ns or later. */
static bool is_since(const char *line, int64_t since_ns)
{
	int64_t ns = 0, digit = 100000000;
	struct tm tm = { 0 };
	const char *p;
	long offset = 0;
	int h, m;
	char sign;

	if (!since_ns)
		return true;
	p = strptime(line, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		return true;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digit /= 10)
			ns += (*p - '0') * digit;
	if (sscanf(p, "%c%2d:%2d", &sign, &h, &m) == 3)
		offset = (sign == '-' ? -1 : 1) * (h * 3600L + m * 60);
	return (timegm(&tm) - offset) * 1000000000 + ns >= since_ns;
}

static long count_lines(FILE *f)
{
	long n = 0;
	int c;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		rewind(f);
	return n;
}

/*
 * A reader can see the beginning of a line that is being written.  Unless @whole,
 * where nobody writes any more, that line waits for the next call; returns whether
 * there is one.
 */
static bool print_lines(FILE *f, int64_t since_ns, bool times, bool whole,
			long *skip)
{
	_cleanup_free_ char *line = NULL;
	bool begun = false;
	size_t room = 0;
	ssize_t n;

	while (!begun && (n = getline(&line, &room, f)) > 0) {
		begun = line[n - 1] != '\n' && !whole;
		if (begun) {
			(void)!fseeko(f, -n, SEEK_CUR);
			continue;
		}
		if (--*skip < 0 && is_since(line, since_ns))
			print_line(line, times);
	}
	fflush(stdout);
	clearerr(f);
	return begun;
}

/* Whether another file has come in the place of @f, which is as it will be. */
static bool is_replaced(FILE *f, const char *path)
{
	struct stat ours, now;

	return fstat(fileno(f), &ours) == 0 && stat(path, &now) == 0 &&
	       (ours.st_ino != now.st_ino || ours.st_dev != now.st_dev);
}

int log_print(const char *path, int64_t since_ns, bool times, long tail,
	      bool (*ended)(void *data), void *data, struct shift_error *err)
{
	_cleanup_free_ char *before = NULL;
	_cleanup_file_ FILE *old = NULL, *f = NULL;
	bool last, again = false;
	int turns = 0;
	long skip;
	int r = strf(&before, err, "%s.1", path);

	if (r < 0)
		return r;
	/* In this order: one that is replaced meanwhile is not missed. */
	f = fopen(path, "re");
	old = fopen(before, "re");
	if (!f)
		return shift_err_set(err, errno, "cannot read %s", path);
	if (old && !is_replaced(f, before)) {
		fclose(old);
		old = NULL;
	}
	skip = tail < 0 ? 0 : count_lines(old) + count_lines(f) - tail;
	if (skip < 0)
		skip = 0;
	if (old)
		print_lines(old, since_ns, times, true, &skip);
	for (;;) {
		struct timespec t = { .tv_nsec = 50000000 };
		bool replaced, begun;

		/* Asked before reading: what is written after is not missed. */
		last = again || ended(data);
		turns += last;
		replaced = is_replaced(f, path);
		begun = print_lines(f, since_ns, times, again || replaced,
				    &skip);
		/* A pod that writes faster than this prints holds nobody up. */
		if (replaced && turns < 4) {
			FILE *next = fopen(path, "re");

			if (next) {
				fclose(f);
				f = next;
				continue;
			}
		}
		if (last && !begun)
			return 0;
		/* The last line gets a moment for its end. */
		again = last;
		nanosleep(&t, NULL);
	}
}

int log_print_journal(const char *pod, int64_t since, bool times, long tail,
		      bool (*ended)(void *data), void *data,
		      struct shift_error *err)
{
	__typeof__(&part_print_journal) print =
		helper_load(HELPER_SYSTEMD, "part_print_journal", err);

	return print ? print(pod, since, times, tail, ended, data, err) :
		       -ENOENT;
}
