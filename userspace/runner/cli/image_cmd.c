/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/image_cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/place.h"
#include "cleanup.h"
#include "escape.h"
#include "store/import.h"
#include "store/store.h"

enum { STATUS_OK = 0, STATUS_DAMAGED = 1, STATUS_FAILED = 125 };

struct args {
	const char *name;
	uint64_t max_size;
	bool json, quiet, force;
	char **operands;
	int n;
};

static const char usage_text[] =
	"Usage: runner image import SOURCE [--name NAME] [--max-size SIZE] [--quiet]\n"
	"       runner image pull IMAGE [--name NAME] [--max-size SIZE] [--quiet]\n"
	"       runner image ls [--json]\n"
	"       runner image inspect IMAGE [--json]\n"
	"       runner image verify [IMAGE]... [--quiet]\n"
	"       runner image rm IMAGE... [--force]\n"
	"       runner image prune\n"
	"\n"
	"  --root DIR     where all of runner's is, default " PLACE_ROOT "\n"
	"\n"
	"SOURCE is an OCI image layout (directory or tar), an archive of docker save or\n"
	"podman save, a tar archive of a root filesystem, a directory that is one, - for\n"
	"an archive from the standard input, or docker://IMAGE, which is IMAGE of pull.\n"
	"Else IMAGE is a name or an id as `runner image ls` shows them.\n";

static int parse_size(const char *text, uint64_t *ret, struct shift_error *err)
{
	static const char units[] = "KMGT";
	unsigned long long v;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*end && (unit = strchr(units, *end))) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || !v || v > UINT64_MAX >> shift)
		return shift_err_set(err, 0, "--max-size '%s' is no size: 500M, 20G", text);
	*ret = v << shift;
	return 0;
}

static int parse(struct args *a, int argc, char **argv, struct shift_error *err)
{
	static const struct option longs[] = {
		{ "root", required_argument, NULL, 'R' },
		{ "name", required_argument, NULL, 'n' },
		{ "max-size", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r = 0;

	memset(a, 0, sizeof(*a));
	opterr = 0;
	optind = 1;
	while (r >= 0 && (c = getopt_long(argc, argv, ":hqf", longs, NULL)) >= 0) {
		switch (c) {
		case 'R':
			r = place_set(optarg, err);
			break;
		case 'n':
			a->name = optarg;
			break;
		case 'm':
			r = parse_size(optarg, &a->max_size, err);
			break;
		case 'j':
			a->json = true;
			break;
		case 'q':
			a->quiet = true;
			break;
		case 'f':
			a->force = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		case ':':
			r = shift_err_set(err, 0, "%s needs a value", argv[optind - 1]);
			break;
		default:
			r = shift_err_set(err, 0, "unknown option '%s'", argv[optind - 1]);
			shift_err_hint(err, "runner image --help lists the options");
		}
	}
	a->operands = argv + optind;
	a->n = argc - optind;
	return r;
}

static uint64_t bytes_of(const struct store_image *image)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < image->n_layers; i++)
		sum += image->layers[i].bytes;
	return sum;
}

static const char *human(uint64_t bytes, char text[16])
{
	static const char units[] = "BKMGT";
	double v = (double)bytes;
	int u = 0;

	for (; v >= 1024 && u < 4; u++)
		v /= 1024;
	snprintf(text, 16, u ? "%.1f%c" : "%.0f%c", v, units[u]);
	return text;
}

static json_object *image_json(const struct store_image *image)
{
	json_object *o = json_object_new_object();
	json_object *names = json_object_new_array();
	json_object *layers = json_object_new_array();
	char id[DIGEST_HEX + 8];

	snprintf(id, sizeof(id), "sha256:%s", image->id);
	json_object_object_add(o, "id", json_object_new_string(id));
	for (size_t i = 0; i < image->names.n; i++)
		json_object_array_add(names, json_object_new_string(image->names.v[i]));
	json_object_object_add(o, "names", names);
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)bytes_of(image)));
	json_object_object_add(o, "imported", json_object_new_int64(image->imported));
	json_object_object_add(o, "source",
			       json_object_new_string(image->source ?: ""));
	for (size_t i = 0; i < image->n_layers; i++) {
		const struct store_layer *l = &image->layers[i];
		json_object *one = json_object_new_object();

		snprintf(id, sizeof(id), "sha256:%s", l->diff_id);
		json_object_object_add(one, "diffID", json_object_new_string(id));
		json_object_object_add(one, "bytes", json_object_new_int64((int64_t)l->bytes));
		json_object_object_add(one, "shared", json_object_new_int64((int64_t)l->shared));
		json_object_array_add(layers, one);
	}
	json_object_object_add(o, "layers", layers);
	return o;
}

