/* SPDX-License-Identifier: GPL-2.0-or-later */
/* volume: what pods keep their data in, by name. */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"
#include "pod/pod.h"
#include "pod/volumes.h"

#define FAILED POD_STATUS_FAILED

static const struct words_option volume_options[] = {
	{ 'q', "quiet", 0, NULL, "ls: the names only", NULL },
	{ 'f', "force", 0, NULL, "rm: one that is not there is no error; prune: nothing, it does not ask", NULL },
	WORDS_END,
};
static const struct words_command volume_words = {
	"volume", "ls | create NAME | path NAME | rm NAME... | prune",
	"List, make and remove the volumes that runner keeps.",
	1, WORDS_MANY, false, volume_options,
	"-v NAME:PATH gives a pod a volume, and makes it when it is missing.  Volumes\n"
	"without a name are made for -v PATH and for the Volumes of an image; runner rm\n"
	"-v removes them with the pod, and prune those that no pod has any more.\n",
};

static int list(bool quiet, struct shift_error *err)
{
	struct volume_entry *all;
	size_t n;
	int r = volumes_list(&all, &n, err);

	if (r < 0)
		return r;
	if (!quiet)
		printf("%-32s %4s  %s\n", "NAME", "PODS", "MADE FOR");
	for (size_t i = 0; i < n; i++) {
		if (quiet)
			puts(all[i].name);
		else
			printf("%-32s %4zu  %s\n", all[i].name, all[i].users,
			       all[i].pod ?: "-");
	}
	volumes_free(all, n);
	return 0;
}

/* Those with a name are somebody's, whether a pod has them or not. */
static int prune(struct shift_error *err)
{
	struct volume_entry *all;
	size_t n;
	int r = volumes_list(&all, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (!all[i].pod || all[i].users)
			continue;
		r = volumes_remove(all[i].name, err);
		if (r >= 0)
			puts(all[i].name);
	}
	volumes_free(all, n);
	return r;
}

static int path(const char *name, struct shift_error *err)
{
	struct volume_entry *all;
	bool found = false;
	size_t n;
	int r = volumes_list(&all, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!strcmp(all[i].name, name) && (found = true))
			puts(all[i].path);
	volumes_free(all, n);
	return r < 0 || found ? r :
		shift_err_set(err, 0, "there is no volume %s", name);
}

static int each(const struct words *w, bool force, struct shift_error *err)
{
	int r = 0;

	for (int i = 1; i < w->n; i++) {
		r = volumes_remove(w->operands[i], err);
		if (r != -ENOENT || !force) {
			if (r < 0)
				return r;
			continue;
		}
		shift_err_clear(err);
		r = 0;
	}
	return r;
}

int cmd_volume(int argc, char **argv, struct shift_error *err)
{
	static const struct { const char *name; int least, most; } actions[] = {
		{ "ls", 0, 0 }, { "create", 1, 1 }, { "path", 1, 1 },
		{ "rm", 1, WORDS_MANY }, { "prune", 0, 0 },
	};
	bool quiet = false, force = false;
	size_t n = sizeof(actions) / sizeof(*actions), which = 0;
	struct words w;
	int r;

	words_begin(&w, &volume_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		*(words_code(&w) == 'q' ? &quiet : &force) = w.on;
	if (r < 0)
		return FAILED;
	while (which < n && strcmp(actions[which].name, w.operands[0]))
		which++;
	if (which == n) {
		shift_err_set(err, 0, "volume: there are ls, create, path, rm and prune, not '%s'%s",
			      w.operands[0],
			      words_suggest(w.operands[0], "", &actions->name,
					    n, sizeof(*actions)));
		words_hint(&volume_words, err);
		return FAILED;
	}
	if (w.n - 1 < actions[which].least || w.n - 1 > actions[which].most) {
		shift_err_set(err, 0, "volume %s takes %s", w.operands[0],
			      !actions[which].most ? "no name" :
			      actions[which].most == 1 ? "one name" : "names");
		words_hint(&volume_words, err);
		return FAILED;
	}
	switch (*w.operands[0]) {
	case 'l':
		r = list(quiet, err);
		break;
	case 'c':
		r = volumes_create(w.operands[1], err);
		if (r >= 0)
			puts(w.operands[1]);
		break;
	case 'r':
		r = each(&w, force, err);
		break;
	default:
		r = which == 2 ? path(w.operands[1], err) : prune(err);
	}
	return r < 0 ? FAILED : 0;
}
