/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files as a tar archive: to be imported as any other, or to be copied. */
#include "store/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "store/copy.h"
#include "store/sandbox.h"

/* Where words of a failure go: see layer_hear(). */
static int say_to = -1;

static int complain(struct archive *a, const char *path)
{
	dprintf(say_to, "%c%d cannot read %s: %s", SANDBOX_FAILED,
		archive_errno(a) == EPIPE ? EPIPE : 0, path,
		archive_error_string(a) ?: "unknown error");
	return 1;
}

static int say_failed(const char *path, const char *why)
{
	dprintf(say_to, "%c0 cannot read %s: %s", SANDBOX_FAILED, path, why);
	return 1;
}

/*
 * The file that libarchive has found at @path, below the working directory and perhaps
 * longer than a path can be.  Others may have put something else there meanwhile, a FIFO
 * that libarchive would wait for: so runner opens it itself.
 */
static int open_found(const char *path)
{
	_cleanup_close_ int dir = -1;
	char part[PATH_MAX];
	int fd;

	while (strlen(path) >= sizeof(part)) {
		size_t len = sizeof(part) - 1;

		while (len && path[len] != '/')
			len--;
		if (!len) {
			errno = ENAMETOOLONG;
			return -1;
		}
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		fd = openat(dir < 0 ? AT_FDCWD : dir, part,
			    O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		if (dir >= 0)
			close(dir);
		dir = fd;
		path += len + 1;
	}
	return openat(dir < 0 ? AT_FDCWD : dir, path,
		      O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
}

/* Holes are read as zeros; the writer leaves out those that the entry names. */
static int copy_data(struct archive *tar, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	_cleanup_close_ int fd = open_found(archive_entry_sourcepath(entry));
	int64_t left = archive_entry_size(entry);
	char buf[65536];
	struct stat st;

	if (fd < 0 && errno == EAGAIN)
		return say_failed(path, "a process has a lease on it, F_SETLEASE of fcntl(2)");
	if (fd < 0 || fstat(fd, &st) < 0)
		return say_failed(path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return say_failed(path, "it was a file, and is something else now");
	while (left > 0) {
		ssize_t n = read(fd, buf, left < (int64_t)sizeof(buf) ?
				 (size_t)left : sizeof(buf));

		if (n < 0)
			return say_failed(path, strerror(errno));
		/* The writer fills up what is missing at the end with zeros. */
		if (!n)
			break;
		if (archive_write_data(tar, buf, (size_t)n) < 0)
			return complain(tar, path);
		left -= n;
	}
	return 0;
}

static int write_entry(struct archive *tar, struct archive_entry *entry)
{
	if (archive_write_header(tar, entry) < ARCHIVE_WARN)
		return complain(tar, archive_entry_pathname(entry));
	if (archive_entry_filetype(entry) != AE_IFREG ||
	    archive_entry_hardlink(entry) || archive_entry_size(entry) == 0)
		return 0;
	return copy_data(tar, entry);
}

struct packing {
	struct archive *disk, *tar;
	struct archive_entry_linkresolver *links;
	const char *as;		/* name of the top, NULL: "." */
	bool mounts;		/* with what is mounted below */
	dev_t dev;		/* of the top */
};

/* What the kernel shows there is no file of anybody's. */
static bool is_kernels(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC ||
	       fs.f_type == SYSFS_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC ||
	       fs.f_type == DEVPTS_SUPER_MAGIC;
}

static bool enters(const struct packing *p, struct archive_entry *entry)
{
	return archive_entry_dev(entry) == p->dev ||
	       (p->mounts && !is_kernels(archive_entry_sourcepath(entry)));
}

/* "./a" is "TOP/a" in the archive. */
static int rename_entry(const struct packing *p, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	_cleanup_free_ char *name = NULL;

	if (!p->as)
		return 0;
	if (!path || *path != '.' || strf(&name, NULL, "%s%s", p->as, path + 1) < 0)
		return -1;
	archive_entry_set_pathname(entry, name);
	return 0;
}

/* All of the working directory. */
static int pack_tree(struct packing *p)
{
	struct archive_entry *entry, *spare;
	struct stat st;
	int s, r = 0;

	archive_read_disk_set_symlink_physical(p->disk);
	if (stat(".", &st) < 0 ||
	    archive_read_disk_open(p->disk, ".") != ARCHIVE_OK)
		return complain(p->disk, ".");
	p->dev = st.st_dev;
	while (!r) {
		entry = archive_entry_new();
		s = entry ? archive_read_next_header2(p->disk, entry) : ARCHIVE_FATAL;
		if (s == ARCHIVE_EOF) {
			archive_entry_free(entry);
			break;
		}
		if (s < ARCHIVE_WARN)
			return complain(p->disk, entry ? archive_entry_sourcepath(entry) ?: "." : ".");
		if (enters(p, entry))
			archive_read_disk_descend(p->disk);
		if (archive_entry_filetype(entry) == AE_IFSOCK) {
			archive_entry_free(entry);
			continue;
		}
		if (rename_entry(p, entry) < 0)
			return complain(p->disk, ".");
		archive_entry_linkify(p->links, &entry, &spare);
		r = write_entry(p->tar, entry);
		archive_entry_free(entry);
	}
	return r;
}

/* The file that is open as @fd, and what can be read of it now. */
static int pack_file(struct packing *p, int fd)
{
	struct archive_entry *entry = archive_entry_new();
	char buf[65536];
	ssize_t n;
	int r = 0;

	if (!entry)
		return complain(p->disk, p->as);
	archive_entry_copy_pathname(entry, p->as);
	archive_entry_copy_sourcepath(entry, p->as);
	if (archive_read_disk_entry_from_file(p->disk, entry, fd, NULL) < ARCHIVE_WARN)
		r = complain(p->disk, p->as);
	archive_entry_sparse_clear(entry);
	if (!r && archive_write_header(p->tar, entry) < ARCHIVE_WARN)
		r = complain(p->tar, p->as);
	while (!r && (n = read(fd, buf, sizeof(buf))) != 0)
		if (n < 0 || archive_write_data(p->tar, buf, (size_t)n) < 0)
			r = complain(p->tar, p->as);
	archive_entry_free(entry);
	return r;
}

int copy_pack(int fd, int file, const char *as, bool mounts, int say)
{
	struct packing p = {
		.disk = archive_read_disk_new(), .tar = archive_write_new(),
		.links = archive_entry_linkresolver_new(), .as = as,
		.mounts = mounts,
	};
	int r;

	say_to = say;
	if (!p.links || !p.disk || !p.tar ||
	    archive_write_set_format_pax(p.tar) != ARCHIVE_OK ||
	    /* Names are bytes. */
	    archive_write_set_format_option(p.tar, NULL, "hdrcharset", "BINARY") != ARCHIVE_OK ||
	    archive_write_open_fd(p.tar, fd) != ARCHIVE_OK)
		return 1;
	archive_entry_linkresolver_set_strategy(p.links, archive_format(p.tar));
	r = file < 0 ? pack_tree(&p) : pack_file(&p, file);
	if (!r && archive_write_close(p.tar) != ARCHIVE_OK)
		r = complain(p.tar, as ?: ".");
	archive_entry_linkresolver_free(p.links);
	archive_read_free(p.disk);
	archive_write_free(p.tar);
	return r;
}

int layer_pack_begin(const char *dir, int fd, pid_t *ret, int *say,
		     struct shift_error *err)
{
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_free_ char *real = realpath(dir, NULL);
	int p[2];
	pid_t pid;

	if (!real || pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot read %s", dir);
	in = p[0];
	out = p[1];
	pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_PACK, .root = real, .fds = (int[]){ fd, out },
		.n = 2, .userns = -1 }, err);
	if (pid < 0)
		return pid;
	if (!pid)
		_exit(copy_pack(3, -1, NULL, false, 4));
	*ret = pid;
	*say = steal_fd(&in);
	return 0;
}
