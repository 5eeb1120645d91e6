/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run, create, spec, start: from the command line to a pod. */
#include "cli/commands.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "base/self.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/options.h"
#include "escape.h"
#include "monitor/monitor.h"
#include "pod/launch.h"
#include "pod/network.h"
#include "pod/written.h"
#include "setup/volume_source.h"
#include "spec/spec_json.h"
#include "store/image.h"

/* Without --pids-limit: processes and threads, more than most programs have. */
#define PIDS_LIMIT 2048

/*
 * How many pods a start looks at for what a killed runner has left: all on a
 * small host, and on one with hundreds some by chance, as their number is not to
 * slow a start down.
 */
#define SWEEP_AT_START 16

static void usage(FILE *to)
{
	fputs("Usage: runner run|create|spec --image IMAGE [OPTION]... [--] [COMMAND [ARGUMENT]...]\n"
	      "Start COMMAND in a pod of its own on a shared image; create it only, so that\n"
	      "runner start starts it; print its description.\n"
	      "\n"
	      "  --image IMAGE      an image of the store, a directory with a root\n"
	      "                     filesystem, or an OCI image layout: DIR or DIR:NAME\n"
	      "  --rootfs DIR       in place of an image: DIR itself, which is written to\n"
	      "  --root DIR         where images, pods and their changes are\n"
	      "  --read-only        the root filesystem cannot be written\n"
	      "  --userns MODE      auto[:size=N] (default), BASE, host or pod:NAME\n"
	      "  --uid-base N       the same as --userns=N\n"
	      "  --shift MODE       auto (default), shiftfs, idmap or chown\n"
	      "  -v, --volume HOST:POD[:OPTION]...  a directory, file or socket of the\n"
	      "                     host; options ro, idmap, idmap=u:STORED:POD:COUNT;g:...,\n"
	      "                     squash=UID:GID\n"
	      "  --tmpfs POD[:OPTION,...]\n"
	      "  --mount type=bind|nfs|tmpfs,source=,destination=,...\n"
	      "  --name NAME        name and hostname; keeps the pod's changes\n"
	      "  --rm               remove the pod's changes at its end\n"
	      "  -d, --detach       in the background; prints the name\n"
	      "  -i, --interactive  keep stdin open\n"
	      "  -t, --tty          a terminal for the command\n"
	      "  -e, --env N[=V]    -u, --user U[:G]    -w, --workdir DIR\n"
	      "  --hostname NAME    --annotation K=V    --stop-signal SIGNAL\n"
	      "  --log-size N|max   how much of a detached pod's output is kept (16m)\n"
	      "  -m, --memory N     --memory-swap N     --pids-limit N\n"
	      "  --cpus N           --cpu-shares N      --cgroup-conf FILE=VALUE\n"
	      "  --io-weight N      --io-max DEVICE:rbps=N,wbps=N,riops=N,wiops=N\n"
	      "  --cgroup-path P    below the root of cgroup version 2, without systemd\n"
	      "  --cgroupfs rw|ro   ro is the default; rw: the pod makes its own cgroups\n"
	      "  --device HOST[:PATH][:rwm]\n"
	      "  --device-wait HOST[:PATH][:rwm]   one that does not exist yet\n"
	      "  --cap-add CAP      --cap-drop CAP      (all is every one)\n"
	      "  --security-opt     label=, apparmor=, seccomp=, no-new-privileges[=false]\n"
	      "  --net MODE         none (default), private, host, ns:PATH, pod:NAME\n"
	      "  --pod NAME         join the namespaces and the range of that pod\n"
	      "  --systemd MODE     auto (default), always or false\n"
	      "  --restart POLICY   no, always, on-failure[:N]\n"
	      "  --credential ID:F  a file for systemd's credentials directory\n"
	      "  --sdnotify WHO     runner (default) or pod says when it is ready\n"
	      "  --dry-run          print what would be done, do nothing\n"
	      "  --help             this text\n"
	      "\n"
	      "The exit status is the command's, 128+N when signal N ended it, 125 when\n"
	      "runner failed, 126 when the command cannot be executed, 127 when there is\n"
	      "no such command.\n"
	      "\n"
	      "runner image --help tells of images; runner uidmap ls lists ranges in use.\n", to);
}

