/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "store/tree.h"

#define BLOCK (1u << 17)

/* No file flags: an immutable file could not be removed with the image. */
#define EXTRACT_FLAGS (ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | \
		       ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | \
		       ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_NODOTDOT | \
		       ARCHIVE_EXTRACT_SECURE_SYMLINKS)

#ifndef __SANITIZE_ADDRESS__
/* What unpacking takes; a hostile header can ask for more. */
#define MEMORY_MAX (2ULL << 30)
#endif

/* An archive being read: the decompressor below, tar above. */
struct layer {
	int fd;
	const char *path;
	const struct layer_limits *limits;
	struct archive *raw, *tar;
	struct digest *digest;		/* of what raw gives */
	uint64_t unpacked;		/* bytes of it so far */
	uint64_t files;			/* bytes of files, holes included */
	uint64_t entries;
	bool too_large;
	char block[BLOCK];
};

static void free_writer(struct archive **a)
{
	archive_write_free(*a);
}

static int archive_failed(struct archive *a, const struct layer *l,
			  const char *name, struct shift_error *err)
{
	const char *text = archive_error_string(a);
	int code = archive_errno(a);

	/* What says no more than that, or is no errno, is in the text. */
	if (code < 0 || code == EINVAL || code == EILSEQ)
		code = 0;
	shift_err_set(err, code, "%s%s%s: %s", l->path, name ? ": entry " : "",
		      name ? name : "", text ? text : "damaged archive");
	return -EBADMSG;
}

static int too_large(const struct layer *l, struct shift_error *err)
{
	shift_err_set(err, 0, "%s: unpacked it is larger than the %llu bytes or %llu entries there is room for",
		      l->path, (unsigned long long)l->limits->bytes,
		      (unsigned long long)l->limits->entries);
	shift_err_hint(err, "make room where the images are, or give --max-size");
	return -EFBIG;
}

/* libarchive's read callback of the upper archive. */
static la_ssize_t read_raw(struct archive *tar, void *data, const void **buf)
{
	struct layer *l = data;
	la_ssize_t n = archive_read_data(l->raw, l->block, sizeof(l->block));

	*buf = l->block;
	if (n < 0) {
		archive_set_error(tar, archive_errno(l->raw), "%s",
				  archive_error_string(l->raw) ?: "damaged archive");
		return ARCHIVE_FATAL;
	}
	if (n && !digest_add(l->digest, l->block, (size_t)n)) {
		archive_set_error(tar, EIO, "cannot compute a sha256");
		return ARCHIVE_FATAL;
	}
	l->unpacked += (uint64_t)n;
	if (l->unpacked > l->limits->bytes) {
		l->too_large = true;
		archive_set_error(tar, EFBIG, "too large");
		return ARCHIVE_FATAL;
	}
	return n;
}

static void close_layer(struct layer *l)
{
	archive_read_free(l->tar);
	archive_read_free(l->raw);
	digest_free(l->digest);
}

static int open_layer(struct layer *l, struct shift_error *err)
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
	};
	struct archive_entry *entry;
	struct archive *raw;
	int s;

	l->raw = raw = archive_read_new();
	l->tar = archive_read_new();
	l->digest = digest_begin();
	if (!raw || !l->tar || !l->digest)
		return shift_err_set(err, ENOMEM, "cannot use libarchive");
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (filters[i](raw) != ARCHIVE_OK)
			return archive_failed(raw, l, NULL, err);
	if (archive_read_support_format_raw(raw) != ARCHIVE_OK ||
	    archive_read_support_format_empty(raw) != ARCHIVE_OK ||
	    archive_read_open_fd(raw, l->fd, BLOCK) != ARCHIVE_OK)
		return archive_failed(raw, l, NULL, err);
	s = archive_read_next_header(raw, &entry);
	if (s == ARCHIVE_EOF)
		return shift_err_set(err, 0, "%s is empty", l->path);
	if (s < ARCHIVE_WARN)
		return archive_failed(raw, l, NULL, err);
	if (archive_read_support_format_tar(l->tar) != ARCHIVE_OK ||
	    archive_read_open(l->tar, l, NULL, read_raw, NULL) != ARCHIVE_OK)
		return archive_failed(l->tar, l, NULL, err);
	return 0;
}

