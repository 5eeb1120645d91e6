/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "range/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/place.h"
#include "base/replace.h"
#include "base/util.h"
#include "cleanup.h"
#include "range/ranges.h"
#include "range/reserved.h"

/* Where no subordinate range is set up: the part that systemd leaves to
 * containers, in which no distribution puts users.
 */
#define POOL_FIRST 0x00080000u
#define POOL_LAST 0x6fffffffu

/* Of how many leases a start asks whether their holders live. */
#define LOOK_AT 16

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
		unsigned long long from, n;
		uint32_t first, count;

		if (sscanf(line, "%255[^:]:%llu:%llu", name, &from, &n) != 3 ||
		    !n || from >= UINT32_MAX)
			continue;
		/* What is beyond the last id is nobody's. */
		first = (uint32_t)from;
		count = n > UINT32_MAX - from ? UINT32_MAX - first : (uint32_t)n;
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

static bool lease_name_parse(const char *name, uint32_t *base, uint32_t *count)
{
	char *end;

	/* As sscanf(3) would, in a tenth of the time. */
	*base = (uint32_t)strtoul(name, &end, 10);
	if (end == name || *end != '-')
		return false;
	name = end + 1;
	*count = (uint32_t)strtoul(name, &end, 10);
	return end != name;
}

/* Whether no holder of the lease @r lives; its file is removed then. */
static bool lease_is_dead(int dirfd, const struct range *r)
{
	_cleanup_close_ int lock = -1;
	char name[64];

	snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu64, r->first,
		 r->end - r->first);
	lock = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0)
		return errno == ENOENT;
	if (flock(lock, LOCK_EX | LOCK_NB))
		return false;
	unlinkat(dirfd, name, 0);
	return true;
}

/* Drops those of the first @n ranges from @from on that are dead leases. */
static void drop_dead(int dirfd, struct ranges *taken, size_t from, size_t n)
{
	for (size_t i = from; n && i < taken->n; n--) {
		if (taken->v[i].whose || !lease_is_dead(dirfd, &taken->v[i]))
			i++;
		else
			taken->v[i] = taken->v[--taken->n];
	}
}

/*
 * All leases, by their names.  Whether a holder lives is asked of a few of
 * them only, of others at each start, so that many pods cost a start little; a
 * dead one that is in the way is asked in any case.
 */
static int add_leases(int dirfd, struct ranges *taken, struct shift_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;
	int fd, r;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !(dir = fdopendir(fd)))
		return shift_err_set(err, errno, "cannot read %s", LEASE_DIR);
	while ((e = readdir(dir))) {
		uint32_t base, count;

		if (!lease_name_parse(e->d_name, &base, &count))
			continue;
		r = ranges_add(taken, base, count, err, NULL);
		if (r < 0)
			return r;
	}
	drop_dead(dirfd, taken, taken->n <= LOOK_AT ? 0 :
		  (size_t)getpid() % taken->n, LOOK_AT);
	return 0;
}

