/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/sysdevices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "setup/security.h"

#define FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

#define UDEV_DATA "/run/udev/data"
#define UDEV_MAX (1 << 16)

/* The hardware below a disk, and what is below that, as "device/device". */
#define DEVICES_DEEP 3

/* Where the sysfs is and what is made of it. Its paths begin with "/". */
struct tree {
	const char *from, *to;
};

/* What a pod has of every /sys. */
static const char *const always[] = {
	"/devices/system/cpu", "/devices/system/node",
	"/kernel/mm/transparent_hugepage", "/kernel/mm/hugepages",
};

/* Mount points, and directories that programs open without looking. */
static const char *const empty[] = {
	"/block", "/bus", "/class/block", "/dev/block", "/dev/char",
	"/fs/cgroup", "/module",
};

/* What hardware is called, where it is, and how it does. */
static const char *const names[] = {
	"uevent", "modalias", "vendor", "model", "rev", "serial", "wwid", "type",
	"state", "firmware_rev", "numa_node", "transport",
};

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Binds @path, a directory or a file, unless it is missing or there already. */
static int show(const struct tree *t, const char *path, struct shift_error *err)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *parent = NULL;
	struct stat st;
	int r;

	if ((r = strf(&from, err, "%s%s", t->from, path)) < 0 ||
	    (r = strf(&to, err, "%s%s", t->to, path)) < 0 ||
	    (r = str_replace(&parent, to, err)) < 0)
		return r;
	if (lstat(from, &st) < 0 || S_ISLNK(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		r = mkdir_parents(to, 0755, err);
	} else {
		int fd;

		*strrchr(parent, '/') = '\0';
		r = mkdir_parents(parent, 0755, err);
		fd = r < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		if (fd < 0 && r >= 0 && errno == EEXIST)
			return 0;
		if (fd < 0 && r >= 0)
			r = shift_err_set(err, errno, "cannot make %s", to);
		if (fd >= 0)
			close(fd);
	}
	if (r < 0)
		return r;
	/* Hardware that goes meanwhile is not shown. */
	if (mount(from, to, NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
		return shift_err_set(err, errno, "cannot bind %s at %s", from, to);
	return 0;
}

/* The link @path with sysfs's own text. */
static int copy_link(const struct tree *t, const char *path,
		     struct shift_error *err)
{
	_cleanup_free_ char *from = NULL, *to = NULL;
	char text[PATH_MAX];
	ssize_t n;
	int r;

	if ((r = strf(&from, err, "%s%s", t->from, path)) < 0 ||
	    (r = strf(&to, err, "%s%s", t->to, path)) < 0)
		return r;
	n = readlink(from, text, sizeof(text) - 1);
	if (n < 0)
		return 0;
	text[n] = '\0';
	if (symlink(text, to) < 0 && errno != EEXIST)
		return shift_err_set(err, errno, "cannot make %s", to);
	return 0;
}

/* Where @path leads to in the sysfs, the caller's; NULL without a message: nowhere. */
static char *follow(const struct tree *t, const char *path)
{
	_cleanup_free_ char *from = NULL, *real = NULL;
	size_t len = strlen(t->from);

	if (strf(&from, NULL, "%s%s", t->from, path) < 0)
		return NULL;
	real = realpath(from, NULL);
	if (!real || strncmp(real, t->from, len) || real[len] != '/')
		return NULL;
	return strdup(real + len);
}

/* The hardware that the link "device" in @dir leads to. */
static int show_hardware(const struct tree *t, const char *dir, int deep,
			 struct shift_error *err)
{
	_cleanup_free_ char *link = NULL, *device = NULL, *to = NULL;
	int r = strf(&link, err, "%s/device", dir);

	if (r < 0)
		return r;
	device = follow(t, link);
	if (!device || !deep)
		return 0;
	if ((r = strf(&to, err, "%s%s", t->to, device)) < 0 ||
	    (r = mkdir_parents(to, 0755, err)) < 0 ||
	    (r = copy_link(t, link, err)) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_free_ char *file = NULL;

		r = strf(&file, err, "%s/%s", device, names[i]);
		if (r >= 0)
			r = show(t, file, err);
	}
	return r < 0 ? r : show_hardware(t, device, deep - 1, err);
}

/* The links by which a device is found: its class's, by its number, the disks'. */
static int show_links(const struct tree *t, const char *dir, bool disk,
		      struct shift_error *err)
{
	const char *name = strrchr(dir, '/') + 1;
	_cleanup_free_ char *path = NULL, *number = NULL;
	struct strv links = { NULL, 0 };
	int r;

	if ((r = strf(&path, err, "%s%s/dev", t->from, dir)) < 0 ||
	    (r = read_file(path, 4096, &number, NULL, err)) < 0)
		return r;
	number[strcspn(number, "\n")] = '\0';
	if ((r = strv_addf(&links, err, "/dev/block/%s", number)) >= 0 &&
	    (r = strv_addf(&links, err, "/class/block/%s", name)) >= 0 && disk)
		r = strv_addf(&links, err, "/block/%s", name);
	for (size_t i = 0; r >= 0 && i < links.n; i++)
		r = copy_link(t, links.v[i], err);
	strv_clear(&links);
	return r;
}

/* All of the disk @dir, with its partitions. */
static int show_disk(const struct tree *t, const char *dir,
		     struct shift_error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_dir_ DIR *d = NULL;
	struct dirent *e;
	int r;

	if ((r = show(t, dir, err)) < 0 ||
	    (r = show_hardware(t, dir, DEVICES_DEEP, err)) < 0 ||
	    (r = show_links(t, dir, true, err)) < 0 ||
	    (r = strf(&path, err, "%s%s", t->from, dir)) < 0)
		return r;
	d = opendir(path);
	while (r >= 0 && d && (e = readdir(d))) {
		_cleanup_free_ char *part = NULL, *mark = NULL;

		if (e->d_type != DT_DIR || *e->d_name == '.')
			continue;
		if ((r = strf(&part, err, "%s/%s", dir, e->d_name)) >= 0 &&
		    (r = strf(&mark, err, "%s%s/partition", t->from, part)) >= 0 &&
		    exists(mark))
			r = show_links(t, part, false, err);
	}
	return r;
}

/* The partition @dir, and of its disk all but the other partitions. */
static int show_partition(const struct tree *t, const char *dir,
			  struct shift_error *err)
{
	_cleanup_free_ char *disk = strdup(dir), *path = NULL;
	_cleanup_dir_ DIR *d = NULL;
	struct dirent *e;
	int r;

	if (!disk)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	*strrchr(disk, '/') = '\0';
	if ((r = strf(&path, err, "%s%s", t->from, disk)) < 0)
		return r;
	d = opendir(path);
	if (!d)
		return shift_err_set(err, errno, "%s", path);
	while (r >= 0 && (e = readdir(d))) {
		_cleanup_free_ char *file = NULL;

		if (e->d_type != DT_REG && strcmp(e->d_name, "queue"))
			continue;
		r = strf(&file, err, "%s/%s", disk, e->d_name);
		if (r >= 0)
			r = show(t, file, err);
	}
	free(path);
	path = NULL;
	if (r < 0 || (r = show(t, dir, err)) < 0 ||
	    (r = show_hardware(t, disk, DEVICES_DEEP, err)) < 0 ||
	    (r = strf(&path, err, "%s/subsystem", disk)) < 0 ||
	    (r = copy_link(t, path, err)) < 0 ||
	    (r = show_links(t, disk, true, err)) < 0)
		return r;
	return show_links(t, dir, false, err);
}

/* Disks first: the partitions of one that the pod has are in it. */
static int show_devices(const struct tree *t, const struct spec *spec,
			bool partitions, struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < spec->linux_.n_devices; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];
		_cleanup_free_ char *dir = NULL, *mark = NULL, *there = NULL;
		char number[64];

		if (d->type != 'b')
			continue;
		snprintf(number, sizeof(number), "/dev/block/%u:%u", d->major,
			 d->minor);
		dir = follow(t, number);
		/* A node without a device is no reason to fail. */
		if (!dir)
			continue;
		if ((r = strf(&mark, err, "%s%s/partition", t->from, dir)) < 0 ||
		    (r = strf(&there, err, "%s%s/dev", t->to, dir)) < 0)
			return r;
		if (exists(mark) != partitions || exists(there))
			continue;
		r = partitions ? show_partition(t, dir, err) :
				 show_disk(t, dir, err);
	}
	return r;
}

