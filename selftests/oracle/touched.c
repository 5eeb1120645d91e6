// SPDX-License-Identifier: GPL-2.0-or-later
/* Which names a step touched. What it did to them shows without a look at all others. */
#include "oracle.h"

/* By caller: the names of what it keeps, as they were when it got it; or NULL. */
static struct {
	const char *slot[SLOTS], *dir, *map;
} kept[16];

void touched_start(void)
{
	memset(kept, 0, sizeof(kept));
}

static void add(struct touched *t, const char *dir, const char *name)
{
	char *to = t->names[t->n];

	if (!name || t->n == MAX_TOUCHED)
		return;
	snprintf(to, sizeof(t->names[0]), "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
	for (int i = 0; i < t->n; i++)
		if (!strcmp(t->names[i], to))
			return;
	t->n++;
}

/* The directory that has the name. */
static void add_parent(struct touched *t, const char *name)
{
	char parent[sizeof(t->names[0])];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", name);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = 0;
	add(t, NULL, slash ? parent : ".");
}

void touched_by(const struct op *op, struct touched *t)
{
	const char *name = kinds[op->kind].name;
	typeof(kept[0]) *k = &kept[op->caller];
	int n;

	t->n = 0;
	if (uses(op, 's') && uses(op, 'p') && opens(op))
		k->slot[op->slot] = paths[op->path];
	else if (!strcmp(name, "dup") || !strcmp(name, "reopen"))
		k->slot[op->slot] = k->slot[op->slot2];
	else if (!strcmp(name, "held_chdir"))
		k->dir = paths[op->path];
	else if (!strcmp(name, "held_map"))
		k->map = k->slot[op->slot];
	if (uses(op, 'p'))
		add(t, NULL, paths[op->path]);
	if (uses(op, 'q'))
		add(t, NULL, paths[op->path2]);
	if (uses(op, 's'))
		add(t, NULL, k->slot[op->slot]);
	if (uses(op, 't'))
		add(t, NULL, k->slot[op->slot2]);
	if (!strncmp(name, "held_map", strlen("held_map"))) {
		add(t, NULL, k->map);
	} else if (!strncmp(name, "held_", strlen("held_")) && k->dir) {
		add(t, k->dir, "a");
		add(t, k->dir, "new");
		add(t, k->dir, "../moved");
	}
	n = t->n;
	for (int i = 0; i < n; i++)
		add_parent(t, t->names[i]);
	if (!strcmp(name, "close"))
		k->slot[op->slot] = NULL;
}
