/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "place.h"
#include "util.h"

/* Where no subordinate range is set up: the part that systemd leaves to
 * containers, in which no distribution puts users.
 */
#define POOL_FIRST 0x00080000u
#define POOL_LAST 0x6fffffffu

/* One occupied or allowed stretch of ids and whose it is. */
struct range {
	uint64_t first, end;	/* end is exclusive */
	char *whose;
};

struct ranges {
	struct range *v;
	size_t n;
};

static void ranges_clear(struct ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].whose);
	free(r->v);
}

#define _cleanup_ranges_ __attribute__((cleanup(ranges_clear)))

static int ranges_add(struct ranges *r, uint64_t first, uint64_t count,
		      struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static int ranges_add(struct ranges *r, uint64_t first, uint64_t count,
		      struct shift_error *err, const char *fmt, ...)
{
	struct range *v = reallocarray(r->v, r->n + 1, sizeof(*v));
	va_list ap;
	int n;

	if (!v)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r->v = v;
	v += r->n;
	v->first = first;
	v->end = first + count;
	va_start(ap, fmt);
	n = vasprintf(&v->whose, fmt, ap);
	va_end(ap);
	if (n < 0)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r->n++;
	return 0;
}

static const struct range *ranges_hit(const struct ranges *r, uint64_t first,
				      uint64_t count)
{
	for (size_t i = 0; i < r->n; i++)
		if (first < r->v[i].end && r->v[i].first < first + count)
			return &r->v[i];
	return NULL;
}

/* Lines NAME:FIRST:COUNT; those of "runner" go to @pool, others are taken. */
static int add_subids(const char *path, struct ranges *taken,
		      struct ranges *pool, struct shift_error *err)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int r;

	if (!f)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "cannot read %s", path);
	while (getline(&line, &room, f) >= 0) {
		char name[256];
		uint32_t first, count;

		if (sscanf(line, "%255[^:]:%" SCNu32 ":%" SCNu32, name, &first,
			   &count) != 3 || !count)
			continue;
		if (!strcmp(name, "runner"))
			r = ranges_add(pool, first, count, err, "%s for runner",
				       path);
		else
			r = ranges_add(taken, first, count, err,
				       "%s gives %" PRIu32 "+%" PRIu32 " to %s",
				       path, first, count, name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_host_ids(struct ranges *taken, struct shift_error *err)
{
	struct passwd *pw;
	struct group *gr;
	int r = 0;

	setpwent();
	while (r >= 0 && (pw = getpwent()))
		r = ranges_add(taken, pw->pw_uid, 1, err,
			       "uid %u is the host's user %s", pw->pw_uid,
			       pw->pw_name);
	endpwent();
	setgrent();
	while (r >= 0 && (gr = getgrent()))
		r = ranges_add(taken, gr->gr_gid, 1, err,
			       "gid %u is the host's group %s", gr->gr_gid,
			       gr->gr_name);
	endgrent();
	return r;
}

static int add_live_map(const char *pid, const char *file,
			struct ranges *taken, struct shift_error *err)
{
	_cleanup_file_ FILE *f = NULL;
	char path[64];
	uint32_t inside, outside, count;
	int r;

	snprintf(path, sizeof(path), "/proc/%.16s/%s", pid, file);
	f = fopen(path, "re");
	if (!f)
		return 0;	/* it ended since the folder was read */
	while (fscanf(f, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside,
		      &outside, &count) == 3) {
		/* An identity extent holds the host's own ids, no range. */
		if (inside == outside)
			continue;
		r = ranges_add(taken, outside, count, err,
			       "process %s uses %" PRIu32 "+%" PRIu32 " (%s)",
			       pid, outside, count, path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_live_maps(struct ranges *taken, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = opendir("/proc");
	struct stat ours, st;
	struct dirent *e;
	char path[64];
	int r;

	if (!dir || stat("/proc/self/ns/user", &ours) < 0)
		return shift_err_set(err, errno,
				     "cannot look for live user namespaces in /proc");
	while ((e = readdir(dir))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/ns/user", e->d_name);
		if (stat(path, &st) < 0 || (st.st_ino == ours.st_ino &&
					    st.st_dev == ours.st_dev))
			continue;
		r = add_live_map(e->d_name, "uid_map", taken, err);
		if (r >= 0)
			r = add_live_map(e->d_name, "gid_map", taken, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool lease_name_parse(const char *name, uint32_t *base, uint32_t *count)
{
	return sscanf(name, "%" SCNu32 "-%" SCNu32, base, count) == 2;
}

/* Files of dead holders are removed, those of live ones are taken. */
static int add_leases(int dirfd, struct ranges *taken, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;
	int fd, r;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !(dir = fdopendir(fd)))
		return shift_err_set(err, errno, "cannot read %s", LEASE_DIR);
	while ((e = readdir(dir))) {
		_cleanup_close_ int lock = -1;
		uint32_t base, count;

		if (!lease_name_parse(e->d_name, &base, &count))
			continue;
		lock = openat(dirfd, e->d_name, O_RDONLY | O_CLOEXEC);
		if (lock < 0)
			continue;	/* released since */
		if (!flock(lock, LOCK_EX | LOCK_NB)) {
			unlinkat(dirfd, e->d_name, 0);
			continue;
		}
		r = ranges_add(taken, base, count, err,
			       "another pod holds the lease %s/%s", LEASE_DIR,
			       e->d_name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What is in both, as the same ids serve as uids and as gids. */
static int intersect(const struct ranges *uids, const struct ranges *gids,
		     struct ranges *ret, struct shift_error *err)
{
	int r = 0;

	for (size_t i = 0; i < uids->n; i++)
		for (size_t k = 0; r >= 0 && k < gids->n; k++) {
			uint64_t first = uids->v[i].first > gids->v[k].first ?
					 uids->v[i].first : gids->v[k].first;
			uint64_t end = uids->v[i].end < gids->v[k].end ?
				       uids->v[i].end : gids->v[k].end;

			if (first < end)
				r = ranges_add(ret, first, end - first, err,
					       "/etc/subuid and /etc/subgid for runner");
		}
	if (r < 0 || ret->n || (!uids->n && !gids->n))
		return r;
	r = shift_err_set(err, 0, "/etc/subuid and /etc/subgid give the user 'runner' no id in common");
	shift_err_hint(err, "give it the same range in both files, or leave it out of both");
	return r;
}

static int choose(const struct ranges *pool, const struct ranges *taken,
		  uint32_t size, uint32_t *ret, struct shift_error *err)
{
	/* Ranges of one size stay packed, small ones do not cut up large ones. */
	uint32_t step = size < LEASE_SIZE ? size : LEASE_SIZE;

	for (size_t i = 0; i < pool->n; i++) {
		uint64_t base = pool->v[i].first;

		while (base + size <= pool->v[i].end) {
			const struct range *hit = ranges_hit(taken, base, size);

			if (!hit) {
				*ret = (uint32_t)base;
				return 0;
			}
			base += (hit->end - base + step - 1) / step * step;
		}
	}
	shift_err_set(err, 0, "no free range of %u ids is left (looked in %s)",
		      size, pool->v[0].whose);
	shift_err_hint(err, "end a pod, or give the user 'runner' more ids in /etc/subuid and /etc/subgid");
	return -EDQUOT;
}

static int refuse_if_taken(const struct ranges *taken, uint32_t base,
			   uint32_t size, struct shift_error *err)
{
	const struct range *hit;

	if (base == 0 || (uint64_t)base + size > UINT32_MAX)
		return shift_err_set(err, 0,
				     "--userns=%" PRIu32 ": the %u ids from there are not between 1 and 4294967294",
				     base, size);
	hit = ranges_hit(taken, base, size);
	if (!hit)
		return 0;
	shift_err_set(err, 0,
		      "--userns=%" PRIu32 ": the ids %" PRIu32 " to %" PRIu32 " are not free: %s",
		      base, base, base + size - 1, hit->whose);
	shift_err_hint(err, "--userns=auto gives a free range");
	return -EBUSY;
}

static int find_taken(int dirfd, struct ranges *taken, struct ranges *pool,
		      struct shift_error *err)
{
	_cleanup_ranges_ struct ranges uids = { 0 }, gids = { 0 };
	int r;

	if ((r = add_leases(dirfd, taken, err)) < 0 ||
	    (r = add_subids("/etc/subuid", taken, &uids, err)) < 0 ||
	    (r = add_subids("/etc/subgid", taken, &gids, err)) < 0 ||
	    (r = intersect(&uids, &gids, pool, err)) < 0 ||
	    (r = add_host_ids(taken, err)) < 0 ||
	    (r = add_live_maps(taken, err)) < 0)
		return r;
	return pool->n ? 0 :
	       ranges_add(pool, POOL_FIRST, POOL_LAST - POOL_FIRST, err,
			  "the ids %u to %u", POOL_FIRST, POOL_LAST);
}

/*
 * The range in @memory, if it is of @size and free.  It need not be of the pool:
 * then it was asked for by number.
 */
static bool recall(const char *memory, const struct ranges *taken,
		   uint32_t size, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	uint32_t base, count;

	if (!memory || read_file(memory, 256, &text, NULL, NULL) < 0 ||
	    !lease_name_parse(text, &base, &count) || count != size || !base ||
	    (uint64_t)base + size > UINT32_MAX || ranges_hit(taken, base, size))
		return false;
	*ret = base;
	return true;
}

/* No failure of this is worth failing a start. */
static void remember(const char *memory, const struct lease *lease)
{
	_cleanup_file_ FILE *f = memory ? fopen(memory, "we") : NULL;

	if (f)
		fprintf(f, "%" PRIu32 "-%" PRIu32 "\n", lease->base, lease->count);
}

static int by_base(const void *a, const void *b)
{
	const struct lease_entry *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* Under the lock of the folder: it tries locks that others take. */
static int list(struct lease_entry **ret, size_t *n, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = opendir(LEASE_DIR);
	struct lease_entry *all = NULL;
	struct dirent *e;
	size_t count = 0;

	*ret = NULL;
	*n = 0;
	if (!dir)
		return shift_err_set(err, errno, "cannot read %s", LEASE_DIR);
	while ((e = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		struct lease_entry one = { 0 }, *more;
		char text[112];
		ssize_t len;
		int pid;

		if (!lease_name_parse(e->d_name, &one.base, &one.count))
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		/* Whoever can lock it all for itself is alone: a dead lease. */
		if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
			continue;
		len = read(fd, text, sizeof(text) - 1);
		text[len > 0 ? len : 0] = '\0';
		if (sscanf(text, "%d %79s", &pid, one.name) != 2)
			continue;
		one.pid = pid;
		more = reallocarray(all, count + 1, sizeof(*all));
		if (!more) {
			free(all);
			return shift_err_set(err, ENOMEM, "cannot allocate memory");
		}
		all = more;
		all[count++] = one;
	}
	if (count)
		qsort(all, count, sizeof(*all), by_base);
	*ret = all;
	*n = count;
	return 0;
}

/* The file of the lease that the pod @pod holds. */
static int find_pod(const char *pod, struct lease *lease,
		    struct shift_error *err)
{
	_cleanup_free_ char *own = NULL;
	struct lease_entry *all = NULL;
	size_t n = 0;
	int r = place_name(pod, &own, err);
	bool found = false;

	if (r >= 0)
		r = list(&all, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!strcmp(all[i].name, own)) {
			lease->base = all[i].base;
			lease->count = all[i].count;
			found = true;
		}
	free(all);
	if (r < 0 || found)
		return r;
	shift_err_set(err, 0, "--userns=pod:%s: no running pod of that name has a range", pod);
	shift_err_hint(err, "runner uidmap ls lists those that have one");
	return -ENOENT;
}

static int lock_dir(struct shift_error *err)
{
	_cleanup_close_ int dirfd = -1;
	int r = mkdir_parents(LEASE_DIR, 0755, err);

	if (r < 0)
		return r;
	dirfd = open(LEASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || flock(dirfd, LOCK_EX) < 0)
		return shift_err_set(err, errno, "cannot lock %s", LEASE_DIR);
	return steal_fd(&dirfd);
}

static int hold(int dirfd, struct lease *lease, const char *pod,
		struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	char name[32];

	snprintf(name, sizeof(name), "%" PRIu32 "-%" PRIu32, lease->base, lease->count);
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0)
		return shift_err_set(err, errno, "cannot lock %s/%s",
				     LEASE_DIR, name);
	if (pod && (ftruncate(fd, 0) < 0 ||
		    dprintf(fd, "%d %s\n", (int)getpid(), pod) < 0))
		return shift_err_set(err, errno, "cannot write %s/%s",
				     LEASE_DIR, name);
	lease->fd = steal_fd(&fd);
	return 0;
}

int lease_take(struct lease *lease, const struct lease_request *request,
	       const char *name, const char *memory, struct shift_error *err)
{
	_cleanup_ranges_ struct ranges taken = { 0 }, pool = { 0 };
	uint32_t size = request->size ? request->size : LEASE_SIZE;
	_cleanup_free_ char *own = NULL;
	_cleanup_close_ int dirfd = -1;
	int r = place_name(name ?: "-", &own, err);

	if (r < 0)
		return r;
	if (request->mode == LEASE_HOST) {
		lease->base = 0;
		lease->count = UINT32_MAX;
		return 0;
	}
	r = dirfd = lock_dir(err);
	if (r < 0)
		return r;
	if (request->mode == LEASE_POD) {
		r = find_pod(request->pod, lease, err);
		return r < 0 ? r : hold(dirfd, lease, NULL, err);
	}
	r = find_taken(dirfd, &taken, &pool, err);
	if (r < 0)
		return r;
	if (request->mode == LEASE_FIXED) {
		lease->base = request->base;
		r = refuse_if_taken(&taken, lease->base, size, err);
	} else if (!recall(memory, &taken, size, &lease->base)) {
		r = choose(&pool, &taken, size, &lease->base, err);
	}
	if (r < 0)
		return r;
	lease->count = size;
	r = hold(dirfd, lease, own, err);
	if (r >= 0)
		remember(memory, lease);
	return r;
}

void lease_release(struct lease *lease)
{
	char path[sizeof(LEASE_DIR) + 32];
	_cleanup_close_ int dirfd = -1;

	if (lease->fd < 0)
		return;
	/*
	 * Unlinked by the last holder, while nobody can come by the name: a
	 * holder that came in between would have a file without a name.
	 */
	dirfd = lock_dir(NULL);
	snprintf(path, sizeof(path), "%s/%" PRIu32 "-%" PRIu32, LEASE_DIR,
		 lease->base, lease->count);
	if (dirfd >= 0 && !flock(lease->fd, LOCK_EX | LOCK_NB))
		unlink(path);
	close(lease->fd);
	lease->fd = -1;
}

int lease_list(struct lease_entry **ret, size_t *n, struct shift_error *err)
{
	_cleanup_close_ int dirfd = open(LEASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = NULL;
	*n = 0;
	if (dirfd < 0 && errno == ENOENT)
		return 0;
	if (dirfd < 0 || flock(dirfd, LOCK_EX) < 0)
		return shift_err_set(err, errno, "cannot lock %s", LEASE_DIR);
	return list(ret, n, err);
}
