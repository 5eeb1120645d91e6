/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define JOURNAL "/run/systemd/journal/socket"

static int open_journal(struct log *log, const char *pod,
			struct shift_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = JOURNAL };

	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (log->fd < 0 || connect(log->fd, (struct sockaddr *)&a,
				   sizeof(a)) < 0)
		return shift_err_set(err, errno, "cannot reach the journal at %s",
				     JOURNAL);
	snprintf(log->journal, sizeof(log->journal), "%s", pod);
	return 0;
}

static int open_file(struct log *log, int flags)
{
	struct stat st;

	log->fd = openat(log->dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND |
			 O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	if (log->fd < 0 || fstat(log->fd, &st) < 0)
		return -errno;
	log->size = (uint64_t)st.st_size;
	return 0;
}

int log_open(struct log *log, const char *path, const char *pod,
	     uint64_t limit, struct shift_error *err)
{
	char dir[PATH_MAX];
	int r;

	if (access(JOURNAL, F_OK) == 0)
		return open_journal(log, pod, err);
	log->limit = limit;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path),
		 path);
	log->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = log->dir_fd < 0 ? -errno : open_file(log, 0);
	return r < 0 ? shift_err_set(err, -r, "cannot write %s", path) : 0;
}

/* Room for @more bytes.  A file that cannot be replaced is emptied. */
static void make_room(struct log *log, size_t more)
{
	int old = log->fd;

	if (!log->limit || log->size + more <= log->limit / 2)
		return;
	if (renameat(log->dir_fd, "log", log->dir_fd, "log.1") == 0 &&
	    open_file(log, O_EXCL) >= 0) {
		close(old);
		return;
	}
	log->fd = old;
	if (ftruncate(old, 0) == 0)
		log->size = 0;
}

/*
 * By hand and not with sd_journal_send(3): the small monitor is linked without
 * libsystemd.  No value has a newline in it, so each is a plain line of the
 * journal's native protocol.
 */
static void to_journal(struct log *log, int stream)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
			 "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nRUNNER_POD=%s\n"
			 "RUNNER_STREAM=%s\nMESSAGE=",
			 stream == 1 ? LOG_INFO : LOG_ERR, log->journal,
			 log->journal, stream == 1 ? "stdout" : "stderr");
	struct iovec iov[3] = {
		{ head, (size_t)n },
		{ log->line[stream - 1].text, log->line[stream - 1].len },
		{ (char *)"\n", 1 },
	};

	/* A line that journald does not take, restarting perhaps, is lost. */
	(void)!writev(log->fd, iov, 3);
	log->line[stream - 1].len = 0;
}

static void flush(struct log *log, int stream, char mark)
{
	size_t *len = &log->line[stream - 1].len;
	struct timespec t;
	struct tm tm;
	char head[96];
	struct iovec iov[3];
	ssize_t written;
	size_t n;

	if (*log->journal) {
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
	make_room(log, n + *len + 1);
	/* A full disk must not stop the pod. */
	written = writev(log->fd, iov, 3);
	log->size += written > 0 ? (uint64_t)written : 0;
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
	if (log->dir_fd >= 0)
		close(log->dir_fd);
	log->fd = log->dir_fd = -1;
	*log->journal = '\0';
}
