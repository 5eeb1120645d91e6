/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/place.h"
#include "cleanup.h"
#include "cli/limits.h"
#include "cli/numbers.h"
#include "escape.h"
#include "pod/device_wait.h"
#include "pod/network.h"
#include "pod/pasta.h"
#include "spec/device_option.h"
#include "spec/etc_option.h"
#include "spec/hostdir_option.h"
#include "spec/init_option.h"
#include "spec/intercept_option.h"
#include "spec/publish_option.h"
#include "spec/rlimit_option.h"
#include "spec/seccomp.h"
#include "spec/security_option.h"
#include "spec/sys_option.h"
#include "spec/systemd.h"
#include "spec/volume_add.h"

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

static int parse_pull(const char *text, const char **ret,
		      struct shift_error *err)
{
	if (strcmp(text, "missing") && strcmp(text, "never") &&
	    strcmp(text, "always"))
		return shift_err_set(err, 0, "--pull '%s': there are missing, always and never",
				     text);
	*ret = text;
	return 0;
}

static int parse_image_volume(const char *text, const char **ret,
			      struct shift_error *err)
{
	/* Podman's word for the same. */
	if (!strcmp(text, "bind"))
		text = "anonymous";
	if (strcmp(text, "anonymous") && strcmp(text, "tmpfs") &&
	    strcmp(text, "ignore"))
		return shift_err_set(err, 0, "--image-volume '%s': there are anonymous, tmpfs and ignore",
				     text);
	*ret = text;
	return 0;
}

static int parse_systemd(const char *text, const char **ret,
			 struct shift_error *err)
{
	/* As elsewhere: what the command says counts. */
	if (!strcmp(text, "true"))
		text = "auto";
	*ret = text;
	return systemd_wanted(text, NULL, err) < 0 ? -EINVAL : 0;
}

static int take(struct options *o, const struct words *w,
		struct shift_error *err)
{
	const struct { int code; bool *to; } flags[] = {
		{ OPT_READ_ONLY, &o->read_only }, { OPT_RM, &o->rm },
		{ OPT_NO_HOSTS, &o->no_hosts }, { OPT_INIT, &o->init },
		{ OPT_REPLACE, &o->replace }, { OPT_DRY_RUN, &o->dry_run },
		{ 'd', &o->detach }, { 't', &o->tty },
		{ 'i', &o->interactive },
	};
	const struct { int code; const char **to; } texts[] = {
		{ OPT_IMAGE, &o->image }, { OPT_NAME, &o->name },
		{ OPT_ROOTFS, &o->rootfs }, { OPT_NET, &o->net },
		{ OPT_POD, &o->pod }, { OPT_RESTART, &o->restart },
		{ OPT_ENTRYPOINT, &o->entrypoint }, { 'h', &o->hostname },
		{ OPT_UIDMAP, &o->uidmap }, { OPT_GIDMAP, &o->gidmap },
		{ OPT_INIT_PATH, &o->init_path },
	};
	int code = words_code(w), r;

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (flags[i].code == code) {
			*flags[i].to = w->on;
			return 0;
		}
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].code == code) {
			*texts[i].to = w->value;
			return 0;
		}
	switch (code) {
	case OPT_ROOT:
		return place_set(w->value, err);
	case OPT_USERNS:
		return lease_parse(w->value, &o->userns, err);
	case OPT_UID_BASE:
		o->userns.mode = LEASE_FIXED;
		return parse_id(w->value, &o->userns.base, err);
	case OPT_SHIFT:
		return parse_shift(w->value, &o->shift, err);
	case OPT_IMAGE_VOLUME:
		return parse_image_volume(w->value, &o->image_volume, err);
	case OPT_PULL:
		return parse_pull(w->value, &o->pull, err);
	case OPT_SYSTEMD:
		return parse_systemd(w->value, &o->systemd, err);
	case OPT_PRESERVE_FDS:
		return options_preserve(w->value, &o->preserve_fds, err);
	case OPT_LIMIT:
		/* Its name is needed later; the value follows. */
		r = remember(o, code, w->option->name, err);
		return r < 0 ? r : remember(o, code, w->value, err);
	}
	return remember(o, code, w->value, err);
}

