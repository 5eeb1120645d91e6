/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeding an archive through two sandboxes: see layer.h. */
#include "store/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "store/sandbox.h"

#define BLOCK (1u << 17)

/* All of the archive @in, uncompressed, to @out; text for a failure. */
static const char *inflate(int in, int out)
{
	static int (*const filters[])(struct archive *) = {
		/* By name: "all" would include filters that run programs. */
		archive_read_support_filter_gzip,
		archive_read_support_filter_bzip2,
		archive_read_support_filter_compress,
		archive_read_support_filter_lz4,
		archive_read_support_filter_lzma,
		archive_read_support_filter_xz,
		archive_read_support_filter_zstd,
		archive_read_support_format_raw,
		archive_read_support_format_empty,
	};
	struct archive *a = archive_read_new();
	char *block = malloc(BLOCK);
	struct archive_entry *entry;
	la_ssize_t n;
	int s;

	if (!a || !block)
		return "cannot use libarchive";
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (filters[i](a) != ARCHIVE_OK)
			return archive_error_string(a);
	if (archive_read_open_fd(a, in, BLOCK) != ARCHIVE_OK)
		return archive_error_string(a);
	s = archive_read_next_header(a, &entry);
	if (s == ARCHIVE_EOF)
		return NULL;
	if (s != ARCHIVE_OK)
		return archive_error_string(a) ?: "damaged archive";
	while ((n = archive_read_data(a, block, BLOCK)) > 0)
		for (la_ssize_t at = 0, w; at < n; at += w) {
			w = write(out, block + at, (size_t)(n - at));
			if (w < 0)
				return strerror(errno);
		}
	return n < 0 ? archive_error_string(a) ?: "damaged archive" : NULL;
}

pid_t layer_inflate(int fd, int out, int say, const char *root,
		    uint64_t file_max, struct shift_error *err)
{
	const int fds[] = { fd, out, say };
	const struct sandbox sandbox = {
		.role = SANDBOX_READ, .root = root, .fds = fds, .n = 3,
		.file_max = file_max, .userns = -1,
	};
	const char *failed;
	pid_t pid = sandbox_fork(&sandbox, err);

	if (pid)
		return pid;
	failed = inflate(3, 4);
	if (failed)
		dprintf(5, "%c%s", SANDBOX_FAILED, failed);
	_exit(failed != NULL);
}

/* What the process in the sandbox says: what it took, or what went wrong. */
static void __attribute__((noreturn)) unpack(const char *path,
					     const struct layer_budget *budget,
					     bool with_list)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct layer_taken taken = { 0 };
	FILE *list = with_list ? fdopen(5, "w") : NULL;
	int r = layer_extract(3, path, budget, list, &taken, &err);

	if (r < 0)
		dprintf(4, "%c%d %s", SANDBOX_FAILED, -r, shift_err_text(&err));
	else
		dprintf(4, "%llu %llu %llu %llu",
			(unsigned long long)taken.used.bytes,
			(unsigned long long)taken.used.entries,
			(unsigned long long)taken.used.names,
			(unsigned long long)taken.end);
	_exit(r < 0);
}

static pid_t unpack_begin(const char *root, const struct layer_source *source,
			  const struct layer_budget *budget, int in, int say,
			  int list, struct shift_error *err)
{
	/* The last one is what it speaks to: the list comes before it. */
	const int with[] = { in, say, list, say }, without[] = { in, say };
	const struct sandbox sandbox = {
		.role = SANDBOX_UNPACK, .root = root,
		.fds = list >= 0 ? with : without, .n = list >= 0 ? 4 : 2,
		.file_max = budget->bytes ?: 1, .userns = source->userns,
	};
	pid_t pid = sandbox_fork(&sandbox, err);

	if (!pid)
		unpack(source->path, budget, list >= 0);
	return pid;
}

int layer_hear(pid_t pid, int from, const char *path, char *text, size_t room,
	       struct shift_error *err)
{
	size_t len = 0;
	int status;
	ssize_t n;

