/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/self.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caller.h"
#include "cleanup.h"

#ifndef MFD_EXEC
# define MFD_EXEC 0x0010U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The name of the copy tells where the program is: /proc/self/exe shows it. */
#define NAME "runner:"
#define SHOWN "/memfd:" NAME
#define DELETED " (deleted)"

static bool sealed(void)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

int self_path(char *path, size_t size)
{
	char link[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", link, sizeof(link) - 1);
	size_t end = strlen(DELETED), len;
	const char *from = link;

	if (n < 0)
		return -errno;
	link[n] = '\0';
	len = (size_t)n;
	if (!strncmp(link, SHOWN, strlen(SHOWN)) && sealed()) {
		if (len > end && !strcmp(link + len - end, DELETED))
			link[len - end] = '\0';
		from += strlen(SHOWN);
	}
	return snprintf(path, size, "%s", from) < (int)size ? 0 :
							      -ENAMETOOLONG;
}

/* How much of the file @fd is loaded: behind it is what debuggers read. */
static off_t loaded_size(int fd)
{
	ElfW(Ehdr) head;
	off_t size = 0;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    head.e_phentsize != sizeof(ElfW(Phdr)))
		return -1;
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		ElfW(Phdr) part;

		if (pread(fd, &part, sizeof(part), (off_t)(head.e_phoff +
			  i * sizeof(part))) != sizeof(part))
			return -1;
		if ((off_t)(part.p_offset + part.p_filesz) > size)
			size = (off_t)(part.p_offset + part.p_filesz);
	}
	return size;
}

static int copy(int to, int from)
{
	off_t left = loaded_size(from), at = 0;
	struct stat st;

	if (fstat(from, &st) < 0)
		return -1;
	if (left <= 0 || left > st.st_size)
		left = st.st_size;
	while (left > 0) {
		ssize_t n = sendfile(to, from, &at, (size_t)left);

		if (n <= 0)
			return -1;
		left -= n;
	}
	return fcntl(to, F_ADD_SEALS, SEALS);
}

int self_seal(struct shift_error *err)
{
	_cleanup_close_ int from = -1, memory = -1;
	char path[PATH_MAX], name[PATH_MAX + sizeof(NAME)];
	int r;

	if (sealed())
		return 0;
	r = self_path(path, sizeof(path));
	from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (r < 0 || from < 0)
		return shift_err_set(err, r < 0 ? -r : errno,
				     "cannot open runner's own program");
	snprintf(name, sizeof(name), NAME "%s", path);
	memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	/* Before 6.3 every one can be executed. */
	if (memory < 0 && errno == EINVAL)
		memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0 || copy(memory, from) < 0)
		return shift_err_set(err, errno, "cannot copy runner's program %s into memory",
				     path);
	fflush(NULL);
	execveat(memory, "", caller_argv(), environ, AT_EMPTY_PATH);
	shift_err_set(err, errno, "cannot execute a copy of %s in memory", path);
	shift_err_hint(err, "a pod with --userns=host could change the program itself; sysctl vm.memfd_noexec=2 forbids such copies");
	return -EACCES;
}