/* 0:BASE:COUNT, the only map that a pod has. */
static int take_map(struct options *o, struct shift_error *err)
{
	const char *uids = o->uidmap ?: o->gidmap;
	_cleanup_free_ char *copy = uids ? strdup(uids) : NULL;
	char *rest = copy, *word;
	long v[3] = { 0, 0, 0 };
	int n = 0;

	if (!uids)
		return 0;
	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	/* sscanf(3) takes a number that is too large for another one. */
	while (n < 3 && (word = strsep(&rest, ":")) &&
	       numbers_integer(word, 0, UINT32_MAX - 1, &v[n], NULL) >= 0)
		n++;
	if (n != 3 || rest)
		return shift_err_set(err, 0, "--%s '%s' is not 0:BASE:COUNT, numbers up to 4294967294",
				     o->uidmap ? "uidmap" : "gidmap", uids);
	if (v[0] || !v[2] || (o->gidmap && strcmp(uids, o->gidmap)))
		return shift_err_set(err, 0, "--uidmap, --gidmap: a pod has one range, the same for users and groups, that begins with its id 0");
	if (o->userns.mode != LEASE_AUTO)
		return shift_err_set(err, 0, "--uidmap and --userns exclude each other");
	o->userns = (struct lease_request){ .mode = LEASE_FIXED,
					    .base = (uint32_t)v[1],
					    .size = (uint32_t)v[2] };
	return 0;
}

int options_parse_run(struct options *o, const struct words_command *command,
		      int argc, char **argv, struct shift_error *err)
{
	struct words w;
	int r;

	memset(o, 0, sizeof(*o));
	words_begin(&w, command, argc, argv);
	while ((r = words_next(&w, err)) > 0)
		if ((r = take(o, &w, err)) < 0)
			return r;
	if (r >= 0)
		r = take_map(o, err);
	if (r < 0)
		return r;
	o->command = w.operands;
	if (o->image && o->rootfs)
		return shift_err_set(err, 0, "--image and --rootfs exclude each other");
	if (o->init_path)
		o->init = true;
	if (o->replace && !o->name)
		return shift_err_set(err, 0, "--replace needs --name");
	if (!o->image && !o->rootfs && w.n)
		o->image = *o->command++;
	if (!o->image && !o->rootfs) {
		r = shift_err_set(err, 0, "no image given");
		shift_err_hint(err, "runner %s IMAGE COMMAND", command->name);
	}
	return r;
}

int options_user(const char *text, struct shift_error *err)
{
	return *text ? 0 : shift_err_set(err, 0, "-u '': there is no user without a name or number");
}

/* All of the caller's that begin with the first @len bytes of @name. */
static int callers_env(struct spec *spec, const char *name, size_t len,
		       struct shift_error *err)
{
	int r = 0;

	for (char **e = environ; r >= 0 && *e; e++)
		if (!strncmp(*e, name, len) && strchr(*e, '='))
			r = strv_setenv(&spec->process.env, *e, err);
	return r;
}

int options_env(struct spec *spec, const char *value, struct shift_error *err)
{
	_cleanup_free_ char *both = NULL;
	int r;

	/* Nobody means such a name: "export A=b", or a blank too many. */
	if (!*value || *value == '=' || !strcmp(value, "*") ||
	    strcspn(value, " \t\r\n") < strcspn(value, "=")) {
		shift_err_set(err, 0, "'%s' is not NAME=VALUE or NAME", value);
		return -EINVAL;
	}
	if (strchr(value, '='))
		return strv_setenv(&spec->process.env, value, err);
	if (value[strlen(value) - 1] == '*')
		return callers_env(spec, value, strlen(value) - 1, err);
	/* The caller's own, if it has one. */
	if (!getenv(value))
		return 0;
	r = strf(&both, err, "%s=%s", value, getenv(value));
	return r < 0 ? r : strv_setenv(&spec->process.env, both, err);
}

