/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/report.h"
#include "base/tty.h"
#include "cleanup.h"
#include "monitor/handoff.h"
#include "monitor/notify.h"
#include "monitor/dev_watch.h"
#include "monitor/uevent.h"
#include "syscalls.h"

void monitor_init(struct monitor *m)
{
	memset(m, 0, sizeof(*m));
	m->pidfd = m->sig_fd = m->listen_fd = m->master = -1;
	m->in = m->out = m->err = m->log.fd = m->log.dir_fd = -1;
	m->notify_fd = m->notify_pidfd = m->notify_text = -1;
	m->uevent_fd = m->dev_watch_fd = m->device_pidfd = m->runner_fd = -1;
	m->intercept_fd = m->intercept_pidfd = -1;
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		m->clients[i].fd = -1;
	for (int i = 0; i < MONITOR_DEVICES; i++)
		m->devices[i].fd = -1;
}

int monitor_hold(struct monitor *m, int fd, dev_t dev)
{
	for (int i = 0; i < MONITOR_DEVICES; i++)
		if (m->devices[i].fd < 0) {
			m->devices[i].fd = fd;
			m->devices[i].dev = dev;
			return 0;
		}
	return -E2BIG;
}

void monitor_let_go(struct monitor *m, dev_t dev)
{
	for (int i = 0; i < MONITOR_DEVICES; i++)
		if (m->devices[i].fd >= 0 &&
		    (!dev || m->devices[i].dev == dev)) {
			close(m->devices[i].fd);
			m->devices[i].fd = -1;
		}
}

void monitor_signals(sigset_t *set)
{
	static const int some[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
		SIGWINCH, SIGCONT, SIGPWR,
	};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		sigaddset(set, some[i]);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
		sigaddset(set, s);
}

static void drop(struct monitor *m, int i)
{
	close(m->clients[i].fd);
	m->clients[i].fd = -1;
	m->clients[i].attached = m->clients[i].awaited = false;
}

/* A client that does not read must not hold up the pod. */
static void send_to(struct monitor *m, int i, const void *data, size_t len,
		    int pass)
{
	if (message_send(m->clients[i].fd, data, len, pass, MSG_DONTWAIT) < 0)
		drop(m, i);
}

void monitor_tell(struct monitor *m, char what, const void *data, size_t len)
{
	char message[MONITOR_MESSAGE + 1] = { what };

	if (len > MONITOR_MESSAGE)
		len = MONITOR_MESSAGE;
	memcpy(message + 1, data, len);
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd >= 0)
			send_to(m, i, message, len + 1, -1);
}

/* False when nobody reads it any more: the pod is to hear of that. */
static bool relay_write(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);
			continue;
		}
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* False at the end of the stream. */
static bool output(struct monitor *m, int fd, int stream)
{
	char message[MONITOR_MESSAGE + 1];
	ssize_t n = read(fd, message + 1, MONITOR_MESSAGE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;	/* EIO of a terminal nobody has open, too */
	if (m->relay)
		stream_write(stream, message + 1, (size_t)n);
	else if ((stream == 1 ? m->relay_out : m->relay_err) &&
		 !relay_write(stream, message + 1, (size_t)n))
		return false;
	log_write(&m->log, stream, message + 1, (size_t)n);
	message[0] = (char)('0' + stream);
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].attached)
			send_to(m, i, message, (size_t)n + 1, -1);
	return true;
}

static void input(struct monitor *m, const char *data, size_t len)
{
	int fd = m->master >= 0 ? m->master : m->in;

	if (fd >= 0 && len) {
		stream_write(fd, data, len);
	} else if (!len && m->master >= 0) {
		stream_write(m->master, "\004", 1);
	} else if (!len && m->in >= 0) {
		close(m->in);
		m->in = -1;
	}
}

/* A client of runner's own: "DU" and a dev_t, with an fd for 'D'. */
static void hear_device(struct monitor *m, int i, const char *message, int n,
			int *fd)
{
	bool done = true;
	dev_t dev;

	if (n != 1 + (int)sizeof(dev))
		return;
	memcpy(&dev, message + 1, sizeof(dev));
	if (message[0] == 'U')
		monitor_let_go(m, dev);
	else
		done = *fd >= 0 && monitor_hold(m, *fd, dev) == 0;
	if (message[0] == 'D' && done)
		*fd = -1;
	/* A client that did not wait for the answer may have sent more before it ended. */
	if (done)
		message_send(m->clients[i].fd, message[0] == 'D' ? "d" : "u", 1,
			     -1, MSG_DONTWAIT);
	else
		drop(m, i);
}

