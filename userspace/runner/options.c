/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs.h"
#include "volume.h"

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
	for (enum spec_shift s = SPEC_SHIFT_AUTO; s <= SPEC_SHIFT_CHOWN; s++)
		if (!strcmp(text, rootfs_shift_name(s))) {
			*ret = s;
			return 0;
		}
	return shift_err_set(err, 0,
			     "--shift '%s': there are auto, shiftfs, idmap and chown",
			     text);
}

static int add_volume(struct options *options,
		      int (*add)(struct spec *spec, const char *text,
				 struct shift_error *err),
		      struct shift_error *err)
{
	void *v = reallocarray(options->volumes, options->n_volumes + 1,
			       sizeof(*options->volumes));

	if (!v)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	options->volumes = v;
	options->volumes[options->n_volumes].add = add;
	options->volumes[options->n_volumes++].text = optarg;
	return 0;
}

int options_parse_run(struct options *options, int argc, char **argv,
		      struct shift_error *err)
{
	static const struct option longs[] = {
		{ "image", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "userns", required_argument, NULL, 'U' },
		{ "uid-base", required_argument, NULL, 'u' },
		{ "root", required_argument, NULL, 'R' },
		{ "rootfs", required_argument, NULL, 'D' },
		{ "read-only", no_argument, NULL, 'O' },
		{ "volume", required_argument, NULL, 'v' },
		{ "tmpfs", required_argument, NULL, 'T' },
		{ "mount", required_argument, NULL, 'M' },
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
	while (r >= 0 && (c = getopt_long(argc, argv, "+:hv:", longs,
					  NULL)) >= 0) {
		switch (c) {
		case 'i':
			options->image = optarg;
			break;
		case 'n':
			options->name = optarg;
			break;
		case 'u':
			r = parse_id(optarg, &options->userns.base, err);
			options->userns.mode = LEASE_FIXED;
			break;
		case 'U':
			r = lease_parse(optarg, &options->userns, err);
			break;
		case 's':
			r = parse_shift(optarg, &options->shift, err);
			break;
		case 'R':
			options->root = optarg;
			break;
		case 'D':
			options->rootfs = optarg;
			break;
		case 'O':
			options->read_only = true;
			break;
		case 'v':
			r = add_volume(options, volume_add, err);
			break;
		case 'T':
			r = add_volume(options, volume_add_tmpfs, err);
			break;
		case 'M':
			r = add_volume(options, volume_add_mount, err);
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
	if (options->image && options->rootfs)
		return shift_err_set(err, 0, "--image and --rootfs exclude each other");
	if (!options->image && !options->rootfs) {
		r = shift_err_set(err, 0, "no image given");
		shift_err_hint(err, "runner run --image DIR -- COMMAND");
	}
	return r;
}
