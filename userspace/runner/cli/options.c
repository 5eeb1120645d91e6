/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/place.h"
#include "cleanup.h"
#include "escape.h"
#include "pod/device_wait.h"
#include "pod/network.h"
#include "spec/device_option.h"
#include "spec/hostdir_option.h"
#include "spec/seccomp.h"
#include "spec/security_option.h"
#include "spec/systemd.h"
#include "spec/volume_add.h"

enum {
	OPT_CAP_ADD = 256, OPT_CAP_DROP, OPT_SECURITY, OPT_DEVICE,
	OPT_DEVICE_WAIT, OPT_LIMIT, OPT_CGROUP_PATH, OPT_CGROUPFS, OPT_STOP,
	OPT_ANNOTATION, OPT_NET, OPT_POD, OPT_SYSTEMD, OPT_RESTART,
	OPT_HOSTNAME, OPT_CREDENTIAL, OPT_SDNOTIFY, OPT_ROOT, OPT_ROOTFS,
	OPT_READ_ONLY, OPT_LOG_SIZE, OPT_USERNS, OPT_UID_BASE, OPT_TMPFS, OPT_MOUNT,
};

static const struct option longs[] = {
	{ "image", required_argument, NULL, 'I' },
	{ "name", required_argument, NULL, 'n' },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "rootfs", required_argument, NULL, OPT_ROOTFS },
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ "userns", required_argument, NULL, OPT_USERNS },
	{ "uid-base", required_argument, NULL, OPT_UID_BASE },
	{ "volume", required_argument, NULL, 'v' },
	{ "tmpfs", required_argument, NULL, OPT_TMPFS },
	{ "mount", required_argument, NULL, OPT_MOUNT },
	{ "shift", required_argument, NULL, 's' },
	{ "rm", no_argument, NULL, 'r' },
	{ "dry-run", no_argument, NULL, 'D' },
	{ "help", no_argument, NULL, 'h' },
	{ "detach", no_argument, NULL, 'd' },
	{ "tty", no_argument, NULL, 't' },
	{ "interactive", no_argument, NULL, 'i' },
	{ "env", required_argument, NULL, 'e' },
	{ "user", required_argument, NULL, 'u' },
	{ "workdir", required_argument, NULL, 'w' },
	{ "hostname", required_argument, NULL, OPT_HOSTNAME },
	{ "memory", required_argument, NULL, OPT_LIMIT },
	{ "memory-swap", required_argument, NULL, OPT_LIMIT },
	{ "cpus", required_argument, NULL, OPT_LIMIT },
	{ "cpu-shares", required_argument, NULL, OPT_LIMIT },
	{ "pids-limit", required_argument, NULL, OPT_LIMIT },
	{ "io-weight", required_argument, NULL, OPT_LIMIT },
	{ "io-max", required_argument, NULL, OPT_LIMIT },
	{ "cgroup-conf", required_argument, NULL, OPT_LIMIT },
	{ "cgroup-path", required_argument, NULL, OPT_CGROUP_PATH },
	{ "cgroupfs", required_argument, NULL, OPT_CGROUPFS },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "device-wait", required_argument, NULL, OPT_DEVICE_WAIT },
	{ "cap-add", required_argument, NULL, OPT_CAP_ADD },
	{ "cap-drop", required_argument, NULL, OPT_CAP_DROP },
	{ "security-opt", required_argument, NULL, OPT_SECURITY },
	{ "net", required_argument, NULL, OPT_NET },
	{ "network", required_argument, NULL, OPT_NET },
	{ "systemd", required_argument, NULL, OPT_SYSTEMD },
	{ "pod", required_argument, NULL, OPT_POD },
	{ "restart", required_argument, NULL, OPT_RESTART },
	{ "stop-signal", required_argument, NULL, OPT_STOP },
	{ "log-size", required_argument, NULL, OPT_LOG_SIZE },
	{ "credential", required_argument, NULL, OPT_CREDENTIAL },
	{ "sdnotify", required_argument, NULL, OPT_SDNOTIFY },
	{ "annotation", required_argument, NULL, OPT_ANNOTATION },
	{ NULL, 0, NULL, 0 },
};

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
	if (spec_shift_parse(text, ret) >= 0)
		return 0;
	return shift_err_set(err, 0,
			     "--shift '%s': there are auto, shiftfs, idmap and chown",
			     text);
}