/* Somebody wants the pod's end: it does not come back. */
static void stopping(struct monitor *m)
{
	if (!m->no_restart)
		notify_manager("STOPPING=1\nSTATUS=pod %s is asked to end",
			       m->pod);
	m->no_restart = true;
}

static void hear(struct monitor *m, int i)
{
	char message[MONITOR_MESSAGE + 1];
	_cleanup_close_ int fd = -1;
	int n = message_receive(m->clients[i].fd, message, sizeof(message),
				&fd);

	if (n <= 0) {
		if (n != -EAGAIN)
			drop(m, i);
		return;
	}
	switch (message[0]) {
	case '0':
		input(m, message + 1, (size_t)n - 1);
		break;
	case 'A':
	case 'W':
		m->clients[i].attached = true;
		m->clients[i].awaited = message[0] == 'W';
		if (m->master >= 0)
			send_to(m, i, "T", 1, m->master);
		break;
	case 'S':
		m->start = true;
		break;
	case 'N':
		stopping(m);
		send_to(m, i, "n", 1, -1);
		break;
	case 'D':
	case 'U':
		hear_device(m, i, message, n, &fd);
		break;
	}
}

static void admit(struct monitor *m)
{
	int fd = accept4(m->listen_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd < 0) {
			m->clients[i].fd = fd;
			return;
		}
	close(fd);
}