	while (len < room - 1) {
		n = read(from, text + len, room - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for a process");
	if (len && text[0] == SANDBOX_FAILED) {
		char *words = text + 1;
		long code = strtol(words, &words, 10);

		/* Its hints are not taken from there. */
		if (code == EFBIG)
			return layer_too_large(path, err);
		shift_err_set(err, 0, "%s%s%s", code ? "" : path, code ? "" : ": ",
			      words + (*words == ' '));
		return code > 0 && code < 4096 ? -(int)code : -EBADMSG;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
		return layer_too_large(path, err);
	if (WIFSIGNALED(status)) {
		shift_err_set(err, 0, "%s: the process that reads it ended with signal %d",
			      path, WTERMSIG(status));
		return -EBADMSG;
	}
	if (WEXITSTATUS(status)) {
		shift_err_set(err, 0, "%s: the process that reads it ended with status %d",
			      path, WEXITSTATUS(status));
		return -EBADMSG;
	}
	return (int)len;
}

/* Offsets of a file are shared with the process that reads it. */
static void show(struct progress *progress, int fd)
{
	off_t at = progress ? lseek(fd, 0, SEEK_CUR) : -1;

	if (at >= 0)
		progress_at(progress, (uint64_t)at);
}

/* 0, or -EPIPE when nobody reads @fd any more. */
static int give(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

/* All from @in to @out, into @digest and *total; 1: the reader has gone. */
static int feed(const struct layer_source *source, int in, int out,
		const struct layer_budget *budget, struct digest *digest,
		uint64_t *total, struct progress *progress,
		struct shift_error *err)
{
	_cleanup_free_ char *block = malloc(BLOCK);
	ssize_t n;
	int r;

	if (!block)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (;;) {
		struct pollfd p = { .fd = in, .events = POLLIN };

		if (poll(&p, 1, 100) == 0) {
			show(progress, source->fd);
			continue;
		}
		n = read(in, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return shift_err_set(err, errno, "cannot read %s", source->path);
		if (!n)
			return 0;
		*total += (uint64_t)n;
		if (*total > budget->bytes)
			return layer_too_large(source->path, err);
		if (!digest_add(digest, block, (size_t)n))
			return shift_err_set(err, EIO, "cannot compute a sha256");
		r = give(out, block, (size_t)n);
		if (r == -EPIPE)
			return 1;
		if (r < 0)
			return shift_err_set(err, -r, "cannot pass on %s", source->path);
		show(progress, source->fd);
	}
}

static int check_digest(const struct layer_source *source, const char *got,
			struct shift_error *err)
{
	if (!source->diff_id || !strcmp(source->diff_id, got))
		return 0;
	shift_err_set(err, 0, "%s: unpacked its sha256 is %s, not the %s that the image's config promises",
		      source->path, got, source->diff_id);
	shift_err_hint(err, "the image is damaged or was changed: fetch it again");
	return -EBADMSG;
}

/* What the unpacking process took is no more than its word, but for the bytes. */
static int take(const struct layer_source *source, const char *text,
		uint64_t total, struct layer_budget *budget,
		struct shift_error *err)
{
	unsigned long long files, entries, names, end;

	if (sscanf(text, "%llu %llu %llu %llu", &files, &entries, &names,
		   &end) != 4)
		return shift_err_set(err, 0, "%s: unpacking ended without a word",
				     source->path);
	if (end > total)
		return shift_err_set(err, 0, "%s ends in the middle of a file",
				     source->path);
	if (files < total)
		files = total;
	if (files > budget->bytes || entries > budget->entries ||
	    names > budget->names)
		return layer_too_large(source->path, err);
	budget->bytes -= files;
	budget->entries -= entries;
	budget->names -= names;
	return 0;
}

struct feeding {
	int raw[2], tar[2], say[2], said[2];
	pid_t inflater, unpacker;
	struct digest *digest;
};

static void close_all(struct feeding *f)
{
	int *const fds[] = { f->raw, f->tar, f->say, f->said };

	for (size_t i = 0; i < 4; i++)
		for (int k = 0; k < 2; k++)
			shift_cleanup_close(&fds[i][k]);
	shift_cleanup_child(&f->inflater);
	shift_cleanup_child(&f->unpacker);
	digest_free(f->digest);
}

static int start(struct feeding *f, const char *root,
		 const struct layer_source *source, int list,
		 const struct layer_budget *budget, struct shift_error *err)
{
	f->digest = digest_begin();
	if (!f->digest || pipe2(f->raw, O_CLOEXEC) < 0 ||
	    pipe2(f->tar, O_CLOEXEC) < 0 || pipe2(f->say, O_CLOEXEC) < 0 ||
	    pipe2(f->said, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make pipes");
	/* Fewer switches between the three processes; no matter if refused. */
	fcntl(f->raw[0], F_SETPIPE_SZ, 1 << 20);
	fcntl(f->tar[0], F_SETPIPE_SZ, 1 << 20);
	f->inflater = layer_inflate(source->fd, f->raw[1], f->say[1], root, 0,
				    err);
	if (f->inflater < 0)
		return f->inflater;
	f->unpacker = unpack_begin(root, source, budget, f->tar[0], f->said[1],
				   list, err);
	close(steal_fd(&f->raw[1]));
	close(steal_fd(&f->say[1]));
	close(steal_fd(&f->tar[0]));
	close(steal_fd(&f->said[1]));
	return f->unpacker < 0 ? f->unpacker : 0;
}

static pid_t steal_pid(pid_t *pid)
{
	pid_t p = *pid;

	*pid = -1;
	return p;
}

static int run(struct feeding *f, const struct layer_source *source,
	       struct layer_budget *budget, struct progress *progress,
	       char diff_id[DIGEST_HEX + 1], struct shift_error *err)
{
	static const char zeros[1536];
	char text[4096];
	uint64_t total = 0;
	int r, gone;

	gone = r = feed(source, f->raw[0], f->tar[1], budget, f->digest, &total,
			progress, err);
	if (r < 0)
		return r;
	if (!gone) {
		r = layer_hear(steal_pid(&f->inflater), f->say[0], source->path,
			       text, sizeof(text), err);
		if (r < 0)
			return r;
		if (!total && !source->diff_id)
			return shift_err_set(err, 0, "%s is empty", source->path);
		if (!digest_end(f->digest, diff_id))
			return shift_err_set(err, EIO, "cannot compute a sha256");
		r = check_digest(source, diff_id, err);
		if (r < 0)
			return r;
		/* It is whole by its digest: what ends it may be missing. */
		if (source->diff_id)
			give(f->tar[1], zeros, 1024 + (512 - total % 512) % 512);
	}
	close(steal_fd(&f->tar[1]));
	r = layer_hear(steal_pid(&f->unpacker), f->said[0], source->path, text,
		       sizeof(text), err);
	if (r >= 0 && gone)
		r = shift_err_set(err, 0, "%s: unpacking ended too early", source->path);
	return r < 0 ? r : take(source, text, total, budget, err);
}

int layer_unpack(const char *root, const struct layer_source *source, int list,
		 struct layer_budget *budget, struct progress *progress,
		 char diff_id[DIGEST_HEX + 1], struct shift_error *err)
{
	struct feeding f = {
		{ -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, -1, -1, NULL,
	};
	void (*was)(int);
	int r;

	if (lseek(source->fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return shift_err_set(err, errno, "cannot read %s", source->path);
	was = signal(SIGPIPE, SIG_IGN);
	r = start(&f, root, source, list, budget, err);
	if (r >= 0)
		r = run(&f, source, budget, progress, diff_id, err);
	close_all(&f);
	signal(SIGPIPE, was);
	return r;
}