static void print_json(json_object *o)
{
	const char *text = json_object_to_json_string_ext(o,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);

	shift_print_escaped(stdout, text, strlen(text), SHIFT_ESCAPE_JSON);
	putchar('\n');
	json_object_put(o);
}

static void print_row(const struct store_image *image, const char *name)
{
	_cleanup_free_ char *shown = shift_escaped(name);
	char when[32], size[16];
	struct tm tm;

	localtime_r(&image->imported, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%-40s %.12s %8s %6zu  %s\n", shown ?: "?", image->id,
	       human(bytes_of(image), size), image->n_layers, when);
}

static int do_ls(struct store *store, const struct args *a,
		 struct shift_error *err)
{
	json_object *array = a->json ? json_object_new_array() : NULL;
	struct store_image *images = NULL;
	size_t n = 0;
	int r = store_list(store, &images, &n, err);

	if (r >= 0 && !array)
		printf("%-40s %-12s %8s %6s  %s\n", "NAME", "ID", "SIZE",
		       "LAYERS", "IMPORTED");
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (array) {
			json_object_array_add(array, image_json(&images[i]));
			continue;
		}
		for (size_t k = 0; k < images[i].names.n; k++)
			print_row(&images[i], images[i].names.v[k]);
		if (!images[i].names.n)
			print_row(&images[i], "-");
	}
	store_images_free(images, n);
	if (r < 0)
		json_object_put(array);
	else if (array)
		print_json(array);
	return r < 0 ? STATUS_FAILED : STATUS_OK;
}

static int do_import(struct store *store, const struct args *a,
		     struct shift_error *err)
{
	const struct import_options options = {
		.name = a->name, .quiet = a->quiet, .max_size = a->max_size,
	};
	struct store_image image = { 0 };
	uint64_t shared = 0;
	size_t fresh = 0;
	char text[16], text2[16];

	if (a->n != 1) {
		shift_err_set(err, 0, "runner image import takes one source");
		return STATUS_FAILED;
	}
	if (import_image(store, a->operands[0], &options, &image, err) < 0)
		return STATUS_FAILED;
	for (size_t i = 0; i < image.n_layers; i++) {
		fresh += image.layers[i].fresh;
		shared += image.layers[i].fresh ? image.layers[i].shared : 0;
	}
	for (size_t i = 0; i < image.names.n; i++) {
		_cleanup_free_ char *name = shift_escaped(image.names.v[i]);

		printf("%s%s", i ? ", " : "", name ?: "?");
	}
	printf("%s %.12s: %s in %zu layers, %zu of them new, %s in files that were there\n",
	       image.names.n ? "" : "-", image.id, human(bytes_of(&image), text),
	       image.n_layers, fresh, human(shared, text2));
	store_image_clear(&image);
	return STATUS_OK;
}

static int do_pull(struct store *store, const struct args *a,
		   struct shift_error *err)
{
	_cleanup_free_ char *source = NULL;
	struct args import = *a;
	int status;

	if (a->n != 1) {
		shift_err_set(err, 0, "runner image pull takes one image");
		return STATUS_FAILED;
	}
	if (strf(&source, err, "%s%s", strstr(a->operands[0], "://") ? "" :
		 "docker://", a->operands[0]) < 0)
		return STATUS_FAILED;
	import.operands = &source;
	status = do_import(store, &import, err);
	return status;
}

static int find(struct store *store, const char *ref,
		struct store_image *image, struct shift_error *err)
{
	char id[DIGEST_HEX + 1];
	int r = store_resolve(store, ref, id, err);

	return r < 0 ? r : store_image_read(store, id, image, err);
}

static int do_inspect(struct store *store, const struct args *a,
		      struct shift_error *err)
{
	struct store_image image = { 0 };
	struct oci_image config = { 0 };
	json_object *o;
	int r;

