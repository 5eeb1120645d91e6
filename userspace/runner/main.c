/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner - starts pods on shared images, each with its own range of ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "image.h"
#include "image_cmd.h"
#include "lease.h"
#include "options.h"
#include "plan.h"
#include "pod.h"
#include "poddir.h"
#include "spec.h"

static void usage(FILE *to)
{
	fputs("Usage: runner run --image IMAGE [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	      "Start COMMAND in a pod of its own on a shared image.\n"
	      "\n"
	      "  --image IMAGE      an image of the store, a directory with a root\n"
	      "                     filesystem, or an OCI image layout: DIR or DIR:NAME\n"
	      "  --rootfs DIR       in place of an image: DIR itself, which is written to\n"
	      "  --root DIR         where the image store is\n"
	      "  --read-only        the root filesystem cannot be written\n"
	      "  --userns MODE      auto[:size=N] (default), BASE, host or pod:NAME\n"
	      "  --uid-base N       the same as --userns=N\n"
	      "  --shift MODE       auto (default), shiftfs, idmap or chown\n"
	      "  -v HOST:POD[:OPTION]...  a directory, file or socket of the host; options\n"
	      "                     ro, idmap, idmap=u:STORED:POD:COUNT;g:..., squash=UID:GID\n"
	      "  --tmpfs POD[:OPTION,...]\n"
	      "  --mount type=bind|tmpfs,source=,destination=,...\n"
	      "  --name NAME        name and hostname; keeps the pod's changes\n"
	      "  --rm               remove the pod's changes at its end\n"
	      "  --dry-run          print what would be done, do nothing\n"
	      "  --help             this text\n"
	      "\n"
	      "The exit status is the command's, 128+N when signal N ended it, 125 when\n"
	      "runner failed, 126 when the command cannot be executed, 127 when there is\n"
	      "no such command.\n"
	      "\n"
	      "runner image --help tells of images; runner uidmap ls lists ranges in use.\n", to);
}

/* Everything a started pod holds on the host. */
struct held {
	struct lease lease;
	struct poddir dir;
	struct spec spec;
	struct plan plan;
	struct image image;
};

static int describe(struct held *h, const struct options *o,
		    struct shift_error *err)
{
	const char *term = getenv("TERM");
	int r;

	r = spec_init(&h->spec, err);
	if (r >= 0 && term)
		r = strv_addf(&h->spec.process.env, err, "TERM=%s", term);
	if (r >= 0)
		r = o->rootfs ? image_open_rootfs(&h->image, o->rootfs, err) :
				image_open(&h->image, o->image, o->root, err);
	if (r >= 0)
		r = image_apply(&h->image, o->command, &h->spec, err);
	for (size_t i = 0; r >= 0 && i < o->n_volumes; i++)
		r = o->volumes[i].add(&h->spec, o->volumes[i].text, err);
	h->spec.shift = o->shift;
	h->spec.root.readonly = o->read_only;
	return r;
}

static int lease(struct held *h, const struct options *o,
		 struct shift_error *err)
{
	_cleanup_free_ char *memory = NULL;
	int r = 0;

	/* A pod that keeps its changes keeps its range too. */
	if (h->dir.path)
		r = strf(&memory, err, "%s/range", h->dir.path);
	if (r >= 0)
		r = lease_take(&h->lease, &o->userns, h->dir.name, memory, err);
	if (o->userns.mode == LEASE_HOST)
		h->spec.linux_.namespaces &= ~(unsigned int)SPEC_NS_USER;

	h->spec.linux_.host_base = h->lease.base;
	h->spec.linux_.map_size = h->lease.count;
	return r;
}

static int dry_run(struct held *h, const struct options *o,
		   struct shift_error *err)
{
	int r = lease(h, o, err);

	if (r >= 0)
		r = str_replace(&h->spec.hostname,
				o->name ? o->name : "pod-NEW", err);
	if (r >= 0)
		r = plan_build(&h->plan, &h->spec,
			       o->name ? o->name : "pod-NEW", err);
	if (r >= 0)
		plan_print(&h->plan, stdout);
	return r;
}

static int start(struct held *h, const struct options *o, int *status,
		 struct shift_error *err)
{
	int r;

	if ((r = poddir_prepare(err)) < 0 || (r = poddir_sweep(err)) < 0 ||
	    (r = image_prepare(&h->image, &h->spec, err)) < 0)
		return r;
	/* From here on there is something to clean up. */
	pod_block_signals();
	if ((r = poddir_open(&h->dir, o->name, h->image.identity,
			     h->image.layers.v[0], o->rm || !o->name, err)) < 0 ||
	    (r = lease(h, o, err)) < 0 ||
	    (r = str_replace(&h->spec.hostname, h->dir.name, err)) < 0 ||
	    (r = plan_build(&h->plan, &h->spec, h->dir.layer, err)) < 0)
		return r;
	return pod_run(&h->plan, status, err);
}

static int run(const struct options *o, struct shift_error *err)
{
	struct held h = { .lease = LEASE_INIT, .dir = PODDIR_INIT,
			  .image = IMAGE_INIT };
	struct shift_error second = SHIFT_ERROR_INIT;
	int r, status = POD_STATUS_FAILED;

	r = describe(&h, o, err);
	if (r >= 0 && o->dry_run)
		status = dry_run(&h, o, err) < 0 ? POD_STATUS_FAILED : 0;
	else if (r >= 0)
		start(&h, o, &status, err);
	if (poddir_close(&h.dir, &second) < 0) {
		shift_err_print(&second, stderr, "runner");
		if (!status)
			status = POD_STATUS_FAILED;
	}
	shift_err_clear(&second);
	plan_clear(&h.plan);
	lease_release(&h.lease);
	image_clear(&h.image);
	spec_clear(&h.spec);
	return status;
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	struct options options;
	int status = POD_STATUS_FAILED;

	if (argc >= 2 && (!strcmp(argv[1], "--help") ||
			  !strcmp(argv[1], "help"))) {
		usage(stdout);
		return 0;
	}
	if (argc >= 2 && (!strcmp(argv[1], "image") ||
			  !strcmp(argv[1], "uidmap"))) {
		status = argv[1][0] == 'i' ?
			 image_cmd(argc - 1, argv + 1, &err) :
			 lease_cmd(argc - 1, argv + 1, &err);
		if (err.msg)
			shift_err_print(&err, stderr, "runner");
		return status;
	}
	if (argc < 2 || strcmp(argv[1], "run")) {
		usage(stderr);
		return POD_STATUS_FAILED;
	}
	if (options_parse_run(&options, argc - 1, argv + 1, &err) >= 0) {
		if (options.help) {
			usage(stdout);
			return 0;
		}
		if (geteuid())
			shift_err_set(&err, 0, "runner run has to be started by root");
		else
			status = run(&options, &err);
	}
	free(options.volumes);
	if (err.msg)
		shift_err_print(&err, stderr, "runner");
	return status;
}
