/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner-osd: `runner osd`, with the libraries that read disks; see helper.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/helper.h"
#include "base/place.h"
#include "cleanup.h"
#include "cli/words.h"
#include "osd/crypt.h"
#include "osd/plan.h"
#include "osd/start.h"
#include "pod/pod.h"

#define FAILED POD_STATUS_FAILED
#define OSDS_MAX 64

enum {
	OPT_DATA = 256, OPT_JOURNAL, OPT_DB, OPT_WAL, OPT_HOST_MOUNT, OPT_DMCRYPT,
	OPT_KEY_FILE, OPT_KEY_CREDENTIAL, OPT_UNCHECKED, OPT_JSON,
};

static const struct words_option options[] = {
	{ 0, "data", OPT_DATA, "DEV", "the disk or partition with an OSD's data", NULL },
	{ 0, "journal", OPT_JOURNAL, "DEV", "its journal, where that is on another disk", NULL },
	{ 0, "db", OPT_DB, "DEV", "the database of bluestore, in the same case", NULL },
	{ 0, "wal", OPT_WAL, "DEV", "its write-ahead log", NULL },
	{ 0, "host-mount", OPT_HOST_MOUNT, "DIR", "the host mounts the data, the pod has it at DIR", NULL },
	{ 0, "dmcrypt", OPT_DMCRYPT, NULL, "its devices are encrypted", NULL },
	{ 0, "key-file", OPT_KEY_FILE, "FILE", "run: opens them: a key, a folder with NAME.luks.key, - is stdin", NULL },
	{ 0, "key-credential", OPT_KEY_CREDENTIAL, "ID", "run: the key is a credential of this unit", NULL },
	{ 0, "unchecked", OPT_UNCHECKED, NULL, "filesystems are mounted without fsck", NULL },
	{ 0, "json", OPT_JSON, NULL, "the plan as JSON", NULL },
	WORDS_END
};

static const struct words_command osd_words = {
	"osd", "plan|run SCENARIO [-- [RUN-OPTION]... IMAGE [COMMAND [ARGUMENT]...]]",
	"Say which options of runner run the pod of a Ceph OSD needs, or start it with them.",
	2, WORDS_MANY, false, options,
	"SCENARIO is osd_directory, osd_directory_single, osd_disk_prepare,\n"
	"osd_disk_activate, osd_disks, raw or lvm. Several OSDs, of osd_directory and\n"
	"osd_disks, are several --data; --journal, --db, --wal and --host-mount are of the\n"
	"--data before.  Behind -- are words for runner run: see runner run --help.\n",
};

struct request {
	struct osd_request osds[OSDS_MAX];
	int n;
	bool dmcrypt, unchecked, json;
	struct osd_keys keys;
	char **rest;		/* what is for runner run */
	int n_rest;
};

/* The place for the value of an option; NULL: none. */
static const char **place(struct request *q, int code)
{
	struct osd_request *osd;

	if (code == OPT_KEY_FILE || code == OPT_KEY_CREDENTIAL)
		return code == OPT_KEY_FILE ? &q->keys.file : &q->keys.credential;
	if (code == OPT_DATA && q->n < OSDS_MAX)
		q->n++;
	else if (code == OPT_DATA || !q->n)
		return NULL;
	osd = &q->osds[q->n - 1];
	switch (code) {
	case OPT_DATA:
		return &osd->data;
	case OPT_JOURNAL:
		return &osd->journal;
	case OPT_DB:
		return &osd->db;
	case OPT_WAL:
		return &osd->wal;
	default:
		return &osd->into;
	}
}

static bool *flag(struct request *q, int code)
{
	switch (code) {
	case OPT_DMCRYPT:
		return &q->dmcrypt;
	case OPT_UNCHECKED:
		return &q->unchecked;
	case OPT_JSON:
		return &q->json;
	default:
		return NULL;
	}
}

static int read_words(struct words *w, struct request *q, int argc, char **argv,
		      struct shift_error *err)
{
	int r;

