/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that stays with a pod: forwards signals and streams, keeps what
 * a detached pod writes, serves the socket in the pod's state folder, and sees
 * its end.
 *
 * The socket speaks in datagrams (SOCK_SEQPACKET).  A client's first byte says
 * what it is about; the monitor's tells what follows:
 *
 *	client	'0' DATA	for the pod's stdin, nothing: its end
 *		'A'		attach: send me what the pod writes, as long as I read
 *		'W'		the same, and let the pod wait until I have read it
 *		'S'		start a pod that is created
 *		'N'		when it ends, do not start it again
 *		'D' DEVICE	hold the fd that comes along, of a block device
 *		'U' DEVICE	close those that came with the same, a dev_t
 *	monitor	'1' DATA	from stdout; '2' from stderr
 *		'T'		a terminal, whose fd comes along, to set its size
 *		's'		it is started
 *		'f' TEXT	it could not be started
 *		'x' STATUS	it has ended, an int
 *		'n' 'd' 'u'	done, what 'N' 'D' 'U' asked for
 */
#ifndef RUNNER_MONITOR_H
#define RUNNER_MONITOR_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "monitor/log.h"

#define MONITOR_CLIENTS 16
#define MONITOR_MESSAGE 4096
#define MONITOR_DEVICES 128

/* Without pointers: it goes from program to program, handoff.h. */
struct monitor {
	int pidfd;
	int sig_fd;
	int listen_fd;
	int master;		/* the pod's terminal, -1 without one */
	int notify_fd;		/* the pod's, or -1 */
	int notify_pidfd, notify_text;	/* notify_begin()'s, or -1 */
	int uevent_fd;		/* for --device-wait, or -1 */
	int dev_watch_fd;	/* for that too, or -1 */
	int device_pidfd;	/* of the process that gives or takes one, or -1 */
	int intercept_fd;	/* seccomp(2)'s listener, or -1 */
	int intercept_pidfd;	/* of the process that answers it, or -1 */
	int runner_fd;		/* runner's program, for that and the end */
	char awaited[2048];	/* device paths, one after the other */
	char pod[64];		/* its name */
	int in, out, err;	/* runner's ends of the pod's pipes, or -1 */
	bool relay;		/* master is joined to runner's own streams */
	bool relay_input;
	bool relay_out, relay_err; /* so are out and err: relay.h */
	struct log log;
	struct { int fd; bool attached, awaited; } clients[MONITOR_CLIENTS];
	/* Open only for the locks on them: blockdev/lock.h. */
	struct { int fd; dev_t dev; } devices[MONITOR_DEVICES];
	bool start;		/* a client asked for it */
	bool no_restart;
};

void monitor_init(struct monitor *m);

/* The signals which are the pod's and not runner's. */
void monitor_signals(sigset_t *set);

int monitor_listen(struct monitor *m, const char *dir, struct shift_error *err);

/*
 * Until a client says start, with @until_start, or the pod has ended.  Returns
 * 0 then, 1 when @ms went by before, which -1 never do.
 */
int monitor_wait(struct monitor *m, bool until_start, int ms,
		 struct shift_error *err);

/*
 * Between two runs of the pod: serves clients and signals for @ms milliseconds,
 * or until one says that the pod shall not come back.
 */
void monitor_pause(struct monitor *m, int ms);

/*
 * After the end: what the pod wrote and nobody has read.  For a caller that reads
 * slowly it waits, unless somebody wants the pod's end.
 */
void monitor_drain(struct monitor *m);

/* All its descriptors stay open over execve(2). */
int monitor_keep(const struct monitor *m);

/* To every client; text is for 'f', status for 'x'. */
void monitor_tell(struct monitor *m, char what, const void *data, size_t len);

/* Holds @fd from now on, for @dev.  -E2BIG: there are too many. */
int monitor_hold(struct monitor *m, int fd, dev_t dev);

/* Closes what is held for @dev, or everything with 0. */
void monitor_let_go(struct monitor *m, dev_t dev);

/* Closes what belongs to one run of the pod; clients stay. */
void monitor_end_run(struct monitor *m);
void monitor_close(struct monitor *m);

/* For clients: connects to the monitor of the pod in @dir. */
int monitor_connect(const char *dir, struct shift_error *err);

enum monitor_attach {
	MONITOR_ATTACH,		/* output is lost when the caller is slow */
	MONITOR_ATTACH_START,	/* starts a created pod, whose output waits */
};

/*
 * For clients: joins the caller's streams to the pod.  Returns the pod's exit
 * status, or -ENOTCONN when the caller detached.
 */
int monitor_attach(int sock, enum monitor_attach how, bool input,
		   struct shift_error *err);

#endif