/* Who has one of the ids, or NULL. */
static const struct range *taken_by(int dirfd, struct ranges *taken,
				    uint64_t first, uint64_t count)
{
	const struct range *hit;

	while ((hit = ranges_hit(taken, first, count)) && !hit->whose &&
	       lease_is_dead(dirfd, hit))
		taken->v[hit - taken->v] = taken->v[--taken->n];
	return hit;
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

static int choose(int dirfd, const struct ranges *pool, struct ranges *taken,
		  uint32_t size, uint32_t *ret, struct shift_error *err)
{
	/* Ranges of one size stay packed, small ones do not cut up large ones. */
	uint32_t step = size < LEASE_SIZE ? size : LEASE_SIZE;

	for (int pass = 0; pass < 2; pass++) {
		if (pass)
			drop_dead(dirfd, taken, 0, taken->n);
		ranges_sort(taken);
		for (size_t i = 0; i < pool->n; i++) {
			*ret = (uint32_t)ranges_free(taken, &pool->v[i], size,
						     step);
			if (*ret)
				return 0;
		}
	}
	shift_err_set(err, 0, "no free range of %u ids is left (looked in %s)",
		      size, pool->v[0].whose);
	shift_err_hint(err, "end a pod, or give the user 'runner' more ids in /etc/subuid and /etc/subgid");
	return -EDQUOT;
}

static int refuse_if_taken(int dirfd, struct ranges *taken, uint32_t base,
			   uint32_t size, struct shift_error *err)
{
	_cleanup_ranges_ struct ranges processes = { 0 };
	const struct range *hit, *process;

	if (base == 0 || (uint64_t)base + size > UINT32_MAX)
		return shift_err_set(err, 0,
				     "--userns=%" PRIu32 ": the %u ids from there are not between 1 and 4294967294",
				     base, size);
	hit = taken_by(dirfd, taken, base, size);
	if (!hit)
		return 0;
	if (!hit->whose)
		shift_err_set(err, 0, "another pod holds the lease " LEASE_DIR "/%" PRIu64 "-%" PRIu64,
			      hit->first, hit->end - hit->first);
	/* A person wants to know which process. */
	else if (hit->whose == ranges_live_map &&
		 ranges_add_processes(&processes, NULL) >= 0 &&
		 (process = ranges_hit(&processes, base, size)))
		shift_err_set(err, 0, "%s", process->whose);
	else
		shift_err_set(err, 0, "%s", hit->whose);
	shift_err_prefix(err, "--userns=%" PRIu32 ": the ids %" PRIu32 " to %" PRIu32 " are not free",
			 base, base, base + size - 1);
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
	    (r = ranges_add_host_ids(taken, err)) < 0 ||
	    (r = ranges_add_live_maps(taken, LEASE_MAPS, err)) < 0)
		return r;
	return pool->n ? 0 :
	       ranges_add(pool, POOL_FIRST, POOL_LAST - POOL_FIRST, err,
			  "the ids %u to %u", POOL_FIRST, POOL_LAST);
}

/*
 * The range in @memory, if it is of @size and free.  It need not be of the pool:
 * then it was asked for by number.
 */
static bool recall(int dirfd, const char *memory, struct ranges *taken,
		   uint32_t size, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	uint32_t base, count;

	if (!memory || read_file(memory, 256, &text, NULL, NULL) < 0 ||
	    !lease_name_parse(text, &base, &count) || count != size || !base ||
	    (uint64_t)base + size > UINT32_MAX || taken_by(dirfd, taken, base, size))
		return false;
	*ret = base;
	return true;
}

/* No failure of this is worth failing a start. */
static void remember(const char *memory, const struct lease *lease)
{
	_cleanup_free_ char *old = NULL;
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu32 "-%" PRIu32 "\n", lease->base,
		 lease->count);
	if (!memory || (read_file(memory, 256, &old, NULL, NULL) >= 0 &&
			!strcmp(old, text)))
		return;
	file_replace(memory, text, true, NULL);
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

/* Closed to other users, who could otherwise lock it, or what is in it. */
static int lock_dir(struct shift_error *err)
{
	_cleanup_close_ int dirfd = -1;
	int r = lockfile_dir(PLACE_RUN, 0711, err);

	if (r < 0)
		return r;
	close(r);
	r = dirfd = lockfile_dir(LEASE_DIR, 0700, err);
	if (r >= 0)
		r = lockfile_wait(dirfd, LOCK_EX, LEASE_DIR, err);
	return r < 0 ? r : steal_fd(&dirfd);
}

