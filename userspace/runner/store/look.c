/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/look.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/util.h"
#include "cleanup.h"
#include "store/layer.h"
#include "store/sandbox.h"

#define DOCUMENT_MAX (4u << 20)

/* What was seen at the top of the archive. */
struct seen {
	bool layout, index, repositories, docker;
	bool inner;		/* such names one folder down */
	bool rootfs;		/* a folder that others have in images */
	bool beside;		/* and the file that they have beside it */
	char *manifest;
};

static bool ends(const char *name, const char *end)
{
	size_t n = strlen(name), e = strlen(end);

	return n > e && !strcmp(name + n - e, end);
}

static bool is_document(const char *name, size_t len)
{
	static const char *const names[] = {
		"blobs", "index.json", "oci-layout", "manifest.json", "repositories",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (len == strlen(names[i]) && !strncmp(name, names[i], len))
			return true;
	return false;
}

/*
 * Names that archives of images have: blobs, layers and configs of all who
 * write them.  At the top no root filesystem has files of that kind.
 */
static bool of_image(const char *name, bool directory)
{
	size_t len = strcspn(name, "/");

	if (is_document(name, len))
		return true;
	if (!strncmp(name, "sha256:", 7))
		name += 7;
	if (strspn(name, "0123456789abcdef") == DIGEST_HEX)
		return true;
	return !directory && !strchr(name, '/') &&
	       (ends(name, ".json") || ends(name, ".tar") || ends(name, ".tar.gz"));
}

static char *read_entry(struct archive *a, int64_t size)
{
	char *text = size >= 0 && size <= DOCUMENT_MAX ? calloc(1, (size_t)size + 1) : NULL;

	if (text && archive_read_data(a, text, (size_t)size) != size) {
		free(text);
		text = NULL;
	}
	return text;
}

/* False when this is a root filesystem. */
static bool see(struct seen *s, struct archive *a, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *inner;
	bool directory = archive_entry_filetype(e) == AE_IFDIR;

	while (name && name[0] == '.' && name[1] == '/')
		name += 2;
	if (!name || !*name || !strcmp(name, "."))
		return name != NULL;
	inner = strchr(name, '/');
	/* A bundle of runtimes, or an image of LXD or Incus. */
	s->rootfs = s->rootfs || !strncmp(name, "rootfs/", 7) ||
		    (directory && !strcmp(name, "rootfs"));
	if (!strcmp(name, "config.json") || !strcmp(name, "metadata.yaml")) {
		s->beside = true;
		return true;
	}
	if (!strncmp(name, "rootfs/", 7) || !strncmp(name, "templates/", 10))
		return true;
	if (!of_image(name, directory)) {
		/* "folder/" may be anything still, "folder/oci-layout" not. */
		if (directory && (!inner || !inner[1]))
			return true;
		s->inner = s->inner || (inner && is_document(inner + 1, strcspn(inner + 1, "/")));
		return s->inner;
	}
	s->layout = s->layout || !strcmp(name, "oci-layout");
	s->index = s->index || !strcmp(name, "index.json");
	s->repositories = s->repositories || !strcmp(name, "repositories");
	if (!strcmp(name, "manifest.json") && !s->docker) {
		s->manifest = read_entry(a, archive_entry_size(e));
		s->docker = look_is_docker(s->manifest);
		if (!s->docker)
			free(steal_ptr(&s->manifest));
	}
	return true;
}

/* The letter of what it is, and a manifest. */
static int look(int in, int out)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	struct seen s = { 0 };
	bool any = false, rootfs = false;
	int r;

	if (!a || archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
	    archive_read_support_filter_compress(a) != ARCHIVE_OK ||
	    archive_read_support_filter_lz4(a) != ARCHIVE_OK ||
	    archive_read_support_filter_lzma(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_fd(a, in, 1 << 17) != ARCHIVE_OK)
		return dprintf(out, "%c0 %s", SANDBOX_FAILED, archive_error_string(a));
	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK ||
	       r == ARCHIVE_WARN) {
		any = true;
		rootfs = !see(&s, a, e);
		if (rootfs)
			break;
	}
	if (!any)
		return dprintf(out, "%c0 this is no archive that runner can read: it takes tar, plain or compressed",
			       SANDBOX_FAILED);
	if (rootfs)
		return dprintf(out, "r");
	if (s.rootfs && s.beside)
		return dprintf(out, "%c0 this is no root filesystem: that is in its folder rootfs, which can be imported once it is unpacked",
			       SANDBOX_FAILED);
	if (s.docker)
		return dprintf(out, "%c%s", archive_filter_code(a, 0) ? 'D' : 'd',
			       s.manifest);
	if (s.layout && s.index)
		return dprintf(out, "o");
	if (s.inner)
		return dprintf(out, "%c0 the image is in a folder of the archive: unpack it and import that folder, or make the archive in the folder",
			       SANDBOX_FAILED);
	if (s.repositories || s.index || s.layout)
		return dprintf(out, "%c0 this is an image, but without %s: %s",
			       SANDBOX_FAILED, s.repositories ? "manifest.json" :
			       s.index ? "oci-layout" : "index.json",
			       s.repositories ? "docker before 1.10 wrote it, load and save it with a newer one" :
			       "it is damaged, or not all of one");
	return dprintf(out, "r");
}

int look_archive(int fd, const char *path, const char *root, struct look *ret,
		 struct shift_error *err)
{
	_cleanup_free_ char *text = malloc(DOCUMENT_MAX + 16);
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_child_ pid_t pid = -1;
	int p[2], r;
	pid_t child;

	if (!text || pipe2(p, O_CLOEXEC) < 0)
		return shift_err_set(err, text ? errno : ENOMEM, "cannot make a pipe");
	in = p[0];
	out = p[1];
	pid = sandbox_fork(&(struct sandbox){
		.role = SANDBOX_READ, .root = root, .fds = (int[]){ fd, out },
		.n = 2, .userns = -1 }, err);
	if (pid < 0)
		return pid;
	if (!pid) {
		look(3, 4);
		_exit(0);
	}
	close(steal_fd(&out));
	child = pid;
	pid = -1;
	r = layer_hear(child, in, path, text, DOCUMENT_MAX + 16, err);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return shift_err_set(err, errno, "cannot read %s", path);
	ret->compressed = text[0] == 'D';
	ret->kind = text[0] == 'd' || text[0] == 'D' ? LOOK_DOCKER :
		    text[0] == 'o' ? LOOK_OCI : LOOK_ROOTFS;
	return ret->kind == LOOK_DOCKER ?
	       str_replace(&ret->manifest, text + 1, err) : 0;
}

char *look_split_name(char *ref)
{
	char *first = strchr(ref, ':');

	if (!first || !access(ref, F_OK))
		return NULL;
	for (char *p = first; p; p = strchr(p + 1, ':')) {
		*p = '\0';
		if (!access(ref, F_OK))
			return p + 1;
		*p = ':';
	}
	*first = '\0';
	return first + 1;
}
