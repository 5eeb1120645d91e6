/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "setup/plan.h"
#include "setup/security.h"
#include "syscalls.h"

int devices_tmpfs(const char *path, const struct spec *spec,
		  struct shift_error *err)
{
	_cleanup_free_ char *data = NULL, *label = NULL;
	uint32_t owner = spec->linux_.host_base;
	int r = security_mount_label(spec, &label, err);

	if (r >= 0)
		r = strf(&data, err, "mode=0755,size=64k,nr_inodes=1024,uid=%" PRIu32 ",gid=%" PRIu32 "%s%s%s",
			 owner, owner, label ? ",context=\"" : "",
			 label ?: "", label ? "\"" : "");
	if (r < 0)
		return r;
	if (mount("dev", path, "tmpfs", MS_NOSUID | MS_NOEXEC, data) < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at %s",
				     path);
	return 0;
}

/* Where runner itself may not make nodes, the host's own one is bound. */
static int bind_node(const char *path, struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	char host[128];

	snprintf(host, sizeof(host), "/dev%s", path + strlen(STAGE_DEV));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || mount(host, path, NULL, MS_BIND, NULL) < 0)
		return shift_err_set(err, errno, "cannot bind %s to %s", host,
				     path);
	return 0;
}

/* The folders between the tmpfs and @path. */
static int make_parents(const char *path, uint32_t owner,
			struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(path);
	char *p;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (p = strchr(copy + strlen(STAGE_DEV) + 1, '/'); p;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		if (access(copy, F_OK) < 0 &&
		    devices_mkdir(copy, owner, err) < 0)
			return -EIO;
		*p = '/';
	}
	return 0;
}

int devices_node(const char *path, mode_t mode, dev_t dev, uint32_t owner,
		 struct shift_error *err)
{
	int r = make_parents(path, owner, err);

	if (r < 0)
		return r;
	if (mknod(path, mode, dev) < 0) {
		if (errno == EPERM)
			return bind_node(path, err);
		return shift_err_set(err, errno, "cannot make the device %s",
				     path);
	}
	/* chmod, because mknod(2) applies the umask */
	if (chmod(path, mode & 07777) < 0 || lchown(path, owner, owner) < 0)
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
