/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "util.h"

#define BLOCK (1u << 17)

/* No file flags: an immutable file could not be removed with the image. */
#define EXTRACT_FLAGS (ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | \
		       ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | \
		       ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_NODOTDOT)

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

struct layer {
	int fd;
	const char *path;
};

static void free_reader(struct archive **a)
{
	archive_read_free(*a);
}

static void free_writer(struct archive **a)
{
	archive_write_free(*a);
}

static int archive_failed(struct archive *a, const struct layer *l,
			  const char *name, struct shift_error *err)
{
	const char *text = archive_error_string(a);

	/* Some of libarchive's errors come without errno, some with negative. */
	shift_err_set(err, 0, "%s%s%s: %s", l->path, name ? ": entry " : "",
		      name ? name : "", text ? text : "damaged archive");
	return -EBADMSG;
}

static int open_layer(const struct layer *l, struct archive **ret,
		      struct shift_error *err)
{
	struct archive *a = archive_read_new();

	/* By name: "all" would include filters that run programs. */
	if (!a || lseek(l->fd, 0, SEEK_SET) < 0 ||
	    archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_fd(a, l->fd, BLOCK) != ARCHIVE_OK) {
		int r = archive_failed(a, l, NULL, err);

		archive_read_free(a);
		return r;
	}
	*ret = a;
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

static bool is_whiteout(const char *name)
{
	_cleanup_free_ char *copy = strdup(name);

	return copy && !strncmp(last_of(copy), WHITEOUT, strlen(WHITEOUT));
}

/* Removes everything in the directory @path; a symbolic link is none. */
static int empty_directory(const char *path, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot empty %s", path);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return shift_err_set(err, ENOMEM, "cannot empty %s", path);
	}
	while (r >= 0 && (e = readdir(dir))) {
		_cleanup_free_ char *child = NULL;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		r = strf(&child, err, "%s/%s", path, e->d_name);
		if (r >= 0)
			r = remove_tree(child, err);
	}
	return r;
}

static int apply_whiteout(const char *name, struct shift_error *err)
{
	_cleanup_free_ char *parent = strdup(name), *victim = NULL;
	char *last;
	int r;

	if (!parent)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	last = last_of(parent);
	r = strf(&victim, err, "%s", last + strlen(WHITEOUT));
	if (r < 0)
		return r;
	if (!strcmp(last, OPAQUE)) {
		*last = '\0';
		return empty_directory(*parent ? parent : ".", err);
	}
	if (!*victim || !strcmp(victim, ".") || !strcmp(victim, "..") ||
	    !strncmp(victim, WHITEOUT, strlen(WHITEOUT)))
		return 0;	/* reserved, or means nothing */
	*last = '\0';
	free(steal_ptr(&victim));
	r = strf(&victim, err, "%s%s", parent,
		 name + strlen(parent) + strlen(WHITEOUT));
	return r < 0 ? r : remove_tree(victim, err);
}

/*
 * Whiteouts apply to the layers below only, wherever they stand in the
 * archive, hence a pass of their own before anything is unpacked.
 */
static int whiteouts(const struct layer *l, struct shift_error *err)
{
	__attribute__((cleanup(free_reader))) struct archive *a = NULL;
	struct archive_entry *entry;
	const char *name;
	int r, s;

	r = open_layer(l, &a, err);
	if (r < 0)
		return r;
	while ((s = archive_read_next_header(a, &entry)) != ARCHIVE_EOF) {
		if (s < ARCHIVE_WARN)
			return archive_failed(a, l, NULL, err);
		r = entry_name(archive_entry_pathname(entry), l, &name, err);
		if (r >= 0 && is_whiteout(name))
			r = apply_whiteout(name, err);
		if (r < 0)
			return r;
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

static int unpack_entry(struct archive *a, struct archive *disk,
			struct archive_entry *entry, const struct layer *l,
			struct shift_error *err)
{
	_cleanup_free_ char *name = NULL, *link = NULL;
	mode_t type = archive_entry_filetype(entry);
	const char *text;
	int r;

	r = entry_name(archive_entry_pathname(entry), l, &text, err);
	if (r < 0 || is_whiteout(text))
		return r;
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
	archive_entry_set_pathname(entry, name);
	r = keep_attributes(entry, err);
	if (r >= 0)
		r = make_room(name, link ? 0 : type, err);
	if (r < 0)
		return r;
	if (archive_read_extract2(a, entry, disk) != ARCHIVE_OK)
		return archive_failed(archive_error_string(disk) ? disk : a, l,
				      name, err);
	return 0;
}

static int entries(const struct layer *l, struct shift_error *err)
{
	__attribute__((cleanup(free_writer))) struct archive *disk =
		archive_write_disk_new();
	__attribute__((cleanup(free_reader))) struct archive *a = NULL;
	struct archive_entry *entry;
	int r, s;

	if (!disk ||
	    archive_write_disk_set_options(disk, EXTRACT_FLAGS) != ARCHIVE_OK)
		return shift_err_set(err, ENOMEM, "cannot use libarchive");
	r = open_layer(l, &a, err);
	if (r < 0)
		return r;
	while ((s = archive_read_next_header(a, &entry)) != ARCHIVE_EOF) {
		if (s < ARCHIVE_WARN)
			return archive_failed(a, l, NULL, err);
		r = unpack_entry(a, disk, entry, l, err);
		if (r < 0)
			return r;
	}
	if (archive_write_close(disk) != ARCHIVE_OK)
		return archive_failed(disk, l, NULL, err);
	return 0;
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

static int in_chroot(const char *root, struct layer *l, bool lowest,
		     struct shift_error *err)
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
	r = give_up_privileges(err);
	if (r >= 0 && !lowest)
		r = whiteouts(l, err);
	if (r >= 0)
		r = entries(l, err);
	return r;
}

static void __attribute__((noreturn)) child_main(const char *root, int fd,
						 const char *path, bool lowest,
						 int out)
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct layer l = { .fd = 3, .path = path };
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(fd, 200) != 200 || dup2(out, 4) != 4 || dup2(200, 3) != 3 ||
	    close_range(5, ~0U, 0) < 0)
		_exit(1);
	r = in_chroot(root, &l, lowest, &err);
	if (r < 0)
		dprintf(4, "%s", shift_err_text(&err));
	_exit(r < 0);
}

/* What the child said, or that it ended without a word. */
static int hear(int in, pid_t *pid, const char *path, struct shift_error *err)
{
	char text[4096];
	size_t len = 0;
	ssize_t n;
	int status;

	while (len < sizeof(text) - 1 &&
	       ((n = read(in, text + len, sizeof(text) - 1 - len)) > 0 ||
		(n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	text[len] = '\0';
	while (waitpid(*pid, &status, 0) < 0)
		if (errno != EINTR)
			return shift_err_set(err, errno, "cannot wait for the unpacking of %s",
					     path);
	*pid = -1;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	shift_err_set(err, 0, "%s", len ? text : "");
	if (!len)
		shift_err_set(err, 0, "%s: unpacking ended with signal %d",
			      path, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return -EBADMSG;
}

int layer_apply(const char *root, int fd, const char *path, bool lowest,
		struct shift_error *err)
{
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_child_ pid_t pid = -1;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	in = p[0];
	out = p[1];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (!pid)
		child_main(root, fd, path, lowest, out);
	close(steal_fd(&out));
	return hear(in, &pid, path, err);
}
