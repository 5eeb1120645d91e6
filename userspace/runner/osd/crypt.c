/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "osd/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/helper.h"
#include "base/place.h"
#include "base/report.h"
#include "base/util.h"
#include "blockdev/holders.h"
#include "cleanup.h"
#include "osd/crypt_so.h"
#include "syscalls.h"

/* As cryptsetup(8) has it. */
#define KEY_MAX (8U << 20)

/*
 * What a header may ask for: cryptsetup makes none that needs more than 1 GiB and
 * some seconds.
 */
#define OPEN_MEMORY (2ULL << 30)
#define OPEN_SECONDS 300

/* Nodes that are held for the pod. */
struct held {
	int fd[64 * OSD_PARTS];
	size_t n;
};

/* A file here says that this program has made the mapping and has not handed it over. */
static int mark_path(const char *mapper, char **ret, struct shift_error *err)
{
	_cleanup_free_ char *dir = NULL;
	int r = strf(&dir, err, "%s/crypt", place_run());

	if (r < 0 || (r = mkdir_parents(dir, 0700, err)) < 0)
		return r;
	return strf(ret, err, "%s/%s", dir, mapper);
}

/* An fd of the key of @d, the caller's. */
static int open_key(const struct osd_device *d, const struct osd_keys *keys,
		    struct shift_error *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	static const char *const ends[] = { ".luks.key", "" };
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int fd = -1, r = 0;

	if (keys->credential && (!dir || strchr(keys->credential, '/')))
		return shift_err_set(err, ENOENT, "--key-credential %s is a name in $CREDENTIALS_DIRECTORY, which a unit with LoadCredential= has",
				     keys->credential);
	if (keys->credential)
		r = strf(&path, err, "%s/%s", dir, keys->credential);
	else if (keys->file)
		r = str_replace(&path, keys->file, err);
	if (r < 0)
		return r;
	if (!path) {
		shift_err_set(err, 0, "%s is encrypted and closed", d->path);
		shift_err_hint(err, "--key-file FILE opens it for the pod, - is stdin; or open it before: cryptsetup open %s %s",
			       d->path, d->mapper);
		return -ENOKEY;
	}
	if (stat(path, &st) < 0)
		return shift_err_set(err, errno, "%s", path);
	if (!S_ISDIR(st.st_mode)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? shift_err_set(err, errno, "%s", path) : fd;
	}
	for (size_t i = 0; fd < 0 && i < sizeof(ends) / sizeof(*ends); i++) {
		_cleanup_free_ char *file = NULL;

		r = strf(&file, err, "%s/%s%s", path, d->mapper, ends[i]);
		if (r < 0)
			return r;
		fd = open(file, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		shift_err_set(err, ENOENT, "%s has neither %s.luks.key nor %s",
			      path, d->mapper, d->mapper);
	return fd < 0 ? -ENOENT : fd;
}

/* Bytes of the key, in memory that is neither swapped nor dumped. */
static ssize_t read_key(int fd, char **ret, struct shift_error *err)
{
	char *key = mmap(NULL, KEY_MAX, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t len = 0;
	ssize_t n;

	if (key == MAP_FAILED)
		return shift_err_set(err, errno, "cannot allocate memory");
	madvise(key, KEY_MAX, MADV_DONTDUMP);
	*ret = key;
	while (len < KEY_MAX &&
	       ((n = read(fd, key + len, KEY_MAX - len)) > 0 ||
		(n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	mlock(key, len);
	if (!len)
		return shift_err_set(err, ENODATA, "the key is empty");
	return (ssize_t)len;
}

/* Nobody would answer libdevmapper there. */
static void without_udev(void)
{
	if (access("/run/udev/control", F_OK) < 0)
		setenv("DM_DISABLE_UDEV", "1", 1);
}

/* The key on stdin, which is read once and is that of every device. */
static struct {
	char *key;
	size_t len;
} from_stdin;

static bool is_stdin(const struct osd_keys *keys)
{
	return keys->file && !strcmp(keys->file, "-");
}

static int read_stdin(struct shift_error *err)
{
	ssize_t n = from_stdin.key ? (ssize_t)from_stdin.len :
				     read_key(STDIN_FILENO, &from_stdin.key, err);

	from_stdin.len = n < 0 ? 0 : (size_t)n;
	return n < 0 ? shift_err_prefix(err, "--key-file -") : 0;
}

static void forget_stdin(void)
{
	if (from_stdin.key)
		munmap(from_stdin.key, KEY_MAX);
	from_stdin.key = NULL;
}

/*
 * In a child: the header is a stranger's, perhaps, and what it may take of memory and
 * time ends with this process, as the key does.
 */
static void __attribute__((noreturn)) open_main(const struct osd_device *d, int key_fd,
						int sock)
{
	const struct rlimit memory = { OPEN_MEMORY, OPEN_MEMORY };
	struct shift_error err = SHIFT_ERROR_INIT;
	struct report report = { .type = REPORT_FAILED };
	__typeof__(&part_crypt_open) open_it;
	char *key = NULL;
	ssize_t n;
	int r;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	without_udev();
	r = n = key_fd < 0 ? (ssize_t)from_stdin.len : read_key(key_fd, &key, &err);
	if (key_fd < 0) {
		key = from_stdin.key;
		mlock(key, from_stdin.len);
	}
	open_it = r < 0 ? NULL : helper_load(HELPER_CRYPT, "part_crypt_open", &err);
	if (r >= 0 && !open_it) {
		r = -ENOENT;
		shift_err_hint(&err, "or open it before: cryptsetup open %s %s",
			       d->path, d->mapper);
	}
#ifndef __SANITIZE_ADDRESS__
	if (r >= 0)
		setrlimit(RLIMIT_AS, &memory);
#else
	(void)memory;
#endif
	alarm(OPEN_SECONDS);
	if (r >= 0)
		r = open_it(d->path, d->mapper, key, (size_t)n, &err);
	alarm(0);
	if (r < 0)
		report_failure(sock, &report, r, &err);
	report.type = REPORT_READY;
	report_send(sock, &report, -1);
	_exit(0);
}

static int run_open(const struct osd_device *d, const struct osd_keys *keys,
		    struct shift_error *err)
{
	_cleanup_close_ int key = -1, sock = -1;
	_cleanup_child_ pid_t pid = -1;
	struct report report;
	int r = is_stdin(keys) ? read_stdin(err) : (key = open_key(d, keys, err));

	if (r < 0)
		return r;
	pid = report_fork(&sock, err);
	if (pid < 0)
		return (int)pid;
	if (!pid)
		open_main(d, key, sock);
	r = report_receive(sock, &report, NULL);
	if (r < 0)
		return shift_err_set(err, EIO, "the process that opens %s ended too early: its header asks for more than %llu MiB or %d s",
				     d->path, OPEN_MEMORY >> 20, OPEN_SECONDS);
	if (report.type == REPORT_FAILED) {
		shift_err_relay(err, report.text);
		return report.error ? -report.error : -EIO;
	}
	return 0;
}

/* The mapping that has come must be of this device and have this name. */
static int find_opened(struct osd_device *d, struct shift_error *err)
{
	char name[BLOCKDEV_NAME];

	if (holders_mapping(d->dev, &d->opened, name) == 1 &&
	    !strcmp(name, d->mapper))
		return 0;
	d->opened = 0;
	return shift_err_set(err, ENODEV, "/dev/mapper/%s is not the one mapping of %s",
			     d->mapper, d->path);
}

/* From here on the mapping ends with its last user, the first of whom is this fd. */
static int hold(struct osd_device *d, struct held *held, struct shift_error *err)
{
	__typeof__(&part_crypt_close) close_it =
		helper_load(HELPER_CRYPT, "part_crypt_close", err);
	_cleanup_free_ char *path = NULL;
	char node[BLOCKDEV_NAME];
	int fd, r;

	if (!close_it)
		return -ENOENT;
	r = blockdev_path(d->opened, node, err);
	fd = r < 0 ? r : blockdev_open(node, d->opened, O_RDONLY, err);
	if (fd < 0)
		return fd;
	held->fd[held->n++] = fd;
	without_udev();
	r = close_it(d->mapper, err);
	if (r < 0 || (r = strf(&path, err, "/dev/mapper/%s", d->mapper)) < 0)
		return r;
	/* Without udev libdevmapper has removed the node already. */
	if (mknod(path, S_IFBLK | 0600, d->opened) < 0 && errno != EEXIST)
		return shift_err_set(err, errno, "cannot make %s", path);
	return 0;
}

static int open_one(struct osd_device *d, const struct osd_keys *keys,
		    struct held *held, struct shift_error *err)
{
	_cleanup_free_ char *mark = NULL;
	_cleanup_close_ int fd = -1;
	int r = mark_path(d->mapper, &mark, err);

	if (r < 0)
		return r;
	/* The administrator's, unless a killed process of this program has left it. */
	if (d->opened && access(mark, F_OK) < 0)
		return 0;
	if (d->crypt == OSD_PLAIN && !d->opened) {
		shift_err_set(err, 0, "%s is encrypted without a LUKS header, which says nothing of cipher and key",
			      d->path);
		shift_err_hint(err, "open it before: cryptsetup open --type plain %s %s",
			       d->path, d->mapper);
		return -ENOTSUP;
	}
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return shift_err_set(err, errno, "cannot make %s", mark);
	if (!d->opened && (r = run_open(d, keys, err)) >= 0)
		r = find_opened(d, err);
	if (r >= 0)
		r = hold(d, held, err);
	if (r >= 0 || !d->opened)
		unlink(mark);
	return r;
}

/* Has nothing but @held, and ends when its parent, whatever program that is, has ended. */
static void __attribute__((noreturn)) holder_main(const struct held *held, int parent)
{
	struct pollfd p = { .fd = parent, .events = POLLIN };
	int keep[sizeof(held->fd) / sizeof(*held->fd) + 1];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	memcpy(keep, held->fd, held->n * sizeof(*keep));
	keep[held->n] = parent;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	prctl(PR_SET_NAME, "runner-osd-hold", 0, 0, 0);
	if (setsid() < 0 || chdir("/") < 0 ||
	    fds_close_from(3, keep, held->n + 1) < 0)
		_exit(1);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int start_holder(const struct held *held, struct shift_error *err)
{
	_cleanup_close_ int self = sys_pidfd_open(getpid(), 0);
	pid_t pid;

	if (self < 0)
		return shift_err_set(err, errno, "cannot watch this process");
	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (!pid)
		holder_main(held, self);
	return 0;
}

int osd_crypt_open(struct osd_layout *layouts, int n, const struct osd_keys *keys,
		   struct shift_error *err)
{
	struct held held = { .n = 0 };
	int r = 0;

	for (int i = 0; r >= 0 && i < n; i++)
		for (int k = 0; r >= 0 && k < layouts[i].n; k++)
			if (layouts[i].parts[k].crypt != OSD_CLEAR)
				r = open_one(&layouts[i].parts[k], keys, &held, err);
	/* Before the process that stays. */
	forget_stdin();
	if (r >= 0 && held.n)
		r = start_holder(&held, err);
	for (size_t i = 0; i < held.n; i++)
		close(held.fd[i]);
	return r;
}
