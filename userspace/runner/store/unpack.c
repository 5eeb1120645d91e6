/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process does that makes files of a tar archive. */
#include "store/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "store/entry.h"
#include "store/pax_link.h"
#include "store/tree.h"

/* No file flags: an immutable file could not be removed with the image. */
#define EXTRACT_FLAGS (ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | \
		       ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | \
		       ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_NODOTDOT | \
		       ARCHIVE_EXTRACT_SECURE_SYMLINKS)

/* An archive being unpacked into the working directory. */
struct layer {
	const char *path;
	const struct layer_budget *budget;
	struct archive *tar, *disk;
	struct pax_window *window;

	FILE *list;
	uint64_t files;			/* bytes of files, holes included */
	uint64_t entries, names;
	uint64_t end;			/* in the archive, of the last content */
};

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

int layer_too_large(const char *path, struct shift_error *err)
{
	shift_err_set(err, 0, "%s: unpacked it is larger than there is room for",
		      path);
	shift_err_hint(err, "make room where the images are, or give --max-size");
	return -EFBIG;
}

int layer_entry_name(const char *name, const char *archive, char **ret,
		     struct shift_error *err)
{
	_cleanup_free_ char *clean = malloc(strlen(name ?: "") + 2);
	size_t len = 0;

	if (!clean)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (!name || !*name)
		return shift_err_set(err, 0, "%s: an entry without a usable name",
				     archive);
	for (const char *p = name + strspn(name, "/"); *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2)) {
			if (!len)
				return shift_err_set(err, 0,
						     "%s: the entry '%s' leads out of the image",
						     archive, name);
			while (len && clean[--len] != '/')
				;
		} else if (n != 1 || *p != '.') {
			if (len)
				clean[len++] = '/';
			memcpy(clean + len, p, n);
			len += n;
		}
		p += n;
	}
	strcpy(clean + len, len ? "" : ".");
	/* libarchive would go down step by step, and everybody after it. */
	if (len >= PATH_MAX)
		return shift_err_set(err, ENAMETOOLONG, "%s: an entry whose name has %zu bytes",
				     archive, len);
	*ret = steal_ptr(&clean);
	return 0;
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

int layer_keep_attributes(struct archive_entry *entry, bool capabilities,
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
		    (!capabilities || strcmp(name, "security.capability")))
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
		      const char *name, struct shift_error *err)
{
	const struct layer_budget *b = l->budget;
	int64_t size = archive_entry_size_is_set(entry) ?
		       archive_entry_size(entry) : 0;

	if (size < 0)
		return shift_err_set(err, 0, "%s: an entry of negative size",
				     l->path);
	l->names += strlen(name) + 1;
	/* A sparse entry may promise far more than the archive holds. */
	if (++l->entries > b->entries || l->names > b->names ||
	    (uint64_t)size > b->bytes - l->files)
		return layer_too_large(l->path, err);
	l->files += (uint64_t)size;
	return 0;
}

/* chown(2) takes the id 2^32 - 1 for none, and cuts what is larger. */
static int check_owner(const struct layer *l, struct archive_entry *entry,
		       const char *name, struct shift_error *err)
{
	int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
	bool good = uid >= 0 && uid < UINT32_MAX;

	if (good && gid >= 0 && gid < UINT32_MAX)
		return 0;
	return shift_err_set(err, 0, "%s: the %s %lld of the entry '%s' is not a number from 0 to %u",
			     l->path, good ? "group" : "owner",
			     (long long)(good ? gid : uid), name, UINT32_MAX - 1);
}

/* A line of the list: see layer_unpack(). */
static void list_entry(struct layer *l, char type, uint64_t size,
		       const char *content, const char *name,
		       const char *target)
{
	if (!l->list)
		return;
	fprintf(l->list, "%c %llu %s ", type, (unsigned long long)size, content);
	tree_put_text(l->list, name);
	if (target) {
		fputs(" -> ", l->list);
		tree_put_text(l->list, target);
	}
	fputc('\n', l->list);
}

/* A hole from @from to @to. */
static bool digest_hole(struct digest *d, int64_t from, int64_t to)
{
	static const char zeros[65536];
	bool good = true;

	while (good && from < to) {
		size_t n = to - from < (int64_t)sizeof(zeros) ?
			   (size_t)(to - from) : sizeof(zeros);

		good = digest_add(d, zeros, n);
		from += (int64_t)n;
	}
	return good;
}

/* The content of the entry, holes as zeros, into the file and into @hex. */
static int copy_data(struct layer *l, const char *name, int64_t size,
		     char hex[DIGEST_HEX + 1], struct shift_error *err)
{
	struct digest *d = digest_begin();
	int64_t offset, at = 0;
	const void *buf;
	bool good = d;
	size_t len;
	int s, r = 0;

	while (good && (s = archive_read_data_block(l->tar, &buf, &len,
						    &offset)) != ARCHIVE_EOF) {
		if (s != ARCHIVE_OK) {
			r = archive_failed(l->tar, l, name, err);
			break;
		}
		good = good && digest_hole(d, at, offset);
		at = offset > at ? offset : at;
		good = good && digest_add(d, buf, len);
		/* Where this block begins: it is not consumed yet. */
		l->end = (uint64_t)archive_filter_bytes(l->tar, 0) + len;
		at += (int64_t)len;
		if (archive_write_data_block(l->disk, buf, len, offset) != ARCHIVE_OK) {
			r = archive_failed(l->disk, l, name, err);
			break;
		}
	}
	/* A sparse file may end in one. */
	good = good && digest_hole(d, at, size);
	if (!r && (!good || !digest_end(d, hex)))
		r = shift_err_set(err, EIO, "cannot compute a sha256");
	digest_free(d);
	return r < 0 ? r : 0;
}

