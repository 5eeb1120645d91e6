/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/report.h"
#include "cleanup.h"
#include "setup/devices.h"
#include "setup/etcfiles.h"
#include "setup/hostdir.h"
#include "setup/mounts.h"
#include "setup/process.h"
#include "setup/rootfs.h"
#include "setup/security.h"
#include "setup/sysdevices.h"
#include "setup/volume.h"
#include "spec/etc_option.h"
#include "spec/hostdir_option.h"
#include "spec/seccomp.h"
#include "spec/sys_option.h"

static int add(struct plan *plan, struct shift_error *err, enum op_type type,
	       const char *source, const char *target, struct op **ret)
{
	struct op *op = reallocarray(plan->ops, plan->n + 1, sizeof(*op));

	if (!op)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	plan->ops = op;
	op += plan->n++;
	memset(op, 0, sizeof(*op));
	op->type = type;
	op->fd = -1;
	op->source = source ? strdup(source) : NULL;
	op->target = target ? strdup(target) : NULL;
	if ((source && !op->source) || (target && !op->target))
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (ret)
		*ret = op;
	return 0;
}

static int add_devices(struct plan *plan, struct shift_error *err)
{
	static const struct { const char *link, *to; } links[] = {
		{ "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" },
		{ "ptmx", "pts/ptmx" },
	};
	static const char *const dirs[] = { "pts", "shm", "mqueue" };
	const struct spec *spec = plan->spec;
	struct op *op;
	char path[128];
	int r;

	r = add(plan, err, OP_DEV_TMPFS, NULL, STAGE_DEV, NULL);
	for (size_t i = 0; r >= 0 && i < spec->linux_.n_devices; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];

		if (snprintf(path, sizeof(path), "%s%s", STAGE_DEV,
			     d->path + strlen("/dev")) >= (int)sizeof(path))
			return shift_err_set(err, ENAMETOOLONG, "%s", d->path);
		r = add(plan, err, OP_DEV_NODE, NULL, path, &op);
		if (r < 0)
			return r;
		op->dev = makedev(d->major, d->minor);
		op->mode = d->mode | (d->type == 'b' ? S_IFBLK : S_IFCHR);
	}
	for (size_t i = 0; r >= 0 && i < sizeof(links) / sizeof(*links); i++) {
		snprintf(path, sizeof(path), "%s/%s", STAGE_DEV,
			 links[i].link);
		r = add(plan, err, OP_SYMLINK, links[i].to, path, NULL);
	}
	for (size_t i = 0; r >= 0 && i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", STAGE_DEV, dirs[i]);
		r = add(plan, err, OP_MKDIR, NULL, path, NULL);
	}
	return r;
}

static bool new_network(const struct spec *spec)
{
	return (spec->linux_.namespaces & SPEC_NS_NETWORK) &&
	       !spec->linux_.namespace_paths[5];
}

/* The kernel shows a network in sysfs to those alone who own it. */
static bool hosts_sysfs(const struct spec *spec)
{
	return !new_network(spec) || sys_is_devices(spec);
}

/*
 * Namespaces which runner can enter and leave again.  Joined by runner, for
 * which a pod's user namespace alone would not be enough.
 */
static int add_joins(struct plan *plan, struct shift_error *err)
{
	const struct spec *spec = plan->spec;
	int r = 0;

	for (int i = 0; r >= 0 && i < SPEC_N_NAMESPACES; i++)
		if (spec->linux_.namespace_paths[i] &&
		    (1u << i) != SPEC_NS_USER)
			r = add(plan, err, OP_JOIN,
				spec->linux_.namespace_paths[i],
				spec_namespace_names[i], NULL);
	if (r >= 0 && sys_is_devices(spec))
		r = add(plan, err, OP_UDEV, NULL, STAGE_UDEV, NULL);
	if (r >= 0 && hosts_sysfs(spec))
		r = add(plan, err, OP_SYSFS, NULL, STAGE_SYS, NULL);
	return r;
}

static bool is_volume(const struct spec_mount *m)
{
	/* A plan that is only printed has volumes that are not made yet. */
	return !strcmp(m->type, "bind") || !strcmp(m->type, "nfs") ||
	       !strcmp(m->type, "volume");
}

