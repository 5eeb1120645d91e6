/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run, create, spec, start: from the command line to a pod. */
#include "cli/commands.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/report.h"
#include "base/self.h"
#include "cgroup/cgroup.h"
#include "cleanup.h"
#include "cli/boot.h"
#include "cli/numbers.h"
#include "cli/options.h"
#include "escape.h"
#include "monitor/monitor.h"
#include "pod/device_wait.h"
#include "pod/launch.h"
#include "pod/network.h"
#include "pod/pasta.h"
#include "pod/written.h"
#include "side/start.h"
#include "spec/device_option.h"
#include "spec/spec_json.h"
#include "spec/volume_add.h"
#include "store/image.h"

/* Without --pids-limit: processes and threads, more than most programs have. */
#define PIDS_LIMIT 2048

/*
 * How many pods a start looks at for what a killed runner has left: all on a
 * small host, and on one with hundreds some by chance, as their number is not to
 * slow a start down.
 */
#define SWEEP_AT_START 16

#define OPERANDS "IMAGE [COMMAND [ARGUMENT]...]"

static const char notes[] =
	"IMAGE is an image of the store, a directory with a root filesystem, or an OCI\n"
	"image layout: DIR or DIR:NAME.  With --image or --rootfs the first operand is\n"
	"the command.\n"
	"\n"
	"The exit status is the command's, 128+N when signal N ended it, 125 when\n"
	"runner failed, 126 when the command cannot be executed, 127 when there is\n"
	"no such command.\n";

static const struct words_command run_words = {
	"run", OPERANDS, "Start a command in a pod of its own on a shared image.",
	0, WORDS_MANY, true, options_of_run, notes,
};
static const struct words_command create_words = {
	"create", OPERANDS, "Make a pod that runner start starts.",
	0, WORDS_MANY, true, options_of_run, notes,
};
static const struct words_command spec_words = {
	"spec", OPERANDS, "Print the description of a pod: config.json.",
	0, WORDS_MANY, true, options_of_run, notes,
};

static const struct words_option start_options[] = {
	{ 'a', "attach", 0, NULL, "join its streams, return its status", NULL },
	{ 'i', "interactive", 0, NULL, "nothing else: -a joins its stdin too", NULL },
	{ 0, "boot", 'B', NULL, "those that --restart brings up after a boot of the host", NULL },
	WORDS_END,
};
static const struct words_command start_words = {
	"start", "POD...", "Start pods that are created or have ended.",
	0, WORDS_MANY, false, start_options, NULL,
};

/* Takes the place of the image's entry point and command. */
static int set_entrypoint(struct oci_image *oci, const char *text,
			  struct shift_error *err)
{
	struct json_object *list;
	int r = 0;

	strv_clear(&oci->entrypoint);
	strv_clear(&oci->cmd);
	if (*text != '[')
		return *text ? strv_add(&oci->entrypoint, text, err) : 0;
	list = json_tokener_parse(text);
	if (!json_object_is_type(list, json_type_array))
		r = shift_err_set(err, 0, "--entrypoint '%s' is no JSON list",
				  text);
	for (size_t i = 0; r >= 0 && i < json_object_array_length(list); i++)
		r = strv_add(&oci->entrypoint, json_object_get_string(
			     json_object_array_get_idx(list, i)), err);
	json_object_put(list);
	return r;
}

/* As `runner image pull` does it; what that prints goes to stderr. */
static int pull(const char *name, struct shift_error *err)
{
	char *words[] = { "image", "pull", "--quiet", (char *)name, NULL };
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return shift_err_set(err, errno, "cannot fork");
	if (!pid) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		helper_become(HELPER_IMAGE, 4, words, err);
		shift_err_print(err, stderr, "runner");
		_exit(POD_STATUS_FAILED);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? shift_err_set(err, 0, "--pull: %s could not be fetched",
				      name) : 0;
}

static int open_image(struct held *h, const struct options *o,
		      struct shift_error *err)
{
	int r = 0;

	if (o->rootfs)
		return image_open_rootfs(&h->image, o->rootfs, err);
	/* A path is nothing to fetch. */
	if (!o->pull || !strcmp(o->pull, "never") || strchr("./", *o->image))
		return image_open(&h->image, o->image, err);
	if (!strcmp(o->pull, "missing")) {
		r = image_open(&h->image, o->image, err);
		if (r >= 0)
			return r;
		shift_err_clear(err);
		image_clear(&h->image);
		h->image = (struct image)IMAGE_INIT;
	}
	r = pull(o->image, err);
	return r < 0 ? r : image_open(&h->image, o->image, err);
}

