// SPDX-License-Identifier: GPL-2.0-or-later
/* --probe: which mechanisms can shift a path here, and why not. */
#include <json-c/json.h>
#include <libmount/libmount.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backend.h"
#include "below.h"
#include "cleanup.h"
#include "config.h"

struct answer {
	const char *path;
	struct shift_choice choice;
	const char *reason;	/* of the choice */
	char *map;
	bool sample;
	struct below below;
	struct utsname uts;
};

static void print_text(const struct answer *a)
{
	const struct shift_lower *lower = &a->choice.lower;

	if (shift_is_nfs_source(a->path))
		printf("%s: an export of an NFS server; Linux %s\n\n", a->path,
		       a->uts.release);
	else
		printf("%s: a %s on %s, mounted at %s%s%s; Linux %s\n\n", a->path,
		       lower->is_dir ? "directory" : "file", lower->fstype, lower->root,
		       lower->sb_ro || lower->mount_ro ? ", read-only" : "",
		       lower->idmapped ? ", an idmapped mount" : "", a->uts.release);
	for (int i = 0; i < SHIFT_N_MECHANISMS; i++) {
		const struct shift_verdict *v = &a->choice.verdicts[i];

		printf("  %-8s %-5s", shift_mechanism_name(i),
		       v->obstacle ? "no" : "works");
		if (v->obstacle)
			printf("  %s: %s", shift_obstacle_name(v->obstacle), v->why);
		else if (i == a->choice.chosen)
			printf("  chosen: %s", a->reason);
		else
			printf("  not chosen: %s", a->reason);
		putchar('\n');
	}
	printf("\nMap: %s%s\n", a->map,
	       a->sample ? "  (a sample; -o idmap=... tries yours)" : "");
	if (!a->below.n)
		return;
	puts("\nMounted below it; shown with the option recursive, else what lies beneath is:");
	for (size_t i = 0; i < a->below.n; i++)
		printf("  %s\n", a->below.mounts[i].path);
}

static struct json_object *string(const char *s)
{
	return json_object_new_string(s);
}

static int print_json(const struct answer *a)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *below = json_object_new_array();
	const struct shift_lower *lower = &a->choice.lower;
	int chosen = a->choice.chosen;

	json_object_object_add(root, "path", string(a->path));
	json_object_object_add(root, "type", string(shift_is_nfs_source(a->path) ? "export" :
						      lower->is_dir ? "directory" : "file"));
	json_object_object_add(root, "filesystem", string(lower->fstype));
	json_object_object_add(root, "mountpoint", string(lower->root));
	json_object_object_add(root, "read_only",
			       json_object_new_boolean(lower->sb_ro || lower->mount_ro));
	json_object_object_add(root, "idmapped", json_object_new_boolean(lower->idmapped));
	json_object_object_add(root, "kernel", string(a->uts.release));
	json_object_object_add(root, "idmap", string(a->map));
	for (int i = 0; i < SHIFT_N_MECHANISMS; i++) {
		const struct shift_verdict *v = &a->choice.verdicts[i];
		struct json_object *m = json_object_new_object();

		json_object_object_add(m, "name", string(shift_mechanism_name(i)));
		json_object_object_add(m, "works", json_object_new_boolean(!v->obstacle));
		json_object_object_add(m, "obstacle",
				       v->obstacle ? string(shift_obstacle_name(v->obstacle)) : NULL);
		json_object_object_add(m, "why", v->why ? string(v->why) : NULL);
		json_object_array_add(list, m);
	}
	for (size_t i = 0; i < a->below.n; i++)
		json_object_array_add(below, string(a->below.mounts[i].path));
	json_object_object_add(root, "mounts_below", below);
	json_object_object_add(root, "mechanisms", list);
	json_object_object_add(root, "chosen",
			       chosen < 0 ? NULL : string(shift_mechanism_name(chosen)));
	json_object_object_add(root, "reason", chosen < 0 ? NULL : string(a->reason));
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return fflush(stdout) ? MNT_EX_FILEIO : MNT_EX_SUCCESS;
}

static int ask(struct answer *a, const struct request *req, struct shift_error *err)
{
	struct shift_config config = SHIFT_CONFIG_INIT;
	struct shift_idmap sample = SHIFT_IDMAP_INIT;
	_cleanup_free_ struct shift_nfs_option *nfs = NULL;
	struct shift_want want;
	bool alone = true;
	int r;

	r = shift_config_read(SHIFT_CONFIG_FILE, &config, err);
	if (r < 0)
		return r;
	r = backend_want(req, a->path, &want, &nfs, err);
	if (r < 0)
		return r;
	want.prefer = config.prefer;
	r = shift_choose(a->path, &want, &a->choice, err);
	/* An export is no path: there is nothing mounted below it. */
	if (r >= 0 && !shift_is_nfs_source(a->path) && a->choice.lower.is_dir)
		r = below_list(a->path, false, &a->below, err);
	if (r < 0)
		return r;

	a->sample = !want.map && want.userns_fd < 0;
	if (a->sample)
		shift_idmap_add(&sample, SHIFT_BOTH, 0, 100000, 65536, NULL);
	if (want.userns_fd >= 0) {
		a->map = strdup(req->userns_path);
		r = a->map ? 0 : shift_err_set(err, ENOMEM, "%s", a->path);
	} else {
		r = shift_idmap_format(want.map ? want.map : &sample, ' ', &a->map, err);
	}
	if (r < 0)
		return r;

	for (int i = 0; i < SHIFT_N_MECHANISMS; i++)
		if (i != a->choice.chosen && !a->choice.verdicts[i].obstacle)
			alone = false;
	if (a->choice.chosen == SHIFT_BY_DELEGATE)
		a->reason = "for a fresh NFS mount the client itself translates, and nothing is stacked";
	else if (alone)
		a->reason = "nothing else works";
	else
		a->reason = access(SHIFT_CONFIG_FILE, F_OK) ?
			"idmapped mounts are preferred by default" :
			"as " SHIFT_CONFIG_FILE " prefers";
	return 0;
}

int backend_probe(const char *path, const struct request *req, bool json)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct answer answer = { .path = path, .choice = SHIFT_CHOICE_INIT, .below = BELOW_INIT };
	int status = MNT_EX_SUCCESS;

	if (uname(&answer.uts) < 0)
		answer.uts.release[0] = '\0';
	if (ask(&answer, req, &err) < 0) {
		shift_err_print(&err, stderr, PROGRAM);
		status = MNT_EX_FAIL;
	} else if (json) {
		status = print_json(&answer);
	} else {
		print_text(&answer);
	}
	/* The answer is no error, but a script wants to branch on it. */
	if (status == MNT_EX_SUCCESS && answer.choice.chosen < 0)
		status = MNT_EX_FAIL;
	free(answer.map);
	shift_choice_clear(&answer.choice);
	below_clear(&answer.below);
	return status;
}
