/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/image_cmd.h"

#include <errno.h>
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
#include "cli/words.h"
#include "escape.h"
#include "store/import.h"
#include "store/store.h"

enum { STATUS_OK = 0, STATUS_DAMAGED = 1, STATUS_FAILED = 125 };

struct args {
	const char *name;
	uint64_t max_size;
	bool json, quiet, force, whole, heading;
	struct skopeo_access access;
	char **operands;
	int n;
};

#define ROOT_OPTION \
	{ 0, "root", 'R', "DIR", "where all of runner's is, default " PLACE_ROOT, NULL }
#define NAME_OPTION \
	{ 0, "name", 'n', "NAME", "in place of the names that it has", NULL }
#define QUIET_OPTION \
	{ 'q', "quiet", 0, NULL, "no progress", NULL }
#define JSON_OPTION { 0, "json", 'j', NULL, "as JSON", NULL }
#define BOUND_OPTION \
	{ 0, "max-size", 'm', "SIZE", "of what is unpacked: 500M, 20G", NULL }
#define PLATFORM "the one that this machine runs best is taken; skopeo copy --override-arch takes others"

static const struct words_option import_options[] = {
	NAME_OPTION, BOUND_OPTION, QUIET_OPTION, ROOT_OPTION, WORDS_END,
};
static const struct words_option pull_options[] = {
	NAME_OPTION, BOUND_OPTION, QUIET_OPTION, ROOT_OPTION,
	{ 0, "authfile", 'A', "FILE", "with passwords, as skopeo login writes it", NULL },
	{ 0, "cert-dir", 'C', "DIR", "with certificates: containers-certs.d(5)", NULL },
	{ 0, "tls-verify", 'V', NULL, "false: http, and any certificate, will do", NULL },
	{ 0, "creds", 0, "USER:PASSWORD", NULL, "others would see the password in ps: skopeo login HOST, or --authfile" },
	{ 0, "arch", 0, "ARCH", NULL, PLATFORM },
	{ 0, "os", 0, "OS", NULL, PLATFORM },
	{ 0, "platform", 0, "PLATFORM", NULL, PLATFORM },
	{ 0, "variant", 0, "VARIANT", NULL, PLATFORM },
	{ 'a', "all-tags", 0, NULL, NULL, "one image at a time is fetched" },
	WORDS_END,
};
static const struct words_option ls_options[] = {
	{ 'q', "quiet", 0, NULL, "the ids only", NULL },
	{ 0, "no-trunc", 'T', NULL, "the whole ids", NULL },
	{ 'n', "noheading", 'H', NULL, "without the first line", NULL },
	JSON_OPTION, ROOT_OPTION,
	{ 'a', "all", 0, NULL, NULL, "all are listed: there are no others" },
	{ 0, "digests", 0, NULL, NULL, "runner image inspect has them" },
	{ 'f', "filter", 0, "KEY=VALUE", NULL, "runner image ls --json | jq" },
	{ 0, "format", 0, "TEXT", NULL, "runner image ls --json | jq" },
	{ 0, "history", 0, NULL, NULL, "only names that are there are kept" },
	{ 0, "sort", 0, "HOW", NULL, "they are listed by name" },
	WORDS_END,
};
static const struct words_option inspect_options[] = {
	JSON_OPTION, ROOT_OPTION,
	{ 'f', "format", 0, "TEXT", NULL, "it is JSON: runner image inspect IMAGE | jq" },
	WORDS_END,
};
static const struct words_option verify_options[] = {
	QUIET_OPTION, ROOT_OPTION, WORDS_END,
};
static const struct words_option rm_options[] = {
	{ 'f', "force", 0, NULL, "also one that a pod has", NULL },
	ROOT_OPTION,
	{ 'a', "all", 0, NULL, NULL, "name them: runner image ls -q" },
	{ 'i', "ignore", 0, NULL, NULL, "an image that is not there is an error" },
	WORDS_END,
};
static const struct words_option prune_options[] = {
	ROOT_OPTION,
	{ 'f', "force", 0, NULL, "nothing: it never asks", NULL },
	{ 'a', "all", 0, NULL, NULL, "images with a name are kept: runner image rm" },
	{ 0, "external", 0, NULL, NULL, "the store is runner's alone" },
	{ 0, "filter", 0, "KEY=VALUE", NULL, "all without a name go" },
	WORDS_END,
};

#define SOURCES \
	"SOURCE is an OCI image layout (directory or tar), an archive of docker save or\n" \
	"podman save, a tar archive of a root filesystem, a directory that is one, - for\n" \
	"an archive from the standard input, or docker://IMAGE.\n"
#define IMAGES "IMAGE is a name or an id as `runner image ls` shows them.\n"

static const char usage_text[] =
	"Usage: runner image COMMAND [OPTION]...\n"
	"The image store.\n"
	"\n"
	"  import SOURCE                  bring an image into it\n"
	"  pull IMAGE                     the same with docker://IMAGE\n"
	"  ls                             list the images\n"
	"  inspect IMAGE                  print all that is known of one\n"
	"  verify [IMAGE]...              compare with the digests\n"
	"  rm IMAGE...                    remove names and images\n"
	"  prune                          remove what has no name\n"
	"\n"
	"runner image COMMAND --help tells more.\n";

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

