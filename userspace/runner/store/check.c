/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether all of an archive is in the tree that was made of it. */
#include "store/tree.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* The last that the archive says of one name; all strings as in an index. */
struct item {
	char *path;
	char type;
	bool seen;		/* in the tree */
	uint64_t made;		/* number of the entry that made it */
	unsigned long long size;
	char content[DIGEST_HEX + 1];
	char *target;
};

struct check {
	const char *path;	/* of the archive */
	void *items;		/* tsearch(3) by path */
	uint64_t n;
	struct shift_error *err;
	int r;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

static void free_item(void *p)
{
	struct item *i = p;

	free(i->path);
	free(i->target);
	free(i);
}

static struct item *find(const struct check *c, const char *path)
{
	const struct item key = { .path = (char *)path };
	void *found = tfind(&key, &c->items, by_path);

	return found ? *(struct item **)found : NULL;
}

static struct item *add(struct check *c, const char *path)
{
	struct item *i = find(c, path);

	if (i)
		return i;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->path = strdup(path);
	if (!i->path || !tsearch(i, &c->items, by_path)) {
		free_item(i);
		return NULL;
	}
	return i;
}

/* Calls @each for the directories above @path, topmost first, until it is false. */
static bool above(struct check *c, const char *path,
		  bool (*each)(struct check *c, const char *dir, void *data),
		  void *data)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return false;
	for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (!each(c, copy, data))
			return false;
		*p = '/';
	}
	return true;
}

static bool is_older_directory(struct check *c, const char *dir, void *data)
{
	const struct item *i = find(c, dir), *below = data;

	return i && i->type == 'd' && i->made <= below->made;
}

static bool is_marker(const char *path)
{
	return !strncmp(path, ".wh.", 4) || strstr(path, "/.wh.");
}

/* Whether it is there in the end: what its folder was may have been replaced. */
static bool alive(struct check *c, struct item *i)
{
	return above(c, i->path, is_older_directory, i);
}

static bool imply(struct check *c, const char *dir, void *data)
{
	struct item *i = add(c, dir);

	(void)data;
	if (!i)
		return false;
	if (i->type != 'd' || !alive(c, i)) {
		i->type = 'd';
		i->made = c->n;
	}
	return true;
}

/* For a link that is made later: the unpacker replaces nothing for it. */
static bool imply_new(struct check *c, const char *dir, void *data)
{
	return find(c, dir) ? true : imply(c, dir, data);
}

static int link_to(struct check *c, struct item *i, const char *target,
		   unsigned long long size, const char *content)
{
	struct item *to = find(c, target);

	if (!to)
		return shift_err_set(c->err, 0, "%s: the entry '%s' is a hard link to '%s', which is not there",
				     c->path, i->path, target);
	if (size) {
		to->size = size;
		snprintf(to->content, sizeof(to->content), "%s", content);
	}
	i->type = to->type;
	i->size = to->size;
	strcpy(i->content, to->content);
	return str_replace(&i->target, to->target, c->err);
}

/* One line of the list. */
static int list_line(struct check *c, char *line)
{
	char type, content[DIGEST_HEX + 1];
	unsigned long long size;
	struct item *i;
	char *path, *target;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%c %llu %64s %n", &type, &size, content, &at) != 3 || !at)
		return shift_err_set(c->err, 0, "%s: the list of its entries is damaged",
				     c->path);
	path = line + at;
	target = strstr(path, " -> ");
	if (target) {
		*target = '\0';
		target += 4;
	}
	c->n++;
	if (!above(c, path, type == 'H' ? imply_new : imply, NULL) ||
	    !(i = add(c, path)))
		return shift_err_set(c->err, ENOMEM, "cannot allocate memory");
	if (type == 'd' && i->type == 'd' && alive(c, i))
		return 0;
	i->made = c->n;
	if (type == 'h')
		return link_to(c, i, target ?: "", size, content);
	i->type = type;
	i->size = size;
	strcpy(i->content, content);
	return str_replace(&i->target, target, c->err);
}

static int differs(struct check *c, const char *path, const char *what)
{
	shift_err_set(c->err, 0, "%s: the entry '%s' %s in the tree that was made of it",
		      c->path, path, what);
	shift_err_hint(c->err, "this is a fault of runner, of the filesystem or of the disk, not of the image");
	return -EIO;
}

/* One line of the index: see tree.h. */
static int index_line(struct check *c, char *line)
{
	char *word[9], *target;
	struct item *i;

	line[strcspn(line, "\n")] = '\0';
	for (int k = 0; k < 8; k++)
		if (!(word[k] = strsep(&line, " ")) || !line)
			return shift_err_set(c->err, 0, "%s: the index is damaged", c->path);
	word[8] = line;
	target = strstr(line, " -> ");
	if (target) {
		*target = '\0';
		target += 4;
	}
	if (word[0][0] == 'c' || !strcmp(word[8], "."))
		return 0;
	i = find(c, word[8]);
	if (!i || !alive(c, i))
		return differs(c, word[8], "is not of the archive, but is");
	i->seen = true;
	if (i->type == 'H')	/* a copy of something below */
		return 0;
	if (i->type != word[0][0])
		return differs(c, word[8], "is of another type");
	if (i->type == 'f' && strtoull(word[5], NULL, 10) != i->size)
		return differs(c, word[8], "has another size");
	if (i->type == 'f' && i->size && strcmp(word[6], i->content))
		return differs(c, word[8], "has another content");
	if (i->type == 'l' && strcmp(target ?: "", i->target ?: ""))
		return differs(c, word[8], "leads elsewhere");
	return 0;
}

static int each_line(struct check *c, const char *path,
		     int (*each)(struct check *c, char *line))
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (!f)
		return shift_err_set(c->err, errno, "cannot read %s", path);
	while (r >= 0 && getline(&line, &room, f) > 0)
		r = each(c, line);
	if (r >= 0 && ferror(f))
		r = shift_err_set(c->err, errno ?: EIO, "cannot read %s", path);
	return r;
}

static void missing(const void *node, VISIT visit, void *data)
{
	struct item *i = *(struct item *const *)node;
	struct check *c = data;

	if (c->r < 0 || (visit != postorder && visit != leaf) || i->seen ||
	    !strcmp(i->path, ".") || is_marker(i->path) || !alive(c, i))
		return;
	c->r = differs(c, i->path, "is missing");
}

int tree_check(const char *list, const char *index, const char *path,
	       struct shift_error *err)
{
	struct check c = { .path = path, .err = err };

	c.r = each_line(&c, list, list_line);
	if (c.r >= 0)
		c.r = each_line(&c, index, index_line);
	if (c.r >= 0)
		twalk_r(c.items, missing, &c);
	tdestroy(c.items, free_item);
	return c.r;
}