	if (a->n != 1) {
		shift_err_set(err, 0, "runner image inspect takes one image");
		return STATUS_FAILED;
	}
	r = find(store, a->operands[0], &image, err);
	if (r >= 0)
		r = store_config(store, image.id, &config, err);
	if (r >= 0) {
		o = image_json(&image);
		json_object_object_add(o, "config",
				       json_tokener_parse(config.config_text));
		print_json(o);
	}
	oci_image_clear(&config);
	store_image_clear(&image);
	return r < 0 ? STATUS_FAILED : STATUS_OK;
}

static int verify_one(struct store *store, const struct store_image *image,
		      struct progress *progress, struct shift_error *err)
{
	const char *name = image->names.n ? image->names.v[0] : image->id;
	_cleanup_free_ char *shown = shift_escaped(name);
	struct strv findings = { 0 };
	int r = store_verify(store, image, progress, &findings, err);

	for (size_t i = 0; r >= 0 && i < findings.n; i++) {
		_cleanup_free_ char *text = shift_escaped(findings.v[i]);

		printf("%s: %s\n", shown ?: "?", text ?: "?");
	}
	if (r >= 0 && !findings.n)
		printf("%s: good\n", shown ?: "?");
	r = r < 0 ? STATUS_FAILED : findings.n ? STATUS_DAMAGED : STATUS_OK;
	strv_clear(&findings);
	return r;
}

static int do_verify(struct store *store, const struct args *a,
		     struct shift_error *err)
{
	struct store_image *images = NULL;
	int status = STATUS_OK, s;
	struct progress progress;
	size_t n = 0;

	progress_init(&progress, false);
	if (a->quiet)
		progress.on = false;
	/* Nothing is taken away meanwhile. */
	if (store_lock(store, LOCK_SH, err) < 0)
		return STATUS_FAILED;
	if (a->n) {
		images = calloc((size_t)a->n, sizeof(*images));
		for (; images && n < (size_t)a->n; n++)
			if (find(store, a->operands[n], &images[n], err) < 0) {
				store_images_free(images, n + 1);
				return STATUS_FAILED;
			}
	} else if (store_list(store, &images, &n, err) < 0) {
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < n && status != STATUS_FAILED; i++) {
		s = verify_one(store, &images[i], &progress, err);
		status = s > status ? s : status;
	}
	store_images_free(images, n);
	return status;
}

static int do_rm(struct store *store, const struct args *a,
		 struct shift_error *err)
{
	int r = 0;

	if (!a->n)
		r = shift_err_set(err, 0, "runner image rm: which image?");
	for (int i = 0; r >= 0 && i < a->n; i++)
		r = store_remove(store, a->operands[i], a->force, err);
	return r < 0 ? STATUS_FAILED : STATUS_OK;
}

static int do_prune(struct store *store, const struct args *a,
		    struct shift_error *err)
{
	struct store_pruned pruned;
	char text[16];

	(void)a;
	if (store_prune(store, true, &pruned, err) < 0)
		return STATUS_FAILED;
	printf("removed: %u images without a name, %u layers, %u files, %s\n",
	       pruned.images, pruned.layers, pruned.objects,
	       human(pruned.bytes, text));
	return STATUS_OK;
}

int image_cmd(int argc, char **argv, struct shift_error *err)
{
	static const struct {
		const char *name;
		int (*run)(struct store *store, const struct args *a,
			   struct shift_error *err);
	} commands[] = {
		{ "import", do_import }, { "pull", do_pull }, { "ls", do_ls }, { "list", do_ls },
		{ "inspect", do_inspect }, { "verify", do_verify },
		{ "rm", do_rm }, { "prune", do_prune },
	};
	struct store store = STORE_INIT;
	int status = STATUS_FAILED;
	struct args a;

	if (parse(&a, argc, argv, err) < 0)
		return STATUS_FAILED;
	if (!a.n) {
		fputs(usage_text, stderr);
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(a.operands[0], commands[i].name))
			continue;
		a.operands++;
		a.n--;
		if (geteuid())
			shift_err_set(err, 0, "runner image has to be started by root");
		else if (store_open(&store, NULL, err) >= 0)
			status = commands[i].run(&store, &a, err);
		store_close(&store);
		return status;
	}
	shift_err_set(err, 0, "runner image has no '%s'", a.operands[0]);
	shift_err_hint(err, "runner image --help lists what it has");
	return STATUS_FAILED;
}