static void volume_point(size_t i, char path[sizeof(STAGE_VOLUMES) + 24])
{
	snprintf(path, sizeof(STAGE_VOLUMES) + 24, "%s/%zu", STAGE_VOLUMES, i);
}

/*
 * Volumes are mounted by the host and cloned by the pod: so their flags are
 * locked, and root of the pod cannot make a read-only one writable.
 */
static int add_volumes(struct plan *plan, struct shift_error *err)
{
	const struct spec *spec = plan->spec;
	char path[sizeof(STAGE_VOLUMES) + 24];
	struct op *op;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < spec->n_mounts; i++) {
		if (!is_volume(&spec->mounts[i]))
			continue;
		volume_point(i, path);
		r = add(plan, err, OP_VOLUME, spec->mounts[i].source, path, &op);
		if (r < 0)
			return r;
		op->fstype = strdup(spec->mounts[i].type);
		op->options = strdup(spec->mounts[i].options);
		if (!op->fstype || !op->options)
			return shift_err_set(err, ENOMEM, "cannot allocate memory");
	}
	return r;
}

/* Where the host has mounted what the pod is to have as @m, NULL: nowhere. */
static const char *staged(const struct spec_mount *m, const struct spec *spec)
{
	if (!strcmp(m->type, SYS_UDEV))
		return STAGE_UDEV;
	return !strcmp(m->type, "sysfs") && hosts_sysfs(spec) ? STAGE_SYS : NULL;
}

/* The kernel gives few filesystems a context in a user namespace. */
static bool takes_label(const char *fstype)
{
	return !strcmp(fstype, "tmpfs") || !strcmp(fstype, "devpts");
}