/* Only when all of them are known: one may be below another. */
static int find_volumes(struct spec *spec, struct shift_error *err)
{
	struct strv written = { NULL, 0 };
	int r = written_by_pods(spec, &written, err);

	if (r >= 0)
		r = volume_source_resolve(spec, &written, err);
	strv_clear(&written);
	return r;
}

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
				image_open(&h->image, o->image, err);
	if (r >= 0)
		r = image_apply(&h->image, o->command, &h->spec, err);
	if (r >= 0)
		r = options_apply(o, &h->spec, err);
	if (r >= 0)
		r = find_volumes(&h->spec, err);
	if (r >= 0 && o->pod)
		r = network_join_pod(&h->spec, o->pod, err);
	/* One that is joined has a limit for both. */
	else if (r >= 0 && !h->spec.linux_.resources.pids_limit &&
		 cgroup_can_limit("pids"))
		h->spec.linux_.resources.pids_limit = PIDS_LIMIT;
	if (r >= 0)
		r = str_replace(&h->spec.hostname, o->hostname ?: o->name, err);
	return r;
}

static int dry_run(struct held *h, const struct options *o, bool json,
		   struct shift_error *err)
{
	_cleanup_free_ char *text = NULL, *plan = NULL;
	int r = launch_lease(h, &o->userns, err);
	size_t size;
	FILE *to;

	if (r >= 0 && !h->spec.hostname)
		r = str_replace(&h->spec.hostname, "pod-NEW", err);
	if (r >= 0 && json) {
		r = spec_to_json(&h->spec, true, &text, err);
		if (r >= 0)
			shift_print_escaped(stdout, text, strlen(text),
					    SHIFT_ESCAPE_JSON);
		return r;
	}
	if (r >= 0)
		r = plan_build(&h->plan, &h->spec,
			       o->name ? o->name : "pod-NEW", err);
	if (r < 0)
		return r;
	/* Much of it is what the image says. */
	to = open_memstream(&plan, &size);
	if (!to)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	plan_print(&h->plan, to);
	if (fclose(to))
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	shift_print_escaped(stdout, plan, size, SHIFT_ESCAPE_LINES);
	return 0;
}

static int check_restart(const char *policy, struct shift_error *err)
{
	long n;

	if (!policy || !strcmp(policy, "no") || !strcmp(policy, "always") ||
	    !strcmp(policy, "on-failure") ||
	    (!strncmp(policy, "on-failure:", 11) &&
	     options_integer(policy + 11, 1, INT_MAX, &n, NULL) >= 0))
		return 0;
	return shift_err_set(err, 0, "--restart '%s': there are no, always, on-failure and on-failure:N",
			     policy);
}

static int prepare(struct held *h, struct shift_error *err)
{
	int r;

	if ((r = poddir_prepare(err)) < 0 ||
	    (r = state_sweep(SWEEP_AT_START, err)) < 0 ||
	    (r = poddir_sweep_if_due(err)) < 0)
		return r;
	return image_prepare(&h->image, &h->spec, err);
}

/* The host's root could write to the program that a process of it executes. */
static int protect_self(const struct spec *spec, struct shift_error *err)
{
	return spec->linux_.namespaces & SPEC_NS_USER ? 0 : self_seal(err);
}

static int run(const struct options *o, bool create, bool only_print,
	       struct shift_error *err)
{
	struct held h = HELD_INIT;
	bool detached = o->detach || create;
	bool keep = !o->rm && (o->name || detached);
	int r, status = POD_STATUS_FAILED;

	r = describe(&h, o, err);
	if (r >= 0)
		r = check_restart(o->restart, err);
	if (r >= 0 && !o->dry_run && !only_print)
		r = protect_self(&h.spec, err);
	if (r >= 0 && (o->dry_run || only_print)) {
		status = dry_run(&h, o, only_print, err) < 0 ?
			POD_STATUS_FAILED : 0;
	} else if (r >= 0 && (r = prepare(&h, err)) >= 0 &&
		   (r = state_create(&h.state, o->name, err)) >= 0) {
		h.pod.interactive = o->interactive;
		h.pod.wait_start = create;
		status = launch_go(&h, &o->userns, keep, detached, err);
	}
	held_clear(&h);
	return status;
}

static int run_command(int argc, char **argv, bool create, bool only_print,
		       struct shift_error *err)
{
	struct options options;
	int status = POD_STATUS_FAILED;

