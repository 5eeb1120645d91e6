/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of run, create and spec. */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"
#include "cli/words.h"
#include "error.h"
#include "range/lease.h"
#include "spec/spec.h"

/* By their letters, where they have one. */
enum {
	OPT_CAP_ADD = 256, OPT_CAP_DROP, OPT_SECURITY, OPT_DEVICE,
	OPT_DEVICE_WAIT, OPT_INTERCEPT, OPT_LIMIT, OPT_CGROUP_PATH, OPT_CGROUPFS, OPT_STOP,
	OPT_ANNOTATION, OPT_NET, OPT_POD, OPT_SYSTEMD, OPT_RESTART,
	OPT_CREDENTIAL, OPT_SDNOTIFY, OPT_ROOT, OPT_ROOTFS,
	OPT_READ_ONLY, OPT_USERNS, OPT_UID_BASE, OPT_TMPFS, OPT_MOUNT,
	OPT_IMAGE, OPT_NAME, OPT_SHIFT, OPT_RM, OPT_DRY_RUN, OPT_ENTRYPOINT,
	OPT_ENV_FILE, OPT_UNSETENV, OPT_LABEL_FILE, OPT_ULIMIT, OPT_SHM_SIZE,
	OPT_GROUP_ADD, OPT_UIDMAP, OPT_GIDMAP, OPT_REPLACE, OPT_PULL,
	OPT_IMAGE_VOLUME, OPT_STOP_TIMEOUT, OPT_LOG_SIZE, OPT_ADD_HOST, OPT_DNS, OPT_NO_HOSTS,
	OPT_INIT, OPT_INIT_PATH, OPT_PRESERVE_FDS, OPT_SYS,
};

extern const struct words_option options_of_run[];

struct options {
	const char *image;
	const char *name;
	struct lease_request userns;
	const char *uidmap, *gidmap;
	enum spec_shift shift;
	const char *rootfs;	/* in place of image */
	const char *entrypoint;	/* in place of the image's */
	const char *image_volume;	/* NULL: "anonymous" */
	const char *pull;	/* "missing", "never" or "always" */
	bool read_only;
	bool rm;
	bool replace;
	bool no_hosts;
	bool init;
	const char *init_path;
	long preserve_fds;
	bool dry_run;
	bool detach;
	bool tty;
	bool interactive;
	const char *pod;
	const char *net;
	const char *systemd;
	const char *restart;
	const char *hostname;
	/* Changes of the description, in this order. */
	struct { int option; const char *value; } *changes;
	size_t n_changes;
	char **command;		/* NULL-terminated, empty: the image's own */
};

/*
 * Reads the arguments of `runner run`, or another of that family, @command;
 * strings stay argv's.
 */
int options_parse_run(struct options *options,
		      const struct words_command *command, int argc,
		      char **argv, struct shift_error *err);

/* Changes @spec, which has the defaults and what the image says, by them. */
int options_apply(const struct options *options, struct spec *spec,
		  struct shift_error *err);

/* NAME=VALUE, or NAME for the caller's own value, if it has one. */
int options_env(struct spec *spec, const char *value, struct shift_error *err);

/* The same, line by line, of a file; empty lines and #... say nothing. */
int options_env_file(struct spec *spec, const char *path,
		     struct shift_error *err);

/* Whether @text can be a USER[:GROUP]; names are looked up in the pod. */
int options_user(const char *text, struct shift_error *err);

/*
 * The one descriptor that a manager hands to this very process (sd_listen_fds(3)), or
 * -1: there is none.
 */
int options_handed_fd(struct shift_error *err);

/* The number of --preserve-fds. */
int options_preserve(const char *text, long *ret, struct shift_error *err);

/*
 * @spec's command gets the caller's descriptors from 3 on: with @listen those that
 * LISTEN_FDS hands to this process, sd_listen_fds(3), and @n behind them.  All of them
 * have to be open, and none may be a directory.
 */
int options_pass_fds(long n, bool listen, struct spec *spec,
		     struct shift_error *err);

void options_clear(struct options *options);

#endif
