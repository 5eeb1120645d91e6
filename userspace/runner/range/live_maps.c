/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ranges that live user namespaces map. */
#include "range/ranges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/procid.h"
#include "base/util.h"
#include "cleanup.h"
#include "lower.h"

/* listns(2), Linux 6.19. */
#define SYS_LISTNS 470
#define GET_ID _IOR(0xb7, 13, uint64_t)
#define HANDLE_TYPE 0xf1
#define NSFS_ROOT (-10003)

struct list_request {
	uint32_t size, spare;
	uint64_t after;
	uint32_t type, spare2;
	uint64_t owner;
};

struct ns_handle {
	struct file_handle head;
	uint64_t id;
	uint32_t type, ino;
};

/*
 * What the table has, in the order of their making: ids of namespaces are never
 * used twice, and a map is written once.
 */
struct known {
	uint64_t id;
	uint32_t first, count;
};

/* For how long the process that enters a namespace may take. */
#define READY_MS 1000

/* How many unknown namespaces a start enters; of more /proc has to tell. */
#define ASK_MAX 512

/* More than that many are not kept in the table. */
#define TABLE_MAX (1 << 20)

static int add_map(int pid, const char *file, struct ranges *r, uint64_t id,
		   struct known **known, size_t *n, struct shift_error *err)
{
	_cleanup_file_ FILE *f = NULL;
	char path[64];
	uint32_t inside, outside, count;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	if (!f)
		return 0;	/* it ended since the folder was read */
	while (fscanf(f, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside,
		      &outside, &count) == 3) {
		struct known one = { id, outside, count }, *more;

		/* An identity extent holds the host's own ids, no range. */
		if (inside == outside)
			one.count = 0;
		if (known) {
			more = reallocarray(*known, *n + 1, sizeof(one));
			if (!more)
				return shift_err_set(err, ENOMEM, "cannot allocate memory");
			more[(*n)++] = one;
			*known = more;
		}
		if (!one.count)
			ret = 0;
		else if (known)
			ret = ranges_add_live(r, outside, count, err);
		else
			ret = ranges_add(r, outside, count, err,
				 "process %d uses %" PRIu32 "+%" PRIu32 " (%s)",
				 pid, outside, count, path);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int ranges_add_processes(struct ranges *r, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = opendir("/proc");
	ino_t ours, last = 0;
	struct dirent *e;
	struct stat st;
	int ret = 0;

	if (!dir || stat("/proc/self/ns/user", &st) < 0)
		return shift_err_set(err, errno,
				     "cannot look for live user namespaces in /proc");
	ours = st.st_ino;
	while (ret >= 0 && (e = readdir(dir))) {
		char path[64];
		int pid;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%.16s/ns/user", e->d_name);
		/* The processes of a pod come one behind the other. */
		if (fstatat(dirfd(dir), path, &st, 0) < 0 ||
		    st.st_ino == ours || st.st_ino == last)
			continue;
		pid = atoi(e->d_name);
		/* It shows its map until it is reaped, which some inits do late. */
		if (procid_is_zombie(pid))
			continue;
		last = st.st_ino;
		ret = add_map(pid, "uid_map", r, 0, NULL, NULL, err);
		if (ret >= 0)
			ret = add_map(pid, "gid_map", r, 0, NULL, NULL, err);
	}
	return ret;
}

/*
 * The ids of all user namespaces, ascending; a negative errno.  Always from the
 * first one: to go on after a full list fails with ENOENT where that was all, and
 * what it does where the last one has gone meanwhile is not documented.
 */
static int list_namespaces(uint64_t **ret, size_t *n)
{
	*ret = NULL;
	*n = 0;
	for (size_t room = 1024;; room *= 2) {
		struct list_request req = {
			.size = sizeof(req), .type = CLONE_NEWUSER,
		};
		uint64_t *more = reallocarray(*ret, room, sizeof(*more));
		long got;

		if (!more)
			return -ENOMEM;
		*ret = more;
		got = syscall(SYS_LISTNS, &req, more, room, 0);
		if (got < 0)
			return -errno;
		*n = (size_t)got;
		if (*n < room)
			return 0;
	}
}

static int ns_id(const char *path, uint64_t *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || ioctl(fd, GET_ID, ret) < 0 ? -errno : 0;
}

/*
 * In a namespace nobody may be, whose map only who is in it can show: a child
 * goes there.
 */
static int add_foreign(uint64_t id, struct ranges *r, struct known **known,
		       size_t *n, struct shift_error *err)
{
	struct ns_handle handle = {
		.head = { .handle_bytes = 16, .handle_type = HANDLE_TYPE },
		.id = id,	/* with a type, but no inode, it is stale */
	};
	_cleanup_close_ int fd = open_by_handle_at(NSFS_ROOT, &handle.head,
						   O_RDONLY | O_CLOEXEC);
	pid_t parent = getpid(), pid;
	size_t before = *n, uids;
	struct pollfd p = { .events = POLLIN };
	int ready[2], ret = 0;
	char c;

	/* Gone, or not to be had: then the processes are looked at. */
	if (fd < 0)
		return -errno;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		/* Who owns that namespace may signal it there, not look in. */
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		/* Who has made the namespace is not to look into this process. */
		if (getppid() == parent && setns(fd, CLONE_NEWUSER) == 0) {
			caller_undumpable();
			if (write(ready[1], "", 1) == 1)
				pause();
		}
		_exit(1);
	}
	close(ready[1]);
	p.fd = ready[0];
	/* Stopped by somebody in there, it would keep every start waiting. */
	if (pid < 0 || poll(&p, 1, READY_MS) <= 0 || read(ready[0], &c, 1) != 1)
		ret = -EPERM;
	close(ready[0]);
	if (ret >= 0)
		ret = add_map(pid, "uid_map", r, id, known, n, err);
	uids = *n;
	if (ret >= 0)
		ret = add_map(pid, "gid_map", r, id, known, n, err);
	/* What is not written yet is not known. */
	if (uids == before || *n == uids)
		*n = before;
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return ret;
}

static int by_id(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static size_t read_table(const char *table, struct known **ret)
{
	char *text = NULL;
	size_t len = 0;

	*ret = NULL;
	if (read_file(table, TABLE_MAX, &text, &len, NULL) < 0)
		return 0;
	*ret = (struct known *)(void *)text;
	len /= sizeof(**ret);
	/* Nearly sorted as it is; merge sort likes that. */
	if (len)
		qsort(*ret, len, sizeof(**ret), by_id);
	return len;
}

/* Whole, by rename(2); what cannot be kept is looked up again. */
static void write_table(const char *table, const struct known *v, size_t n)
{
	_cleanup_free_ char *new = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = n * sizeof(*v);

	if (strf(&new, NULL, "%s.new", table) < 0)
		return;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd >= 0 && (write_whole(fd, v, len) < 0 ||
			rename(new, table) < 0))
		unlink(new);
}

/* -EOPNOTSUPP and the like where namespaces cannot be listed or entered. */
static int add_listed(struct ranges *r, const char *table,
		      struct shift_error *err)
{
	_cleanup_free_ struct known *known = NULL, *live = NULL;
	_cleanup_free_ uint64_t *ids = NULL;
	size_t n_ids, n_known, n_live = 0, k = 0;
	size_t asked = 0;
	bool news = false;
	uint64_t own;
	int ret = list_namespaces(&ids, &n_ids);

