/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helpers shared by the subjects.
 *
 * A test has two sides: `lower`, a directory descriptor on the tree below,
 * and `upper`, one on the mount over it. The standard map stores ids 0..65535
 * and shows them as 100000..165535.
 */
#ifndef SHIFTFS_SELFTEST_UTILS_H
#define SHIFTFS_SELFTEST_UTILS_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAP		"b:0:100000:65536"
#define SEEN(id)	(100000u + (id))	/* above, for stored id */
#define OUTSIDE		70000u			/* stored, not in MAP */
#define NOBODY		65534u			/* the overflow id */
#define STRANGER	500000u			/* seen, not in MAP */

extern int lower, upper;		/* directory descriptors */
extern char lower_path[PATH_MAX], upper_path[PATH_MAX];

/*
 * What is tested: a shiftfs mount, an idmapped mount of the kernel, or an
 * idmapped mount of a shiftfs mount, which is both.
 */
bool on_shiftfs(void);
bool on_idmap(void);

/* Is the running kernel this version or a later one? */
bool kernel_since(int major, int minor);

/* True when the lower is of this type: ext4, xfs, btrfs, tmpfs, overlay. */
bool lower_is(const char *type);

/*
 * Assertions. They end the process with status 1 after printing a line, so
 * they serve a test, a helper and a forked child alike.
 */
void fail_at(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#define OK(e) ({							\
	long r_ = (long)(e);						\
	if (r_ < 0)							\
		fail_at(__FILE__, __LINE__, "%s: %s", #e,		\
			strerror(errno));				\
	r_; })

#define FAILS(e, err) do {						\
	errno = 0;							\
	if ((long)(e) >= 0)						\
		fail_at(__FILE__, __LINE__, "%s: succeeded, wanted %s",	\
			#e, #err);					\
	if (errno != (err))						\
		fail_at(__FILE__, __LINE__, "%s: %s, wanted %s", #e,	\
			strerror(errno), #err);				\
} while (0)

#define CHECK(c) do {							\
	if (!(c))							\
		fail_at(__FILE__, __LINE__, "not true: %s", #c);	\
} while (0)

#define EQ(want, got) do {						\
	long long w_ = (long long)(want), g_ = (long long)(got);	\
	if (w_ != g_)							\
		fail_at(__FILE__, __LINE__,				\
			"%s is %lld (0x%llx), wanted %s = %lld",	\
			#got, g_, (unsigned long long)g_, #want, w_);	\
} while (0)

/* Owner, group, and mode with the type bits, of a name; not following. */
#define ATTR(dir, name, u, g, m) \
	check_attr(__FILE__, __LINE__, dir, name, u, g, m)
void check_attr(const char *file, int line, int dir, const char *name,
		uid_t uid, gid_t gid, mode_t mode);

/* Above, and with the same stored ids below. */
#define BOTH(name, u, g, m) do {					\
	ATTR(upper, name, SEEN(u), SEEN(g), m);				\
	ATTR(lower, name, u, g, m);					\
} while (0)

#define ABSENT(dir, name) FAILS(faccessat(dir, name, F_OK,		\
					  AT_SYMLINK_NOFOLLOW), ENOENT)
#define ABSENT_BOTH(name) do {						\
	ABSENT(upper, name);						\
	ABSENT(lower, name);						\
} while (0)

#define CONTENT(dir, name, text) \
	check_content(__FILE__, __LINE__, dir, name, text)
void check_content(const char *file, int line, int dir, const char *name,
		   const char *text);

/* Small tools; all return -1 with errno set on failure, or abort with OK. */
int touch(int dir, const char *name, mode_t mode);	/* O_CREAT | O_EXCL */
int put(int dir, const char *name, const char *text);	/* create or replace */
void make(const char *name, uid_t uid, gid_t gid, mode_t mode); /* below */
struct stat st(int dir, const char *name);		/* lstat */
/* Paths of names on either side; eight buffers in turn. */
const char *up(const char *name);
const char *lo(const char *name);

/* Copy this program below, so that it can be run through the mount. */
void copy_self(const char *name, uid_t uid, gid_t gid, mode_t mode);

/* Run such a copy: what its helper() returns, or how execveat(2) failed. */
int run(int dir, const char *name);
#define EXEC_FAILED(e) (64 + (e))

void remove_tree(const char *path);

/* Source and superblock options of the last mount at this place. */
bool mount_info(const char *mountpoint, char *source, char *options,
		size_t size);

/*
 * Callers. become() takes the ids as effective ids with no capability and no
 * supplementary group; become_caps() changes the filesystem ids only and
 * keeps every capability; become_root() undoes both.
 */
void become(uid_t uid, gid_t gid);
void become_groups(uid_t uid, gid_t gid, int n, const gid_t *groups);
void become_caps(uid_t uid, gid_t gid);
void become_root(void);

#define ALL_CAPS	(~0ull)
#define CAPBIT(c)	(1ull << (c))

/* A user namespace with this map; cached, the caller must not close it. */
int userns(const char *map);

/* Write NAME=value maps in the form that /proc/PID/uid_map takes. */
int map_lines(const char *map, char type, char *out, size_t size);

/*
 * Run the block in a forked child which entered user namespace `ns` with
 * these ids (as seen inside), no supplementary groups, and capabilities
 * `caps` there. ns may be -1 for the initial one. The test fails when the
 * child fails.
 */
#define AS_NS(ns, uid, gid, caps)					\
	for (int in_ = child_start(__FILE__, __LINE__, ns, uid, gid, caps); \
	     in_; fflush(stdout), _exit(0))
int child_start(const char *file, int line, int ns, uid_t uid, gid_t gid,
		uint64_t caps);

/* Fork; in the child 0 is returned and the caller must end in _exit(). */
pid_t spawn(void);
int reap(pid_t pid);		/* wait status 0 or the exit code, 128+signal */

/*
 * Mount `source` on `target` with the map through the backend under test;
 * attr are MOUNT_ATTR_ flags. -1 and errno on failure.
 */
int mount_map(const char *source, const char *target, const char *map,
	      unsigned int attr);

/* A detached idmapped mount, whatever the backend; -1 and errno. */
int idmap_mount(const char *source, const char *map, unsigned int attr);
/* The same at a new mount point; NULL where the filesystem has none. */
const char *idmap_point(const char *source, const char *map);

/* The next free mount point: a directory, or an empty file. */
const char *mount_point(bool directory);

/* mount_map() at a new mount point; returns an O_PATH-less directory fd. */
int open_view(const char *source, const char *map, unsigned int attr,
	      const char **target);

/* Log text of the last refused fsopen()-style mount. */
extern char mount_log[4096];

/*
 * One fsopen("shiftfs") configuration by hand: pairs of key and value, a NULL
 * key ends. Returns a mount descriptor or -1; mount_log has the text.
 */
int shiftfs_fsmount(const char *const *pairs, unsigned int attr);

/* A small tmpfs, for tests that fill one. */
int small_lower(const char *target, const char *size);

/* Used by lib/fixture.h. */
void view_setup(const char *map);
void view_teardown(void);

#endif