	if (options_parse_run(&options, argc, argv, err) >= 0) {
		if (options.help) {
			usage(stdout);
			status = 0;
		} else {
			status = run(&options, create, only_print, err);
		}
	}
	options_clear(&options);
	return status;
}

int cmd_run(int argc, char **argv, struct shift_error *err)
{
	return run_command(argc, argv, false, false, err);
}

int cmd_create(int argc, char **argv, struct shift_error *err)
{
	return run_command(argc, argv, true, false, err);
}

int cmd_spec(int argc, char **argv, struct shift_error *err)
{
	return run_command(argc, argv, false, true, err);
}

/* A pod that has a monitor and waits. */
static int start_created(const struct state *st, bool attach,
			 struct shift_error *err)
{
	_cleanup_close_ int sock = monitor_connect(st->dir, err);
	char message[MONITOR_MESSAGE + 1];
	int r;

	if (sock < 0)
		return POD_STATUS_FAILED;
	if (attach) {
		r = message_send(sock, "S", 1, -1, 0);
		return r < 0 ? POD_STATUS_FAILED :
			attach_pod(sock, true, st->name, err);
	}
	r = message_send(sock, "S", 1, -1, 0);
	while (r >= 0) {
		r = message_receive(sock, message, sizeof(message), NULL);
		if (r <= 0)
			break;
		if (message[0] == 's')
			return 0;
		if (message[0] == 'f')
			shift_err_set(err, 0, "%.*s", r - 1, message + 1);
		if (message[0] == 'x' && r == 1 + (int)sizeof(int)) {
			memcpy(&r, message + 1, sizeof(int));
			return r ?: POD_STATUS_FAILED;
		}
	}
	shift_err_set(err, 0, "the pod's monitor is gone");
	return POD_STATUS_FAILED;
}

/* The range it had, where that is free, else another of its size. */
static int range_again(const struct spec *spec, struct lease_request *ret,
		       struct shift_error *err)
{
	const char *text = spec_annotation(spec, SPEC_ANNOTATION_USERNS);

	memset(ret, 0, sizeof(*ret));
	if (text)
		return lease_parse(text, ret, err);
	ret->mode = spec->linux_.namespaces & SPEC_NS_USER ? LEASE_AUTO :
							     LEASE_HOST;
	ret->size = spec->linux_.map_size;
	return 0;
}

/* A pod that has ended: from its description, where its changes are. */
static int start_again(struct state *st, struct shift_error *err)
{
	struct held h = HELD_INIT;
	struct lease_request userns;
	int r, status = POD_STATUS_FAILED;

	const char *pod;

	if ((r = state_load_spec(st, &h.spec, err)) >= 0 &&
	    (r = protect_self(&h.spec, err)) >= 0 &&
	    /* The namespaces it joined may be others' by now. */
	    (!(pod = spec_annotation(&h.spec, SPEC_ANNOTATION_POD)) ||
	     (r = network_join_pod(&h.spec, pod, err)) >= 0) &&
	    (r = range_again(&h.spec, &userns, err)) >= 0 &&
	    (r = image_hold_described(&h.image, &h.spec, err)) >= 0 &&
	    (r = state_create(&h.state, st->name, err)) >= 0) {
		/* It has been up: a start that fails leaves it as ended. */
		h.state.started = st->started;
		status = launch_go(&h, &userns, true, true, err);
	}
	held_clear(&h);
	return status;
}

int cmd_start(int argc, char **argv, struct shift_error *err)
{
	struct state st = STATE_INIT;
	bool attach = argc > 1 && (!strcmp(argv[1], "-a") ||
				   !strcmp(argv[1], "--attach"));
	int status = POD_STATUS_FAILED;

	if (argc != 2 + attach) {
		shift_err_set(err, 0, "usage: runner start [-a] POD");
		return status;
	}
	if (state_sweep(0, err) >= 0 &&
	    state_load(&st, argv[1 + attach], err) >= 0) {
		switch (st.status) {
		case STATUS_CREATED:
			status = start_created(&st, attach, err);
			break;
		case STATUS_EXITED:
			/* Its supervisor may be about to leave. */
			if (state_wait_unlocked(&st, -1, err) >= 0)
				status = start_again(&st, err);
			break;
		default:
			shift_err_set(err, 0, "the pod %s is %s", st.name,
				      state_status_name(st.status));
		}
	}
	state_clear(&st);
	return status;
}