int options_bytes(const char *text, int64_t *ret, struct shift_error *err)
{
	static const char suffixes[] = "bkmgt";
	unsigned long long v;
	const char *s;
	char *end;
	int shift = 0;

	if (!strcmp(text, "-1")) {
		*ret = -1;
		return 0;
	}
	errno = 0;
	v = strtoull(text, &end, 10);
	if (*end && (s = strchr(suffixes, *end | 0x20))) {
		shift = 10 * (int)(s - suffixes);
		end++;
		if ((*end | 0x20) == 'b')
			end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || !v ||
	    v > (unsigned long long)INT64_MAX >> shift)
		return shift_err_set(err, 0, "'%s' is no number of bytes: a number with b, k, m, g or t behind it",
				     text);
	*ret = (int64_t)(v << shift);
	return 0;
}

int options_integer(const char *text, long min, long max, long *ret,
		    struct shift_error *err)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (!*text || *end || errno || v < min || v > max)
		return shift_err_set(err, EINVAL, "'%s' is not a number from %ld to %ld",
				     text, min, max);
	*ret = v;
	return 0;
}

int options_signal(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*text && !*end)
		return v > 0 && v <= SIGRTMAX ? (int)v : 0;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	if (!strncasecmp(text, "RTMIN", 5) || !strncasecmp(text, "RTMAX", 5)) {
		int base = (text[3] | 0x20) == 'i' ? SIGRTMIN : SIGRTMAX;

		v = text[5] ? strtol(text + 5, &end, 10) : 0;
		if (text[5] && *end)
			return 0;
		return base + v >= SIGRTMIN && base + v <= SIGRTMAX ?
		       base + (int)v : 0;
	}
	for (int s = 1; s < SIGRTMIN; s++) {
		const char *name = sigabbrev_np(s);

		if (name && !strcasecmp(name, text))
			return s;
	}
	return 0;
}

static int parse_cpus(const char *text, struct spec_resources *res,
		      struct shift_error *err)
{
	char *end;
	double v = strtod(text, &end);

	/* So that it is none of the things that are no number, too. */
	if (!*text || *end || !(v >= 0.01 && v <= 10000))
		return shift_err_set(err, 0, "'%s' is no number of processors",
				     text);
	res->cpu_period = 100000;
	res->cpu_quota = (int64_t)(v * 100000 + 0.5);
	return 0;
}

/* -1 is no limit. */
static int parse_pids(const char *text, int64_t *ret, struct shift_error *err)
{
	long v = -1;
	int r = strcmp(text, "-1") ?
		options_integer(text, 1, INT_MAX, &v, err) : 0;

	if (r >= 0)
		*ret = v;
	return r;
}

int options_limit(const char *name, const char *value,
		  struct spec_resources *res, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	long v;
	int r;

	if (!strcmp(name, "memory"))
		r = options_bytes(value, &res->memory_limit, err);
	else if (!strcmp(name, "memory-swap"))
		r = options_bytes(value, &res->memory_swap, err);
	else if (!strcmp(name, "cpus"))
		r = parse_cpus(value, res, err);
	else if (!strcmp(name, "pids-limit"))
		r = parse_pids(value, &res->pids_limit, err);
	else if (!strcmp(name, "cpu-shares")) {
		r = options_integer(value, 1, 262144, &v, err);
		if (r >= 0)
			res->cpu_shares = v < 2 ? 2 : (uint64_t)v;
	} else if (!strcmp(name, "io-weight")) {
		r = options_integer(value, 1, 10000, &v, err);
		if (r >= 0)
			r = strf(&text, err, "io.weight=%ld", v);
	} else if (!strcmp(name, "io-max")) {
		r = devices_io_max(value, res, &text, err);
	} else if (!strcmp(name, "cgroup-conf")) {
		r = strchr(value, '=') ? str_replace(&text, value, err) :
			shift_err_set(err, 0, "'%s' is not FILE=VALUE", value);
	} else {
		return 1;
	}
	if (r >= 0 && text)
		r = strv_setenv(&res->unified, text, err);
	return r < 0 ? shift_err_prefix(err, "--%s", name) : 0;
}

static int remember(struct options *o, int option, const char *value,
		    struct shift_error *err)
{
	void *more = reallocarray(o->changes, o->n_changes + 1,
				  sizeof(*o->changes));

	if (!more)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	o->changes = more;
	o->changes[o->n_changes].option = option;
	o->changes[o->n_changes++].value = value;
	return 0;
}