static int add_mounts(struct plan *plan, struct shift_error *err)
{
	const struct spec *spec = plan->spec;
	_cleanup_free_ char *label = NULL;
	struct op *op;
	int r;

	r = security_mount_label(spec, &label, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		const char *stage = staged(m, spec);
		char volume[sizeof(STAGE_VOLUMES) + 24];

		volume_point(i, volume);
		if (is_volume(m))
			r = add(plan, err, OP_CLONE, volume, NULL, &op);
		else
			r = add(plan, err, stage ? OP_CLONE : OP_MOUNT,
				stage ?: m->source, NULL, &op);
		if (r < 0)
			return r;
		op->fstype = strdup(m->type);
		op->options = strdup(m->options);
		if (!op->fstype || !op->options)
			return shift_err_set(err, ENOMEM,
					     "cannot allocate memory");
		if (label && takes_label(m->type) && !is_volume(m))
			r = str_replace(&op->label, label, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first operation that mounts is number @first. */
static int add_attaches(struct plan *plan, size_t first,
			struct shift_error *err)
{
	struct op *op;
	int r;

	for (size_t i = 0; i < plan->spec->n_mounts; i++) {
		r = add(plan, err, OP_ATTACH, NULL,
			plan->spec->mounts[i].destination, &op);
		if (r < 0)
			return r;
		op->from = first + i;
	}
	return 0;
}

/* The files of /etc that the pod is offered, which are made from @first on. */
static int add_etc(struct plan *plan, enum op_type type, size_t first,
		   struct shift_error *err)
{
	char path[64];
	struct op *op;
	int r = 0;

	for (int i = 0; r >= 0 && i < ETC_N; i++) {
		if (!etc_wanted(plan->spec, i))
			continue;
		snprintf(path, sizeof(path), "%s/%s", type == OP_CLONE ?
			 STAGE_ETC : "/etc", etc_names[i]);
		r = type == OP_CLONE ?
			add(plan, err, type, path, NULL, &op) :
			add(plan, err, type, NULL, path, &op);
		if (r < 0)
			return r;
		op->from = first++;
		op->offered = true;
	}
	return r;
}

int plan_build(struct plan *plan, const struct spec *spec, const char *pod_dir,
	       struct shift_error *err)
{
	size_t mounts;
	int r;

	memset(plan, 0, sizeof(*plan));
	plan->spec = spec;
	plan->pod_dir = pod_dir;
	plan->seccomp_fd = plan->notify_fd = -1;
	mounts_init(&plan->mounts);

	if ((r = add(plan, err, OP_STAGE, NULL, STAGE_DIR, NULL)) < 0 ||
	    (r = add(plan, err, OP_ROOTFS, spec->root.path, STAGE_ROOT,
		     NULL)) < 0 ||
	    (r = add_volumes(plan, err)) < 0 ||
	    (r = add_devices(plan, err)) < 0 ||
	    (hostdir_wanted(spec) &&
	     (r = add(plan, err, OP_HOSTDIR, NULL, STAGE_HOST, NULL)) < 0) ||
	    (r = add(plan, err, OP_ETC, NULL, STAGE_ETC, NULL)) < 0 ||
	    (spec->linux_.seccomp &&
	     (r = add(plan, err, OP_SECCOMP, NULL, NULL, NULL)) < 0) ||
	    (r = add_joins(plan, err)) < 0)
		return r;
	plan->n_host = plan->n;

	if ((r = add(plan, err, OP_LABEL, NULL, NULL, NULL)) < 0 ||
	    (r = add(plan, err, OP_BECOME_ROOT, NULL, NULL, NULL)) < 0 ||
	    ((spec->linux_.namespaces & SPEC_NS_CGROUP) &&
	     (r = add(plan, err, OP_CGROUP_NS, NULL, NULL, NULL)) < 0))
		return r;
	mounts = plan->n;
	if ((r = add_mounts(plan, err)) < 0 ||
	    (hostdir_wanted(spec) &&
	     (r = add(plan, err, OP_CLONE, STAGE_HOST, NULL, NULL)) < 0) ||
	    (r = add_etc(plan, OP_CLONE, 0, err)) < 0 ||
	    (r = add(plan, err, OP_PIVOT, STAGE_DEV, STAGE_ROOT, NULL)) < 0 ||
	    (r = add(plan, err, OP_ARRANGE, NULL, NULL, NULL)) < 0 ||
	    (r = add_attaches(plan, mounts, err)) < 0)
		return r;
	if (hostdir_wanted(spec)) {
		struct op *op;

		r = add(plan, err, OP_ATTACH, NULL, HOSTDIR_IN_POD, &op);
		if (r < 0)
			return r;
		op->from = mounts + spec->n_mounts;
	}
	r = add_etc(plan, OP_ATTACH,
		    mounts + spec->n_mounts + hostdir_wanted(spec), err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < spec->linux_.readonly_paths.n; i++) {
		r = add(plan, err, OP_READONLY, NULL,
			spec->linux_.readonly_paths.v[i], NULL);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < spec->linux_.masked_paths.n; i++) {
		r = add(plan, err, OP_MASK, NULL,
			spec->linux_.masked_paths.v[i], NULL);
		if (r < 0)
			return r;
	}
	if (spec->root.readonly &&
	    (r = add(plan, err, OP_ROOT_READONLY, NULL, "/", NULL)) < 0)
		return r;
	if ((r = add(plan, err, OP_SHARED, NULL, "/", NULL)) < 0)
		return r;
	if (!spec->linux_.namespace_paths[3] &&
	    (r = add(plan, err, OP_HOSTNAME, spec->hostname, NULL, NULL)) < 0)
		return r;
	if (new_network(spec) &&
	    (r = add(plan, err, OP_LOOPBACK, NULL, NULL, NULL)) < 0)
		return r;
	if (spec->process.terminal &&
	    (r = add(plan, err, OP_CONSOLE, NULL, NULL, NULL)) < 0)
		return r;
	if ((r = add(plan, err, OP_PRIVILEGES, NULL, NULL, NULL)) < 0 ||
	    (r = add(plan, err, OP_READY, NULL, NULL, NULL)) < 0)
		return r;
	return add(plan, err, OP_EXEC, NULL, NULL, NULL);
}

static void print_privileges(const struct spec *spec, FILE *to)
{
	fprintf(to, "user %s, directory %s, %scapabilities",
		spec->process.user, spec->process.cwd,
		spec->process.no_new_privileges ? "no_new_privs, " : "");
	for (int c = 0; c <= CAP_LAST_CAP; c++) {
		char *name;

		if (!(spec->process.capabilities.bounding & (1ULL << c)))
			continue;
		name = cap_to_name(c);
		fprintf(to, " %s", name ? name : "?");
		cap_free(name);
	}
	fputc('\n', to);
}

static void print_op(const struct plan *plan, const struct op *op, FILE *to)
{
	const struct spec *spec = plan->spec;

	switch (op->type) {
	case OP_STAGE:
		fprintf(to, "stage %s (tmpfs, private mount namespace)\n",
			op->target);
		break;
	case OP_ROOTFS:
		fprintf(to, "rootfs %s lower=%s upper=%s/upper map=0:%" PRIu32 ":%" PRIu32 " shift=%s\n",
			op->target, op->source, plan->pod_dir,
			spec->linux_.host_base, spec->linux_.map_size,
			spec_shift_name(spec->shift));
		break;
	case OP_DEV_TMPFS:
		fprintf(to, "tmpfs %s owner=%" PRIu32 "\n", op->target,
			spec->linux_.host_base);
		break;
	case OP_DEV_NODE:
		fprintf(to, "node %s %c %u:%u mode=%04o\n", op->target,
			S_ISBLK(op->mode) ? 'b' : 'c', major(op->dev),
			minor(op->dev), op->mode & 07777);
		break;
	case OP_SYMLINK:
		fprintf(to, "symlink %s -> %s\n", op->target, op->source);
		break;
	case OP_MKDIR:
		fprintf(to, "mkdir %s\n", op->target);
		break;
	case OP_HOSTDIR:
		fprintf(to, "tmpfs %s for " HOSTDIR_IN_POD "\n", op->target);
		break;
	case OP_ETC:
		fprintf(to, "hosts, hostname, resolv.conf in %s\n", op->target);
		break;
	case OP_ARRANGE:
		fprintf(to, "follow links to places of mounts, parents first\n");
		break;
	case OP_SECCOMP:
		fprintf(to, "compile the seccomp profile\n");
		break;
	case OP_JOIN:
		fprintf(to, "join %s namespace %s\n", op->target, op->source);
		break;
	case OP_UDEV:
		fprintf(to, "udev's data %s\n", op->target);
		break;
	case OP_SYSFS:
		fprintf(to, "sysfs %s%s\n", op->target, sys_is_devices(spec) ?
			" of the pod's block devices" : "");
		break;
	case OP_LABEL:
		fprintf(to, "label %s\n", spec->process.selinux_label ?:
			spec->process.apparmor_profile ?: "none");
		break;
	case OP_CGROUP_NS:
		fprintf(to, "new cgroup namespace\n");
		break;
	case OP_CONSOLE:
		fprintf(to, "terminal on /dev/console\n");
		break;
	case OP_READY:
		fprintf(to, "wait for start\n");
		break;
	case OP_BECOME_ROOT:
		fprintf(to, "become uid 0 of the pod (host uid %" PRIu32 ")\n",
			spec->linux_.host_base);
		break;
	case OP_PIVOT:
		fprintf(to, "pivot_root %s, %s on /dev, detach the host's tree\n", op->target,
			op->source);
		break;
	case OP_MOUNT:
		fprintf(to, "new %s %s", op->fstype, op->options);
		fprintf(to, op->label ? " context=%s\n" : "%s\n", op->label ?: "");
		break;
	case OP_ATTACH:
		fprintf(to, "attach %s %s\n", plan->ops[op->from].fstype ?
			plan->ops[op->from].fstype :
			plan->ops[op->from].source, op->target);
		break;
	case OP_VOLUME:
		fprintf(to, "volume %s %s %s\n", op->target, op->source, op->options);
		break;
	case OP_CLONE:
		fprintf(to, "clone %s\n", op->source);
		break;
	case OP_ROOT_READONLY:
		fprintf(to, "readonly %s, not what is mounted on it\n", op->target);
		break;
	case OP_SHARED:
		fprintf(to, "share all mounts within the pod\n");
		break;
	case OP_MASK:
		fprintf(to, "mask %s\n", op->target);
		break;
	case OP_READONLY:
		fprintf(to, "readonly %s\n", op->target);
		break;
	case OP_HOSTNAME:
		fprintf(to, "hostname %s\n", op->source);
		break;
	case OP_LOOPBACK:
		fprintf(to, "lo up\n");
		break;
	case OP_PRIVILEGES:
		print_privileges(spec, to);
		break;
	case OP_EXEC:
		fprintf(to, "exec");
		for (size_t i = 0; i < spec->process.args.n; i++)
			fprintf(to, " %s", spec->process.args.v[i]);
		fputc('\n', to);
		break;
	}
}

void plan_print(const struct plan *plan, FILE *to)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (i == plan->n_host) {
			fprintf(to, "host: clone3, new namespaces:");
			for (int k = 0; k < SPEC_N_NAMESPACES; k++)
				if ((plan->spec->linux_.namespaces &
				     (1u << k) & ~SPEC_NS_CGROUP) &&
				    !plan->spec->linux_.namespace_paths[k])
					fprintf(to, " %s",
						spec_namespace_names[k]);
			fputc('\n', to);
		}
		fputs(i < plan->n_host ? "host: " : "pod:  ", to);
		print_op(plan, &plan->ops[i], to);
	}
}

/* Joined by runner itself; it goes back when the pod is made. */
static int join(const struct op *op, struct shift_error *err)
{
	_cleanup_close_ int fd = open(op->source, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, 0) < 0)
		return shift_err_set(err, errno,
				     "cannot join the %s namespace %s",
				     op->target, op->source);
	return 0;
}

