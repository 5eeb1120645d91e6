/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "monitor/handoff.h"

#define KERNEL_GROUP 1

int uevent_open(int *ret, struct shift_error *err)
{
	struct sockaddr_nl a = {
		.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP,
	};
	_cleanup_close_ int fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return shift_err_set(err, errno, "cannot listen to the kernel's device events");
	*ret = steal_fd(&fd);
	return 0;
}

struct event {
	const char *action, *name, *subsystem, *major, *minor;
};

/* Strings one after the other: ACTION@PATH, then KEY=VALUE. */
static void parse(char *text, size_t len, struct event *e)
{
	const struct { const char *key; const char **value; } fields[] = {
		{ "ACTION=", &e->action }, { "DEVNAME=", &e->name },
		{ "SUBSYSTEM=", &e->subsystem }, { "MAJOR=", &e->major },
		{ "MINOR=", &e->minor },
	};

	for (char *p = text; p < text + len; p += strlen(p) + 1)
		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
			size_t n = strlen(fields[i].key);

			if (!strncmp(p, fields[i].key, n))
				*fields[i].value = p + n;
		}
}

static bool is_awaited(const struct monitor *m, const char *path)
{
	for (const char *p = m->awaited; *p; p += strlen(p) + 1)
		if (!strcmp(p, path))
			return true;
	return false;
}

static void start(struct monitor *m, const char *const *argv)
{
	m->device_pidfd = runner_start(m->runner_fd, -1, argv);
}

void uevent_look(struct monitor *m)
{
	start(m, (const char *const []){ "runner", "-device", m->pod, "look",
					 NULL });
}

/*
 * Messages for which the socket has no room are lost, and the next call says so
 * (ENOBUFS, netlink(7)).  The messages still to be read are older than that, and would
 * bring back devices that have gone since.  So all of them go, and afterwards the devices are looked at.
 */
static void look_again(struct monitor *m)
{
	char text[1];

	while (recv(m->uevent_fd, text, sizeof(text), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS || errno == EINTR)
		;
	uevent_look(m);
}

void uevent_take(struct monitor *m)
{
	struct event e = { "", "", "", "", "" };
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	char text[8192 + 1], path[256];
	ssize_t n = recvfrom(m->uevent_fd, text, sizeof(text) - 1, 0,
			     (struct sockaddr *)&from, &size);

	if (n < 0 && errno == ENOBUFS) {
		look_again(m);
		return;
	}
	/* Only the kernel's own word counts. */
	if (n <= 0 || from.nl_pid)
		return;
	text[n] = '\0';
	parse(text, (size_t)n, &e);
	snprintf(path, sizeof(path), "/dev/%s", e.name);
	if (is_awaited(m, path) &&
	    (!strcmp(e.action, "add") || !strcmp(e.action, "remove")))
		start(m, (const char *const []){
			"runner", "-device", m->pod, e.action, path,
			e.subsystem, e.major, e.minor, NULL });
}
