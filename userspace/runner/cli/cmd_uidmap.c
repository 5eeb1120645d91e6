/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uidmap: the ranges of ids that pods have. */
#include "cli/commands.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"
#include "range/lease.h"

#define STATUS_FAILED 125

static void print_json(const struct lease_entry *all, size_t n)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		json_object *o = json_object_new_object();

		json_object_object_add(o, "base", json_object_new_int64(all[i].base));
		json_object_object_add(o, "count", json_object_new_int64(all[i].count));
		json_object_object_add(o, "pid", json_object_new_int(all[i].pid));
		json_object_object_add(o, "pod", json_object_new_string(all[i].name));
		json_object_array_add(array, o);
	}
	puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY));
	json_object_put(array);
}

static const struct words_option uidmap_options[] = {
	{ 0, "json", 'j', NULL, "as JSON", NULL },
	WORDS_END,
};
static const struct words_command uidmap_words = {
	"uidmap", "ls", "List the ranges of ids that pods have.",
	1, 1, false, uidmap_options, NULL,
};

int cmd_uidmap(int argc, char **argv, struct shift_error *err)
{
	bool json = false;
	struct words w;
	int r;
	struct lease_entry *all;
	size_t n;

	words_begin(&w, &uidmap_words, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		json = w.on;
	if (r < 0)
		return STATUS_FAILED;
	if (strcmp(w.operands[0], "ls")) {
		shift_err_set(err, 0, "uidmap: there is ls, not '%s'",
			      w.operands[0]);
		return STATUS_FAILED;
	}
	if (lease_list(&all, &n, err) < 0)
		return STATUS_FAILED;
	if (json) {
		print_json(all, n);
	} else {
		printf("%10s %10s %8s  %s\n", "BASE", "COUNT", "PID", "POD");
		for (size_t i = 0; i < n; i++)
			printf("%10" PRIu32 " %10" PRIu32 " %8d  %s\n", all[i].base,
			       all[i].count, (int)all[i].pid, all[i].name);
	}
	free(all);
	return 0;
}
