/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

/* What OCI tools leave to a pod's root; all of it inside its user namespace. */
static const cap_value_t default_capabilities[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP,
	CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
};

static const struct spec_device default_devices[] = {
	{ "null", 1, 3, 0666 },
	{ "zero", 1, 5, 0666 },
	{ "full", 1, 7, 0666 },
	{ "random", 1, 8, 0666 },
	{ "urandom", 1, 9, 0666 },
	{ "tty", 5, 0, 0666 },
};

static const char *const default_masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
	"/proc/sched_debug", "/proc/scsi", "/sys/firmware",
	"/sys/devices/virtual/powercap",
};

static const char *const default_readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
	"/proc/sysrq-trigger",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int spec_add_mount(struct spec *spec, const char *destination,
		   const char *type, const char *source, const char *options,
		   struct shift_error *err)
{
	struct spec_mount *m = reallocarray(spec->mounts, spec->n_mounts + 1,
					    sizeof(*m));

	if (!m)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	spec->mounts = m;
	m += spec->n_mounts++;
	m->destination = strdup(destination);
	m->type = strdup(type);
	m->source = strdup(source);
	m->options = strdup(options);
	if (!m->destination || !m->type || !m->source || !m->options)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	return 0;
}

static bool host_has_cgroup2(void)
{
	struct statfs fs;

	return !statfs("/sys/fs/cgroup", &fs) &&
	       fs.f_type == CGROUP2_SUPER_MAGIC;
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
	if (host_has_cgroup2()) {
		spec->linux_.namespaces |= SPEC_NS_CGROUP;
		r = spec_add_mount(spec, "/sys/fs/cgroup", "cgroup2", "cgroup2",
				   "nosuid,noexec,nodev,ro", err);
		if (r < 0)
			return r;
	}
	spec->linux_.devices = default_devices;
	spec->linux_.n_devices = COUNT(default_devices);
	for (size_t i = 0; i < COUNT(default_masked); i++) {
		r = strv_add(&spec->linux_.masked_paths, default_masked[i],
			     err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < COUNT(default_readonly); i++) {
		r = strv_add(&spec->linux_.readonly_paths, default_readonly[i],
			     err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < COUNT(default_capabilities); i++)
		spec->process.capabilities |= 1ULL << default_capabilities[i];
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
	strv_clear(&spec->root.layers);
	free(spec->hostname);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		free(spec->mounts[i].destination);
		free(spec->mounts[i].type);
		free(spec->mounts[i].source);
		free(spec->mounts[i].options);
	}
	free(spec->mounts);
	strv_clear(&spec->linux_.masked_paths);
	strv_clear(&spec->linux_.readonly_paths);
	memset(spec, 0, sizeof(*spec));
}
