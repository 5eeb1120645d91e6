/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/journal_so.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "escape.h"

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
	text += strlen("MESSAGE=");
	len -= strlen("MESSAGE=");
	if (isatty(fileno(to)))
		shift_print_escaped(to, text, len, SHIFT_ESCAPE_LINES);
	else
		fwrite(text, 1, len, to);
	putc('\n', to);
}

int part_print_journal(const char *pod, int64_t since, bool times, long tail,
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