static int console(int say_fd, struct shift_error *err)
{
	struct report report = { .type = REPORT_CONSOLE };
	_cleanup_close_ int master = -1, slave = -1;
	int r;

	if ((r = process_open_terminal(&master, &slave, err)) < 0 ||
	    (r = process_bind_console(slave, err)) < 0 ||
	    (r = process_take_terminal(slave, err)) < 0)
		return r;
	if (report_send(say_fd, &report, master) < 0)
		r = shift_err_set(err, ESRCH, "runner is gone");
	return r;
}

static int ready(int alive_fd, int say_fd, struct shift_error *err)
{
	struct report report = { .type = REPORT_READY };
	char c;

	if (report_send(say_fd, &report, -1) < 0 || read(alive_fd, &c, 1) != 1)
		return shift_err_set(err, ESRCH, "runner is gone");
	return 0;
}

static int attach(const struct plan *plan, const struct op *op,
		  struct shift_error *err)
{
	struct op *from = &plan->ops[op->from];
	int r = 0;

	if (!op->dropped)
		r = mounts_attach(from->fd, op->target,
				  op->offered ? NULL : err);
	close(steal_fd(&from->fd));
	/* A root that cannot be written keeps what it has. */
	return op->offered ? 0 : r;
}

static int run(struct plan *plan, struct op *op, int alive_fd, int say_fd,
	       struct shift_error *err)
{
	const struct spec *spec = plan->spec;