/* What stands behind the archive's end is part of its digest. */
static int finish_layer(struct layer *l, char diff_id[DIGEST_HEX + 1],
			struct shift_error *err)
{
	const void *buf;
	la_ssize_t n;

	while ((n = read_raw(l->tar, l, &buf)) > 0)
		;
	if (l->too_large)
		return too_large(l, err);
	if (n < 0)
		return archive_failed(l->tar, l, NULL, err);
	if (!digest_end(l->digest, diff_id))
		return shift_err_set(err, EIO, "cannot compute a sha256");
	return 0;
}

/*
 * The name relative to the root, "." for the root itself; refuses names that
 * mean to lead out.  It belongs to the entry.
 */
static int entry_name(const char *name, const struct layer *l,
		      const char **ret, struct shift_error *err)
{
	if (!name || !*name)
		return shift_err_set(err, 0, "%s: an entry without a usable name",
				     l->path);
	while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	for (const char *p = name; *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			return shift_err_set(err, 0,
					     "%s: the entry '%s' leads out of the image",
					     l->path, name);
		p += len;
	}
	*ret = *name ? name : ".";
	return 0;
}

/* The last component, NULL for the root. */
static char *last_of(char *name)
{
	size_t len = strlen(name);
	char *slash;

	while (len && name[len - 1] == '/')
		name[--len] = '\0';
	slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

/*
 * No component but the last may be a symbolic link: in the layers of an image
 * that is stacked, where such a link leads is not this layer's to know.  What is
 * missing is made when @make is set, marked as nobody's: see tree_inherit().
 */
static int check_parents(const char *name, const struct layer *l, bool make,
			 struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(name);
	struct stat st;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (!lstat(copy, &st)) {
			if (S_ISLNK(st.st_mode))
				return shift_err_set(err, 0,
						     "%s: the entry '%s' goes through the symbolic link '%s'",
						     l->path, name, copy);
		} else if (make && errno == ENOENT &&
			   (mkdir(copy, 0700) < 0 ||
			    lchown(copy, TREE_NOBODY, TREE_NOBODY) < 0)) {
			return shift_err_set(err, errno, "%s: cannot make '%s'",
					     l->path, copy);
		}
		*p = '/';
	}
	return 0;
}

static int keep_attributes(struct archive_entry *entry,
			   struct shift_error *err)
{
	struct kept { char *name; void *value; size_t size; } *kept;
	int n = archive_entry_xattr_reset(entry), k = 0, r = 0;
	const char *name;
	const void *value;
	size_t size;

	if (!n)
		return 0;
	kept = calloc((size_t)n, sizeof(*kept));
	while (kept && archive_entry_xattr_next(entry, &name, &value,
						&size) == ARCHIVE_OK) {
		if (strncmp(name, "user.", 5) &&
		    strcmp(name, "security.capability"))
			continue;
		kept[k].name = strdup(name);
		kept[k].value = malloc(size ? size : 1);
		kept[k].size = size;
		if (!kept[k].name || !kept[k].value)
			r = -ENOMEM;
		else
			memcpy(kept[k].value, value, size);
		k++;
	}
	if (!kept || r)
		r = shift_err_set(err, ENOMEM, "cannot allocate memory");
	archive_entry_xattr_clear(entry);
	for (int i = 0; i < k; i++) {
		if (!r)
			archive_entry_xattr_add_entry(entry, kept[i].name,
						      kept[i].value,
						      kept[i].size);
		free(kept[i].name);
		free(kept[i].value);
	}
	free(kept);
	return r;
}

/* Directories merge; anything else of that name gives way. */
static int make_room(const char *name, mode_t type, struct shift_error *err)
{
	struct stat st;

	if (lstat(name, &st) < 0 || (S_ISDIR(st.st_mode) && S_ISDIR(type)))
		return 0;
	if (!strcmp(name, "."))
		return shift_err_set(err, 0, "the root of a layer is no directory");
	return remove_tree(name, err);
}

/* Counts the entry and refuses what no limit allows. */
static int check_size(struct layer *l, struct archive_entry *entry,
		      struct shift_error *err)
{
	int64_t size = archive_entry_size_is_set(entry) ?
		       archive_entry_size(entry) : 0;

