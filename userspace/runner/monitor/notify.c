/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"

/* sd_notify(3) for programs that are linked without libsystemd. */
static void tell_manager(const char *text, size_t len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	_cleanup_close_ int fd = -1;

	if (n < 2 || n >= sizeof(a.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)!sendto(fd, text, len, MSG_NOSIGNAL,
			      (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un,
						   sun_path) + n));
}

void notify_manager(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0 && n < (int)sizeof(text))
		tell_manager(text, (size_t)n);
}

void notify_relay(int notify_fd)
{
	static const char *const passed[] = {
		"READY=", "STATUS=", "STOPPING=", "RELOADING=", "ERRNO=",
		"EXTEND_TIMEOUT_USEC=", "WATCHDOG=1",
	};
	char message[4096], *rest = message, *line;
	ssize_t n = read(notify_fd, message, sizeof(message) - 1);

	if (n <= 0)
		return;
	message[n] = '\0';
	/* Not MAINPID= and not descriptors: those are runner's to say. */
	while ((line = strsep(&rest, "\n")))
		for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
			if (!strncmp(line, passed[i], strlen(passed[i])))
				tell_manager(line, strlen(line));
}
