/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/host.h"
#include "spec/hostdir_option.h"
#include "spec/security_option.h"

int systemd_wanted(const char *mode, const char *command,
		   struct shift_error *err)
{
	static const char *const inits[] = {
		"/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd",
		"/usr/lib/systemd/systemd", "systemd", "/bin/systemd",
		"/usr/bin/systemd",
	};

	if (mode && !strcmp(mode, "always"))
		return 1;
	if (mode && !strcmp(mode, "false"))
		return 0;
	if (mode && strcmp(mode, "auto"))
		return shift_err_set(err, 0, "--systemd '%s': there are auto, always and false",
				     mode);
	for (size_t i = 0; command && i < sizeof(inits) / sizeof(*inits); i++)
		if (!strcmp(command, inits[i]))
			return 1;
	return 0;
}

/*
 * Those that systemd and its units want, without what has no meaning in a user
 * namespace or would be the host's affair.
 */
static const char *const more_caps[] = {
	"sys_admin", "dac_read_search", "ipc_owner", "ipc_lock", "lease",
	"linux_immutable", "net_admin", "net_broadcast", "sys_boot",
	"sys_nice", "sys_ptrace", "sys_resource", "sys_tty_config",
	"audit_control",
};

static int set_mount(struct spec *spec, const char *where, const char *options,
		     struct shift_error *err)
{
	spec_drop_mount(spec, where);
	return spec_add_mount(spec, where, "tmpfs", "tmpfs", options, err);
}

static int set_uuid(struct spec *spec, struct shift_error *err)
{
	unsigned char u[16];

	/* systemd takes this for the machine id of an image without one. */
	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		return shift_err_set(err, errno, "cannot get random bytes");
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	return strv_addf(&spec->process.env, err,
		"container_uuid=%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		u[10], u[11], u[12], u[13], u[14], u[15]);
}

int systemd_apply(const char *mode, struct spec *spec, struct shift_error *err)
{
	const char *command = spec->process.args.n ? spec->process.args.v[0] :
						     NULL;
	int r = systemd_wanted(mode, command, err);

	if (r <= 0)
		return r;
	if (!cgroup_mount_point()) {
		shift_err_set(err, ENOTSUP, "systemd as process 1 needs cgroup version 2");
		shift_err_hint(err, "boot the host with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 at /sys/fs/cgroup");
		return -ENOTSUP;
	}
	spec->process.terminal = true;
	spec->process.no_new_privileges = false;
	for (size_t i = 0; i < sizeof(more_caps) / sizeof(*more_caps); i++) {
		r = security_change_caps(&spec->process.capabilities,
					 more_caps[i], true, err);
		if (r < 0)
			return r;
	}
	/* It mounts procfs for its units, which the kernel allows only where
	 * the whole one is in sight; in it the host's files are the host's. */
	strv_clear(&spec->linux_.masked_paths);
	strv_clear(&spec->linux_.readonly_paths);
	spec_drop_mount(spec, "/sys/fs/cgroup");
	if ((r = set_mount(spec, "/run", "nosuid,nodev,mode=0755,size=20%,nr_inodes=800k",
			   err)) < 0 ||
	    (r = set_mount(spec, "/run/lock", "nosuid,nodev,noexec,mode=1777,size=5m",
			   err)) < 0 ||
	    (r = set_mount(spec, "/tmp", "nosuid,nodev,mode=1777,size=50%",
			   err)) < 0 ||
	    (r = spec_add_mount(spec, "/sys/fs/cgroup", "cgroup2", "cgroup2",
				"nosuid,noexec,nodev", err)) < 0 ||
	    (r = set_uuid(spec, err)) < 0 ||
	    (r = hostdir_notify(spec, err)) < 0 ||
	    (r = spec_annotate(spec, err, SPEC_ANNOTATION_STOP, "%d",
			       SIGRTMIN + 3)) < 0)
		return r;
	return spec_annotate(spec, err, SPEC_ANNOTATION_SYSTEMD, "true");
}