/* Every line of @path to @take, but empty ones and #...; blanks before it go. */
static int each_line(struct spec *spec, const char *path, const char *option,
		     int (*take_line)(struct spec *spec, const char *line,
				      struct shift_error *err),
		     struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	size_t len;
	int r = read_file(path, 1 << 20, &text, &len, err);

	if (r >= 0 && strlen(text) != len)
		r = shift_err_set(err, 0, "%s has a zero byte", path);
	rest = text;
	while (r >= 0 && (line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		len = strlen(line);
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (*line && *line != '#')
			r = take_line(spec, line, err);
	}
	return r < 0 ? shift_err_prefix(err, "%s", option) : r;
}

int options_env_file(struct spec *spec, const char *path,
		     struct shift_error *err)
{
	return each_line(spec, path, "--env-file", options_env, err);
}

static int apply_label(struct spec *spec, const char *value,
		       struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (!*value || *value == '=')
		return shift_err_set(err, 0, "--label '%s' is not KEY=VALUE",
				     value);
	r = strf(&text, err, SPEC_ANNOTATION_LABEL "%s%s", value,
		 strchr(value, '=') ? "" : "=");
	return r < 0 ? r : strv_setenv(&spec->annotations, text, err);
}

/* In the place of the one that spec_init() made. */
static int apply_shm_size(struct spec *spec, const char *value,
			  struct shift_error *err)
{
	_cleanup_free_ char *options = NULL;
	int64_t bytes;
	int r = numbers_bytes(value, &bytes, err);

	if (r >= 0 && bytes < 1)
		r = shift_err_set(err, 0, "'%s' is no size", value);
	if (r >= 0)
		r = strf(&options, err, "nosuid,noexec,nodev,mode=1777,size=%lld",
			 (long long)bytes);
	if (r < 0)
		return shift_err_prefix(err, "--shm-size");
	spec_drop_mount(spec, "/dev/shm");
	return spec_add_mount(spec, "/dev/shm", "tmpfs", "tmpfs", options, err);
}

static int apply_stop_timeout(struct spec *spec, const char *value,
			      struct shift_error *err)
{
	long seconds;

	if (numbers_integer(value, 0, INT_MAX / 1000, &seconds, err) < 0)
		return shift_err_prefix(err, "--stop-timeout");
	return spec_annotate(spec, err, SPEC_ANNOTATION_STOP_TIMEOUT, "%ld",
			     seconds);
}

static int apply_group(struct spec *spec, const char *value,
		       struct shift_error *err)
{
	const char *before = spec_annotation(spec, SPEC_ANNOTATION_GROUPS);
	_cleanup_free_ char *all = NULL;
	int r;

	if (!*value || strpbrk(value, ",:"))
		return shift_err_set(err, 0, "--group-add '%s' is no group",
				     value);
	if (!strcmp(value, "keep-groups"))
		return shift_err_set(err, 0, "--group-add keep-groups: the caller's groups are not the pod's");
	r = strf(&all, err, "%s%s%s", before ?: "", before ? "," : "", value);
	return r < 0 ? r : spec_annotate(spec, err, SPEC_ANNOTATION_GROUPS,
					 "%s", all);
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
	int r = strcmp(value, "max") ? numbers_bytes(value, &size, err) : 0;

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
	case 'p':
		return publish_option(spec, value, err);
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
		return 0;
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
	case OPT_INTERCEPT:
		return intercept_option(spec, value, err);
	case OPT_SYS:
		return sys_option(spec, value, err);
	case OPT_CREDENTIAL:
		return hostdir_credential(spec, value, err);
	case OPT_SDNOTIFY:
		if (!strcmp(value, "pod") || !strcmp(value, "container"))
			return hostdir_notify(spec, err);
		if (!strcmp(value, "ignore"))
			return spec_annotate(spec, err, SPEC_ANNOTATION_SDNOTIFY,
					     "ignore");
		return !strcmp(value, "runner") || !strcmp(value, "conmon") ? 0 :
			shift_err_set(err, 0, "--sdnotify '%s': there are runner or conmon, pod or container, and ignore",
				      value);
	case OPT_LOG_SIZE:
		return apply_log_size(spec, value, err);
	case OPT_ANNOTATION:
		return apply_annotation(spec, value, err);
	case OPT_ADD_HOST:
		n = etc_add_host(spec, value, err);
		return n < 0 ? shift_err_prefix(err, "--add-host") : n;
	case OPT_DNS:
		n = etc_add_dns(spec, value, err);
		return n < 0 ? shift_err_prefix(err, "--dns") : n;
	case 'l':
		return apply_label(spec, value, err);
	case OPT_LABEL_FILE:
		return each_line(spec, value, "--label-file", apply_label, err);
	case OPT_ENV_FILE:
		return options_env_file(spec, value, err);
	case OPT_UNSETENV:
		strv_unsetenv(&spec->process.env, value);
		return 0;
	case OPT_SHM_SIZE:
		return apply_shm_size(spec, value, err);
	case OPT_STOP_TIMEOUT:
		return apply_stop_timeout(spec, value, err);
	case OPT_GROUP_ADD:
		return apply_group(spec, value, err);
	case OPT_ULIMIT:
		return rlimit_option(spec, value, err);
	case OPT_STOP:
		n = numbers_signal(value);
		if (!n)
			return shift_err_set(err, 0, "--stop-signal '%s' is no signal",
					     value);
		return spec_annotate(spec, err, SPEC_ANNOTATION_STOP, "%d", n);
	}
	return 0;
}

