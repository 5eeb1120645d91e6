// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tree after the storm. Below: owners within the map, as many names of an
 * inode as it counts. Above, through each mount: the same names, inodes, modes,
 * sizes, times and contents, with the owners shifted, and no more.
 */
#include <ftw.h>

#include "storm.h"

static const struct thread nobody = { .v = 0 };
static char roots[VIEWS][PATH_MAX];

static struct inode {
	ino_t ino;
	nlink_t nlink, found;
} *inodes;
static size_t n_inodes, room;
static unsigned long names;
static int walked;		/* the view of the walk */
static unsigned long others;	/* names in it */

static uint64_t hash(const char *path)
{
	unsigned char buf[8192];
	uint64_t h = 14695981039346656037u;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ buf[i]) * 1099511628211u;
	close(fd);
	return n < 0 ? 1 : h;
}

static void compare(const char *path, const struct stat *s, int v)
{
	char other[PATH_MAX + 8], one[PATH_MAX] = "", two[PATH_MAX] = "";
	struct stat o;

	snprintf(other, sizeof(other), "%s%s", roots[v],
		 path + strlen(roots[0]));
	if (lstat(other, &o)) {
		wrong(&nobody, "%s: %s", other, strerror(errno));
		return;
	}
	if (o.st_ino != s->st_ino || o.st_mode != s->st_mode ||
	    o.st_nlink != s->st_nlink || o.st_size != s->st_size ||
	    o.st_rdev != s->st_rdev || o.st_blocks != s->st_blocks ||
	    o.st_mtim.tv_sec != s->st_mtim.tv_sec ||
	    o.st_mtim.tv_nsec != s->st_mtim.tv_nsec)
		wrong(&nobody, "%s: inode %ju mode %o links %ju size %jd, below %ju %o %ju %jd",
		      other, (uintmax_t)o.st_ino, o.st_mode,
		      (uintmax_t)o.st_nlink, (intmax_t)o.st_size,
		      (uintmax_t)s->st_ino, s->st_mode, (uintmax_t)s->st_nlink,
		      (intmax_t)s->st_size);
	if (o.st_uid != s->st_uid + base[v] || o.st_gid != s->st_gid + base[v])
		wrong(&nobody, "%s: %u:%u, below %u:%u", other, o.st_uid,
		      o.st_gid, s->st_uid, s->st_gid);
	if (S_ISREG(s->st_mode) && hash(path) != hash(other))
		wrong(&nobody, "%s: other contents than below", other);
	if (S_ISLNK(s->st_mode) &&
	    (readlink(path, one, sizeof(one) - 1) < 0 ||
	     readlink(other, two, sizeof(two) - 1) < 0 || strcmp(one, two)))
		wrong(&nobody, "%s: leads to %s, below to %s", other, two, one);
}

static void count_name(const struct stat *s)
{
	size_t i;

	for (i = 0; i < n_inodes; i++)
		if (inodes[i].ino == s->st_ino)
			break;
	if (i == n_inodes) {
		if (n_inodes == room) {
			room = room ? 2 * room : 256;
			inodes = realloc(inodes, room * sizeof(*inodes));
			CHECK(inodes);
		}
		inodes[n_inodes++] = (struct inode){ s->st_ino, s->st_nlink, 0 };
	}
	inodes[i].found++;
}

static int below(const char *path, const struct stat *s, int flag,
		 struct FTW *ftw)
{
	(void)ftw;
	if (flag == FTW_NS || flag == FTW_DNR)
		wrong(&nobody, "%s: %s", path, strerror(errno));
	names++;
	if (s->st_uid > 65535 || s->st_gid > 65535)
		wrong(&nobody, "%s: %u:%u is stored", path, s->st_uid,
		      s->st_gid);
	if (!S_ISDIR(s->st_mode))
		count_name(s);
	for (int v = 1; v < VIEWS; v++)
		compare(path, s, v);
	return 0;
}

static int above(const char *path, const struct stat *s, int flag,
		 struct FTW *ftw)
{
	(void)ftw;
	if (flag == FTW_NS || flag == FTW_DNR)
		wrong(&nobody, "%s: %s", path, strerror(errno));
	if (s->st_uid - base[walked] > 65535 || s->st_gid - base[walked] > 65535)
		wrong(&nobody, "%s: belongs to %u:%u", path, s->st_uid,
		      s->st_gid);
	others++;
	return 0;
}

static void check_log(void)
{
	unsigned long count[MAXTHREADS] = { 0 }, n;
	FILE *log = fopen(up("log"), "re");
	unsigned int who;
	char line[64];

	CHECK(log);
	while (fgets(line, sizeof(line), log)) {
		if (strlen(line) != 16 ||
		    sscanf(line, "%u %lu", &who, &n) != 2 ||
		    who >= MAXTHREADS || n != count[who]++) {
			wrong(&nobody, "the log has the line '%s'", line);
			break;
		}
	}
	fclose(log);
	for (who = 0; who < MAXTHREADS; who++)
		if (count[who] != atomic_load(&shared->appended[who]))
			wrong(&nobody, "thread %u appended %lu lines, %lu are there",
			      who, atomic_load(&shared->appended[who]),
			      count[who]);
}

unsigned long verify(void)
{
	uint64_t counter;

	for (int v = 0; v < VIEWS; v++) {
		int fd = openat(view[v], "counter", O_RDONLY | O_CLOEXEC);
		char link[64];

		snprintf(link, sizeof(link), "/proc/self/fd/%d", view[v]);
		CHECK(readlink(link, roots[v], PATH_MAX - 1) > 0);
		if (pread(fd, &counter, 8, 0) != 8 ||
		    counter != atomic_load(&shared->added))
			wrong(&nobody, "the counter through view %d is %ju, wanted %lu",
			      v, (uintmax_t)counter,
			      atomic_load(&shared->added));
		close(fd);
	}
	check_log();
	names = n_inodes = 0;
	nftw(roots[0], below, 32, FTW_PHYS);
	for (size_t i = 0; i < n_inodes; i++)
		if (inodes[i].nlink != inodes[i].found)
			wrong(&nobody, "inode %ju counts %ju links and has %ju names",
			      (uintmax_t)inodes[i].ino,
			      (uintmax_t)inodes[i].nlink,
			      (uintmax_t)inodes[i].found);
	for (walked = 1; walked < VIEWS; walked++) {
		others = 0;
		nftw(roots[walked], above, 32, FTW_PHYS);
		if (others != names)
			wrong(&nobody, "view %d has %lu names, below are %lu",
			      walked, others, names);
	}
	return names;
}
