// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * treelist [-r] DIR: one line for each name below DIR, sorted, with everything
 * that a filesystem stores of it: inode, type and mode, links, ids, size,
 * blocks, mtime, device, target, a hash of the contents, and the attributes.
 * -r: of a root, metadata alone, without what is mounted in a pod. Run by the
 * root of a pod above and by the host below, it prints the same if the ids
 * below are the unshifted ones.
 *
 * An id outside 0..65535 is never right on either side and makes the status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool of_root;
static int status;
static char **lines;
static size_t count, room, strip;

static void complain(const char *path, const char *what)
{
	fprintf(stderr, "treelist: %s: %s: %s\n", path, what, strerror(errno));
	status = 1;
}

static uint64_t mix(uint64_t h, const char *buf, size_t len)
{
	uint64_t word;

	for (; len >= 8; buf += 8, len -= 8) {
		memcpy(&word, buf, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	word = len;
	memcpy(&word, buf, len);
	return (h ^ word ^ len) * 0x9e3779b97f4a7c15u;
}

static void contents(FILE *out, const char *path)
{
	static char buf[1 << 18];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t h = 1;
	ssize_t n;

	if (fd < 0) {
		complain(path, "open");
		return;
	}
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		h = mix(h, buf, n);
	if (n < 0)
		complain(path, "read");
	close(fd);
	fprintf(out, " #%016" PRIx64, h);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void attributes(FILE *out, const char *path)
{
	static char list[65536], value[65536];
	ssize_t size = llistxattr(path, list, sizeof(list));
	char *names[256];
	size_t n = 0;

	if (size < 0) {
		if (errno != EOPNOTSUPP)
			complain(path, "listxattr");
		return;
	}
	for (char *name = list; name < list + size; name += strlen(name) + 1)
		/* of trusted.* a pod sees nothing; NFS makes this of the mode */
		if (n < 256 && strncmp(name, "trusted.", 8) &&
		    strcmp(name, "system.nfs4_acl"))
			names[n++] = name;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		ssize_t len = lgetxattr(path, names[i], value, sizeof(value));

		if (len < 0) {
			complain(path, names[i]);
			continue;
		}
		fprintf(out, " %s=", names[i]);
		for (ssize_t k = 0; k < len; k++)
			fprintf(out, "%02x", (unsigned char)value[k]);
	}
}

static void name(FILE *out, const char *s)
{
	for (; *s; s++)
		if (*s > ' ' && *s < 127 && *s != '\\')
			fputc(*s, out);
		else
			fprintf(out, "\\%03o", (unsigned char)*s);
}

static int one(const char *path, const struct stat *s, int flag,
	       struct FTW *ftw)
{
	char target[4096], *line = NULL;
	size_t size;
	ssize_t n;
	FILE *out;

	if (of_root && ftw->level == 1 &&
	    (!strcmp(path + ftw->base, "dev") ||
	     !strcmp(path + ftw->base, "proc") ||
	     !strcmp(path + ftw->base, "tmp")))
		return FTW_SKIP_SUBTREE;
	out = open_memstream(&line, &size);
	if (!out)
		abort();
	if (flag == FTW_NS || flag == FTW_DNR)
		complain(path, "stat");
	name(out, path[strip] ? path + strip : "/");
	fprintf(out, " %ju %o %ju %u:%u", (uintmax_t)s->st_ino, s->st_mode,
		(uintmax_t)s->st_nlink, s->st_uid, s->st_gid);
	if (s->st_uid > 65535 || s->st_gid > 65535) {
		fprintf(stderr, "treelist: %s: belongs to %u:%u\n", path,
			s->st_uid, s->st_gid);
		status = 1;
	}
	fprintf(out, " %jd %jd %jd.%09ld", (intmax_t)s->st_size,
		(intmax_t)s->st_blocks, (intmax_t)s->st_mtim.tv_sec,
		s->st_mtim.tv_nsec);
	switch (s->st_mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		fprintf(out, " %u:%u", major(s->st_rdev), minor(s->st_rdev));
		break;
	case S_IFLNK:
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			complain(path, "readlink");
		target[n < 0 ? 0 : n] = 0;
		fputc(' ', out);
		name(out, target);
		break;
	case S_IFREG:
		if (!of_root)
			contents(out, path);
		break;
	}
	attributes(out, path);
	fclose(out);
	if (count == room) {
		room = room ? 2 * room : 1024;
		lines = realloc(lines, room * sizeof(*lines));
		if (!lines)
			abort();
	}
	lines[count++] = line;
	return FTW_CONTINUE;
}

int main(int argc, char **argv)
{
	int arg = 1;

	if (arg < argc && !strcmp(argv[arg], "-r")) {
		of_root = true;
		arg++;
	}
	if (arg + 1 != argc) {
		fprintf(stderr, "usage: treelist [-r] DIR\n");
		return 2;
	}
	strip = strlen(argv[arg]);
	if (nftw(argv[arg], one, 64, FTW_PHYS | FTW_ACTIONRETVAL))
		complain(argv[arg], "walk");
	qsort(lines, count, sizeof(*lines), by_name);
	for (size_t i = 0; i < count; i++)
		puts(lines[i]);
	if (!count || fflush(stdout))
		status = 1;
	return status;
}
