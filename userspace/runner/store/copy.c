/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/copy.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "store/entry.h"
#include "store/layer.h"
#include "store/pax_link.h"
#include "store/sandbox.h"

#define FLAGS (ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | \
	       ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | \
	       ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_NODOTDOT | \
	       ARCHIVE_EXTRACT_SECURE_SYMLINKS)

struct taking {
	const struct copy_in *how;
	struct archive *tar, *disk;
	struct pax_window *window;
	bool any;
};

static int failed(const struct taking *t, struct archive *a, const char *name,
		  struct shift_error *err)
{
	const char *text = archive_error_string(a);
	int code = archive_errno(a);

	/* What says no more than that, or is no errno, is in the text. */
	if (code < 0 || code == EINVAL || code == EILSEQ)
		code = 0;
	shift_err_set(err, code, "%s: %s", t->how->what, text ?: "damaged archive");
	if (name && text && !strstr(text, name))
		shift_err_prefix(err, "%s", name);
	return code ? -code : -EBADMSG;
}

/* What the entry @text is called here, in *ret, the caller's; NULL: nothing. */
static int rename_entry(const struct taking *t, const char *text, char **ret,
			struct shift_error *err)
{
	_cleanup_free_ char *name = NULL;
	const char *rest;
	int r = layer_entry_name(text, t->how->what, &name, err);

	if (r < 0 || !t->how->top) {
		*ret = r < 0 ? NULL : steal_ptr(&name);
		return r;
	}
	rest = name;
	if (!t->how->contents)
		rest += strcspn(rest, "/");
	else if (!strcmp(rest, "."))
		rest = "";
	rest += *rest == '/';
	return strf(ret, err, "%s%s%s", t->how->top, *rest ? "/" : "", rest);
}

/* The first entry says what is copied. */
static int check_top(struct taking *t, bool is_dir, struct shift_error *err)
{
	const struct copy_in *how = t->how;

	if (t->any || !how->top)
		return 0;
	t->any = true;
	if (how->top_is_file && is_dir)
		return shift_err_set(err, ENOTDIR, "%s: a directory cannot take its place",
				     how->what);
	if (how->top_wants_dir && !is_dir)
		return shift_err_set(err, ENOENT, "%s: there is no such directory",
				     how->what);
	return 0;
}

/* What is there already is of another kind. */
static int check_place(const struct taking *t, const char *name, bool is_dir,
		       struct shift_error *err)
{
	struct stat st;

	if (lstat(name, &st) < 0 || !S_ISDIR(st.st_mode) == !is_dir)
		return 0;
	return shift_err_set(err, 0, "%s: %s is there already and is %s directory",
			     t->how->what, name, is_dir ? "no" : "a");
}

static void set_owner(const struct taking *t, struct archive_entry *e)
{
	/* Numbers, never names. */
	archive_entry_set_uname(e, NULL);
	archive_entry_set_gname(e, NULL);
	if (t->how->own) {
		archive_entry_set_uid(e, t->how->uid);
		archive_entry_set_gid(e, t->how->gid);
		/* Of others than the owner there was none in it. */
		archive_entry_acl_clear(e);
	}
	if (t->how->harmless)
		archive_entry_set_perm(e, archive_entry_perm(e) & 01777);
}

static int copy_data(const struct taking *t, const char *name,
		     struct shift_error *err)
{
	const void *buf;
	int64_t offset;
	size_t len;
	int s;