/* More of them than that are no image's need. */
#define IMAGE_VOLUMES_MAX 100

/* Behind the administrator's, which count more. */
static int add_image_volumes(const struct image *image, const char *how,
			     struct spec *spec, struct shift_error *err)
{
	int r = 0;

	if (image->oci.volumes.n > IMAGE_VOLUMES_MAX && strcmp(how, "ignore")) {
		r = shift_err_set(err, 0, "the image has %zu Volumes",
				  image->oci.volumes.n);
		shift_err_hint(err, "--image-volume ignore starts it without");
	}
	for (size_t i = 0; r >= 0 && i < image->oci.volumes.n; i++) {
		_cleanup_free_ char *shown = NULL;

		r = volume_add_of_image(spec, image->oci.volumes.v[i], how, err);
		if (r == 1 && (shown = shift_escaped(image->oci.volumes.v[i])))
			fprintf(stderr, "runner: the image's volume '%s' is left out: there is no such place for one in a pod\n",
				shown);
	}
	return r;
}

/* The image's stop signal; the administrator's word counts more. */
static int use_stop_signal(const struct image *image, struct spec *spec,
			   struct shift_error *err)
{
	const char *text = image->oci.stop_signal;
	int n = text ? numbers_signal(text) : 0;

	if (text && !n)
		return shift_err_set(err, 0, "the image's StopSignal '%s' is no signal", text);
	return n ? spec_annotate(spec, err, SPEC_ANNOTATION_STOP, "%d", n) : 0;
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
		r = open_image(h, o, err);
	if (r >= 0 && o->entrypoint)
		r = set_entrypoint(&h->image.oci, o->entrypoint, err);
	if (r >= 0)
		r = image_apply(&h->image, o->command, &h->spec, err);
	if (r >= 0)
		r = use_stop_signal(&h->image, &h->spec, err);
	if (r >= 0)
		r = options_apply(o, &h->spec, err);
	if (r >= 0)
		r = add_image_volumes(&h->image, o->image_volume ?: "anonymous",
				      &h->spec, err);
	if (r >= 0)
		r = written_find_volumes(&h->spec, err);
	if (r >= 0)
		r = pasta_check(&h->spec, err);
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
	    !strcmp(policy, "unless-stopped") ||
	    (!strncmp(policy, "on-failure:", 11) &&
	     numbers_integer(policy + 11, 1, INT_MAX, &n, NULL) >= 0))
		return 0;
	return shift_err_set(err, 0, "--restart '%s': there are no, always, unless-stopped, on-failure and on-failure:N",
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
		   (!o->replace || (r = pods_replace(o->name, err)) >= 0) &&
		   (r = state_create(&h.state, o->name, err)) >= 0) {
		h.pod.interactive = h.state.interactive = o->interactive;
		h.pod.wait_start = create;
		status = launch_go(&h, &o->userns, keep, detached, err);
		if (detached && !status)
			printf("%s\n", h.state.name);
	}
	held_clear(&h);
	return status;
}

static int run_command(int argc, char **argv,
		       const struct words_command *command,
		       struct shift_error *err)
{
	struct options options;
	int status = POD_STATUS_FAILED;

	if (options_parse_run(&options, command, argc, argv, err) >= 0)
		status = run(&options, command == &create_words,
			     command == &spec_words, err);
	options_clear(&options);
	return status;
}

int cmd_run(int argc, char **argv, struct shift_error *err)
{
	return run_command(argc, argv, &run_words, err);
}

int cmd_create(int argc, char **argv, struct shift_error *err)
{
	return run_command(argc, argv, &create_words, err);
}

