/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/owners.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "cleanup.h"
#include "error.h"
#include "escape.h"

struct found {
	char *first;		/* its path */
	uint32_t uid, gid;	/* of the first */
	uint32_t most;		/* the largest id of all */
	uint64_t n;
};

/* A file beside a tree of the store. */
static FILE *open_beside(const char *tree, const char *name)
{
	_cleanup_free_ char *path = NULL;
	const char *end = strrchr(tree, '/');

	if (!end || strcmp(end, "/tree") ||
	    strf(&path, NULL, "%.*s/%s", (int)(end - tree), tree, name) < 0)
		return NULL;
	return fopen(path, "re");
}

/* The largest id in a layer, 0 where the store does not know. */
static uint32_t most_of(const char *tree)
{
	_cleanup_file_ FILE *f = open_beside(tree, "sum");
	uint32_t most;

	return f && fscanf(f, "%*s %*s %*s %" SCNu32, &most) == 1 ? most : 0;
}

/* Odd bytes are \ooo in an index. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1] && text[2] && text[3]) {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* Whether @tree, of a higher layer, has something in the place of @path. */
static bool hides(const char *tree, const char *path)
{
	_cleanup_free_ char *whole = NULL;
	size_t at = strlen(tree) + 1;
	struct stat st;
	char mark, *end;

	if (strf(&whole, NULL, "%s/%s", tree, path) < 0)
		return false;
	/* Down to where it ends; no link on the way is followed. */
	for (end = strchr(whole + at, '/'); end; end = strchr(end + 1, '/')) {
		*end = '\0';
		if (lstat(whole, &st) < 0)
			return false;
		if (!S_ISDIR(st.st_mode) ||
		    lgetxattr(whole, "trusted.overlay.opaque", &mark, 1) == 1)
			return true;
		*end = '/';
	}
	return !lstat(whole, &st);
}

static bool is_hidden(const struct strv *trees, size_t layer, const char *path)
{
	for (size_t i = layer + 1; i < trees->n; i++)
		if (hides(trees->v[i], path))
			return true;
	return false;
}

static void look(const struct strv *trees, size_t layer, uint32_t count,
		 struct found *found)
{
	_cleanup_file_ FILE *f = open_beside(trees->v[layer], "index");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0) {
		uint32_t uid, gid, most;
		int at = 0;

		if (sscanf(line, "%*s %*s %" SCNu32 " %" SCNu32 " %*s %*s %*s %*s %n",
			   &uid, &gid, &at) != 2 || !at)
			continue;
		most = uid > gid ? uid : gid;
		if (most < count)
			continue;
		line[at + (int)strcspn(line + at, " \n")] = '\0';
		unescape(line + at);
		if (is_hidden(trees, layer, line + at))
			continue;
		if (!found->n++) {
			found->first = strdup(line + at);
			found->uid = uid;
			found->gid = gid;
		}
		found->most = most > found->most ? most : found->most;
	}
}

void owners_warn(const struct strv *trees, uint32_t count)
{
	struct found found = { .n = 0 };
	_cleanup_free_ char *shown = NULL;

	for (size_t i = 0; i < trees->n; i++)
		if (most_of(trees->v[i]) >= count)
			look(trees, i, count, &found);
	if (!found.n)
		return;
	shown = shift_escaped(found.first ?: "?");
	fprintf(stderr, "runner: %" PRIu64 " file%s of the image belong%s to ids outside of the pod's 0 to %u, the first, /%s, to %u:%u: no user of the pod can change %s; ",
		found.n, found.n > 1 ? "s" : "", found.n > 1 ? "" : "s", count - 1,
		shown ?: "?", found.uid, found.gid, found.n > 1 ? "them" : "it");
	if (found.most < UINT32_MAX / 2)
		fprintf(stderr, "--userns=auto:size=%u has room for all\n", found.most + 1);
	else
		fputs("change the owner in the image\n", stderr);
	free(found.first);
}
