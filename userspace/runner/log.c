/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

int log_open(struct log *log, const char *path, const char *pod,
	     struct shift_error *err)
{
	if (access("/run/systemd/journal/socket", F_OK) == 0) {
		log->journal = pod;
		return 0;
	}
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

static void to_journal(struct log *log, int stream)
{
	sd_journal_send("MESSAGE=%.*s", (int)log->line[stream - 1].len,
			log->line[stream - 1].text,
			"PRIORITY=%d", stream == 1 ? LOG_INFO : LOG_ERR,
			"SYSLOG_IDENTIFIER=%s", log->journal,
			"RUNNER_POD=%s", log->journal,
			"RUNNER_STREAM=%s", stream == 1 ? "stdout" : "stderr",
			NULL);
	log->line[stream - 1].len = 0;
}

static void flush(struct log *log, int stream, char mark)
{
	size_t *len = &log->line[stream - 1].len;
	struct timespec t;
	struct tm tm;
	char head[96];
	struct iovec iov[3];
	size_t n;

	if (log->journal) {
		to_journal(log, stream);
		return;
	}
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
	if (log->fd < 0 && !log->journal)
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
	if (log->fd < 0 && !log->journal)
		return;
	for (int stream = 1; stream <= 2; stream++)
		if (log->line[stream - 1].len)
			flush(log, stream, 'P');
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	log->journal = NULL;
}

/* One entry: to the stream that it came from. */
static void print_entry(sd_journal *j, bool times)
{
	const char *text, *stream;
	size_t len, n;
	uint64_t usec = 0;
	FILE *to = stdout;

	if (sd_journal_get_data(j, "RUNNER_STREAM", (const void **)&stream,
				&n) >= 0 &&
	    n == strlen("RUNNER_STREAM=stderr") &&
	    !memcmp(stream + n - 6, "stderr", 6))
		to = stderr;
	if (sd_journal_get_data(j, "MESSAGE", (const void **)&text, &len) < 0)
		return;
	if (times && sd_journal_get_realtime_usec(j, &usec) >= 0) {
		time_t secs = (time_t)(usec / 1000000);
		char head[64];
		struct tm tm;

		gmtime_r(&secs, &tm);
		strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &tm);
		fprintf(to, "%s.%06uZ ", head, (unsigned int)(usec % 1000000));
	}
	fwrite(text + strlen("MESSAGE="), 1, len - strlen("MESSAGE="), to);
	putc('\n', to);
}

int log_print_journal(const char *pod, int64_t since, bool times, long tail,
		      bool (*ended)(void *data), void *data,
		      struct shift_error *err)
{
	_cleanup_free_ char *match = NULL;
	sd_journal *j = NULL;
	bool last;
	int r;

	if (asprintf(&match, "RUNNER_POD=%s", pod) < 0) {
		match = NULL;
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	}
	r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
	if (r >= 0)
		r = sd_journal_add_match(j, match, 0);
	if (r >= 0 && tail >= 0) {
		r = sd_journal_seek_tail(j);
		if (r >= 0)
			r = sd_journal_previous_skip(j, (uint64_t)tail + 1);
	} else if (r >= 0) {
		r = sd_journal_seek_realtime_usec(j, (uint64_t)since * 1000000);
	}
	while (r >= 0) {
		/* Asked before reading: what is written after is not missed. */
		last = ended(data);
		while ((r = sd_journal_next(j)) > 0)
			print_entry(j, times);
		fflush(stdout);
		if (r < 0 || last)
			break;
		r = sd_journal_wait(j, 500000);
	}
	sd_journal_close(j);
	return r < 0 ? shift_err_set(err, -r, "cannot read the journal") : 0;
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