int cmd_spec(int argc, char **argv, struct shift_error *err)
{
	return run_command(argc, argv, &spec_words, err);
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
	if (attach)
		return attach_pod(sock, MONITOR_ATTACH_START, true, st->name,
				  err);
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

/*
 * It joins namespaces that its asker had open, and has the rights of a template that
 * may have changed since.
 */
static int refuse_side(const struct state *st, const struct spec *spec,
		       struct shift_error *err)
{
	const char *asker = spec_annotation(spec, SIDE_ANNOTATION_ASKER);

	if (!asker)
		return 0;
	shift_err_set(err, 0, "the pod %s is a side container that has ended: the pod %s, which asked for it, can ask again",
		      st->name, asker);
	shift_err_hint(err, "runner rm %s removes it; runner side ls lists all",
		       st->name);
	return -EPERM;
}

/* A pod that has ended: from its description, where its changes are. */
static int start_again(struct state *st, bool attach, struct shift_error *err)
{
	struct held h = HELD_INIT;
	struct lease_request userns;
	int r, status = POD_STATUS_FAILED;
	const char *pod;

	if ((r = state_load_spec(st, &h.spec, err)) >= 0 &&
	    (r = refuse_side(st, &h.spec, err)) >= 0 &&
	    (r = protect_self(&h.spec, err)) >= 0 &&
	    /* The namespaces it joined may be others' by now. */
	    (!(pod = spec_annotation(&h.spec, SPEC_ANNOTATION_POD)) ||
	     (r = network_join_pod(&h.spec, pod, err)) >= 0) &&
	    (r = range_again(&h.spec, &userns, err)) >= 0 &&
	    /* The number of a device is another's after a boot. */
	    (r = device_wait_again(&h.spec, err)) >= 0 &&
	    (r = devices_again(&h.spec, err)) >= 0 &&
	    (r = image_hold_described(&h.image, &h.spec, err)) >= 0 &&
	    (r = state_create(&h.state, st->name, err)) >= 0) {
		/* It has been up: a start that fails leaves it as ended. */
		h.state.started = st->started;
		h.state.interactive = st->interactive;
		h.pod.interactive = st->interactive;
		/* With somebody to see it all, it waits until that is there. */
		h.pod.wait_start = attach;
		status = launch_go(&h, &userns, true, true, err);
		if (!status && !attach)
			printf("%s\n", h.state.name);
	}
	held_clear(&h);
	return status || !attach ? status : start_created(st, true, err);
}

static int start_pod(const char *name, bool attach, struct shift_error *err)
{
	struct state st = STATE_INIT;
	int status = POD_STATUS_FAILED;

	if (state_load(&st, name, err) >= 0) {
		switch (st.status) {
		case STATUS_CREATED:
			status = start_created(&st, attach, err);
			break;
		case STATUS_EXITED:
			/* Its supervisor may be about to leave. */
			if (state_wait_unlocked(&st, -1, err) >= 0)
				status = start_again(&st, attach, err);
			break;
		default:
			shift_err_set(err, 0, "the pod %s is %s", st.name,
				      state_status_name(st.status));
		}
	}
	state_clear(&st);
	return status;
}

/* One that fails keeps no other. */
static int start_boot(struct shift_error *err)
{
	struct strv names = { NULL, 0 };
	int r = boot_list(&names, err), status = 0;

	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		int one = start_pod(names.v[i], false, err);

		if (!one)
			continue;
		status = one;
		shift_err_prefix(err, "the pod %s", names.v[i]);
		shift_err_print(err, stderr, "runner");
		shift_err_clear(err);
	}
	strv_clear(&names);
	return r < 0 ? POD_STATUS_FAILED : status;
}

int cmd_start(int argc, char **argv, struct shift_error *err)
{
	bool attach = false, boot = false;
	int r, status = POD_STATUS_FAILED;
	struct words w;

	words_begin(&w, &start_words, argc, argv);
	while ((r = words_next(&w, err)) > 0) {
		if (words_code(&w) == 'a')
			attach = w.on;
		if (words_code(&w) == 'B')
			boot = w.on;
	}
	if (r >= 0 && attach && w.n > 1)
		r = shift_err_set(err, 0, "start -a takes one pod");
	if (r >= 0 && boot && (w.n || attach))
		r = shift_err_set(err, 0, "start --boot takes no pod and not -a");
	if (r >= 0 && !boot && !w.n) {
		r = shift_err_set(err, 0, "start: it needs POD");
		words_hint(&start_words, err);
	}
	if (r < 0 || state_sweep(0, err) < 0)
		return status;
	if (boot)
		return start_boot(err);
	for (int i = 0; i < w.n; i++) {
		status = start_pod(w.operands[i], attach, err);
		if (status)
			break;
	}
	return status;
}
