/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on what unpacks archives, in a chroot as the real thing: whatever
 * the archive says, nothing outside of it changes, and what it left can be made
 * into a layer and is what the archive says.  An input that begins with 'S' is a list of entries of which a
 * tar archive is made, another one is the archive.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "store/layer.h"
#include "store/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char base[64];
static int host_root = -1, archive = -1;

static void must(bool good, const char *what)
{
	if (!good) {
		perror(what);
		abort();
	}
}

static void prepare(void)
{
	int fd;

	strcpy(base, "/dev/shm/fuzz_layer.XXXXXX");
	must(mkdtemp(base), "mkdtemp");
	host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	archive = memfd_create("archive", MFD_CLOEXEC);
	must(chdir(base) == 0 && host_root >= 0 && archive >= 0, "prepare");
	fd = open("victim", O_WRONLY | O_CREAT, 0600);
	must(fd >= 0 && write(fd, "keep", 4) == 4, "victim");
	close(fd);
}

static void check_victims(void)
{
	struct stat st;
	char text[8] = "";
	int fd = open("victim", O_RDONLY), n = 0;
	struct dirent *e;
	DIR *dir = opendir(".");

	must(fd >= 0 && read(fd, text, 8) == 4 && !strcmp(text, "keep"), "victim's content");
	must(!fstat(fd, &st) && st.st_nlink == 1 && (st.st_mode & 07777) == 0600 &&
	     !st.st_uid, "victim");
	close(fd);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	must(n == 2, "escaped");
}

/* Up to three components out of @byte and the next. */
static void name_of(const uint8_t *data, char name[64])
{
	static const char *const parts[] = {
		"a", "b", "..", ".", ".wh.a", ".wh..wh..opq", "", "victim",
		".wh..", ".wh.", "c", "tree", "/", "../..", ".wh.b", "a\\b",
	};

	snprintf(name, 64, "%s%s%s%s%s", parts[data[0] & 15],
		 data[1] & 15 ? "/" : "", data[1] & 15 ? parts[data[0] >> 4] : "",
		 data[1] & 0xc0 ? "/" : "", data[1] & 0xc0 ? parts[data[1] >> 4] : "");
}

/* Five bytes an entry: kind, name, target. */
static size_t make_tar(const uint8_t *data, size_t size, char *buf, size_t room)
{
	static const mode_t types[] = {
		AE_IFREG, AE_IFDIR, AE_IFLNK, AE_IFREG, AE_IFCHR, AE_IFIFO, AE_IFBLK, AE_IFDIR,
	};
	struct archive *a = archive_write_new();
	size_t used = 0;

	archive_write_set_format_pax(a);
	archive_write_set_bytes_in_last_block(a, 1);
	archive_write_open_memory(a, buf, room, &used);
	for (; size >= 5; data += 5, size -= 5) {
		struct archive_entry *e = archive_entry_new();
		char name[64], target[64];

		name_of(data + 1, name);
		name_of(data + 3, target);
		archive_entry_set_pathname(e, *name ? name : ".");
		archive_entry_set_filetype(e, types[data[0] & 7]);
		archive_entry_set_perm(e, data[0] & 8 ? 06755 : 0640);
		archive_entry_set_uid(e, data[0] >> 4);
		archive_entry_set_mtime(e, 1, 0);
		if ((data[0] & 7) == 2)
			archive_entry_set_symlink(e, target);
		else if ((data[0] & 7) == 3)
			archive_entry_set_hardlink(e, target);
		else if (!(data[0] & 7))
			archive_entry_set_size(e, 1);
		if (archive_write_header(a, e) == ARCHIVE_OK && !(data[0] & 7))
			archive_write_data(a, "x", 1);
		archive_entry_free(e);
	}
	archive_write_close(a);
	archive_write_free(a);
	return used;
}

static void print_file(const char *path)
{
	FILE *f = fopen(path, "re");
	int c;

	fprintf(stderr, "%s:\n", path);
	while (f && (c = fgetc(f)) != EOF)
		fputc(c, stderr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char tar[1 << 20];
	static const struct layer_budget budget = { 1 << 20, 1000, 100000 };
	char tree[128], index[128], list[128];
	struct layer_taken taken;
	FILE *f;
	struct tree_sum sum;
	struct shift_error err = SHIFT_ERROR_INIT;
	struct strv none = { 0 };
	int r;

	if (host_root < 0)
		prepare();
	if (size && data[0] == 'S') {
		size = make_tar(data + 1, size - 1, tar, sizeof(tar));
		data = (const uint8_t *)tar;
	}
	must(mkdir("tree", 0755) == 0, "tree");
	must(ftruncate(archive, 0) == 0 && pwrite(archive, data, size, 0) == (ssize_t)size &&
	     lseek(archive, 0, SEEK_SET) == 0, "archive");
	snprintf(list, sizeof(list), "%s.list", base);
	f = fopen(list, "we");
	must(f != NULL, list);
	must(chroot("tree") == 0 && chdir("/") == 0, "chroot");
	r = layer_extract(archive, "archive", &budget, f, &taken, NULL);
	fclose(f);
	must(fchdir(host_root) == 0 && chroot(".") == 0 && chdir(base) == 0, "back");
	check_victims();
	snprintf(tree, sizeof(tree), "%s/tree", base);
	snprintf(index, sizeof(index), "%s.index", base);
	if (r >= 0 && tree_links(tree, list, &none, NULL) >= 0) {
		must(tree_whiteouts(tree, NULL) >= 0, "whiteouts");
		must(tree_inherit(tree, &none, NULL) >= 0, "inherit");
		must(tree_index(tree, index, NULL, NULL, &sum, NULL) >= 0, "index");
		/* What was said of the archive is what became of it. */
		r = tree_check(list, index, "archive", &err);
		if (r < 0) {
			shift_err_print(&err, stderr, "check");
			print_file(list);
			print_file(index);
		}
		must(r >= 0, "check");
		unlink(index);
	}
	unlink(list);
	check_victims();
	must(remove_tree(tree, NULL) >= 0, "remove");
	return 0;
}
