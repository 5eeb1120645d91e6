/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "range/ranges.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

char ranges_live_map[] = "a live user namespace maps them";

void ranges_cut(struct ranges *r, size_t n)
{
	while (r->n > n)
		if (r->v[--r->n].whose != ranges_live_map)
			free(r->v[r->n].whose);
}

void ranges_clear(struct ranges *r)
{
	ranges_cut(r, 0);
	free(r->v);
	*r = (struct ranges){ NULL, 0 };
}

int ranges_add(struct ranges *r, uint64_t first, uint64_t count,
	       struct shift_error *err, const char *fmt, ...)
{
	struct range *v = r->v;
	va_list ap;
	int n = 0;

	/* Doubled at each power of two. */
	if (!(r->n & (r->n - 1)))
		v = reallocarray(v, r->n ? 2 * r->n : 1, sizeof(*v));
	if (!v)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r->v = v;
	v += r->n;
	v->first = first;
	v->end = first + count;
	v->whose = NULL;
	if (fmt) {
		va_start(ap, fmt);
		n = vasprintf(&v->whose, fmt, ap);
		va_end(ap);
	}
	if (n < 0)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	r->n++;
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

int ranges_add_live(struct ranges *r, uint64_t first, uint64_t count,
		    struct shift_error *err)
{
	int ret = ranges_add(r, first, count, err, NULL);

	if (ret >= 0)
		r->v[r->n - 1].whose = ranges_live_map;
	return ret;
}

void ranges_sort(struct ranges *r)
{
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_first);
}

const struct range *ranges_hit(const struct ranges *r, uint64_t first,
			       uint64_t count)
{
	for (size_t i = 0; i < r->n; i++)
		if (first < r->v[i].end && r->v[i].first < first + count)
			return &r->v[i];
	return NULL;
}

uint64_t ranges_free(const struct ranges *r, const struct range *in,
		     uint32_t size, uint32_t step)
{
	uint64_t base = in->first;

	for (size_t i = 0; i < r->n && r->v[i].first < base + size; i++)
		if (r->v[i].end > base)
			base += (r->v[i].end - base + step - 1) / step * step;
	return base + size <= in->end ? base : 0;
}

/* Whether @text, behind "passwd:", names files and systemd alone. */
static bool plain_sources(char *text)
{
	char *word, *save;

	text[strcspn(text, "#\n")] = '\0';
	for (word = strtok_r(text, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save))
		if (strcmp(word, "files") && strcmp(word, "systemd"))
			return false;
	return true;
}

static bool plain_nsswitch(void)
{
	_cleanup_file_ FILE *f = fopen("/etc/nsswitch.conf", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!f)
		return errno == ENOENT;
	while (getline(&line, &room, f) > 0) {
		char *at = line + strspn(line, " \t");

		if ((!strncmp(at, "passwd", 6) && !plain_sources(at + 6 + strspn(at + 6, " \t:"))) ||
		    (!strncmp(at, "group", 5) && !plain_sources(at + 5 + strspn(at + 5, " \t:"))))
			return false;
	}
	return true;
}

/*
 * systemd's own users lie below all ranges for containers, or are those of
 * containers; only what an administrator adds can be anywhere.
 */
static bool plain_userdb(void)
{
	static const char *const dirs[] = {
		"/etc/userdb", "/run/userdb", "/run/host/userdb",
		"/usr/local/lib/userdb", "/usr/lib/userdb",
	};
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *e;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (access(dirs[i], F_OK) == 0)
			return false;
	dir = opendir("/run/systemd/userdb");
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' &&
		    strncmp(e->d_name, "io.systemd.", strlen("io.systemd.")))
			return false;
	return true;
}

static int add_user(struct ranges *r, const struct passwd *pw,
		    struct shift_error *err)
{
	return ranges_add(r, pw->pw_uid, 1, err, "uid %u is the host's user %s",
			  pw->pw_uid, pw->pw_name);
}

static int add_group(struct ranges *r, const struct group *gr,
		     struct shift_error *err)
{
	return ranges_add(r, gr->gr_gid, 1, err, "gid %u is the host's group %s",
			  gr->gr_gid, gr->gr_name);
}

/* By the files alone: loading other sources takes longer than all else here. */
static int add_from_files(struct ranges *r, struct shift_error *err)
{
	_cleanup_file_ FILE *users = fopen("/etc/passwd", "re");
	_cleanup_file_ FILE *groups = fopen("/etc/group", "re");
	struct passwd *pw;
	struct group *gr;
	int ret = 0;

	while (ret >= 0 && users && (pw = fgetpwent(users)))
		ret = add_user(r, pw, err);
	while (ret >= 0 && groups && (gr = fgetgrent(groups)))
		ret = add_group(r, gr, err);
	return ret;
}

int ranges_add_host_ids(struct ranges *r, struct shift_error *err)
{
	struct passwd *pw;
	struct group *gr;
	int ret = 0;

	if (plain_nsswitch() && plain_userdb())
		return add_from_files(r, err);
	setpwent();
	while (ret >= 0 && (pw = getpwent()))
		ret = add_user(r, pw, err);
	endpwent();
	setgrent();
	while (ret >= 0 && (gr = getgrent()))
		ret = add_group(r, gr, err);
	endgrent();
	return ret;
}
