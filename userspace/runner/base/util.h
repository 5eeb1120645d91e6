/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers without knowledge of pods: string vectors, directories. */
#ifndef RUNNER_UTIL_H
#define RUNNER_UTIL_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* A NULL-terminated vector of malloc()ed strings; {NULL, 0} is empty. */
struct strv {
	char **v;
	size_t n;
};

int strv_add(struct strv *s, const char *text, struct shift_error *err);
int strv_addf(struct strv *s, struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets NAME=VALUE given as one string, replacing an earlier NAME. */
int strv_setenv(struct strv *s, const char *assignment,
		struct shift_error *err);

/* Takes NAME out, if it is there. */
void strv_unsetenv(struct strv *s, const char *name);

/* The value of NAME, NULL when it is not set; belongs to @s. */
const char *strv_getenv(const struct strv *s, const char *name);

void strv_clear(struct strv *s);

/* malloc()ed text in *ret, the caller's. */
int strf(char **ret, struct shift_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Replaces *dst by a copy of @text (NULL empties it). */
int str_replace(char **dst, const char *text, struct shift_error *err);

/* Milliseconds on a clock that only goes forward. */
int64_t util_now_ms(void);

/* mkdir -p; directories that exist keep their mode. */
int mkdir_parents(const char *path, mode_t mode, struct shift_error *err);

/* tree_remove_at() by path; symbolic links before the last component count. */
int remove_tree(const char *path, struct shift_error *err);

/*
 * Reads a whole regular file of at most @max bytes, NUL-terminated, the
 * caller's; files of /proc, /sys and cgroups are such too.
 */
int read_file(const char *path, size_t max, char **ret, size_t *ret_len,
	      struct shift_error *err);

/*
 * Writes all of @buf.  A short write goes on, so that what stops it has its own
 * errno: write(2) leaves none.  Returns 0, or -1 with errno set.
 */
int write_whole(int fd, const void *buf, size_t len);

/* Writes all of @text to an existing file in one write(2), as /proc wants. */
int write_file(const char *path, const char *text, struct shift_error *err);

/*
 * Adds the names in @dir to @ret, without those that begin with '.'; of more
 * than @most, 0: no limit, so many by chance.
 */
int dir_sample(DIR *dir, size_t most, struct strv *ret,
	       struct shift_error *err);

#endif