static char letter_of(mode_t type)
{
	return S_ISDIR(type) ? 'd' : S_ISLNK(type) ? 'l' :
	       S_ISFIFO(type) ? 'p' : S_ISSOCK(type) ? 's' : 'f';
}

static int write_entry(struct layer *l, struct archive_entry *entry,
		       const char *name, const char *link,
		       struct shift_error *err)
{
	mode_t type = archive_entry_filetype(entry);
	bool data = (S_ISREG(type) || link) && archive_entry_size_is_set(entry) &&
		    archive_entry_size(entry) > 0;
	char hex[DIGEST_HEX + 1] = "-";

	if (archive_write_header(l->disk, entry) != ARCHIVE_OK)
		return archive_failed(l->disk, l, name, err);
	if (data) {
		int r = copy_data(l, name, archive_entry_size(entry), hex, err);

		if (r < 0)
			return r;
	}
	if (archive_write_finish_entry(l->disk) != ARCHIVE_OK)
		return archive_failed(l->disk, l, name, err);
	if (link)
		list_entry(l, 'h', data ? (uint64_t)archive_entry_size(entry) : 0,
			   hex, name, link);
	else
		list_entry(l, letter_of(type),
			   data ? (uint64_t)archive_entry_size(entry) : 0, hex,
			   name, S_ISLNK(type) ? archive_entry_symlink(entry) : NULL);
	return 0;
}

static int unpack_entry(struct layer *l, struct archive_entry *entry,
			struct shift_error *err)
{
	_cleanup_free_ char *name = NULL, *link = NULL;
	mode_t type = archive_entry_filetype(entry);
	struct stat st;
	int r;

	r = layer_entry_name(archive_entry_pathname(entry), l->path, &name, err);
	if (r >= 0)
		r = check_size(l, entry, name, err);
	if (r >= 0)
		r = check_owner(l, entry, name, err);
	if (r < 0)
		return r;
	if (archive_entry_hardlink(entry)) {
		r = layer_entry_name(archive_entry_hardlink(entry), l->path, &link, err);
		if (r < 0)
			return r;
		/* A link to itself would lose the file by making room. */
		if (!strcmp(name, link) && !lstat(name, &st))
			return 0;
		archive_entry_set_hardlink(entry, link);
	} else if (S_ISCHR(type) || S_ISBLK(type)) {
		return 0;
	} else if (S_ISLNK(type) && !(archive_entry_symlink(entry) ?: "")[0]) {
		return shift_err_set(err, 0, "%s: the entry '%s' is a symbolic link to nothing",
				     l->path, name);
	}
	r = check_parents(name, l, true, err);
	if (r >= 0 && link)
		r = check_parents(link, l, false, err);
	if (r < 0)
		return r;
	archive_entry_set_pathname(entry, name);
	r = layer_keep_attributes(entry, true, err);
	if (r >= 0)
		r = make_room(name, link ? 0 : type, err);
	if (r < 0)
		return r;
	if (link && lstat(link, &st) < 0 && errno == ENOENT) {
		/* To a file of a layer below: made later, by who knows that. */
		list_entry(l, 'H', 0, "-", name, link);
		return 0;
	}
	return write_entry(l, entry, name, link, err);
}

static int unpack_all(struct layer *l, struct shift_error *err)
{
	struct archive_entry *entry;
	int r, s;

	while ((s = archive_read_next_header(l->tar, &entry)) != ARCHIVE_EOF) {
		/* A warning means that something of the entry is missing. */
		if (s != ARCHIVE_OK && (s != ARCHIVE_WARN || !pax_harmless(l->tar)))
			return archive_failed(l->tar, l, s == ARCHIVE_WARN ?
					      archive_entry_pathname(entry) : NULL,
					      err);
		if (s == ARCHIVE_WARN) {
			r = pax_mend_link(l->tar, l->window, entry, err);
			if (r < 0)
				return shift_err_prefix(err, "%s", l->path);
		}
		archive_clear_error(l->tar);
		r = unpack_entry(l, entry, err);
		if (r < 0)
			return r;
	}
	if (archive_write_close(l->disk) != ARCHIVE_OK)
		return archive_failed(l->disk, l, NULL, err);
	return 0;
}

int layer_extract(int fd, const char *path, const struct layer_budget *budget,
		  FILE *list, struct layer_taken *taken, struct shift_error *err)
{
	struct layer l = { .path = path, .budget = budget, .list = list };
	char rest[4096];
	int r;

	l.window = calloc(1, sizeof(*l.window));
	if (!l.window)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	l.window->fd = fd;
	l.tar = archive_read_new();
	l.disk = archive_write_disk_new();
	if (!l.tar || !l.disk ||
	    archive_write_disk_set_options(l.disk, EXTRACT_FLAGS) != ARCHIVE_OK)
		r = shift_err_set(err, ENOMEM, "cannot use libarchive");
	else if (archive_read_support_format_tar(l.tar) != ARCHIVE_OK ||
		 pax_open(l.tar, l.window) != ARCHIVE_OK)
		r = archive_failed(l.tar, &l, NULL, err);
	else
		r = unpack_all(&l, err);
	archive_write_free(l.disk);
	archive_read_free(l.tar);
	free(l.window);
	/* Who writes into the pipe is to come to an end. */
	while (r >= 0 && read(fd, rest, sizeof(rest)) > 0)
		;
	if (r >= 0 && list && (fflush(list) || ferror(list)))
		r = shift_err_set(err, errno ?: EIO, "cannot write the list of %s", path);
	if (r >= 0)
		*taken = (struct layer_taken){ { l.files, l.entries, l.names }, l.end };
	return r;
}