	switch (op->type) {
	case OP_STAGE:
		return rootfs_stage(op->target, err);
	case OP_ROOTFS:
		return rootfs_mount(spec, plan->pod_dir, op->target, err);
	case OP_VOLUME:
		return strcmp(op->fstype, "nfs") ?
			volume_mount(spec, plan->written, op->source, op->options,
				     op->target, err) :
			volume_mount_nfs(spec, op->source, op->options, op->target, err);
	case OP_DEV_TMPFS:
		return devices_tmpfs(op->target, spec, err);
	case OP_DEV_NODE:
		return devices_node(op->target, op->mode, op->dev,
				    spec->linux_.host_base, err);
	case OP_SYMLINK:
		return devices_symlink(op->source, op->target,
				       spec->linux_.host_base, err);
	case OP_MKDIR:
		return devices_mkdir(op->target, spec->linux_.host_base, err);
	case OP_HOSTDIR:
		return hostdir_make(spec, op->target, &plan->notify_fd, err);
	case OP_ETC:
		return etcfiles_make(spec, op->target, err);
	case OP_ARRANGE:
		return plan_arrange(plan, (size_t)(op - plan->ops) + 1, err);
	case OP_SECCOMP:
		return seccomp_compile(spec->linux_.seccomp, &plan->seccomp_fd,
				       err);
	case OP_JOIN:
		return join(op, err);
	case OP_UDEV:
		return sysdevices_udev(spec, op->target, err);
	case OP_SYSFS:
		return sys_is_devices(spec) ?
			sysdevices_mount(spec, STAGE_SYSFS, op->target, err) :
			sysdevices_mount_all(op->target, err);
	case OP_LABEL:
		return security_label(spec, err);
	case OP_CGROUP_NS:
		return process_cgroup_namespace(err);
	case OP_CONSOLE:
		return console(say_fd, err);
	case OP_READY:
		return ready(alive_fd, say_fd, err);
	case OP_BECOME_ROOT:
		return process_become_root(err);
	case OP_PIVOT:
		return mounts_pivot(&plan->mounts, op->target, op->source, err);
	case OP_MOUNT:
		op->fd = mounts_create(op->fstype, op->source, op->options,
				       op->label, err);
		return op->fd < 0 ? op->fd : 0;
	case OP_CLONE:
		op->fd = mounts_clone(op->source, err);
		return op->fd < 0 ? op->fd : 0;
	case OP_ATTACH:
		return attach(plan, op, err);
	case OP_MASK:
		return mounts_mask(&plan->mounts, op->target, err);
	case OP_READONLY:
		return mounts_readonly(op->target, err);
	case OP_ROOT_READONLY:
		return mounts_root_readonly(op->target, err);
	case OP_SHARED:
		return mounts_share(err);
	case OP_HOSTNAME:
		return process_hostname(op->source, err);
	case OP_LOOPBACK:
		return process_loopback(err);
	case OP_PRIVILEGES:
		/* Of the mounts nothing is open when the command is looked for. */
		mounts_clear(&plan->mounts);
		return process_privileges(spec, plan->seccomp_fd,
					  spec->process.terminal ? 0 : -1,
					  plan->own_streams, err);
	case OP_EXEC:
		return process_exec(spec, plan->seccomp_fd, say_fd, err);
	}
	return shift_err_set(err, ENOSYS, "operation %d", op->type);
}

