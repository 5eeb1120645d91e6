/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "base/host.h"
#include "cleanup.h"

/* What OCI tools leave to a pod's root; all of it inside its user namespace. */
static const cap_value_t default_capabilities[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP,
	CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
};

static const struct {
	const char *path;
	unsigned int major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 },
	{ "/dev/urandom", 1, 9 },
	{ "/dev/tty", 5, 0 },
};

/*
 * Everything is denied, then these are allowed.  mknod of any device is: made
 * nodes cannot be opened in a mount without devices, and archives have them.
 */
static const struct spec_device_rule default_rules[] = {
	{ false, 'a', -1, -1, "rwm" },
	{ true, 'c', -1, -1, "m" },
	{ true, 'b', -1, -1, "m" },
	{ true, 'c', 1, 3, "rwm" },
	{ true, 'c', 1, 5, "rwm" },
	{ true, 'c', 1, 7, "rwm" },
	{ true, 'c', 1, 8, "rwm" },
	{ true, 'c', 1, 9, "rwm" },
	{ true, 'c', 5, 0, "rwm" },	/* tty */
	{ true, 'c', 5, 2, "rwm" },	/* ptmx */
	{ true, 'c', 136, -1, "rwm" },	/* pts */
};

static const char *const default_masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
	"/proc/sched_debug", "/proc/scsi", "/sys/firmware",
	"/sys/devices/virtual/powercap",
};

static const char *const default_readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *const spec_namespace_names[SPEC_N_NAMESPACES] = {
	"user", "mount", "pid", "uts", "ipc", "network", "cgroup",
};

static int no_memory(struct shift_error *err)
{
	return shift_err_set(err, ENOMEM, "cannot allocate memory");
}

int spec_add_mount(struct spec *spec, const char *destination,
		   const char *type, const char *source, const char *options,
		   struct shift_error *err)
{
	struct spec_mount *m = reallocarray(spec->mounts, spec->n_mounts + 1,
					    sizeof(*m));

	if (!m)
		return no_memory(err);
	spec->mounts = m;
	m += spec->n_mounts++;
	m->destination = strdup(destination);
	m->type = strdup(type);
	m->source = strdup(source);
	m->options = strdup(options);
	if (!m->destination || !m->type || !m->source || !m->options)
		return no_memory(err);
	return 0;
}

static void clear_mount(struct spec_mount *m)
{
	free(m->destination);
	free(m->type);
	free(m->source);
	free(m->options);
}

void spec_drop_mount(struct spec *spec, const char *destination)
{
	size_t kept = 0;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (!strcmp(spec->mounts[i].destination, destination))
			clear_mount(&spec->mounts[i]);
		else
			spec->mounts[kept++] = spec->mounts[i];
	}
	spec->n_mounts = kept;
}

int spec_add_device(struct spec *spec, const struct spec_device *device,
		    struct shift_error *err)
{
	struct spec_device *d = reallocarray(spec->linux_.devices,
					     spec->linux_.n_devices + 1,
					     sizeof(*d));

	if (!d)
		return no_memory(err);
	spec->linux_.devices = d;
	d += spec->linux_.n_devices++;
	*d = *device;
	d->path = strdup(device->path);
	return d->path ? 0 : no_memory(err);
}

int spec_add_device_rule(struct spec *spec, const struct spec_device_rule *rule,
			 struct shift_error *err)
{
	struct spec_resources *res = &spec->linux_.resources;
	struct spec_device_rule *d = reallocarray(res->devices,
						  res->n_devices + 1,
						  sizeof(*d));

	if (!d)
		return no_memory(err);
	res->devices = d;
	d[res->n_devices++] = *rule;
	return 0;
}

void spec_drop_device_rules(struct spec *spec, const struct spec_device *d)
{
	struct spec_resources *res = &spec->linux_.resources;
	size_t kept = 0;

	for (size_t i = 0; i < res->n_devices; i++)
		if (!res->devices[i].allow || res->devices[i].type != d->type ||
		    res->devices[i].major != d->major ||
		    res->devices[i].minor != d->minor)
			res->devices[kept++] = res->devices[i];
	res->n_devices = kept;
}

void spec_drop_device(struct spec *spec, size_t i)
{
	struct spec_device *d = &spec->linux_.devices[i];

	free(d->path);
	*d = spec->linux_.devices[--spec->linux_.n_devices];
}