	if (size < 0)
		return shift_err_set(err, 0, "%s: an entry of negative size",
				     l->path);
	/* A sparse entry may promise far more than the archive holds. */
	if (++l->entries > l->limits->entries ||
	    (uint64_t)size > l->limits->bytes - l->files)
		return too_large(l, err);
	l->files += (uint64_t)size;
	return 0;
}

static int unpack_entry(struct archive *disk, struct archive_entry *entry,
			struct layer *l, struct shift_error *err)
{
	_cleanup_free_ char *name = NULL, *link = NULL;
	mode_t type = archive_entry_filetype(entry);
	const char *text;
	int r;

	r = check_size(l, entry, err);
	if (r >= 0)
		r = entry_name(archive_entry_pathname(entry), l, &text, err);
	if (r >= 0)
		r = strf(&name, err, "%s", text);
	if (r < 0)
		return r;
	last_of(name);		/* cuts slashes at the end */
	if (archive_entry_hardlink(entry)) {
		r = entry_name(archive_entry_hardlink(entry), l, &text, err);
		if (r >= 0)
			r = strf(&link, err, "%s", text);
		if (r < 0)
			return r;
		/* A link to itself would lose the file by making room. */
		if (!strcmp(name, link))
			return 0;
		archive_entry_set_hardlink(entry, link);
	} else if (S_ISCHR(type) || S_ISBLK(type)) {
		return 0;
	}
	r = check_parents(name, l, true, err);
	if (r >= 0 && link)
		r = check_parents(link, l, false, err);
	if (r < 0)
		return r;
	archive_entry_set_pathname(entry, name);
	r = keep_attributes(entry, err);
	if (r >= 0)
		r = make_room(name, link ? 0 : type, err);
	if (r < 0)
		return r;
	if (archive_read_extract2(l->tar, entry, disk) != ARCHIVE_OK) {
		if (l->too_large)
			return too_large(l, err);
		return archive_failed(archive_error_string(disk) ? disk : l->tar,
				      l, name, err);
	}
	return 0;
}

static int extract(struct layer *l, char diff_id[DIGEST_HEX + 1],
		   struct shift_error *err)
{
	__attribute__((cleanup(free_writer))) struct archive *disk =
		archive_write_disk_new();
	struct archive_entry *entry;
	int r, s;

	if (!disk ||
	    archive_write_disk_set_options(disk, EXTRACT_FLAGS) != ARCHIVE_OK)
		return shift_err_set(err, ENOMEM, "cannot use libarchive");
	r = open_layer(l, err);
	if (r < 0)
		return r;
	while ((s = archive_read_next_header(l->tar, &entry)) != ARCHIVE_EOF) {
		if (l->too_large)
			return too_large(l, err);
		if (s < ARCHIVE_WARN)
			return archive_failed(l->tar, l, NULL, err);
		r = unpack_entry(disk, entry, l, err);
		if (r < 0)
			return r;
	}
	if (archive_write_close(disk) != ARCHIVE_OK)
		return archive_failed(disk, l, NULL, err);
	return finish_layer(l, diff_id, err);
}

int layer_extract(int fd, const char *path, const struct layer_limits *limits,
		  char diff_id[DIGEST_HEX + 1], struct shift_error *err)
{
	struct layer *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	l->fd = fd;
	l->path = path;
	l->limits = limits;
	r = extract(l, diff_id, err);
	close_layer(l);
	free(l);
	return r;
}

/* What making files of any owner in the chroot takes, and nothing more. */
static int give_up_privileges(struct shift_error *err)
{
	static const cap_value_t keep[] = {
		CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
		CAP_SETFCAP,
	};
	cap_t caps = cap_init();
	int r;

	r = !caps ||
	    cap_set_flag(caps, CAP_PERMITTED, 5, keep, CAP_SET) ||
	    cap_set_flag(caps, CAP_EFFECTIVE, 5, keep, CAP_SET) ||
	    cap_set_proc(caps) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	cap_free(caps);
	if (r)
		return shift_err_set(err, errno, "cannot give up privileges");
	return 0;
}

