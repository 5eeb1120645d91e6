/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pathtext.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

int pathtext_next(char rest[PATH_MAX], char name[NAME_MAX + 1])
{
	size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/");

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, rest + skip, len);
	name[len] = '\0';
	memmove(rest, rest + skip + len, strlen(rest + skip + len) + 1);
	return 0;
}

void pathtext_drop(char path[PATH_MAX])
{
	char *slash = strrchr(path, '/');

	*(slash ?: path) = '\0';
}

int pathtext_add(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);

	return snprintf(path + len, PATH_MAX - len, "%s%s", len ? "/" : "",
			name) >= (int)(PATH_MAX - len) ? -ENAMETOOLONG : 0;
}

int pathtext_is_root(const char *text, struct shift_error *err)
{
	shift_err_set(err, 0, "the place %s in the pod is its root, on which nothing can be mounted",
		      text);
	shift_err_hint(err, "--rootfs DIR takes a directory of the host as the root");
	return -EINVAL;
}

int pathtext_clean(const char *text, char **ret, struct shift_error *err)
{
	char done[PATH_MAX] = "", rest[PATH_MAX], name[NAME_MAX + 1];
	int r = 0;

	if (*text != '/')
		return shift_err_set(err, 0, "'%s', the place in the pod, has to be an absolute path",
				     text);
	if (snprintf(rest, sizeof(rest), "%s", text) >= (int)sizeof(rest))
		r = -ENAMETOOLONG;
	while (r >= 0 && *rest) {
		r = pathtext_next(rest, name);
		if (r < 0 || !*name || !strcmp(name, "."))
			continue;
		if (!strcmp(name, ".."))
			pathtext_drop(done);
		else
			r = pathtext_add(done, name);
	}
	if (r < 0)
		return shift_err_set(err, -r, "%s", text);
	return *done ? strf(ret, err, "/%s", done) : pathtext_is_root(text, err);
}