	while ((s = archive_read_data_block(t->tar, &buf, &len, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(t->disk, buf, len, offset) < ARCHIVE_OK)
			return failed(t, t->disk, name, err);
	return s == ARCHIVE_EOF ? 0 : failed(t, t->tar, name, err);
}

static int take(struct taking *t, struct archive_entry *e,
		struct shift_error *err)
{
	_cleanup_free_ char *name = NULL, *link = NULL;
	mode_t type = archive_entry_filetype(e);
	bool is_dir = S_ISDIR(type) && !archive_entry_hardlink(e);
	int r = rename_entry(t, archive_entry_pathname(e), &name, err);

	if (r >= 0)
		r = check_top(t, is_dir, err);
	if (r >= 0 && archive_entry_hardlink(e)) {
		r = rename_entry(t, archive_entry_hardlink(e), &link, err);
		if (r >= 0)
			archive_entry_set_hardlink(e, link);
	}
	if (r < 0)
		return r;
	/* No side gives the other devices. */
	if (!link && (S_ISCHR(type) || S_ISBLK(type) || S_ISSOCK(type)))
		return 0;
	r = check_place(t, name, is_dir, err);
	if (r >= 0)
		r = layer_keep_attributes(e, !t->how->harmless, err);
	if (r < 0)
		return r;
	archive_entry_set_pathname(e, name);
	set_owner(t, e);
	/* The directory that is copied into keeps what it has. */
	if (is_dir && !strcmp(name, ".") && !t->how->top_too)
		return 0;
	if (archive_write_header(t->disk, e) != ARCHIVE_OK)
		return failed(t, t->disk, name, err);
	if (archive_entry_size_is_set(e) && archive_entry_size(e) > 0)
		r = copy_data(t, name, err);
	if (r >= 0 && archive_write_finish_entry(t->disk) != ARCHIVE_OK)
		r = failed(t, t->disk, name, err);
	return r;
}

static int take_all(struct taking *t, struct shift_error *err)
{
	struct archive_entry *e;
	int r = 0, s;

	while (r >= 0 &&
	       (s = archive_read_next_header(t->tar, &e)) != ARCHIVE_EOF) {
		/* A warning: something of the entry is missing. */
		if (s != ARCHIVE_OK && (s != ARCHIVE_WARN || !pax_harmless(t->tar)))
			return failed(t, t->tar, NULL, err);
		if (s == ARCHIVE_WARN)
			r = pax_mend_link(t->tar, t->window, e, err);
		archive_clear_error(t->tar);
		if (r >= 0)
			r = take(t, e, err);
	}
	if (r >= 0 && archive_write_close(t->disk) != ARCHIVE_OK)
		r = failed(t, t->disk, NULL, err);
	return r;
}

int copy_unpack(int fd, const struct copy_in *how, struct shift_error *err)
{
	struct taking t = { .how = how, .tar = archive_read_new(),
			    .disk = archive_write_disk_new(),
			    .window = calloc(1, sizeof(*t.window)) };
	char rest[4096];
	int r;

	if (!t.tar || !t.disk || !t.window ||
	    archive_write_disk_set_options(t.disk, FLAGS) != ARCHIVE_OK ||
	    archive_read_support_format_tar(t.tar) != ARCHIVE_OK) {
		r = shift_err_set(err, ENOMEM, "cannot use libarchive");
	} else {
		t.window->fd = fd;
		r = pax_open(t.tar, t.window) == ARCHIVE_OK ? take_all(&t, err) :
		    failed(&t, t.tar, NULL, err);
	}
	archive_write_free(t.disk);
	archive_read_free(t.tar);
	free(t.window);
	/* Who writes into the pipe is to come to an end. */
	while (r >= 0 && read(fd, rest, sizeof(rest)) > 0)
		;
	return r;
}

/* What the process that unpacks has to say goes to layer_hear(). */
static pid_t start_unpack(const char *to, int fd, int say,
			  struct shift_error *err)
{
	const struct copy_in how = { .what = to, .top_too = true };
	struct shift_error own = SHIFT_ERROR_INIT;
	pid_t pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_UNPACK, .root = to, .fds = (int[]){ fd, say },
		.n = 2, .userns = -1 }, err);
	int r;

	if (pid)
		return pid;
	r = copy_unpack(3, &how, &own);
	if (r < 0)
		dprintf(4, "%c%d %s", SANDBOX_FAILED, -r, shift_err_text(&own));
	_exit(r < 0);
}

int copy_tree(const char *from, const char *to, struct shift_error *err)
{
	int tar[2] = { -1, -1 }, say[2] = { -1, -1 }, packs = -1, r;
	pid_t packer = -1, unpacker = -1;
	char text[4096];

	if (pipe2(tar, O_CLOEXEC) < 0 || pipe2(say, O_CLOEXEC) < 0)
		return shift_err_set(err, errno, "cannot make a pipe");
	r = layer_pack_begin(from, tar[1], &packer, &packs, err);
	if (r >= 0)
		r = unpacker = start_unpack(to, tar[0], say[1], err);
	close(tar[0]);
	close(tar[1]);
	close(say[1]);
	if (unpacker > 0)
		r = layer_hear(unpacker, say[0], to, text, sizeof(text), err);
	if (packer > 0 && r < 0)
		layer_hear(packer, packs, from, text, sizeof(text), NULL);
	else if (packer > 0)
		r = layer_hear(packer, packs, from, text, sizeof(text), err);
	close(say[0]);
	close(packs);
	return r < 0 ? r : 0;
}