bool spec_device_shared(const struct spec *spec, const struct spec_device *d)
{
	_cleanup_free_ char *key = NULL;
	const char *value = NULL;

	if (strf(&key, NULL, SPEC_ANNOTATION_SHARED "%s", d->path) >= 0)
		value = spec_annotation(spec, key);
	return value && !strcmp(value, "true");
}

int spec_share_device(struct spec *spec, const char *path, bool shared,
		      struct shift_error *err)
{
	_cleanup_free_ char *key = NULL;
	int r;

	if (strchr(path, '='))
		return shared ? shift_err_set(err, 0, "device %s: a path with '=' cannot be shared",
					      path) : 0;
	r = strf(&key, err, SPEC_ANNOTATION_SHARED "%s", path);
	if (r >= 0 && shared)
		r = spec_annotate(spec, err, key, "true");
	else if (r >= 0)
		strv_unsetenv(&spec->annotations, key);
	return r;
}

int spec_device_access(const struct spec *spec, const struct spec_device *d)
{
	const struct spec_resources *res = &spec->linux_.resources;
	int can = 0;

	for (size_t i = 0; i < res->n_devices; i++) {
		const struct spec_device_rule *rule = &res->devices[i];
		int of = (strchr(rule->access, 'r') ? R_OK : 0) |
			 (strchr(rule->access, 'w') ? W_OK : 0);

		if ((rule->type != 'a' && rule->type != d->type) ||
		    (rule->major != -1 && rule->major != d->major) ||
		    (rule->minor != -1 && rule->minor != d->minor))
			continue;
		can = rule->allow ? can | of : can & ~of;
	}
	return can;
}

const char *spec_annotation(const struct spec *spec, const char *key)
{
	return strv_getenv(&spec->annotations, key);
}

int spec_annotate(struct spec *spec, struct shift_error *err, const char *key,
		  const char *fmt, ...)
{
	_cleanup_free_ char *value = NULL, *both = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (r < 0) {
		value = NULL;
		return no_memory(err);
	}
	r = strf(&both, err, "%s=%s", key, value);
	return r < 0 ? r : strv_setenv(&spec->annotations, both, err);
}

const char *spec_shift_name(enum spec_shift shift)
{
	static const char *const names[] = {
		[SPEC_SHIFT_AUTO] = "auto",
		[SPEC_SHIFT_SHIFTFS] = "shiftfs",
		[SPEC_SHIFT_IDMAP] = "idmap",
		[SPEC_SHIFT_CHOWN] = "chown",
	};

	return names[shift];
}

int spec_shift_parse(const char *text, enum spec_shift *ret)
{
	for (enum spec_shift s = SPEC_SHIFT_AUTO; s <= SPEC_SHIFT_CHOWN; s++)
		if (!strcmp(text, spec_shift_name(s))) {
			*ret = s;
			return 0;
		}
	return -EINVAL;
}

static bool has_option(const char *options, const char *name)
{
	_cleanup_free_ char *copy = strdup(options);
	char *const names[] = { (char *)name, NULL };
	char *rest = copy, *value;

	while (rest && *rest)
		if (!getsubopt(&rest, names, &value))
			return true;
	return false;
}

bool spec_delegates_cgroup(const struct spec *spec)
{
	if (!(spec->linux_.namespaces & SPEC_NS_CGROUP))
		return false;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		if (!strcmp(m->type, "cgroup2") &&
		    !has_option(m->options, "ro"))
			return true;
	}
	return false;
}

/* How hot a processor becomes tells what others compute on it. */
static int mask_processors(struct spec *spec, struct shift_error *err)
{
	int r = 0;

	for (unsigned int i = 0; r >= 0; i++) {
		char path[96];
		int n = snprintf(path, sizeof(path),
				 "/sys/devices/system/cpu/cpu%u/thermal_throttle",
				 i);

		if (access(path, F_OK) == 0) {
			r = strv_add(&spec->linux_.masked_paths, path, err);
			continue;
		}
		/* All have it or none; some may be switched off. */
		path[n - (int)strlen("/thermal_throttle")] = '\0';
		if (!i || access(path, F_OK) < 0)
			break;
	}
	return r;
}