static int hold(int dirfd, struct lease *lease, const char *pod,
		struct shift_error *err)
{
	_cleanup_close_ int fd = -1;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%" PRIu32 "-%" PRIu32, lease->base, lease->count);
	r = fd = lockfile_open(dirfd, name, O_RDWR | O_CREAT, err);
	if (r < 0)
		return shift_err_prefix(err, LEASE_DIR);
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return shift_err_set(err, errno, "cannot lock %s/%s",
				     LEASE_DIR, name);
	if (pod && (ftruncate(fd, 0) < 0 ||
		    dprintf(fd, "%d %s\n", (int)getpid(), pod) < 0))
		return shift_err_set(err, errno, "cannot write %s/%s",
				     LEASE_DIR, name);
	lease->fd = steal_fd(&fd);
	return 0;
}

/*
 * A range that is nobody's or, when there is none, one that waits for a pod which
 * is not up.
 */
static int choose_new(int dirfd, struct ranges *pool, struct ranges *taken,
		      const char *own, uint32_t size, uint32_t *ret,
		      struct shift_error *err)
{
	_cleanup_ranges_ struct ranges again = { 0 }, all = { 0 };
	size_t n = taken->n;
	int r = reserved_add(taken, own, err);

	if (r < 0)
		return r;
	n = taken->n - n;
	r = choose(dirfd, pool, taken, size, ret, err);
	if (r != -EDQUOT || !n)
		return r;
	shift_err_clear(err);
	r = find_taken(dirfd, &again, &all, err);
	return r < 0 ? r : choose(dirfd, &all, &again, size, ret, err);
}

int lease_take(struct lease *lease, const struct lease_request *request,
	       const char *name, const char *memory, bool keep,
	       struct shift_error *err)
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
		r = refuse_if_taken(dirfd, &taken, lease->base, size, err);
	} else if (!recall(dirfd, memory, &taken, size, &lease->base)) {
		r = choose_new(dirfd, &pool, &taken, own, size, &lease->base,
			       err);
	}
	if (r < 0)
		return r;
	lease->count = size;
	r = hold(dirfd, lease, own, err);
	if (r >= 0)
		remember(memory, lease);
	if (r >= 0 && keep)
		r = reserved_set(own, lease->base, size, err);
	return r;
}

int lease_keep(const char *name, const char *memory, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL, *own = NULL;
	_cleanup_close_ int dirfd = -1;
	uint32_t base, count;
	int r = place_name(name, &own, err);

	if (r < 0)
		return r;
	/* One in the host's ids, or in another pod's range, has none. */
	if (read_file(memory, 256, &text, NULL, NULL) < 0 ||
	    !lease_name_parse(text, &base, &count) || !base || !count ||
	    (uint64_t)base + count > UINT32_MAX)
		return 0;
	r = dirfd = lock_dir(err);
	return r < 0 ? r : reserved_set(own, base, count, err);
}

void lease_forget(const char *name)
{
	_cleanup_free_ char *own = NULL;

	if (place_name(name, &own, NULL) >= 0)
		reserved_drop(own);
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
	_cleanup_close_ int dirfd = -1;
	int r = 0;

	*ret = NULL;
	*n = 0;
	if (access(LEASE_DIR, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = dirfd = lock_dir(err);
	if (r < 0)
		return r;
	return list(ret, n, err);
}

static bool number(const char *text, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

int lease_parse(const char *text, struct lease_request *request,
		struct shift_error *err)
{
	struct lease_request r = { .mode = LEASE_AUTO };

	if (!strncmp(text, "auto:size=", 10)) {
		if (!number(text + 10, &r.size) || !r.size)
			return shift_err_set(err, 0, "--userns=%s: '%s' is no number of ids",
					     text, text + 10);
	} else if (!strcmp(text, "host")) {
		r.mode = LEASE_HOST;
	} else if (!strncmp(text, "pod:", 4) && text[4]) {
		r.mode = LEASE_POD;
		r.pod = text + 4;
	} else if (number(text, &r.base)) {
		r.mode = LEASE_FIXED;
	} else if (strcmp(text, "auto")) {
		return shift_err_set(err, 0, "--userns=%s: there are auto, auto:size=N, the first id of a range, host and pod:NAME",
				     text);
	}
	*request = r;
	return 0;
}