	if (ret < 0 || (ret = ns_id("/proc/self/ns/user", &own)) < 0)
		return ret;
	n_known = read_table(table, &known);
	live = calloc(n_known + 1, sizeof(*live));
	if (!live)
		return -ENOMEM;
	for (size_t i = 0; i < n_ids; i++) {
		size_t before = n_live;

		if (ids[i] == own)
			continue;
		for (; k < n_known && known[k].id < ids[i]; k++)
			;
		for (; k < n_known && known[k].id == ids[i]; k++) {
			struct known *more;

			if (known[k].count &&
			    (ret = ranges_add_live(r, known[k].first,
						   known[k].count, err)) < 0)
				return ret;
			more = news ? reallocarray(live, n_live + 1,
						   sizeof(*live)) : live;
			if (!more)
				return -ENOMEM;
			live = more;
			live[n_live++] = known[k];
		}
		if (n_live != before)
			continue;
		/* Somebody who makes many must not make a start long. */
		if (++asked > ASK_MAX)
			return -E2BIG;
		ret = add_foreign(ids[i], r, &live, &n_live, err);
		if (ret < 0)
			return ret;
		news = news || n_live != before;
	}
	/* The rest has gone; not each start has to say so. */
	if (news || n_known > 2 * n_live + 64 || access(table, F_OK) < 0)
		write_table(table, live, n_live);
	return 0;
}

int ranges_add_live_maps(struct ranges *r, const char *table,
			 struct shift_error *err)
{
	struct shift_error own = SHIFT_ERROR_INIT;
	size_t had = r->n;
	int ret = -ENOSYS;

	/* Elsewhere the list has namespaces that cannot be entered. */
	if (shift_in_initial_userns())
		ret = add_listed(r, table, &own);
	shift_err_clear(&own);
	if (ret >= 0)
		return 0;
	ranges_cut(r, had);
	return ranges_add_processes(r, err);
}

void ranges_know_map(const char *table, int pid, uint32_t base,
		     uint32_t count)
{
	struct known one = { 0, base, count };
	_cleanup_close_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	if (ns_id(path, &one.id) < 0)
		return;
	/* Only there where it is read. */
	fd = open(table, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, &one, sizeof(one));
}
