/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/hostdir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "setup/security.h"
#include "spec/hostdir_option.h"

#define MAX_CREDENTIAL (1 << 20)

static int put(const struct spec *spec, const char *dir, const char *name,
	       mode_t mode, const char *text, size_t len,
	       struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	uid_t owner = spec->linux_.host_base;
	int r = strf(&path, err, "%s/%s", dir, name);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || write_whole(fd, text, len) < 0 ||
	    fchown(fd, owner, owner) < 0)
		return shift_err_set(err, errno, "cannot write %s", path);
	return 0;
}

static int make_credentials(const struct spec *spec, const char *path,
			    struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	uid_t owner = spec->linux_.host_base;
	int r = strf(&dir, err, "%s/credentials", path);

	if (r < 0)
		return r;
	if (mkdir(dir, 0700) < 0 || chown(dir, owner, owner) < 0)
		return shift_err_set(err, errno, "cannot make %s", dir);
	for (size_t i = 0; i < spec->annotations.n; i++) {
		_cleanup_free_ char *id = NULL, *text = NULL;
		const char *a = spec->annotations.v[i];
		size_t len;

		if (strncmp(a, HOSTDIR_CREDENTIAL, strlen(HOSTDIR_CREDENTIAL)))
			continue;
		a += strlen(HOSTDIR_CREDENTIAL);
		id = strndup(a, strcspn(a, "="));
		if (!id || strchr(id, '/'))
			return shift_err_set(err, EINVAL, "credential '%s'", a);
		r = read_file(a + strlen(id) + 1, MAX_CREDENTIAL, &text, &len,
			      err);
		if (r >= 0)
			r = put(spec, dir, id, 0400, text, len, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_socket(const char *path, int *ret, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/notify", path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Anybody in the pod may speak; what is handed on is chosen. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(a.sun_path, 0666) < 0)
		return shift_err_set(err, errno, "cannot listen on %s",
				     a.sun_path);
	*ret = steal_fd(&fd);
	return 0;
}

int hostdir_make(const struct spec *spec, const char *path, int *ret_notify,
		 struct shift_error *err)
{
	const char *uuid = strv_getenv(&spec->process.env, "container_uuid");
	_cleanup_free_ char *os = NULL, *data = NULL, *label = NULL;
	size_t len;
	int r;

	if ((r = mkdir_parents(path, 0755, err)) < 0 ||
	    (r = security_mount_label(spec, &label, err)) < 0 ||
	    (r = strf(&data, err, "mode=0755,size=4m,nr_inodes=1024,uid=%" PRIu32 ",gid=%" PRIu32 "%s%s%s",
		      spec->linux_.host_base, spec->linux_.host_base,
		      label ? ",context=\"" : "", label ?: "",
		      label ? "\"" : "")) < 0)
		return r;
	if (mount("host", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  data) < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at %s",
				     path);
	r = put(spec, path, "container-manager", 0444, "runner\n", 7, err);
	if (r >= 0 && uuid)
		r = put(spec, path, "container-uuid", 0444, uuid, strlen(uuid),
			err);
	if (r >= 0 && read_file("/etc/os-release", 65536, &os, &len, NULL) >= 0)
		r = put(spec, path, "os-release", 0444, os, len, err);
	if (r >= 0)
		r = make_credentials(spec, path, err);
	return r < 0 ? r : make_socket(path, ret_notify, err);
}