	words_begin(w, &osd_words, argc, argv);
	while ((r = words_next(w, err)) > 0) {
		bool *on = flag(q, words_code(w));
		const char **to;

		if (on) {
			*on = w->on;
			continue;
		}
		to = place(q, words_code(w));
		if (!to || *to) {
			shift_err_set(err, 0, "--%s %s: each OSD is a --data, and its other devices, once each, behind it",
				      w->option->name, w->value);
			return -EINVAL;
		}
		*to = w->value;
	}
	return r;
}

static int act(struct request *q, enum osd_scenario scenario, bool run,
	       struct shift_error *err)
{
	_cleanup_free_ struct osd_layout *layouts = NULL;
	struct osd_plan plan = { .runner = { NULL, 0 } };
	int r = 0;

	layouts = calloc((size_t)q->n, sizeof(*layouts));
	if (!layouts)
		return shift_err_set(err, 12, "cannot allocate memory");
	for (int i = 0; r >= 0 && i < q->n; i++) {
		q->osds[i].scenario = scenario;
		q->osds[i].dmcrypt = q->dmcrypt;
		r = osd_layout(&q->osds[i], &layouts[i], err);
	}
	if (r >= 0 && run)
		r = osd_crypt_open(layouts, q->n, &q->keys, err);
	for (int i = 0; r >= 0 && i < q->n; i++)
		r = osd_plan_add(&plan, scenario, &layouts[i], err);
	if (r >= 0)
		r = osd_plan_intercept(&plan, scenario, layouts, q->n,
				       q->unchecked, err);
	if (r >= 0 && !run)
		r = osd_plan_print(&plan, scenario, layouts, q->n, q->json, err);
	else if (r >= 0 && (r = osd_mount(layouts, q->n, q->unchecked, err)) >= 0)
		r = osd_become_run(&plan, q->n_rest, q->rest, err);
	osd_plan_clear(&plan);
	return r;
}

/* The words of runner run are behind --, where its options are not this command's. */
static int split(struct request *q, const struct words *w, bool run,
		 struct shift_error *err)
{
	q->rest = (char **)w->operands + 2;
	q->n_rest = w->n - 2;
	if (run && !q->n_rest) {
		shift_err_set(err, 0, "osd run: -- and an IMAGE are missing");
		words_hint(&osd_words, err);
		return -EINVAL;
	}
	if (!run && q->n_rest) {
		shift_err_set(err, 0, "osd plan: '%s' is too much", q->rest[0]);
		words_hint(&osd_words, err);
		return -EINVAL;
	}
	return 0;
}

static int osd(int argc, char **argv, struct shift_error *err)
{
	struct request q = { .n = 0 };
	struct words w;
	int scenario;
	bool run;

	if (read_words(&w, &q, argc, argv, err) < 0)
		return -1;
	run = !strcmp(w.operands[0], "run");
	if (!run && strcmp(w.operands[0], "plan")) {
		shift_err_set(err, 0, "osd: there are plan and run, not '%s'", w.operands[0]);
		words_hint(&osd_words, err);
		return -1;
	}
	scenario = osd_scenario(w.operands[1]);
	if (scenario < 0) {
		shift_err_set(err, 0, "there is no scenario '%s'", w.operands[1]);
		words_hint(&osd_words, err);
		return -1;
	}
	if (split(&q, &w, run, err) < 0)
		return -1;
	if (!q.n)
		return shift_err_set(err, 0, "--data DEV is missing");
	if (q.n > 1 && scenario != OSD_DIRECTORY && scenario != OSD_DISKS)
		return shift_err_set(err, 0, "%s is of one OSD: --data once",
				     osd_scenario_names[scenario]);
	return act(&q, (enum osd_scenario)scenario, run, err);
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int r;

	if (argc < 2 || strcmp(argv[1], "osd")) {
		fputs(HELPER_OSD " is started by runner\n", stderr);
		return FAILED;
	}
	r = place_set(NULL, &err);
	if (r >= 0)
		r = osd(argc - 1, argv + 1, &err);
	if (err.msg)
		shift_err_print(&err, stderr, "runner");
	return r < 0 ? FAILED : 0;
}
