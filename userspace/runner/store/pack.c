/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory as a tar archive, so that it is imported as any other. */
#include "store/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "store/sandbox.h"

/* Where words of a failure go: see layer_hear(). */
static int say_to = -1;

static int complain(struct archive *a, const char *path)
{
	dprintf(say_to, "%c0 cannot read %s: %s", SANDBOX_FAILED, path,
		archive_error_string(a) ?: "unknown error");
	return 1;
}

static int copy_data(struct archive *disk, struct archive *tar,
		     struct archive_entry *entry)
{
	int64_t offset, at = 0;
	const void *buf;
	size_t len;
	int s;

	while ((s = archive_read_data_block(disk, &buf, &len, &offset)) ==
	       ARCHIVE_OK) {
		static const char zeros[4096];

		/* Holes: the writer takes no offsets. */
		while (at < offset) {
			size_t n = offset - at < (int64_t)sizeof(zeros) ?
				   (size_t)(offset - at) : sizeof(zeros);

			if (archive_write_data(tar, zeros, n) < 0)
				return complain(tar, archive_entry_pathname(entry));
			at += (int64_t)n;
		}
		if (archive_write_data(tar, buf, len) < 0)
			return complain(tar, archive_entry_pathname(entry));
		at += (int64_t)len;
	}
	/* The writer fills up what is missing at the end with zeros. */
	return s == ARCHIVE_EOF ? 0 : complain(disk, archive_entry_pathname(entry));
}

static int write_entry(struct archive *disk, struct archive *tar,
		       struct archive_entry *entry)
{
	if (archive_write_header(tar, entry) < ARCHIVE_WARN)
		return complain(tar, archive_entry_pathname(entry));
	if (archive_entry_filetype(entry) != AE_IFREG ||
	    archive_entry_hardlink(entry) || archive_entry_size(entry) == 0)
		return 0;
	return copy_data(disk, tar, entry);
}

/* All of the root directory to @fd. */
static int pack(int fd, int say)
{
	struct archive_entry_linkresolver *links = archive_entry_linkresolver_new();
	struct archive *disk = archive_read_disk_new();
	struct archive *tar = archive_write_new();
	struct archive_entry *entry, *spare;
	struct stat st;
	dev_t dev = 0;
	int s, r = 0;

	say_to = say;
	if (!links || !disk || !tar ||
	    archive_write_set_format_pax(tar) != ARCHIVE_OK ||
	    /* Names are bytes. */
	    archive_write_set_format_option(tar, NULL, "hdrcharset", "BINARY") != ARCHIVE_OK ||
	    archive_write_open_fd(tar, fd) != ARCHIVE_OK)
		return 1;
	archive_entry_linkresolver_set_strategy(links, archive_format(tar));
	archive_read_disk_set_symlink_physical(disk);
	if (stat(".", &st) < 0 || archive_read_disk_open(disk, ".") != ARCHIVE_OK)
		return complain(disk, ".");
	dev = st.st_dev;
	while (!r) {
		entry = archive_entry_new();
		s = entry ? archive_read_next_header2(disk, entry) : ARCHIVE_FATAL;
		if (s == ARCHIVE_EOF) {
			archive_entry_free(entry);
			break;
		}
		if (s < ARCHIVE_WARN)
			return complain(disk, entry ? archive_entry_sourcepath(entry) ?: "." : ".");
		/* What is mounted in it is not part of it. */
		if (archive_entry_dev(entry) == dev)
			archive_read_disk_descend(disk);
		if (archive_entry_filetype(entry) == AE_IFSOCK) {
			archive_entry_free(entry);
			continue;
		}
		archive_entry_linkify(links, &entry, &spare);
		r = write_entry(disk, tar, entry);
		archive_entry_free(entry);
	}
	if (!r && archive_write_close(tar) != ARCHIVE_OK)
		r = complain(tar, ".");
	archive_entry_linkresolver_free(links);
	archive_read_free(disk);
	archive_write_free(tar);
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
		_exit(pack(3, 4));
	*ret = pid;
	*say = steal_fd(&in);
	return 0;
}