static int take(struct options *o, int c, int which, struct shift_error *err)
{
	int r;

	switch (c) {
	case 'I':
		o->image = optarg;
		return 0;
	case 'n':
		o->name = optarg;
		return 0;
	case OPT_ROOT:
		return place_set(optarg, err);
	case OPT_ROOTFS:
		o->rootfs = optarg;
		return 0;
	case OPT_READ_ONLY:
		o->read_only = true;
		return 0;
	case OPT_USERNS:
		return lease_parse(optarg, &o->userns, err);
	case OPT_UID_BASE:
		o->userns.mode = LEASE_FIXED;
		return parse_id(optarg, &o->userns.base, err);
	case 's':
		return parse_shift(optarg, &o->shift, err);
	case 'r':
		o->rm = true;
		return 0;
	case 'D':
		o->dry_run = true;
		return 0;
	case 'd':
		o->detach = true;
		return 0;
	case 't':
		o->tty = true;
		return 0;
	case 'i':
		o->interactive = true;
		return 0;
	case OPT_NET:
		o->net = optarg;
		return 0;
	case OPT_POD:
		o->pod = optarg;
		return 0;
	case OPT_SYSTEMD:
		o->systemd = optarg;
		return systemd_wanted(optarg, NULL, err) < 0 ? -EINVAL : 0;
	case OPT_RESTART:
		o->restart = optarg;
		return 0;
	case OPT_HOSTNAME:
		o->hostname = optarg;
		return 0;
	case OPT_LIMIT:
		/* Its name is needed later; the value follows. */
		r = remember(o, c, longs[which].name, err);
		return r < 0 ? r : remember(o, c, optarg, err);
	}
	return remember(o, c, optarg, err);
}

int options_parse_run(struct options *options, int argc, char **argv,
		      struct shift_error *err)
{
	int c, which, r = 0;