static void take_signal(struct monitor *m)
{
	struct signalfd_siginfo info;

	if (read(m->sig_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && m->master >= 0) {
		if (m->relay)
			tty_copy_size(m->master);
		return;
	}
	if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
		stopping(m);
	sys_pidfd_send_signal(m->pidfd, (int)info.ssi_signo, NULL, 0);
}

static void relay_input(struct monitor *m)
{
	char data[MONITOR_MESSAGE];
	ssize_t n = read(0, data, sizeof(data));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		m->relay_input = false;
	input(m, data, n > 0 ? (size_t)n : 0);
}

static void end_stream(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * Whether a client that is to miss nothing has not read what it was sent, after
 * @ms milliseconds.  A socket that can be written to has room for some messages.
 */
static bool is_behind(const struct monitor *m, int i, int ms)
{
	struct pollfd p = { .fd = m->clients[i].fd, .events = POLLOUT };

	return p.fd >= 0 && m->clients[i].awaited && poll(&p, 1, ms) <= 0;
}

/*
 * Takes the data that are still in the pipes, and no more: somebody outside of the pod can have
 * got its end of one, and go on to write.
 */
#define DRAIN_MAX (1 << 20)

/* For how long a client that does not read can hold up the end of a pod. */
#define BEHIND_MS 5000

static void wait_for_clients(struct monitor *m)
{
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if (is_behind(m, i, BEHIND_MS))
			m->clients[i].awaited = false;
}

/* One system call of the pod at a time; the process says when it is done by ending. */
static void intercept_begin(struct monitor *m, int events)
{
	if (!(events & POLLIN)) {
		/* No process of the pod has the filter any more. */
		end_stream(&m->intercept_fd);
		return;
	}
	m->intercept_pidfd = runner_start(m->runner_fd, m->intercept_fd,
			(const char *const []){ "runner", "-intercept", m->pod,
						NULL });
	/* A process in a call that nobody answers gets ENOSYS. */
	if (m->intercept_pidfd < 0)
		end_stream(&m->intercept_fd);
}

static void intercept_end(struct monitor *m)
{
	siginfo_t end = { 0 };

	if (m->intercept_pidfd < 0)
		return;
	waitid(P_PIDFD, (id_t)m->intercept_pidfd, &end, WEXITED);
	end_stream(&m->intercept_pidfd);
	/* It answered nothing, and will not the next time. */
	if (end.si_code != CLD_EXITED || end.si_status)
		end_stream(&m->intercept_fd);
}

static void reap(int *pidfd)
{
	siginfo_t end;

	if (*pidfd >= 0)
		waitid(P_PIDFD, (id_t)*pidfd, &end, WEXITED | WNOHANG);
	end_stream(pidfd);
}

static void read_notify(struct monitor *m)
{
	m->notify_pidfd = notify_begin(m->notify_fd, &m->notify_text);
	/* Or it would be polled without a pause. */
	if (m->notify_pidfd < 0)
		notify_close(&m->notify_fd);
}

static void notify_is_read(struct monitor *m)
{
	reap(&m->notify_pidfd);
	notify_end(m->notify_text);
	end_stream(&m->notify_text);
}

/* For how long the end of a pod waits for a device that is given or taken. */
#define DEVICE_MS 1000

/* For a message that is being read. */
#define NOTIFY_MS 100

/* For how long it waits for a process that was killed; one in the kernel may stay. */
#define KILLED_MS 1000

/* Descriptors that are polled besides the clients. */
#define FIXED 14

/*
 * Whether the caller's @stream takes nothing: then that is waited for, and what the
 * pod writes stays in its pipe.  A pipe that can be written to takes a whole message.
 */
static bool wait_writable(struct pollfd *p, int stream)
{
	struct pollfd to = { .fd = stream, .events = POLLOUT };

	if (p->fd < 0 || poll(&to, 1, 0) > 0)
		return false;
	*p = to;
	return true;
}

static int once(struct monitor *m, int ms, bool *ended,
		struct shift_error *err)
{
	struct pollfd p[FIXED + MONITOR_CLIENTS];
	bool behind = false, blocked[2];

	memset(p, 0, sizeof(p));
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if (is_behind(m, i, 0)) {
			p[FIXED + i].events = POLLOUT;
			behind = true;
		}
	p[0].fd = m->pidfd;
	p[1].fd = m->sig_fd;
	p[2].fd = m->listen_fd;
	/* The pod's output stays in its pipes, and the pod waits. */
	p[3].fd = behind ? -1 : m->master;
	p[4].fd = behind ? -1 : m->out;
	p[5].fd = behind ? -1 : m->err;
	blocked[0] = m->relay_out && wait_writable(&p[4], 1);
	blocked[1] = m->relay_err && wait_writable(&p[5], 2);
	p[6].fd = m->relay && m->relay_input ? 0 : -1;
	p[7].fd = m->notify_pidfd < 0 ? m->notify_fd : -1;
	/* In their order: the process for one has ended before the next is read. */
	p[8].fd = m->device_pidfd < 0 ? m->uevent_fd : -1;
	p[9].fd = m->intercept_pidfd < 0 ? m->intercept_fd : -1;
	p[10].fd = m->intercept_pidfd;
	p[11].fd = m->device_pidfd;
	p[12].fd = m->notify_pidfd;
	p[13].fd = m->device_pidfd < 0 ? m->dev_watch_fd : -1;
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		p[FIXED + i].fd = m->clients[i].fd;
	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
		if (!(p[i].events & POLLOUT) || i >= FIXED)
			p[i].events |= POLLIN;
	if (poll(p, sizeof(p) / sizeof(*p), ms) < 0)
		return errno == EINTR ? 0 :
			shift_err_set(err, errno, "cannot wait for the pod");
	if (p[1].revents)
		take_signal(m);
	if (p[3].revents && !output(m, m->master, 1)) {
		/* Nobody has it open; somebody may again, like a getty. */
		if (!(p[0].revents)) {
			struct pollfd end = { .fd = m->pidfd,
					      .events = POLLIN };

			poll(&end, 1, 20);
		}
	}
	if (p[4].revents && !blocked[0] && !output(m, m->out, 1))
		end_stream(&m->out);
	if (p[5].revents && !blocked[1] && !output(m, m->err, 2))
		end_stream(&m->err);
	if (p[6].revents)
		relay_input(m);
	if (p[7].revents)
		read_notify(m);
	if (p[8].revents)
		uevent_take(m);
	if (p[9].revents)
		intercept_begin(m, p[9].revents);
	if (p[10].revents)
		intercept_end(m);
	if (p[11].revents)
		reap(&m->device_pidfd);
	if (p[12].revents)
		notify_is_read(m);
	/* Not while an event's process runs, which began just now. */
	if (p[13].revents && m->device_pidfd < 0)
		dev_watch_take(m);
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if ((p[FIXED + i].revents & ~POLLOUT) && m->clients[i].fd >= 0)
			hear(m, i);
	if (p[2].revents)
		admit(m);
	*ended = p[0].revents != 0;
	return 0;
}

static bool has_output(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

/* Serves clients and signals meanwhile: one of them may want the end. */
static void drain_relayed(struct monitor *m)
{
	int pidfd = m->pidfd;
	bool ended;

	m->pidfd = -1;
	for (size_t n = 0; n < DRAIN_MAX / 1024; n++) {
		struct pollfd p = { .events = POLLOUT };

		if (m->relay_out && has_output(m->out))
			p.fd = 1;
		else if (m->relay_err && has_output(m->err))
			p.fd = 2;
		else
			break;
		if (m->no_restart && poll(&p, 1, BEHIND_MS) <= 0)
			break;
		if (once(m, -1, &ended, NULL) < 0)
			break;
	}
	m->pidfd = pidfd;
}

void monitor_drain(struct monitor *m)
{
	int *fds[] = { &m->master, &m->out, &m->err };

	if (m->relay_out || m->relay_err) {
		drain_relayed(m);
		return;
	}

	for (int i = 0; i < 3; i++) {
		if (*fds[i] < 0)
			continue;
		fcntl(*fds[i], F_SETFL, O_NONBLOCK);
		for (size_t n = 0; n < DRAIN_MAX; n += MONITOR_MESSAGE) {
			struct pollfd p = { .fd = *fds[i], .events = POLLIN };

			wait_for_clients(m);
			if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN) ||
			    !output(m, *fds[i], i == 2 ? 2 : 1))
				break;
		}
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int monitor_wait(struct monitor *m, bool until_start, int ms,
		 struct shift_error *err)
{
	int64_t end = now_ms() + ms;
	bool ended = false;
	int r = 0;

	while (!ended && r >= 0 && !(until_start && m->start)) {
		int64_t left = ms < 0 ? -1 : end - now_ms();

		if (ms >= 0 && left <= 0)
			return 1;
		r = once(m, (int)left, &ended, err);
	}
	return r;
}

void monitor_pause(struct monitor *m, int ms)
{
	int64_t end = now_ms() + ms, left;
	bool ended;

	while (!m->no_restart && (left = end - now_ms()) > 0)
		if (once(m, (int)left, &ended, NULL) < 0)
			break;
}

int monitor_keep(const struct monitor *m)
{
	const int fds[] = {
		m->pidfd, m->sig_fd, m->listen_fd, m->master, m->notify_fd,
		m->notify_pidfd, m->notify_text,
		m->uevent_fd, m->dev_watch_fd, m->device_pidfd, m->runner_fd, m->intercept_fd,
		m->intercept_pidfd, m->in, m->out, m->err, m->log.fd,
		m->log.dir_fd,
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(fds) / sizeof(*fds); i++)
		r = fd_keep(fds[i]);
	for (int i = 0; r >= 0 && i < MONITOR_CLIENTS; i++)
		r = fd_keep(m->clients[i].fd);
	for (int i = 0; r >= 0 && i < MONITOR_DEVICES; i++)
		r = fd_keep(m->devices[i].fd);
	return r;
}

/* Ends a child that has not ended after @ms. */
static void end_child(int *pidfd, int ms)
{
	struct pollfd p = { .fd = *pidfd, .events = POLLIN };

	if (*pidfd >= 0 && poll(&p, 1, ms) <= 0) {
		sys_pidfd_send_signal(*pidfd, SIGKILL, NULL, 0);
		poll(&p, 1, KILLED_MS);
	}
	reap(pidfd);
}

void monitor_end_run(struct monitor *m)
{
	end_stream(&m->master);
	end_stream(&m->in);
	end_stream(&m->out);
	end_stream(&m->err);
	end_stream(&m->pidfd);
	/* Its change of the description is for the next run of the pod too. */
	end_child(&m->device_pidfd, DEVICE_MS);
	if (m->notify_pidfd >= 0) {
		end_child(&m->notify_pidfd, NOTIFY_MS);
		notify_is_read(m);
	}
	notify_close(&m->notify_fd);
	end_stream(&m->intercept_fd);
	end_child(&m->intercept_pidfd, 0);
}

void monitor_close(struct monitor *m)
{
	monitor_end_run(m);
	log_close(&m->log);
	for (int i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd >= 0)
			drop(m, i);
	monitor_let_go(m, 0);
	end_stream(&m->listen_fd);
	end_stream(&m->sig_fd);
	end_stream(&m->uevent_fd);
	end_stream(&m->dev_watch_fd);
	end_stream(&m->runner_fd);
}
