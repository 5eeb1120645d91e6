/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

int log_open(struct log *log, const char *path, struct shift_error *err)
{
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

static void flush(struct log *log, int stream, char mark)
{
	size_t *len = &log->line[stream - 1].len;
	struct timespec t;
	struct tm tm;
	char head[96];
	struct iovec iov[3];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(head + n, sizeof(head) - n, ".%09ldZ %s %c ",
			      t.tv_nsec, stream == 1 ? "stdout" : "stderr",
			      mark);
	iov[0] = (struct iovec){ head, n };
	iov[1] = (struct iovec){ log->line[stream - 1].text, *len };
	iov[2] = (struct iovec){ (char *)"\n", 1 };
	/* A full disk must not stop the pod. */
	(void)!writev(log->fd, iov, 3);
	*len = 0;
}

void log_write(struct log *log, int stream, const char *data, size_t len)
{
	if (log->fd < 0)
		return;
	for (size_t i = 0; i < len; i++) {
		char *text = log->line[stream - 1].text;
		size_t *n = &log->line[stream - 1].len;

		if (data[i] == '\n') {
			flush(log, stream, 'F');
			continue;
		}
		if (*n == sizeof(log->line[0].text))
			flush(log, stream, 'P');
		text[(*n)++] = data[i];
	}
}

void log_close(struct log *log)
{
	if (log->fd < 0)
		return;
	for (int stream = 1; stream <= 2; stream++)
		if (log->line[stream - 1].len)
			flush(log, stream, 'P');
	close(log->fd);
	log->fd = -1;
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
	fprintf(to, "%.*s%s", (int)strcspn(mark + 3, "\n"), mark + 3,
		mark[1] == 'F' ? "\n" : "");
}

static long count_lines(FILE *f)
{
	long n = 0;
	int c;

	while ((c = getc(f)) != EOF)
		n += c == '\n';
	rewind(f);
	return n;
}

int log_print(const char *path, bool times, long tail,
	      bool (*ended)(void *data), void *data, struct shift_error *err)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	bool last;
	long skip;

	if (!f)
		return shift_err_set(err, errno, "cannot read %s", path);
	skip = tail < 0 ? 0 : count_lines(f) - tail;
	for (;;) {
		struct timespec t = { .tv_nsec = 50000000 };

		/* Asked before reading: what is written after is not missed. */
		last = ended(data);
		while (getline(&line, &room, f) > 0)
			if (skip-- <= 0)
				print_line(line, times);
		fflush(stdout);
		if (last)
			return 0;
		clearerr(f);
		nanosleep(&t, NULL);
	}
}
