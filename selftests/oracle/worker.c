// SPDX-License-Identifier: GPL-2.0-or-later
/* Two sides, each a lower tree, a mount of it, and a process for each caller. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <grp.h>

#include "oracle.h"

#define PATIENCE	60000	/* ms after which a call counts as hung */

const struct caller callers[] = {
	/* root of a container, and what it often is */
	{ .name = "pod_root", .in_ns = true, .uid = 0, .gid = 0,
	  .caps = ALL_CAPS, .mapped = true },
	{ .name = "user", .uid = 101000, .gid = 101000, .mapped = true },
	/* the administrator with ids of the container, as a runtime has */
	{ .name = "shifted_admin", .uid = 100000, .gid = 100000,
	  .caps = ALL_CAPS, .mapped = true },
	{ .name = "member", .uid = 101001, .gid = 101001, .nr_groups = 2,
	  .groups = { 101000, 102000 }, .mapped = true },
	{ .name = "pod_user", .in_ns = true, .uid = 1000, .gid = 1000,
	  .nr_groups = 1, .groups = { 2000 }, .mapped = true },
	{ .name = "host_root", .uid = 0, .gid = 0, .caps = ALL_CAPS,
	  .below = true },
	{ .name = "stranger", .uid = 500000, .gid = 500000 },
	{ .name = "half_mapped", .uid = 101000, .gid = 500000 },
	{ .name = "pod_root_no_caps", .in_ns = true, .uid = 0, .gid = 0,
	  .mapped = true },
	{ .name = "pod_fowner", .in_ns = true, .uid = 1001, .gid = 1001,
	  .caps = CAPBIT(CAP_FOWNER) | CAPBIT(CAP_SETFCAP), .mapped = true },
	{ .name = "pod_chown", .in_ns = true, .uid = 1001, .gid = 1000,
	  .caps = CAPBIT(CAP_CHOWN) | CAPBIT(CAP_FSETID), .mapped = true },
	{ .name = "pod_dac", .in_ns = true, .uid = 5, .gid = 5,
	  .caps = CAPBIT(CAP_DAC_OVERRIDE), .mapped = true },
	{ .name = "dac_search", .uid = 101002, .gid = 101002,
	  .caps = CAPBIT(CAP_DAC_READ_SEARCH), .mapped = true },
	{ .name = "unmapped_owner", .uid = 70000, .gid = 70000 },
};
const int nr_callers = sizeof(callers) / sizeof(*callers);

struct shared {
	struct op op;
	struct result res;
};

struct worker {
	pid_t pid;
	int to, from;
	struct shared *mem;
};

struct side {
	char lower[PATH_MAX], stored[PATH_MAX], mount[PATH_MAX];
	char second[PATH_MAX];	/* "" where there is none */
	int root[3];
	bool plain, tells;
	int remote;		/* or -1: what has to be written to be stored */
	struct worker workers[16];
};

int root_fd[3];
int slots[SLOTS];
unsigned int id_shift;

