/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/user.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/regular.h"
#include "cleanup.h"

/* Directories of large sites have a few megabytes of users. */
#define TABLE_MAX (16u << 20)

static bool number(const char *text, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* A table of users or groups in memory, to be read as a file. */
struct table {
	char *text;
	FILE *file;		/* NULL when there is nothing to read */
};

static void put_table(struct table *t)
{
	if (t->file)
		fclose(t->file);
	free(t->text);
}

#define _cleanup_table_ __attribute__((cleanup(put_table)))

/*
 * The pod may have put anything at @path.  A table that is missing is an empty
 * one; what cannot be read is an error.
 */
static int open_table(const char *path, struct table *t,
		      struct shift_error *err)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t len;
	int r;

	if (root < 0)
		return shift_err_set(err, errno, "cannot open the pod's root");
	r = regular_read(root, path, REGULAR_IN_ROOT, TABLE_MAX, &t->text, &len,
			 err);
	if (r == -ENOENT || r == -ENOTDIR) {
		shift_err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	if (!len)
		return 0;
	t->file = fmemopen(t->text, len, "r");
	return t->file ? 0 : shift_err_set(err, errno, "cannot read %s", path);
}

/* 1 when @user, a name or a number, is in the image's /etc/passwd. */
static int find_user(const char *user, struct identity *id, char *name,
		     size_t name_size, struct shift_error *err)
{
	_cleanup_table_ struct table t = { 0 };
	struct passwd *pw;
	uint32_t uid;
	bool numeric = number(user, &uid);
	int r = open_table("/etc/passwd", &t, err);

	/* Nothing is needed of the table for a number. */
	if (r < 0 && !numeric)
		return r;
	shift_err_clear(err);
	while (t.file && (pw = fgetpwent(t.file))) {
		if (numeric ? pw->pw_uid != uid : strcmp(pw->pw_name, user))
			continue;
		id->uid = pw->pw_uid;
		id->gid = pw->pw_gid;
		snprintf(id->home, sizeof(id->home), "%s", pw->pw_dir);
		snprintf(name, name_size, "%s", pw->pw_name);
		return 1;
	}
	if (numeric) {
		id->uid = uid;
		id->gid = 0;
	}
	return numeric;
}

static int find_group(const char *group, gid_t *ret, struct shift_error *err)
{
	_cleanup_table_ struct table t = { 0 };
	struct group *gr;
	uint32_t gid;
	int r;

	if (number(group, &gid)) {
		*ret = gid;
		return 1;
	}
	r = open_table("/etc/group", &t, err);
	if (r < 0)
		return r;
	while (t.file && (gr = fgetgrent(t.file))) {
		if (strcmp(gr->gr_name, group))
			continue;
		*ret = gr->gr_gid;
		return 1;
	}
	return 0;
}

static int find_groups(const char *name, struct identity *id,
		       struct shift_error *err)
{
	_cleanup_table_ struct table t = { 0 };
	struct group *gr;
	int r;

	if (!*name)
		return 0;
	r = open_table("/etc/group", &t, err);
	while (t.file && (gr = fgetgrent(t.file)))
		for (char **m = gr->gr_mem; *m; m++)
			if (!strcmp(*m, name) && id->n_groups < USER_MAX_GROUPS)
				id->groups[id->n_groups++] = gr->gr_gid;
	return r;
}

static int unknown(const char *what, const char *text, const char *file,
		   struct shift_error *err)
{
	/* A number that find_user() and find_group() could not take. */
	if (*text && text[strspn(text, "-0123456789")] == '\0')
		return shift_err_set(err, 0, "the %s id %s is not a number from 0 to %u",
				     what, text, UINT32_MAX - 1);
	return shift_err_set(err, 0, "the %s '%s' is not in the image's %s",
			     what, text, file);
}

/*
 * The primary group is one of the supplementary ones, too: else a program that is
 * set-group-ID gets rid of it, and so of what a file denies to that group
 * (CVE-2022-2989, CVE-2022-36109).
 */
static void add_primary(struct identity *id)
{
	for (size_t i = 0; i < id->n_groups; i++)
		if (id->groups[i] == id->gid)
			return;
	if (id->n_groups == USER_MAX_GROUPS)
		id->n_groups--;
	memmove(id->groups + 1, id->groups, id->n_groups * sizeof(*id->groups));
	id->groups[0] = id->gid;
	id->n_groups++;
}

static int resolve(const char *user, struct identity *id, struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(user);
	char name[256] = "", *group;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	memset(id, 0, sizeof(*id));
	strcpy(id->home, "/");
	group = strchr(copy, ':');
	if (group)
		*group++ = '\0';
	/* Others take "NAME:" for "NAME"; a number without its group stays an error. */
	if (group && !*group && *copy && !isdigit((unsigned char)*copy))
		group = NULL;
	r = find_user(*copy ? copy : "0", id, name, sizeof(name), err);
	if (r < 0)
		return r;
	if (!r)
		return unknown("user", copy, "/etc/passwd", err);
	if (!group)
		return find_groups(name, id, err);
	r = find_group(group, &id->gid, err);
	if (r < 0)
		return r;
	return r ? 0 : unknown("group", group, "/etc/group", err);
}

int user_resolve(const char *user, struct identity *id, struct shift_error *err)
{
	int r = resolve(user, id, err);

	if (r >= 0)
		add_primary(id);
	return r;
}

int user_add_groups(const char *list, struct identity *id,
		    struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(list);
	char *rest = copy, *name;
	gid_t gid;
	int r;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	while ((name = strsep(&rest, ","))) {
		r = find_group(name, &gid, err);
		if (r < 0)
			return r;
		if (!r)
			return unknown("group", name, "/etc/group", err);
		if (id->n_groups == USER_MAX_GROUPS)
			return shift_err_set(err, 0, "the command has more than %d groups",
					     USER_MAX_GROUPS);
		id->groups[id->n_groups++] = gid;
	}
	return 0;
}