	memset(options, 0, sizeof(*options));
	opterr = 0;
	/* '+': what follows the first word that is no option is the command's */
	while (r >= 0 && (c = getopt_long(argc, argv, "+:hdtie:u:w:m:v:", longs,
					  &which)) >= 0) {
		if (c == 'h') {
			options->help = true;
			return 0;
		}
		if (c == ':') {
			r = shift_err_set(err, 0, "%s needs a value",
					  argv[optind - 1]);
		} else if (c == '?') {
			r = shift_err_set(err, 0, "unknown option '%s'",
					  argv[optind - 1]);
			shift_err_hint(err, "runner run --help lists the options");
		} else if (c == 'm') {
			r = remember(options, OPT_LIMIT, "memory", err);
			if (r >= 0)
				r = remember(options, OPT_LIMIT, optarg, err);
		} else {
			r = take(options, c, which, err);
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

int options_user(const char *text, struct shift_error *err)
{
	return *text ? 0 : shift_err_set(err, 0, "-u '': there is no user without a name or number");
}

int options_env(struct spec *spec, const char *value, struct shift_error *err)
{
	_cleanup_free_ char *both = NULL;
	int r;

	if (strchr(value, '='))
		return strv_setenv(&spec->process.env, value, err);
	/* The caller's own, if it has one. */
	if (!getenv(value))
		return 0;
	r = strf(&both, err, "%s=%s", value, getenv(value));
	return r < 0 ? r : strv_setenv(&spec->process.env, both, err);
}

static int apply_cgroupfs(struct spec *spec, const char *value,
			  struct shift_error *err)
{
	bool rw = !strcmp(value, "rw");

	if (!rw && strcmp(value, "ro"))
		return shift_err_set(err, 0, "--cgroupfs '%s': there are ro and rw",
				     value);
	spec_drop_mount(spec, "/sys/fs/cgroup");
	return spec_add_mount(spec, "/sys/fs/cgroup", "cgroup2", "cgroup2",
			      rw ? "nosuid,noexec,nodev" :
				   "nosuid,noexec,nodev,ro", err);
}

static int apply_annotation(struct spec *spec, const char *value,
			    struct shift_error *err)
{
	if (!strchr(value, '='))
		return shift_err_set(err, 0, "--annotation '%s' is not KEY=VALUE",
				     value);
	return strv_setenv(&spec->annotations, value, err);
}

/* For the log and its predecessor; each has room for the longest line. */
static int apply_log_size(struct spec *spec, const char *value,
			  struct shift_error *err)
{
	int64_t size = 0;
	int r = strcmp(value, "max") ? options_bytes(value, &size, err) : 0;

	if (r >= 0 && strcmp(value, "max") && size < 65536)
		r = shift_err_set(err, 0, "'%s' is no size of 64k or more, nor max",
				  value);
	return r < 0 ? shift_err_prefix(err, "--log-size") :
		spec_annotate(spec, err, SPEC_ANNOTATION_LOG_SIZE, "%lld",
			      (long long)size);
}

static int apply(struct spec *spec, int option, const char *value,
		 struct shift_error *err)
{
	int n;

	switch (option) {
	case 'e':
		return options_env(spec, value, err);
	case 'u':
		n = options_user(value, err);
		return n < 0 ? n : str_replace(&spec->process.user, value, err);
	case 'w':
		if (*value != '/')
			return shift_err_set(err, 0, "--workdir '%s' is not absolute",
					     value);
		return str_replace(&spec->process.cwd, value, err);
	case 'v':
		return volume_add(spec, value, err);
	case OPT_TMPFS:
		return volume_add_tmpfs(spec, value, err);
	case OPT_MOUNT:
		return volume_add_mount(spec, value, err);
	case OPT_CAP_ADD:
	case OPT_CAP_DROP:
		return security_change_caps(&spec->process.capabilities, value,
					    option == OPT_CAP_ADD, err);
	case OPT_SECURITY:
		return security_option(spec, value, err);
	case OPT_DEVICE:
		return devices_option(spec, value, err);
	case OPT_DEVICE_WAIT:
		return device_wait_option(spec, value, err);
	case OPT_CGROUP_PATH:
		return str_replace(&spec->linux_.cgroups_path, value, err);
	case OPT_CGROUPFS:
		return apply_cgroupfs(spec, value, err);
	case OPT_CREDENTIAL:
		return hostdir_credential(spec, value, err);
	case OPT_SDNOTIFY:
		if (!strcmp(value, "pod"))
			return hostdir_notify(spec, err);
		return !strcmp(value, "runner") ? 0 :
			shift_err_set(err, 0, "--sdnotify '%s': there are runner and pod",
				      value);
	case OPT_LOG_SIZE:
		return apply_log_size(spec, value, err);
	case OPT_ANNOTATION:
		return apply_annotation(spec, value, err);
	case OPT_STOP:
		n = options_signal(value);
		if (!n)
			return shift_err_set(err, 0, "--stop-signal '%s' is no signal",
					     value);
		return spec_annotate(spec, err, SPEC_ANNOTATION_STOP, "%d", n);
	}
	return 0;
}

/*
 * What an image says gives no privilege: that a command is systemd counts when
 * the administrator named the command.
 */
static const char *systemd_mode(const struct options *o,
				const struct spec *spec)
{
	const char *command = spec->process.args.n ? spec->process.args.v[0] :
						     NULL;
	_cleanup_free_ char *shown = NULL;
	size_t named = 0;

	while (o->command[named])
		named++;
	if ((o->systemd && strcmp(o->systemd, "auto")) ||
	    (named && named == spec->process.args.n))
		return o->systemd;
	if (systemd_wanted(NULL, command, NULL) > 0 &&
	    (shown = shift_escaped(command)))
		fprintf(stderr, "runner: the image's own command is %s: if it is systemd, --systemd=always gives it what it needs\n",
			shown);
	return "false";
}

int options_apply(const struct options *o, struct spec *spec,
		  struct shift_error *err)
{
	const char *seccomp = NULL;
	int r = 0;

	spec->shift = o->shift;
	spec->root.readonly = o->read_only;
	spec->process.terminal = o->tty;
	/* First: what is said one by one shall beat it. */
	r = systemd_apply(systemd_mode(o, spec), spec, err);
	for (size_t i = 0; r >= 0 && i < o->n_changes; i++) {
		const char *value = o->changes[i].value;

		if (o->changes[i].option == OPT_LIMIT) {
			r = options_limit(value, o->changes[++i].value,
					  &spec->linux_.resources, err);
		} else if (o->changes[i].option == OPT_SECURITY &&
			   !strncmp(value, "seccomp=", 8)) {
			seccomp = value + 8;
		} else {
			r = apply(spec, o->changes[i].option, value, err);
		}
	}
	/* Last: what it allows depends on the capabilities. */
	if (r >= 0)
		r = seccomp_apply(spec, seccomp, err);
	if (r >= 0)
		r = network_option(spec, o->net, err);
	if (r >= 0 && o->restart)
		r = spec_annotate(spec, err, SPEC_ANNOTATION_RESTART, "%s",
				  o->restart);
	if (r >= 0)
		r = spec_annotate(spec, err, SPEC_ANNOTATION_IMAGE, "%s",
				  o->image ?: o->rootfs);
	if (r >= 0 && o->userns.mode == LEASE_HOST)
		spec->linux_.namespaces &= ~(unsigned int)SPEC_NS_USER;
	if (r >= 0 && o->userns.mode == LEASE_POD)
		r = spec_annotate(spec, err, SPEC_ANNOTATION_USERNS, "pod:%s",
				  o->userns.pod);
	return r;
}

void options_clear(struct options *options)
{
	free(options->changes);
	options->changes = NULL;
}
