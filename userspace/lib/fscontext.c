// SPDX-License-Identifier: GPL-2.0-or-later
#include "fscontext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "syscalls.h"

static shift_trace_fn trace_fn;

void shift_fsctx_trace(shift_trace_fn fn)
{
	trace_fn = fn;
}

static void __attribute__((format(printf, 1, 2))) trace(const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;
	int r;

	if (!trace_fn)
		return;
	va_start(ap, fmt);
	r = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (r < 0)
		line = NULL;
	else
		trace_fn(line);
}

char *shift_fsctx_log(int fd, bool errors_only)
{
	_cleanup_free_ char *text = NULL;
	char line[4096];
	size_t size;
	bool any = false;
	ssize_t n;
	FILE *to;

	to = open_memstream(&text, &size);
	if (!to)
		return NULL;
	/* One message a read(2), "e text\n"; ENODATA ends it. */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		char *p = line;

		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[1] == ' ') {
			p = line + 2;
			if (errors_only && line[0] != 'e')
				continue;
		}
		fprintf(to, "%s%s", any ? "; " : "", p);
		any = true;
	}
	if (fclose(to))
		return NULL;
	return steal_ptr(&text);
}

/* "what: log of the kernel: errno"; the log says more than the errno. */
static int fail(int fd, int status, struct shift_error *err, const char *what)
{
	_cleanup_free_ char *log = shift_fsctx_log(fd, true);

	trace("%s: %s", what, strerror(status));
	if (log && *log)
		return shift_err_set(err, status, "%s: kernel: %s", what, log);
	return shift_err_set(err, status, "%s", what);
}

static void trace_log(int fd)
{
	_cleanup_free_ char *log = NULL;

	if (!trace_fn)
		return;
	log = shift_fsctx_log(fd, false);
	if (log && *log)
		trace("kernel: %s", log);
}

int shift_fsctx_open(const char *fstype, struct shift_error *err)
{
	int fd = sys_fsopen(fstype, FSOPEN_CLOEXEC);
	int saved = errno, r;

	trace("fsopen(%s): %s", fstype, fd < 0 ? strerror(saved) : "ok");
	if (fd >= 0)
		return fd;
	r = shift_err_set(err, saved, "filesystem type %s", fstype);
	switch (saved) {
	case ENODEV:
		shift_err_hint(err, "the kernel does not know %s: load the module with \"modprobe %s\"; if there is none, build and install it for this kernel (uname -r)",
			       fstype, fstype);
		break;
	case EPERM:
		shift_err_hint(err, "mounting needs CAP_SYS_ADMIN: run this as root, or let root prepare the mount in /etc/fstab");
		break;
	case ENOSYS:
		shift_err_hint(err, "this kernel or a seccomp filter does not let fsopen(2) through; Linux 5.2 or newer is needed");
		break;
	}
	return r;
}

int shift_fsctx_pick(const char *path, struct shift_error *err)
{
	int fd = sys_fspick(AT_FDCWD, path, FSPICK_CLOEXEC);
	int saved = errno, r;

	trace("fspick(%s): %s", path, fd < 0 ? strerror(saved) : "ok");
	if (fd >= 0)
		return fd;
	r = shift_err_set(err, saved, "%s", path);
	if (saved == EINVAL)
		shift_err_hint(err, "it is not a mount point, see findmnt(8)");
	return r;
}

int shift_fsctx_flag(int fd, const char *key, struct shift_error *err)
{
	_cleanup_free_ char *what = NULL;

	if (!sys_fsconfig(fd, FSCONFIG_SET_FLAG, key, NULL, 0)) {
		trace("fsconfig(%s): ok", key);
		return 0;
	}
	int saved = errno;

	if (asprintf(&what, "option %s", key) < 0)
		what = NULL;
	return fail(fd, saved, err, what ? what : key);
}

int shift_fsctx_string(int fd, const char *key, const char *value,
		       struct shift_error *err)
{
	_cleanup_free_ char *what = NULL;

	if (strlen(value) >= SHIFT_FSCONFIG_VALUE_MAX)
		return shift_err_set(err, ENAMETOOLONG,
				     "option %s=%.40s...: the kernel takes values of at most %d bytes",
				     key, value, SHIFT_FSCONFIG_VALUE_MAX - 1);
	if (!sys_fsconfig(fd, FSCONFIG_SET_STRING, key, value, 0)) {
		trace("fsconfig(%s=%s): ok", key, value);
		return 0;
	}
	int saved = errno;

	if (asprintf(&what, "option %s=%s", key, value) < 0)
		what = NULL;
	return fail(fd, saved, err, what ? what : key);
}

int shift_fsctx_fd(int fd, const char *key, int value, struct shift_error *err)
{
	_cleanup_free_ char *what = NULL;

	if (!sys_fsconfig(fd, FSCONFIG_SET_FD, key, NULL, value)) {
		trace("fsconfig(%s, fd %d): ok", key, value);
		return 0;
	}
	int saved = errno;

	if (asprintf(&what, "option %s", key) < 0)
		what = NULL;
	return fail(fd, saved, err, what ? what : key);
}

struct piece_data {
	int fd;
};

static int send_piece(const char *piece, void *data, struct shift_error *err)
{
	const struct piece_data *d = data;

	return shift_fsctx_string(d->fd, "idmap", piece, err);
}

int shift_fsctx_idmap(int fd, const struct shift_idmap *map,
		      struct shift_error *err)
{
	struct piece_data data = { fd };

	return shift_idmap_foreach_piece(map, SHIFT_FSCONFIG_VALUE_MAX,
					 send_piece, &data, err);
}

int shift_fsctx_create(int fd, struct shift_error *err)
{
	if (sys_fsconfig(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail(fd, errno, err, "making the superblock");
	trace("fsconfig(CMD_CREATE): ok");
	trace_log(fd);
	return 0;
}

int shift_fsctx_reconfigure(int fd, struct shift_error *err)
{
	if (sys_fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fail(fd, errno, err, "reconfiguring the superblock");
	trace("fsconfig(CMD_RECONFIGURE): ok");
	trace_log(fd);
	return 0;
}

int shift_fsctx_mount(int fd, unsigned int attr_flags, struct shift_error *err)
{
	int mnt = sys_fsmount(fd, FSMOUNT_CLOEXEC, attr_flags);

	if (mnt < 0)
		return fail(fd, errno, err, "making the mount");
	trace("fsmount(attributes %#x): ok", attr_flags);
	return mnt;
}
