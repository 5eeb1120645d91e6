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

/*
 * Lines NAME:FIRST:COUNT; those of "runner" go to @pool unless it is NULL,
 * others are taken.
 */
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
			r = !pool ? 0 : ranges_add(pool, first, count, err,
						   "%s for runner", path);
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

		if (sscanf(e->d_name, "%" SCNu32 "-%" SCNu32, &base,
			   &count) != 2)
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

static int choose(const struct ranges *pool, const struct ranges *taken,
		  uint32_t *ret, struct shift_error *err)
{
	for (size_t i = 0; i < pool->n; i++) {
		uint64_t base = pool->v[i].first;

		while (base + LEASE_SIZE <= pool->v[i].end) {
			const struct range *hit = ranges_hit(taken, base,
							     LEASE_SIZE);

			if (!hit) {
				*ret = (uint32_t)base;
				return 0;
			}
			/* Keep the steps of the pool, so ranges stay packed. */
			do {
				base += LEASE_SIZE;
			} while (base < hit->end);
		}
	}
	shift_err_set(err, 0,
		      "no free range of %u ids is left (looked in %s)", LEASE_SIZE,
		      pool->v[0].whose);
	shift_err_hint(err, "end a pod, or give the user 'runner' more ids in /etc/subuid and /etc/subgid");
	return -EDQUOT;
}

static int refuse_if_taken(const struct ranges *taken, uint32_t base,
			   struct shift_error *err)
{
	const struct range *hit;

	if (base == 0 || (uint64_t)base + LEASE_SIZE > UINT32_MAX)
		return shift_err_set(err, 0,
				     "--uid-base %" PRIu32 ": the %u ids from there are not between 1 and 4294967294",
				     base, LEASE_SIZE);
	hit = ranges_hit(taken, base, LEASE_SIZE);
	if (!hit)
		return 0;
	shift_err_set(err, 0,
		      "--uid-base %" PRIu32 ": the ids %" PRIu32 " to %" PRIu32 " are not free: %s",
		      base, base, base + LEASE_SIZE - 1, hit->whose);
	shift_err_hint(err, "leave --uid-base out to get a free range");
	return -EBUSY;
}

int lease_take(struct lease *lease, const uint32_t *base,
	       struct shift_error *err)
{
	_cleanup_ranges_ struct ranges taken = { 0 }, pool = { 0 };
	_cleanup_close_ int dirfd = -1, fd = -1;
	uint32_t chosen;
	char name[32];
	int r;

	r = mkdir_parents(LEASE_DIR, 0755, err);
	if (r < 0)
		return r;
	dirfd = open(LEASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || flock(dirfd, LOCK_EX) < 0)
		return shift_err_set(err, errno, "cannot lock %s", LEASE_DIR);

	if ((r = add_leases(dirfd, &taken, err)) < 0 ||
	    (r = add_subids("/etc/subuid", &taken, &pool, err)) < 0 ||
	    (r = add_subids("/etc/subgid", &taken, NULL, err)) < 0 ||
	    (r = add_host_ids(&taken, err)) < 0 ||
	    (r = add_live_maps(&taken, err)) < 0)
		return r;
	if (!pool.n)
		r = ranges_add(&pool, POOL_FIRST, POOL_LAST - POOL_FIRST, err,
			       "the ids %u to %u", POOL_FIRST, POOL_LAST);
	if (r < 0)
		return r;

	if (base) {
		chosen = *base;
		r = refuse_if_taken(&taken, chosen, err);
	} else {
		r = choose(&pool, &taken, &chosen, err);
	}
	if (r < 0)
		return r;

	snprintf(name, sizeof(name), "%" PRIu32 "-%u", chosen, LEASE_SIZE);
	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return shift_err_set(err, errno, "cannot lock %s/%s",
				     LEASE_DIR, name);
	dprintf(fd, "%d\n", (int)getpid());
	lease->base = chosen;
	lease->count = LEASE_SIZE;
	lease->fd = steal_fd(&fd);
	return 0;
}

void lease_release(struct lease *lease)
{
	char path[sizeof(LEASE_DIR) + 32];

	if (lease->fd < 0)
		return;
	/* Unlinked while it is still locked: nobody else can hold this name. */
	snprintf(path, sizeof(path), "%s/%" PRIu32 "-%" PRIu32, LEASE_DIR,
		 lease->base, lease->count);
	unlink(path);
	close(lease->fd);
	lease->fd = -1;
}
