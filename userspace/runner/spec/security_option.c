/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/security_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"

#define SELINUX_DIR "/sys/fs/selinux"
#define DEFAULT_LABEL "system_u:system_r:container_t:s0"

/* One name as a set; libcap alone would take "chown,kill" for chown. */
static int cap_set(const char *name, uint64_t *ret, struct shift_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	char full[64];
	cap_value_t c;

	if (!strcasecmp(name, "all")) {
		*ret |= (1ULL << cap_max_bits()) - 1;
		return 0;
	}
	snprintf(full, sizeof(full), "%s%s",
		 strncasecmp(name, "cap_", 4) ? "cap_" : "", name);
	if (name[strspn(name, letters)] || cap_from_name(full, &c) < 0) {
		shift_err_set(err, 0, "'%s' is no capability", name);
		shift_err_hint(err, "see capabilities(7)");
		return -EINVAL;
	}
	*ret |= 1ULL << c;
	return 0;
}

/* The set that @names has, by commas. */
static int caps_set(const char *names, uint64_t *ret, struct shift_error *err)
{
	_cleanup_free_ char *copy = NULL;
	char *rest, *name;
	int r = str_replace(&copy, names, err);

	rest = copy;
	while (r >= 0 && (name = strsep(&rest, ",")))
		r = cap_set(name, ret, err);
	return r;
}

static void change(struct spec_capabilities *caps, uint64_t add, uint64_t drop)
{
	caps->bounding = (caps->bounding & ~drop) | add;
	caps->permitted = (caps->permitted & ~drop) | add;
	caps->effective = (caps->effective & ~drop) | add;
	caps->inheritable &= ~drop;
	caps->ambient &= ~drop;
}

int security_change_caps(struct spec_capabilities *caps, const char *names,
			 bool add, struct shift_error *err)
{
	uint64_t set = 0;
	int r = caps_set(names, &set, err);

	if (r >= 0)
		change(caps, add ? set : 0, add ? 0 : set);
	return r;
}

int security_collect_caps(struct security_caps *all, const char *names, bool add,
			  struct shift_error *err)
{
	return caps_set(names, add ? &all->add : &all->drop, err);
}

int security_merge_caps(struct spec_capabilities *caps,
			const struct security_caps *all, struct shift_error *err)
{
	const uint64_t every = (1ULL << cap_max_bits()) - 1;
	uint64_t both = all->add & all->drop;
	char *name;

	if (!both) {
		change(caps, all->add, all->drop);
	} else if (all->add == all->drop) {
		return shift_err_set(err, 0, "--cap-add and --cap-drop have the same capabilities");
	} else if (all->drop == every) {
		change(caps, all->add, every);
	} else if (all->add == every) {
		change(caps, every, 0);
		change(caps, 0, all->drop);
	} else {
		name = cap_to_name((cap_value_t)__builtin_ctzll(both));
		shift_err_set(err, 0, "--cap-add and --cap-drop have both %s", name ?: "?");
		cap_free(name);
		return -EINVAL;
	}
	return 0;
}

/* label=user:U, role:R, type:T, level:L change a part of the context. */
static int change_label(struct spec *spec, const char *text,
			struct shift_error *err)
{
	static const char *const parts[] = { "user", "role", "type", "level" };
	_cleanup_free_ char *copy = NULL, *new = NULL;
	const char *value = strchr(text, ':');
	char *field[4], *rest;
	size_t which;
	int r;

	if (!strcmp(text, "disable")) {
		r = str_replace(&spec->process.selinux_label, NULL, err);
		return r < 0 ? r : str_replace(&spec->linux_.mount_label, NULL,
					       err);
	}
	for (which = 0; which < 4; which++)
		if (value && (size_t)(value - text) == strlen(parts[which]) &&
		    !strncmp(text, parts[which], strlen(parts[which])))
			break;
	if (which == 4)
		return shift_err_set(err, 0, "label=%s: there are disable, user:, role:, type: and level:",
				     text);
	if (access(SELINUX_DIR "/enforce", F_OK) < 0) {
		shift_err_set(err, ENOTSUP, "label=%s", text);
		shift_err_hint(err, "SELinux is not enabled on this host: leave the label away, or use label=disable");
		return -ENOTSUP;
	}
	copy = strdup(spec->process.selinux_label ?: DEFAULT_LABEL);
	if (!copy)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	rest = copy;
	for (int i = 0; i < 3; i++)
		field[i] = strsep(&rest, ":") ?: "";
	field[3] = rest ?: "s0";
	field[which] = (char *)value + 1;
	r = strf(&new, err, "%s:%s:%s:%s", field[0], field[1], field[2],
		 field[3]);
	return r < 0 ? r : str_replace(&spec->process.selinux_label, new, err);
}

/* Docker's first form, "label:disable", is in many a script. */
static int with_equals(const char *text, char **ret, struct shift_error *err)
{
	size_t n = strcspn(text, ":=");
	int r = str_replace(ret, text, err);

	if (r >= 0 && (*ret)[n])
		(*ret)[n] = '=';
	return r;
}

int security_profile(const char *text, const char **ret)
{
	if (strncmp(text, "seccomp=", 8) && strncmp(text, "seccomp:", 8))
		return 0;
	*ret = text + 8;
	return 1;
}

int security_option(struct spec *spec, const char *given,
		    struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = with_equals(given, &text, err);

	if (r < 0)
		return r;
	if (!strcmp(text, "no-new-privileges") ||
	    !strcmp(text, "no-new-privileges=true")) {
		spec->process.no_new_privileges = true;
		return 0;
	}
	if (!strcmp(text, "no-new-privileges=false")) {
		spec->process.no_new_privileges = false;
		return 0;
	}
	if (!strncmp(text, "label=", 6))
		return change_label(spec, text + 6, err);
	if (!strcmp(text, "apparmor=unconfined"))
		return str_replace(&spec->process.apparmor_profile, NULL, err);
	if (!strncmp(text, "apparmor=", 9)) {
		if (access("/sys/module/apparmor", F_OK) < 0)
			return shift_err_set(err, ENOTSUP, "apparmor=%s: this host has no AppArmor",
					     text + 9);
		return str_replace(&spec->process.apparmor_profile, text + 9,
				   err);
	}
	shift_err_set(err, 0, "unknown --security-opt '%s'", text);
	shift_err_hint(err, "there are label=, apparmor=, seccomp=FILE|unconfined, no-new-privileges[=false]");
	return -EINVAL;
}