static int parse(struct args *a, const struct words_command *command,
		 int argc, char **argv, struct shift_error *err)
{
	struct words w;
	int r;

	memset(a, 0, sizeof(*a));
	a->heading = true;
	words_begin(&w, command, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		switch (words_code(&w)) {
		case 'R':
			r = place_set(w.value, err);
			break;
		case 'n':
			a->name = w.value;
			break;
		case 'm':
			r = parse_size(w.value, &a->max_size, err);
			break;
		case 'j':
			a->json = w.on;
			break;
		case 'A':
			a->access.authfile = w.value;
			break;
		case 'C':
			a->access.cert_dir = w.value;
			break;
		case 'V':
			a->access.insecure = !w.on;
			break;
		case 'q':
			a->quiet = w.on;
			break;
		case 'f':
			a->force = w.on;
			break;
		case 'T':
			a->whole = w.on;
			break;
		case 'H':
			a->heading = !w.on;
		}
		if (r < 0)
			return r;
	}
	a->operands = w.operands;
	a->n = w.n;
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

static void print_row(const struct store_image *image, const char *name,
		      bool whole)
{
	_cleanup_free_ char *shown = shift_escaped(name);
	char when[32], size[16];
	struct tm tm;

	localtime_r(&image->imported, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%-40s %.*s %8s %6zu  %s\n", shown ?: "?", whole ? DIGEST_HEX : 12,
	       image->id,
	       human(bytes_of(image), size), image->n_layers, when);
}

static int do_ls(struct store *store, const struct args *a,
		 struct shift_error *err)
{
	json_object *array = a->json ? json_object_new_array() : NULL;
	struct store_image *images = NULL;
	size_t n = 0;
	int r = store_list(store, &images, &n, err);

	if (r >= 0 && !array && !a->quiet && a->heading)
		printf("%-40s %-12s %8s %6s  %s\n", "NAME", "ID", "SIZE",
		       "LAYERS", "IMPORTED");
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (array) {
			json_object_array_add(array, image_json(&images[i]));
			continue;
		}
		if (a->quiet) {
			printf("%.*s\n", a->whole ? DIGEST_HEX : 12,
			       images[i].id);
			continue;
		}
		for (size_t k = 0; k < images[i].names.n; k++)
			print_row(&images[i], images[i].names.v[k], a->whole);
		if (!images[i].names.n)
			print_row(&images[i], "-", a->whole);
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
		.access = a->access,
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

/* skopeo takes a file that is missing for one that is empty. */
static int check_readable(const char *path, int how, struct shift_error *err)
{
	return path && access(path, how) < 0 ?
	       shift_err_set(err, errno, "cannot read %s", path) : 0;
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
	if (check_readable(a->access.authfile, R_OK, err) < 0 ||
	    check_readable(a->access.cert_dir, R_OK | X_OK, err) < 0)
		return STATUS_FAILED;
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

static const struct {
	struct words_command words;
	int (*run)(struct store *store, const struct args *a,
		   struct shift_error *err);
} commands[] = {
	{ { "image import", "SOURCE", "Bring an image into the store.", 1, 1,
	    false, import_options, SOURCES }, do_import },
	{ { "image pull", "IMAGE", "Fetch an image from a registry.", 1, 1,
	    false, pull_options, NULL }, do_pull },
	{ { "image ls", "", "List the images of the store.", 0, 0, false,
	    ls_options, NULL }, do_ls },
	{ { "image inspect", "IMAGE", "Print all that is known of an image.",
	    1, 1, false, inspect_options, IMAGES }, do_inspect },
	{ { "image verify", "[IMAGE]...", "Compare images with their digests.",
	    0, WORDS_MANY, false, verify_options, IMAGES }, do_verify },
	{ { "image rm", "IMAGE...", "Remove names and images.", 1, WORDS_MANY,
	    false, rm_options, IMAGES }, do_rm },
	{ { "image prune", "", "Remove what has no name.", 0, 0, false,
	    prune_options, NULL }, do_prune },
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))
#define BARE strlen("image ")

static int unknown(const char *word, struct shift_error *err)
{
	const char *names[N_COMMANDS];
	_cleanup_free_ char *shown = shift_escaped(word);

	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].words.name + BARE;
	shift_err_set(err, 0, "runner image has no '%s'%s", shown ?: "?",
		      words_suggest(word, "", names, N_COMMANDS,
				    sizeof(*names)));
	shift_err_hint(err, "runner image --help lists what it has");
	return STATUS_FAILED;
}

int image_cmd(int argc, char **argv, struct shift_error *err)
{
	struct store store = STORE_INIT;
	int status = STATUS_FAILED;
	const char *name;
	struct args a;

	/* As before every other command. */
	while (argc > 2 && !strcmp(argv[1], "--root")) {
		if (place_set(argv[2], err) < 0)
			return STATUS_FAILED;
		argv += 2;
		argc -= 2;
	}
	if (argc < 2) {
		shift_err_set(err, 0, "runner image needs a command: import, pull, ls, inspect, verify, rm or prune");
		shift_err_hint(err, "runner image --help tells more");
		return STATUS_FAILED;
	}
	name = argv[1];
	if (!strcmp(name, "--help")) {
		fputs(usage_text, stdout);
		return STATUS_OK;
	}
	if (!strcmp(name, "list"))
		name = "ls";
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i].words.name + BARE))
			continue;
		if (parse(&a, &commands[i].words, argc - 1, argv + 1, err) < 0)
			return STATUS_FAILED;
		if (geteuid())
			shift_err_set(err, 0, "runner image has to be started by root");
		else if (store_open(&store, NULL, err) >= 0)
			status = commands[i].run(&store, &a, err);
		store_close(&store);
		return status;
	}
	return unknown(name, err);
}
