/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/chown.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"

#define FLAGS (ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | \
	       ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_ACL | \
	       ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SPARSE)

struct copy {
	struct archive *from, *to;
	struct archive_entry_linkresolver *links;
	const char *root;
	uint32_t base, count;
};

static int archive_failed(struct archive *a, const char *path,
			  struct shift_error *err)
{
	return shift_err_set(err, 0, "cannot copy %s: %s", path,
			     archive_error_string(a) ?: "unknown error");
}

static bool fits(const struct copy *c, int64_t id)
{
	return id >= 0 && id < c->count;
}

static int shift_acl(const struct copy *c, struct archive_entry *e)
{
	struct kept { int type, perm, tag, id; } *kept;
	int n = archive_entry_acl_reset(e, ARCHIVE_ENTRY_ACL_TYPE_POSIX1E);
	int k = 0, r = 0;
	const char *name;

	if (n <= 0)
		return 0;
	kept = calloc((size_t)n, sizeof(*kept));
	while (kept && k < n &&
	       archive_entry_acl_next(e, ARCHIVE_ENTRY_ACL_TYPE_POSIX1E,
				      &kept[k].type, &kept[k].perm,
				      &kept[k].tag, &kept[k].id, &name) == ARCHIVE_OK)
		k++;
	archive_entry_acl_clear(e);
	for (int i = 0; kept && i < k; i++) {
		if (kept[i].tag == ARCHIVE_ENTRY_ACL_USER ||
		    kept[i].tag == ARCHIVE_ENTRY_ACL_GROUP) {
			if (!fits(c, kept[i].id))
				r = -EINVAL;
			kept[i].id += (int)c->base;
		}
		archive_entry_acl_add_entry(e, kept[i].type, kept[i].perm,
					    kept[i].tag, kept[i].id, NULL);
	}
	r = kept ? r : -ENOMEM;
	free(kept);
	return r;
}

/* Capabilities of the pod's root: the host's would not count in the pod. */
static void shift_caps(const struct copy *c, struct archive_entry *e)
{
	struct vfs_ns_cap_data caps = { 0 };
	const char *name;
	const void *value;
	bool found = false;
	size_t size;

	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
		if (!strcmp(name, "security.capability") &&
		    size == XATTR_CAPS_SZ_2) {
			memcpy(&caps, value, size);
			found = true;
		}
	if (!found)
		return;
	caps.magic_etc = htole32((le32toh(caps.magic_etc) &
				  VFS_CAP_FLAGS_EFFECTIVE) | VFS_CAP_REVISION_3);
	caps.rootid = htole32(c->base);
	/* The last of a name is what the writer sets. */
	archive_entry_xattr_add_entry(e, "security.capability", &caps,
				      XATTR_CAPS_SZ_3);
}

static int copy_data(struct copy *c, struct archive_entry *e,
		     struct shift_error *err)
{
	const char *path = archive_entry_pathname(e);
	const void *buf;
	int64_t offset;
	size_t len;
	int s;

	while ((s = archive_read_data_block(c->from, &buf, &len, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(c->to, buf, len, offset) < 0)
			return archive_failed(c->to, path, err);
	return s == ARCHIVE_EOF ? 0 : archive_failed(c->from, path, err);
}

static int move_name(struct copy *c, struct archive_entry *e,
		     struct shift_error *err)
{
	_cleanup_free_ char *name = NULL, *link = NULL;
	int r = strf(&name, err, "%s/%s", c->root, archive_entry_pathname(e));

	if (r >= 0 && archive_entry_hardlink(e)) {
		r = strf(&link, err, "%s/%s", c->root, archive_entry_hardlink(e));
		if (r >= 0)
			archive_entry_set_hardlink(e, link);
	}
	if (r >= 0)
		archive_entry_set_pathname(e, name);
	return r;
}

static int copy_entry(struct copy *c, struct archive_entry *e,
		      struct shift_error *err)
{
	const char *path = archive_entry_pathname(e);
	mode_t type = archive_entry_filetype(e);
	int r;

	if (S_ISSOCK(type) || S_ISCHR(type) || S_ISBLK(type))
		return 0;
	r = fits(c, archive_entry_uid(e)) && fits(c, archive_entry_gid(e)) ?
	    shift_acl(c, e) : -EINVAL;
	if (r < 0)
		return shift_err_set(err, 0, "%s belongs to or names %" PRId64 ":%" PRId64 ", the pod has the ids 0 to %" PRIu32 " only",
				     path, archive_entry_uid(e),
				     archive_entry_gid(e), c->count - 1);
	archive_entry_set_uid(e, archive_entry_uid(e) + c->base);
	archive_entry_set_gid(e, archive_entry_gid(e) + c->base);
	/* Ids, never names of the host's users. */
	archive_entry_set_uname(e, NULL);
	archive_entry_set_gname(e, NULL);
	shift_caps(c, e);
	r = move_name(c, e, err);
	if (r < 0)
		return r;
	if (archive_write_header(c->to, e) != ARCHIVE_OK)
		return archive_failed(c->to, archive_entry_pathname(e), err);
	if (S_ISREG(type) && !archive_entry_hardlink(e) &&
	    archive_entry_size(e) > 0)
		r = copy_data(c, e, err);
	if (r >= 0 && archive_write_finish_entry(c->to) != ARCHIVE_OK)
		r = archive_failed(c->to, archive_entry_pathname(e), err);
	return r;
}

static int copy_all(struct copy *c, struct shift_error *err)
{
	struct archive_entry *e, *spare;
	int r = 0, s;

	archive_entry_linkresolver_set_strategy(c->links, ARCHIVE_FORMAT_TAR);
	archive_read_disk_set_symlink_physical(c->from);
	if (archive_write_disk_set_options(c->to, FLAGS) != ARCHIVE_OK ||
	    archive_read_disk_open(c->from, ".") != ARCHIVE_OK)
		return archive_failed(c->from, c->root, err);
	while (r >= 0) {
		e = archive_entry_new();
		s = e ? archive_read_next_header2(c->from, e) : ARCHIVE_FATAL;
		if (s == ARCHIVE_EOF) {
			archive_entry_free(e);
			break;
		}
		if (s < ARCHIVE_WARN) {
			archive_entry_free(e);
			return archive_failed(c->from, c->root, err);
		}
		archive_read_disk_descend(c->from);
		archive_entry_linkify(c->links, &e, &spare);
		r = copy_entry(c, e, err);
		archive_entry_free(e);
	}
	if (r >= 0 && archive_write_close(c->to) != ARCHIVE_OK)
		r = archive_failed(c->to, c->root, err);
	return r;
}

int chown_copy(const char *from, const char *to, uint32_t base, uint32_t count,
	       struct shift_error *err)
{
	_cleanup_close_ int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct copy c = { .root = to, .base = base, .count = count };
	int r;

	if (cwd < 0 || chdir(from) < 0)
		return shift_err_set(err, errno, "cannot enter %s", from);
	setlocale(LC_CTYPE, "C.UTF-8");
	c.from = archive_read_disk_new();
	c.to = archive_write_disk_new();
	c.links = archive_entry_linkresolver_new();
	r = !c.from || !c.to || !c.links ?
	    shift_err_set(err, ENOMEM, "cannot use libarchive") :
	    copy_all(&c, err);
	archive_entry_linkresolver_free(c.links);
	archive_read_free(c.from);
	archive_write_free(c.to);
	if (fchdir(cwd) < 0 && r >= 0)
		r = shift_err_set(err, errno, "cannot go back");
	return r;
}
