/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/user.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

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

/* True when @user, a name or a number, is in the image's /etc/passwd. */
static bool find_user(const char *user, struct identity *id, char *name,
		      size_t name_size)
{
	_cleanup_file_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	uint32_t uid;
	bool numeric = number(user, &uid);

	while (f && (pw = fgetpwent(f))) {
		if (numeric ? pw->pw_uid != uid : strcmp(pw->pw_name, user))
			continue;
		id->uid = pw->pw_uid;
		id->gid = pw->pw_gid;
		snprintf(id->home, sizeof(id->home), "%s", pw->pw_dir);
		snprintf(name, name_size, "%s", pw->pw_name);
		return true;
	}
	if (numeric) {
		id->uid = uid;
		id->gid = 0;
	}
	return numeric;
}

static bool find_group(const char *group, gid_t *ret)
{
	_cleanup_file_ FILE *f = NULL;
	struct group *gr;
	uint32_t gid;

	if (number(group, &gid)) {
		*ret = gid;
		return true;
	}
	f = fopen("/etc/group", "re");
	while (f && (gr = fgetgrent(f))) {
		if (strcmp(gr->gr_name, group))
			continue;
		*ret = gr->gr_gid;
		return true;
	}
	return false;
}

static void find_groups(const char *name, struct identity *id)
{
	_cleanup_file_ FILE *f = fopen("/etc/group", "re");
	struct group *gr;

	while (f && *name && (gr = fgetgrent(f)))
		for (char **m = gr->gr_mem; *m; m++)
			if (!strcmp(*m, name) && id->n_groups < USER_MAX_GROUPS)
				id->groups[id->n_groups++] = gr->gr_gid;
}

int user_resolve(const char *user, struct identity *id,
		 struct shift_error *err)
{
	_cleanup_free_ char *copy = strdup(user);
	char name[256] = "", *group;

	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	memset(id, 0, sizeof(*id));
	strcpy(id->home, "/");
	group = strchr(copy, ':');
	if (group)
		*group++ = '\0';
	if (!find_user(*copy ? copy : "0", id, name, sizeof(name)))
		return shift_err_set(err, 0,
				     "the user '%s' is not in the image's /etc/passwd",
				     copy);
	if (!group)
		find_groups(name, id);
	else if (!find_group(group, &id->gid))
		return shift_err_set(err, 0,
				     "the group '%s' is not in the image's /etc/group",
				     group);
	return 0;
}
