/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/dev_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "monitor/uevent.h"

#define EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR)

/* A folder that is not there yet comes in one that is. */
static void watch(int fd, const char *path)
{
	char dir[sizeof(((struct monitor *)NULL)->awaited)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	while ((slash = strrchr(dir, '/')) && slash != dir) {
		*slash = '\0';
		if (inotify_add_watch(fd, dir, EVENTS) >= 0 ||
		    (errno != ENOENT && errno != ENOTDIR))
			return;
	}
}

/* Folders that came since are watched too; the others stay as they are. */
static void watch_all(const struct monitor *m)
{
	for (const char *p = m->awaited; *p; p += strlen(p) + 1)
		watch(m->dev_watch_fd, p);
}

int dev_watch_open(struct monitor *m, struct shift_error *err)
{
	m->dev_watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (m->dev_watch_fd < 0) {
		int r = shift_err_set(err, errno, "cannot watch /dev");

		if (r == -EMFILE)
			shift_err_hint(err, "raise the sysctl fs.inotify.max_user_instances: each pod with --device-wait takes one");
		return r;
	}
	watch_all(m);
	return 0;
}

/* Whether @name is a part of a path that is awaited. */
static bool is_part(const struct monitor *m, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = m->awaited; *p; p += strlen(p) + 1)
		for (const char *s = strchr(p, '/'); s; s = strchr(s + 1, '/'))
			if (!strncmp(s + 1, name, len) &&
			    (!s[1 + len] || s[1 + len] == '/'))
				return true;
	return false;
}

void dev_watch_take(struct monitor *m)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool looks = false;
	ssize_t n;

	while ((n = read(m->dev_watch_fd, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			/* Without a name: events were lost, or a folder is gone. */
			looks = looks || !e->len || is_part(m, e->name);
			p += sizeof(*e) + e->len;
		}
	if (!looks)
		return;
	/* Before the look: what comes afterwards is an event. */
	watch_all(m);
	uevent_look(m);
}