/* For fault_point(). */
static const char *op_name(const struct op *op)
{
	return op->target ? op->target : op->source ? op->source : "operation";
}

int plan_run_host(struct plan *plan, struct shift_error *err)
{
	for (size_t i = 0; i < plan->n_host; i++) {
		int r;

		fault_point(op_name(&plan->ops[i]));
		r = run(plan, &plan->ops[i], -1, -1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_run_pod(struct plan *plan, int alive_fd, int say_fd, size_t *at,
		 struct shift_error *err)
{
	for (size_t i = plan->n_host; i < plan->n; i++) {
		struct op *op = &plan->ops[i];
		int r;

		*at = i;
		/*
		 * From OP_PRIVILEGES on the kernel ends the pod with runner,
		 * but says nothing when runner had ended before.
		 */
		if (op->type == OP_EXEC && !process_runner_alive(alive_fd))
			return shift_err_set(err, ESRCH, "runner is gone");
		r = run(plan, op, alive_fd, say_fd, err);
		if (r < 0)
			return r;
	}
	return shift_err_set(err, EINVAL, "the plan does not end in exec");
}

void plan_clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->ops[i].source);
		free(plan->ops[i].target);
		free(plan->ops[i].fstype);
		free(plan->ops[i].options);
		free(plan->ops[i].label);
		if (plan->ops[i].fd >= 0)
			close(plan->ops[i].fd);
	}
	if (plan->ops && plan->seccomp_fd >= 0)
		close(plan->seccomp_fd);
	if (plan->ops)
		mounts_clear(&plan->mounts);
	if (plan->ops && plan->notify_fd >= 0)
		close(plan->notify_fd);
	free(plan->ops);
	memset(plan, 0, sizeof(*plan));
}
