/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs.h"

static int parse_id(const char *text, uint32_t *ret, struct shift_error *err)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v >= UINT32_MAX)
		return shift_err_set(err, 0, "--uid-base '%s' is not a user id",
				     text);
	*ret = (uint32_t)v;
	return 0;
}

static int parse_shift(const char *text, enum spec_shift *ret,
		       struct shift_error *err)
{
	for (enum spec_shift s = SPEC_SHIFT_AUTO; s <= SPEC_SHIFT_IDMAP; s++)
		if (!strcmp(text, rootfs_shift_name(s))) {
			*ret = s;
			return 0;
		}
	return shift_err_set(err, 0,
			     "--shift '%s': there are auto, shiftfs and idmap",
			     text);
}

int options_parse_run(struct options *options, int argc, char **argv,
		      struct shift_error *err)
{
	static const struct option longs[] = {
		{ "image", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "uid-base", required_argument, NULL, 'u' },
		{ "shift", required_argument, NULL, 's' },
		{ "rm", no_argument, NULL, 'r' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r = 0;

	memset(options, 0, sizeof(*options));
	opterr = 0;
	/* '+': what follows the first word that is no option is the command's */
	while (r >= 0 && (c = getopt_long(argc, argv, "+:h", longs,
					  NULL)) >= 0) {
		switch (c) {
		case 'i':
			options->image = optarg;
			break;
		case 'n':
			options->name = optarg;
			break;
		case 'u':
			r = parse_id(optarg, &options->uid_base, err);
			options->have_uid_base = true;
			break;
		case 's':
			r = parse_shift(optarg, &options->shift, err);
			break;
		case 'r':
			options->rm = true;
			break;
		case 'd':
			options->dry_run = true;
			break;
		case 'h':
			options->help = true;
			return 0;
		case ':':
			r = shift_err_set(err, 0, "%s needs a value",
					  argv[optind - 1]);
			break;
		default:
			r = shift_err_set(err, 0, "unknown option '%s'",
					  argv[optind - 1]);
			shift_err_hint(err, "runner run --help lists the options");
		}
	}
	if (r < 0)
		return r;
	options->command = argv + optind;
	if (!options->image) {
		r = shift_err_set(err, 0, "no image given");
		shift_err_hint(err, "runner run --image DIR -- COMMAND");
	}
	return r;
}