static void limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	struct rlimit limit = { MEMORY_MAX, MEMORY_MAX };

	setrlimit(RLIMIT_AS, &limit);
#endif
}

static int in_chroot(const char *root, int fd, const char *path,
		     const struct layer_limits *limits,
		     char diff_id[DIGEST_HEX + 1], struct shift_error *err)
{
	int r;

	/*
	 * Inside libc and before the chroot, or converting a name might load
	 * a library of the image.
	 */
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(022);
	if (chroot(root) < 0 || chdir("/") < 0)
		return shift_err_set(err, errno, "cannot enter %s", root);
	limit_memory();
	r = give_up_privileges(err);
	return r < 0 ? r : layer_extract(fd, path, limits, diff_id, err);
}

int layer_confine(pid_t parent, int *fd)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    getppid() != parent || dup2(*fd, 3) != 3 ||
	    close_range(4, ~0U, 0) < 0)
		return -1;
	*fd = 3;
	return 0;
}

static void __attribute__((noreturn)) child_main(pid_t parent,
						 const char *root, int fd,
						 const char *path,
						 const struct layer_limits *limits,
						 int out)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	char diff_id[DIGEST_HEX + 1];
	int r;

	/* Or who is waiting for the store's lock would wait for this too. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	if (dup2(fd, 200) != 200 || dup2(out, 201) != 201 ||
	    dup2(200, 3) != 3 || dup2(201, 4) != 4 ||
	    close_range(5, ~0U, 0) < 0)
		_exit(1);
	r = in_chroot(root, 3, path, limits, diff_id, &err);
	dprintf(4, "%s", r < 0 ? shift_err_text(&err) : diff_id);
	_exit(r < 0);
}

struct archive *layer_open_confined(pid_t parent, int fd)
{
	static const struct layer_limits none = { UINT64_MAX, UINT64_MAX };
	struct layer *l = calloc(1, sizeof(*l));

	setlocale(LC_CTYPE, "C.UTF-8");
	if (!l || layer_confine(parent, &fd) < 0 || chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0)
		return NULL;
	limit_memory();
	if (give_up_privileges(NULL) < 0)
		return NULL;
	l->fd = fd;
	l->path = "archive";
	l->limits = &none;
	return open_layer(l, NULL) < 0 ? NULL : l->tar;
}

/* Offsets of a file are shared with the child that reads it. */
static void show(struct progress *progress, int fd)
{
	off_t at = progress ? lseek(fd, 0, SEEK_CUR) : -1;

	if (at >= 0)
		progress_at(progress, (uint64_t)at);
}

/* What the child said, or that it ended without a word. */
static int hear(int in, pid_t *pid, int fd, const char *path,
		struct progress *progress, char diff_id[DIGEST_HEX + 1],
		struct shift_error *err)
{
	char text[4096];
	size_t len = 0;
	ssize_t n;
	int status;

	for (;;) {
		struct pollfd p = { .fd = in, .events = POLLIN };

		if (poll(&p, 1, 100) == 0) {
			show(progress, fd);
			continue;
		}
		n = read(in, text + len, sizeof(text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	while (waitpid(*pid, &status, 0) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for the unpacking of %s",
					     path);
	*pid = -1;
	if (WIFEXITED(status) && !WEXITSTATUS(status) && len == DIGEST_HEX) {
		memcpy(diff_id, text, DIGEST_HEX + 1);
		return 0;
	}
	shift_err_set(err, 0, "%s", len ? text : "");
	if (!len)
		shift_err_set(err, 0, "%s: unpacking ended with signal %d",
			      path, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return -EBADMSG;
}

int layer_unpack(const char *root, int fd, const char *path,
		 const struct layer_limits *limits, struct progress *progress,
		 char diff_id[DIGEST_HEX + 1], struct shift_error *err)
{
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_child_ pid_t pid = -1;
	pid_t parent = getpid();
	int p[2];

	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return shift_err_set(err, errno, "cannot read %s", path);
	if (pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	in = p[0];
	out = p[1];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (!pid)
		child_main(parent, root, fd, path, limits, out);
	close(steal_fd(&out));
	return hear(in, &pid, fd, path, progress, diff_id, err);
}
