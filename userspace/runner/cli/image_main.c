/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner-image: see helper.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/helper.h"
#include "base/place.h"
#include "base/report.h"
#include "cleanup.h"
#include "cli/copy_cmd.h"
#include "cli/image_cmd.h"
#include "setup/chown.h"
#include "store/copy.h"
#include "store/import.h"
#include "store/store.h"

static int import(const char *ref, struct shift_error *err)
{
	const struct import_options options = { .name = "" };
	struct store_image stored = { 0 };
	struct store store = STORE_INIT;
	int r = store_open(&store, NULL, err);

	if (r >= 0)
		r = import_image(&store, ref, &options, &stored, err);
	store_image_clear(&stored);
	store_close(&store);
	return r;
}

static int copy(char **argv, struct shift_error *err)
{
	return chown_copy(argv[0], argv[1],
			  (uint32_t)strtoul(argv[2], NULL, 10),
			  (uint32_t)strtoul(argv[3], NULL, 10), err);
}

int main(int argc, char **argv)
{
	struct report report = { .type = REPORT_FAILED, .status = 1 };
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int r, status = 125;

	if (argc >= 2 && (!strcmp(argv[1], "image") || !strcmp(argv[1], "cp"))) {
		if (place_set(NULL, &err) >= 0)
			status = *argv[1] == 'c' ? copy_cmd(argc - 1, argv + 1, &err) :
						   image_cmd(argc - 1, argv + 1, &err);
		if (err.msg)
			shift_err_print(&err, stderr, "runner");
		return status;
	}
	if (argc == 4 && !strcmp(argv[1], HELPER_IMPORT)) {
		r = place_set(NULL, &err);
		if (r >= 0)
			r = import(argv[3], &err);
	} else if (argc == 5 && !strcmp(argv[1], HELPER_FILL)) {
		r = copy_tree(argv[3], argv[4], &err);
	} else if (argc == 7 && !strcmp(argv[1], HELPER_COPY)) {
		r = copy(argv + 3, &err);
	} else {
		fputs(HELPER_IMAGE " is started by runner\n", stderr);
		return status;
	}
	if (r < 0)
		report_failure(atoi(argv[2]), &report, r, &err);
	return 0;
}