int spec_init(struct spec *spec, struct shift_error *err)
{
	static const struct {
		const char *destination, *type, *options;
	} mounts[] = {
		{ "/proc", "proc", "nosuid,noexec,nodev" },
		{ "/dev/pts", "devpts", "nosuid,noexec,newinstance,"
		  "ptmxmode=0666,mode=0620,gid=5" },
		{ "/dev/shm", "tmpfs", "nosuid,noexec,nodev,mode=1777,"
		  "size=65536k" },
		{ "/dev/mqueue", "mqueue", "nosuid,noexec,nodev" },
		{ "/sys", "sysfs", "nosuid,noexec,nodev,ro" },
		{ "/run", "tmpfs", "nosuid,nodev,mode=0755,size=20%" },
		{ "/tmp", "tmpfs", "nosuid,nodev,mode=1777,size=20%" },
	};
	struct spec_capabilities *caps = &spec->process.capabilities;
	int r;

	memset(spec, 0, sizeof(*spec));
	/*
	 * A network namespace of its own also lets the pod mount a sysfs,
	 * which the kernel refuses to a user namespace that does not own the
	 * network namespace shown in it.
	 */
	spec->linux_.namespaces = SPEC_NS_USER | SPEC_NS_MOUNT | SPEC_NS_PID |
				  SPEC_NS_UTS | SPEC_NS_IPC | SPEC_NS_NETWORK;
	for (size_t i = 0; i < COUNT(mounts); i++) {
		r = spec_add_mount(spec, mounts[i].destination, mounts[i].type,
				   mounts[i].type, mounts[i].options, err);
		if (r < 0)
			return r;
	}
	if (cgroup_mount_point()) {
		spec->linux_.namespaces |= SPEC_NS_CGROUP;
		r = spec_add_mount(spec, "/sys/fs/cgroup", "cgroup2", "cgroup2",
				   "nosuid,noexec,nodev,ro", err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < COUNT(default_devices); i++) {
		struct spec_device d = {
			.path = (char *)default_devices[i].path,
			.type = 'c',
			.major = default_devices[i].major,
			.minor = default_devices[i].minor,
			.mode = 0666,
		};

		r = spec_add_device(spec, &d, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < COUNT(default_rules); i++) {
		r = spec_add_device_rule(spec, &default_rules[i], err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < COUNT(default_masked); i++) {
		r = strv_add(&spec->linux_.masked_paths, default_masked[i],
			     err);
		if (r < 0)
			return r;
	}
	r = mask_processors(spec, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < COUNT(default_readonly); i++) {
		r = strv_add(&spec->linux_.readonly_paths, default_readonly[i],
			     err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < COUNT(default_capabilities); i++)
		caps->bounding |= 1ULL << default_capabilities[i];
	caps->effective = caps->permitted = caps->bounding;
	spec->process.no_new_privileges = true;
	r = strv_add(&spec->process.env,
		     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		     err);
	if (r >= 0)
		r = strv_add(&spec->process.env, "container=runner", err);
	if (r >= 0)
		r = str_replace(&spec->process.cwd, "/", err);
	if (r >= 0)
		r = str_replace(&spec->process.user, "0", err);
	return r;
}

void spec_clear(struct spec *spec)
{
	strv_clear(&spec->process.args);
	strv_clear(&spec->process.env);
	free(spec->process.cwd);
	free(spec->process.user);
	free(spec->root.path);
	free(spec->process.selinux_label);
	free(spec->process.apparmor_profile);
	strv_clear(&spec->root.layers);
	free(spec->hostname);
	for (size_t i = 0; i < spec->n_mounts; i++)
		clear_mount(&spec->mounts[i]);
	strv_clear(&spec->annotations);
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++)
		free(spec->linux_.namespace_paths[i]);
	for (size_t i = 0; i < spec->linux_.n_devices; i++)
		free(spec->linux_.devices[i].path);
	free(spec->linux_.devices);
	free(spec->linux_.cgroups_path);
	strv_clear(&spec->linux_.resources.unified);
	free(spec->linux_.resources.devices);
	free(spec->linux_.seccomp);
	free(spec->linux_.mount_label);
	free(spec->mounts);
	strv_clear(&spec->linux_.masked_paths);
	strv_clear(&spec->linux_.readonly_paths);
	memset(spec, 0, sizeof(*spec));
}