static int mount_tmpfs(const struct spec *spec, const char *name,
		       const char *target, struct shift_error *err)
{
	_cleanup_free_ char *label = NULL, *data = NULL;
	int r;

	if ((r = mkdir_parents(target, 0755, err)) < 0 ||
	    (r = security_mount_label(spec, &label, err)) < 0 ||
	    (r = strf(&data, err, "mode=0755,size=4m%s%s%s",
		      label ? ",context=\"" : "", label ?: "",
		      label ? "\"" : "")) < 0)
		return r;
	if (mount(name, target, "tmpfs", FLAGS, data) < 0)
		return shift_err_set(err, errno, "cannot mount a tmpfs at %s",
				     target);
	return 0;
}

static int make_readonly(const char *target, struct shift_error *err)
{
	if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | FLAGS,
		  NULL) < 0)
		return shift_err_set(err, errno, "cannot make %s read-only",
				     target);
	return 0;
}

static int fill(const struct tree *t, const struct spec *spec,
		struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(empty) / sizeof(*empty); i++) {
		_cleanup_free_ char *path = NULL;

		r = strf(&path, err, "%s%s", t->to, empty[i]);
		if (r >= 0)
			r = mkdir_parents(path, 0755, err);
	}
	for (size_t i = 0; r >= 0 && i < sizeof(always) / sizeof(*always); i++)
		r = show(t, always[i], err);
	if (r >= 0)
		r = show_devices(t, spec, false, err);
	return r < 0 ? r : show_devices(t, spec, true, err);
}

