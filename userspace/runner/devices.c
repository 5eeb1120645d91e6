/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "syscalls.h"

int devices_tmpfs(const char *path, uint32_t owner, struct shift_error *err)
{
	char data[128];

	snprintf(data, sizeof(data),
		 "mode=0755,size=64k,nr_inodes=1024,uid=%" PRIu32 ",gid=%" PRIu32,
		 owner, owner);
	if (mount("dev", path, "tmpfs", MS_NOSUID | MS_NOEXEC, data) < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at %s",
				     path);
	return 0;
}

/* Where runner itself may not make nodes, the host's own one is bound. */
static int bind_node(const char *path, struct shift_error *err)
{
	const char *name = strrchr(path, '/') + 1;
	_cleanup_close_ int fd = -1;
	char host[64];

	snprintf(host, sizeof(host), "/dev/%s", name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || mount(host, path, NULL, MS_BIND, NULL) < 0)
		return shift_err_set(err, errno, "cannot bind %s to %s", host,
				     path);
	return 0;
}

int devices_node(const char *path, mode_t mode, dev_t dev, uint32_t owner,
		 struct shift_error *err)
{
	if (mknod(path, S_IFCHR | mode, dev) < 0) {
		if (errno == EPERM)
			return bind_node(path, err);
		return shift_err_set(err, errno, "cannot make the device %s",
				     path);
	}
	/* chmod, because mknod(2) applies the umask */
	if (chmod(path, mode) < 0 || lchown(path, owner, owner) < 0)
		return shift_err_set(err, errno, "cannot hand over %s", path);
	return 0;
}

int devices_symlink(const char *to, const char *path, uint32_t owner,
		    struct shift_error *err)
{
	if (symlink(to, path) < 0 || lchown(path, owner, owner) < 0)
		return shift_err_set(err, errno, "cannot make the link %s",
				     path);
	return 0;
}

int devices_mkdir(const char *path, uint32_t owner, struct shift_error *err)
{
	if (mkdir(path, 0755) < 0 || lchown(path, owner, owner) < 0)
		return shift_err_set(err, errno, "cannot make the directory %s",
				     path);
	return 0;
}