static void take_identity(const struct caller *c, bool plain)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	gid_t groups[2];

	if (c->in_ns)
		OK(setns(userns(plain ? PLAIN_MAP : MAP), CLONE_NEWUSER));
	id_shift = plain && c->mapped && !c->in_ns ? SHIFT : 0;
	for (int i = 0; i < c->nr_groups; i++)
		groups[i] = id_named(c->groups[i]);
	OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0));
	OK(setgroups(c->nr_groups, groups));
	OK(setresgid(id_named(c->gid), id_named(c->gid), id_named(c->gid)));
	OK(setresuid(id_named(c->uid), id_named(c->uid), id_named(c->uid)));
	OK(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
	OK(syscall(SYS_capget, &head, data));
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(c->caps >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	OK(syscall(SYS_capset, &head, data));
	OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* Of the open file: its name may be another's since. */
static void tell_changed(const struct op *op, struct result *res)
{
	struct stat st;

	if (res->ret < 0 || !uses(op, 's') || uses(op, 'r') || fstat(slots[op->slot], &st))
		return;
	text(res, " then ");
	text_stat(res, &st);
}

static void work(struct shared *mem, int in, int out, bool tells)
{
	char c;

	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	while (read(in, &c, 1) == 1) {
		struct result *res = &mem->res;
		struct op *op = &mem->op;

		op->uid = id_named(op->uid);
		op->gid = id_named(op->gid);
		res->text[0] = 0;
		res->err = 0;
		errno = 0;
		if (op_enter(op))
			res->ret = -1;
		else
			res->ret = kinds[op->kind].run(op, res);
		if (res->ret < 0)
			res->err = errno;
		if (tells)
			tell_changed(op, res);
		if (write(out, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static void worker_start(struct side *side, struct worker *w,
			 const struct caller *c)
{
	int to[2], from[2];

	w->mem = mmap(NULL, sizeof(*w->mem), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(w->mem != MAP_FAILED);
	OK(pipe2(to, O_CLOEXEC));
	OK(pipe2(from, O_CLOEXEC));
	userns(side->plain ? PLAIN_MAP : MAP);	/* cached before the fork */
	fflush(NULL);
	w->pid = OK(fork());
	if (!w->pid) {
		OK(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
		close(to[1]);
		close(from[0]);
		root_fd[MOUNT] = side->root[MOUNT];
		root_fd[LOWER] = side->root[LOWER];
		root_fd[SECOND] = side->root[SECOND];
		take_identity(c, side->plain);
		work(w->mem, to[0], from[1], side->tells);
	}
	close(to[0]);
	close(from[1]);
	w->to = to[1];
	w->from = from[0];
}

/*
 * What a bind mount takes over from the mount that it is made of. Its flags show in
 * statfs(2); those of a new mount of shiftfs are given to it, restricted as it is anyway.
 */
static unsigned int restrictions(const char *path)
{
	unsigned int attr = 0;
	struct statvfs s;

	OK(statvfs(path, &s));
	if (s.f_flag & ST_NOSUID)
		attr |= MOUNT_ATTR_NOSUID;
	if (s.f_flag & ST_NODEV)
		attr |= MOUNT_ATTR_NODEV;
	if (s.f_flag & ST_NOEXEC)
		attr |= MOUNT_ATTR_NOEXEC;
	return attr;
}

/* Mounts the tree at @at, and returns a descriptor of the root. */
static int side_mount(const struct side *side, const struct view *view, const char *at)
{
	int r;

	if (mkdir(at, 0755))
		CHECK(errno == EEXIST);
	setenv("SHIFTFS_TEST_BACKEND", view->backend, 1);
	r = side->plain ? mount(side->lower, at, NULL, MS_BIND, NULL) :
			  mount_map(side->lower, at, view->map,
				    restrictions(side->lower));
	if (r)
		fail_at(__FILE__, __LINE__, "%s on %s, %s: %s %s", side->lower,
			at, view->backend, strerror(errno), mount_log);
	return OK(open(at, O_RDONLY | O_CLOEXEC));
}

struct side *side_start(const struct view *view)
{
	struct side *side = calloc(1, sizeof(*side));

	CHECK(nr_callers <= 16);
	side->plain = !strcmp(view->backend, PLAIN);
	side->tells = view->tells;
	side->remote = -1;
	if (strcmp(view->dir, view->stored))
		side->remote = OK(open(view->dir, O_RDONLY | O_CLOEXEC));
	snprintf(side->lower, sizeof(side->lower), "%s/tree", view->dir);
	snprintf(side->stored, sizeof(side->stored), "%s/tree", view->stored);
	snprintf(side->mount, sizeof(side->mount), "/run/%s",
		 strrchr(view->dir, '/') + 1);
	tree_remove(side->lower, side->stored);
	OK(mkdir(side->lower, 0755));
	side->root[LOWER] = OK(open(side->stored, O_RDONLY | O_CLOEXEC));
	tree_make(side->root[LOWER], gen_plain ? 7000 : OUTSIDE);
	side->root[MOUNT] = side_mount(side, view, side->mount);
	side->root[SECOND] = -1;
	if (gen_actors) {
		snprintf(side->second, sizeof(side->second), "/run/2%s",
			 strrchr(view->dir, '/') + 2);
		side->root[SECOND] = side_mount(side, view, side->second);
	}
	for (int i = 0; i < nr_callers; i++)
		worker_start(side, &side->workers[i], &callers[i]);
	return side;
}

/* The callers of either side hold descriptors of both. */
void side_end_callers(struct side *side)
{
	int status;

	for (int i = 0; i < nr_callers; i++) {
		struct worker *w = &side->workers[i];

		close(w->to);
		close(w->from);
		kill(w->pid, SIGKILL);
		waitpid(w->pid, &status, 0);
		munmap(w->mem, sizeof(*w->mem));
	}
}

static void side_unmount(const char *at)
{
	for (int i = 0; umount2(at, 0); i++) {
		if (i == 50)
			fail_at(__FILE__, __LINE__,
				"%s is busy with nobody using it: %s", at,
				strerror(errno));
		usleep(20000);
	}
}

void side_stop(struct side *side)
{
	close(side->root[MOUNT]);
	close(side->root[LOWER]);
	if (side->remote >= 0)
		close(side->remote);
	side_unmount(side->mount);
	if (side->second[0]) {
		close(side->root[SECOND]);
		side_unmount(side->second);
	}
	tree_remove(side->lower, side->stored);
	free(side);
}

void side_run(struct side *side, const struct op *op, struct result *res)
{
	struct worker *w = &side->workers[op->caller];
	struct pollfd p = { .fd = w->from, .events = POLLIN };
	char c = 0;

	w->mem->op = *op;
	if (write(w->to, &c, 1) != 1 || poll(&p, 1, PATIENCE) != 1 ||
	    read(w->from, &c, 1) != 1) {
		memset(res, 0, sizeof(*res));
		res->ret = -2;
		snprintf(res->text, sizeof(res->text),
			 "the caller hangs or died");
		return;
	}
	res->ret = w->mem->res.ret;
	res->err = w->mem->res.err;
	strcpy(res->text, w->mem->res.text);
}

void side_state(struct side *side, int via, const struct touched *t, char *buf)
{
	int failed = via == LOWER && side->remote >= 0 && syncfs(side->remote) ?
		errno : 0;

	id_shift = side->plain && via == MOUNT ? SHIFT : 0;
	if (t)
		tree_touched(side->root[via], failed, t, buf);
	else
		tree_state(side->root[via], failed, buf);
}