int sysdevices_mount_all(const char *target, struct shift_error *err)
{
	int r = mkdir_parents(target, 0755, err);

	if (r >= 0 && mount("sysfs", target, "sysfs", FLAGS | MS_RDONLY, NULL) < 0)
		return shift_err_set(err, errno, "cannot mount sysfs at %s",
				     target);
	return r;
}

int sysdevices_mount(const struct spec *spec, const char *from,
		     const char *target, struct shift_error *err)
{
	const struct tree t = { from, target };
	int r = sysdevices_mount_all(from, err);

	if (r < 0)
		return r;
	r = mount_tmpfs(spec, "sys", target, err);
	if (r >= 0)
		r = fill(&t, spec, err);
	umount2(from, MNT_DETACH);
	if (r >= 0)
		r = make_readonly(target, err);
	return r < 0 ? shift_err_prefix(err, "a /sys for the pod") : 0;
}

/* @name, "b8:16", from udev's directory to @dir, if it is there. */
static int copy_udev(const char *dir, const char *name, struct shift_error *err)
{
	_cleanup_free_ char *from = NULL, *to = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;
	int r;

	if ((r = strf(&from, err, UDEV_DATA "/%s", name)) < 0 ||
	    (r = strf(&to, err, "%s/%s", dir, name)) < 0)
		return r;
	if (read_file(from, UDEV_MAX, &text, &len, NULL) < 0)
		return 0;
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
	if (fd < 0 || write_whole(fd, text, len) < 0)
		return shift_err_set(err, errno, "cannot write %s", to);
	return 0;
}

int sysdevices_udev(const struct spec *spec, const char *target,
		    struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	int r = strf(&dir, err, "%s/data", target);

	if (r < 0 || (r = mount_tmpfs(spec, "udev", target, err)) < 0 ||
	    (r = mkdir_parents(dir, 0755, err)) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < spec->linux_.n_devices; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];
		char name[64];

		snprintf(name, sizeof(name), "b%u:%u", d->major, d->minor);
		if (d->type == 'b')
			r = copy_udev(dir, name, err);
	}
	return r < 0 ? r : make_readonly(target, err);
}
