/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hard links to files of lower layers, by a list that a hostile unpacker wrote:
 * whatever it says, nothing is made outside of the tree, or read there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "store/tree.h"
#include "tap.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	must(f && fputs(text, f) >= 0 && !fclose(f), name);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

/* A link called @name to @target: whether it is refused, and what it makes. */
static void try(const char *name, const char *target, bool good,
		const char *makes)
{
	struct strv lowers = { NULL, 0 };
	char line[600];
	int r;

	snprintf(line, sizeof(line), "H 0 - %s -> %s\n", name, target);
	put("list", line);
	must(strv_add(&lowers, "lower", NULL) >= 0, "lower");
	r = tree_links("tree", "list", &lowers, NULL);
	strv_clear(&lowers);
	ok((r >= 0) == good && (!makes || is_there(makes) == good) &&
	   !is_there("x") && !is_there("out/x"), "'%.20s' to '%s'", name, target);
}

int main(void)
{
	char dir[] = "/tmp/test_links.XXXXXX", longest[257];

	must(mkdtemp(dir) && !chdir(dir) && !mkdir("tree", 0700) &&
	     !mkdir("tree/d", 0700) && !mkdir("lower", 0700) &&
	     !mkdir("out", 0700) && !symlink("../out", "tree/l"), dir);
	put("lower/f", "f");
	put("secret", "secret");
	memset(longest, 'n', 256);
	longest[256] = '\0';

	try("x", "f", true, "tree/x");
	try("d/x", "f", true, "tree/d/x");
	try(".x", "f", true, "tree/.x");
	try("d/y", "nothing", false, "tree/d/y");
	try("../x", "f", false, NULL);
	try("d/../../x", "f", false, NULL);
	try("/x", "f", false, NULL);
	try("\\056\\056/x", "f", false, NULL);
	try("d\\057..\\057../x", "f", false, NULL);
	try(".", "f", false, NULL);
	try("d/.", "f", false, NULL);
	try("d//z", "f", false, "tree/d/z");
	try("", "f", false, NULL);
	try(longest, "f", false, NULL);
	try("z\\", "f", false, "tree/z");
	try("z\\1", "f", false, "tree/z");
	try("z\\19", "f", false, "tree/z");
	try("z", "f\\", false, "tree/z");
	try("l/x", "f", true, NULL);
	try("y", "../secret", false, "tree/y");
	try("y", "d/../../secret", false, "tree/y");
	try("y", "/secret", false, "tree/y");
	must(remove_tree(dir, NULL) >= 0, dir);
	return tap_done();
}