/*
 * An image's words give no privilege: that a command is systemd counts when
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

/* Their order does not count, so they are taken together. */
static int apply_caps(const struct options *o, struct spec *spec,
		      struct shift_error *err)
{
	struct security_caps caps = { 0, 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < o->n_changes; i++) {
		int option = o->changes[i].option;

		if (option == OPT_LIMIT)
			i++;
		else if (option == OPT_CAP_ADD || option == OPT_CAP_DROP)
			r = security_collect_caps(&caps, o->changes[i].value,
						  option == OPT_CAP_ADD, err);
	}
	return r < 0 ? r : security_merge_caps(&spec->process.capabilities, &caps, err);
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
	if (r >= 0)
		r = apply_caps(o, spec, err);
	for (size_t i = 0; r >= 0 && i < o->n_changes; i++) {
		const char *value = o->changes[i].value;

		if (o->changes[i].option == OPT_LIMIT) {
			r = limits_take(value, o->changes[++i].value,
					&spec->linux_.resources, err);
		} else if (o->changes[i].option != OPT_SECURITY ||
			   !security_profile(value, &seccomp)) {
			r = apply(spec, o->changes[i].option, value, err);
		}
	}
	if (r >= 0 && o->no_hosts)
		r = etc_keep_image(spec, ETC_HOSTS, err);
	if (r >= 0 && o->init)
		r = init_option(spec, o->init_path, err);
	if (r >= 0)
		r = options_pass_fds(o->preserve_fds, true, spec, err);
	if (r >= 0 && spec->process.preserve_fds && o->restart &&
	    strcmp(o->restart, "no"))
		r = shift_err_set(err, 0, "--restart %s: the descriptors of --preserve-fds or LISTEN_FDS are there for one run only",
				  o->restart);
	/* Last: what it allows depends on the capabilities. */
	if (r >= 0)
		r = seccomp_apply(spec, seccomp, err);
	if (r >= 0)
		r = network_option(spec, !o->net && spec_annotation(spec,
				   SPEC_ANNOTATION_PUBLISH) ? "pasta" : o->net, err);
	if (r >= 0 && spec_annotation(spec, SPEC_ANNOTATION_PUBLISH) &&
	    !pasta_wanted(spec))
		r = shift_err_set(err, 0, "-p: ports are published with --net pasta, not with --net %s", o->net);
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
