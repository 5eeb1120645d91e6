/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runner - starts pods on shared images, each with its own range of ids. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/helper.h"
#include "base/place.h"
#include "cleanup.h"
#include "cli/commands.h"
#include "cli/words.h"
#include "escape.h"
#include "pod/device_wait.h"
#include "pod/intercept.h"
#include "pod/kept.h"
#include "pod/launch.h"
#include "pod/pod.h"

/* runner-image has what reads and writes archives. */
static int cmd_image(int argc, char **argv, struct shift_error *err)
{
	helper_become(HELPER_IMAGE, argc, argv, err);
	return POD_STATUS_FAILED;
}

static int cmd_osd(int argc, char **argv, struct shift_error *err)
{
	helper_become(HELPER_OSD, argc, argv, err);
	return POD_STATUS_FAILED;
}

/* `runner images` and the like: what podman has beside `image ls`. */
static int image_short(const char *name, int argc, char **argv,
		       struct shift_error *err)
{
	char **words = calloc((size_t)argc + 2, sizeof(*words));

	if (!words) {
		shift_err_set(err, ENOMEM, "cannot allocate memory");
		return POD_STATUS_FAILED;
	}
	words[0] = (char *)"image";
	words[1] = (char *)name;
	for (int i = 1; i < argc; i++)
		words[i + 1] = argv[i];
	cmd_image(argc + 1, words, err);
	free(words);
	return POD_STATUS_FAILED;
}

static int cmd_images(int argc, char **argv, struct shift_error *err)
{
	return image_short("ls", argc, argv, err);
}

static int cmd_pull(int argc, char **argv, struct shift_error *err)
{
	return image_short("pull", argc, argv, err);
}

static int cmd_rmi(int argc, char **argv, struct shift_error *err)
{
	return image_short("rm", argc, argv, err);
}

static const struct command {
	const char *name;
	command_fn *fn;
	const char *help;
} commands[] = {
	{ "run", cmd_run, "start a command in a pod of its own" },
	{ "create", cmd_create, "make a pod that runner start starts" },
	{ "spec", cmd_spec, "print the description of a pod: config.json" },
	{ "start", cmd_start, "start a pod that is created or has ended" },
	{ "stop", cmd_stop, "ask a pod to end, then end it" },
	{ "kill", cmd_kill, "send a signal to a pod's first process" },
	{ "wait", cmd_wait, "wait for a pod's end, print its exit status" },
	{ "pause", cmd_pause, "freeze all processes of a pod" },
	{ "unpause", cmd_unpause, "let them go on" },
	{ "rename", cmd_rename, "give another name to a pod that has ended" },
	{ "rm", cmd_rm, "remove a pod and its changes" },
	{ "ps", cmd_ps, "list the pods" },
	{ "inspect", cmd_inspect, "print all that is known of a pod" },
	{ "logs", cmd_logs, "print what a detached pod wrote" },
	{ "attach", cmd_attach, "join the streams of a detached pod" },
	{ "exec", cmd_exec, "start one more command in a pod" },
	{ "cp", cmd_image, "copy files between the host and pods" },
	{ "update", cmd_update, "change the limits of a pod" },
	{ "device", cmd_device, "give a device to a running pod, or take it" },
	{ "image", cmd_image, "the image store: import, pull, ls, inspect, verify, rm, prune" },
	{ "images", cmd_images, "the same as image ls" },
	{ "pull", cmd_pull, "the same as image pull" },
	{ "rmi", cmd_rmi, "the same as image rm" },
	{ "volume", cmd_volume, "the volumes that runner keeps: ls, create, path, rm, prune" },
	{ "top", cmd_top, "list the processes of a pod" },
	{ "stats", cmd_stats, "print what pods use" },
	{ "events", cmd_events, "print what happens to pods" },
	{ "uidmap", cmd_uidmap, "ls: the ranges of ids that pods have" },
	{ "osd", cmd_osd, "plan, run: the devices of a Ceph OSD, and a pod with them" },
	{ "side", cmd_side, "pods that other pods ask for: run, spool, ls, stop, inspect" },
	{ "check", cmd_check, "say what this host can do for pods" },
};

/* Commands by which runner's own processes start each other. */
static const struct command internal[] = {
	{ "-resume", launch_resume_cmd, NULL },
	{ "-device", device_wait_cmd, NULL },
	{ "-intercept", intercept_cmd, NULL },
};

static void usage(void)
{
	fputs("Usage: runner [--root DIR] COMMAND [ARGUMENT]...\n\n", stdout);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		printf( "  %-10s %s\n", commands[i].name,
			commands[i].help);
	fputs("\nrunner COMMAND --help tells more of each.\n", stdout);
}

/* The mistake, and one line of what to do. */
static void unknown(const char *word, struct shift_error *err)
{
	_cleanup_free_ char *shown = word ? shift_escaped(word) : NULL;

	if (!word)
		shift_err_set(err, 0, "no command given");
	else
		shift_err_set(err, 0, "there is no command '%s'%s",
			      shown ?: "?",
			      words_suggest(word, "", &commands->name,
					    sizeof(commands) / sizeof(*commands),
					    sizeof(*commands)));
	shift_err_hint(err, "runner --help lists the commands");
}

/* Only to read: nobody has to be root for that. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return false;
}

/*
 * The first after a boot of the host brings back the pods that are kept.  False
 * when it waited for a lock in vain: the command would wait as long again.
 */
static bool restore(void)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	int r = kept_restore(&err);

	if (r < 0)
		shift_err_print(&err, stderr, r == -ETIMEDOUT ? "runner" :
				"runner: warning");
	return r != -ETIMEDOUT;
}

int main(int argc, char **words)
{
	_cleanup_error_ struct shift_error err = SHIFT_ERROR_INIT;
	const struct command *command = NULL;
	int status = POD_STATUS_FAILED;
	const char *root = NULL;
	char **argv;

	/* A pod's supervisor has what it needs open, and its signals waiting. */
	if (argc > 1 && !strcmp(words[1], internal[0].name))
		caller_undumpable();
	else
		caller_forget(argc, words);
	/* The copy that self_seal() makes has another name. */
	prctl(PR_SET_NAME, "runner", 0, 0, 0);
	argv = caller_arguments(argc, words);
	if (!argv) {
		fputs("runner: cannot allocate memory\n", stderr);
		return status;
	}

	if (argc >= 3 && !strcmp(argv[1], "--root")) {
		root = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc >= 2 && (!strcmp(argv[1], "--help") ||
			  !strcmp(argv[1], "help"))) {
		usage();
		return 0;
	}
	if (argc >= 2 && (!strcmp(argv[1], "--version") ||
			  !strcmp(argv[1], "version"))) {
		puts("runner " SHIFTFS_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc >= 2 && !strcmp(argv[1], commands[i].name))
			command = &commands[i];
	for (size_t i = 0; i < sizeof(internal) / sizeof(*internal); i++)
		if (argc >= 2 && !strcmp(argv[1], internal[i].name))
			command = &internal[i];
	if (!command)
		unknown(argc >= 2 ? argv[1] : NULL, &err);
	else if (geteuid() && !asks_for_help(argc, argv))
		shift_err_set(&err, 0, "runner %s has to be started by root",
			      argv[1]);
	else if (geteuid() || place_set(root, &err) >= 0) {
		if (geteuid() || asks_for_help(argc, argv) || !command->help ||
		    restore())
			status = command->fn(argc - 1, argv + 1, &err);
	}
	if (err.msg)
		shift_err_print(&err, stderr, "runner");
	return status;
}
