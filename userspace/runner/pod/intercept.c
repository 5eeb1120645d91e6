/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/intercept.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "blockdev/holders.h"
#include "blockdev/node.h"
#include "cleanup.h"
#include "pod/intercept_mount.h"
#include "pod/state.h"
#include "spec/intercept_option.h"
#include "store/sandbox.h"
#include "syscalls.h"

/* The kernel's own answer: it looks at the arguments again, as the caller. */
#define CONTINUE 1
#define TEXT 4096

#define OTHER_CALLS (MS_BIND | MS_MOVE | MS_REMOUNT | MS_SHARED | MS_PRIVATE | \
		     MS_SLAVE | MS_UNBINDABLE)
#define TAKEN_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | \
		     MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME | MS_SILENT)

struct call {
	int listener;
	uint64_t id;
	int proc;		/* /proc/PID of the thread that calls */
	char source[TEXT], target[TEXT], type[TEXT], options[TEXT];
	unsigned long flags;
	char why[256];		/* more than an errno, or empty */
};

/* While the id is valid the thread is there and waits, so its pid is its own. */
static bool is_waiting(const struct call *c)
{
	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->id) == 0;
}

/* At most a page's worth each time, or the end of a mapping would be an error. */
static int read_text(int mem, uint64_t from, char text[TEXT])
{
	size_t len = 0;

	*text = '\0';
	if (!from)
		return 0;
	while (len < TEXT) {
		size_t room = 4096 - (from + len) % 4096;
		ssize_t n;

		if (room > TEXT - len)
			room = TEXT - len;
		n = pread(mem, text + len, room, (off_t)(from + len));
		if (n <= 0)
			return -EFAULT;
		if (memchr(text + len, '\0', (size_t)n))
			return 0;
		len += (size_t)n;
	}
	return -ENAMETOOLONG;
}

static int read_call(struct call *c, const uint64_t args[6])
{
	_cleanup_close_ int mem = openat(c->proc, "mem", O_RDONLY | O_CLOEXEC);
	int r;

	if (mem < 0)
		return -errno;
	c->flags = args[3];
	if ((c->flags & MS_MGC_MSK) == MS_MGC_VAL)
		c->flags &= ~(unsigned long)MS_MGC_MSK;
	if ((r = read_text(mem, args[0], c->source)) < 0 ||
	    (r = read_text(mem, args[1], c->target)) < 0 ||
	    (r = read_text(mem, args[2], c->type)) < 0 ||
	    (r = read_text(mem, args[4], c->options)) < 0)
		return r;
	return is_waiting(c) ? 0 : -ESRCH;
}

static int same_namespace(int proc, const char *ns, int of_pod)
{
	struct stat a, b;

	return fstatat(proc, ns, &a, 0) == 0 && fstat(of_pod, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool may_mount(int proc)
{
	_cleanup_close_ int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	char text[4096], *line;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	line = strstr(text, "\nCapEff:\t");
	return line && (strtoull(line + strlen("\nCapEff:\t"), NULL, 16) &
			(1ULL << CAP_SYS_ADMIN));
}

/* In the caller's root, through no link out of it. */
static int open_path(int proc, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int root = openat(proc, "root", O_PATH | O_DIRECTORY |
							 O_CLOEXEC);
	int fd = root < 0 ? -1 :
		(int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The pod's access to the block device, R_OK and W_OK; 0: not its own. */
static int given(const struct spec *spec, dev_t dev)
{
	for (size_t i = 0; i < spec->linux_.n_devices; i++) {
		const struct spec_device *d = &spec->linux_.devices[i];

		if (d->type == 'b' && makedev(d->major, d->minor) == dev)
			return spec_device_access(spec, d);
	}
	return 0;
}

/* Finds the device and how to mount it: 0, CONTINUE, or the answer. */
static int look(const struct call *c, const struct spec *spec,
		struct intercept_mount *m, int *target)
{
	_cleanup_close_ int source = -1;
	struct stat st;
	int can;

	if (c->flags & OTHER_CALLS || *c->source != '/' || *c->target != '/' ||
	    !intercept_has(spec, c->type) || !may_mount(c->proc))
		return CONTINUE;
	source = open_path(c->proc, c->source);
	if (source < 0 || fstat(source, &st) < 0 || !S_ISBLK(st.st_mode))
		return CONTINUE;
	can = given(spec, st.st_rdev);
	if (!(can & R_OK))
		return CONTINUE;
	if (c->flags & ~(unsigned long)TAKEN_FLAGS)
		return -EINVAL;
	if (!(can & W_OK) && !(c->flags & MS_RDONLY))
		return -EACCES;
	*target = open_path(c->proc, c->target);
	if (*target < 0)
		return *target;
	if (fstat(*target, &st) < 0 || !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (fstat(source, &st) < 0)
		return -errno;
	m->dev = st.st_rdev;
	m->type = c->type;
	m->flags = c->flags;
	m->target = *target;
	return 0;
}

/* Keeps the number from being another device's. */
static int hold(dev_t dev)
{
	char node[BLOCKDEV_NAME];
	int r = blockdev_path(dev, node, NULL);

	return r < 0 ? r : blockdev_open(node, dev, O_RDONLY, NULL);
}

/* The description is read anew: the check can have taken minutes. */
static bool still_given(const struct state *st, const struct intercept_mount *m)
{
	struct state now = STATE_INIT;
	struct spec spec = { 0 };
	int can = 0, need = R_OK | (m->flags & MS_RDONLY ? 0 : W_OK);

	if (state_load(&now, st->name, NULL) >= 0 && now.pid == st->pid &&
	    state_load_spec(&now, &spec, NULL) >= 0)
		can = given(&spec, m->dev);
	spec_clear(&spec);
	state_clear(&now);
	return (can & need) == need;
}

static int carry_out(struct call *c, const struct state *st,
		     const struct spec *spec)
{
	_cleanup_close_ int target = -1, userns = -1, mntns = -1, held = -1;
	struct intercept_mount m = { .options = c->options };
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)st->pid);
	userns = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)st->pid);
	mntns = open(path, O_RDONLY | O_CLOEXEC);
	/* A namespace that the pod made itself is not the host's affair. */
	if (userns < 0 || mntns < 0 ||
	    !same_namespace(c->proc, "ns/user", userns) ||
	    !same_namespace(c->proc, "ns/mnt", mntns))
		return CONTINUE;
	r = look(c, spec, &m, &target);
	if (r)
		return r;
	m.userns = userns;
	m.mntns = mntns;
	r = held = hold(m.dev);
	if (r < 0)
		return r;
	/* Mounted already, by whomever: nobody checks what is being written. */
	if (holders_check_claim(m.dev, NULL) < 0)
		return -EBUSY;
	if (!intercept_unchecked(spec) &&
	    (r = intercept_check(m.type, m.dev, st->base, c->why,
				 sizeof(c->why))) < 0)
		return r;
	if (!is_waiting(c))
		return -ESRCH;
	if (!still_given(st, &m))
		return CONTINUE;
	r = intercept_make(&m);
	if (r < 0)
		return r;
	return is_waiting(c) ? intercept_attach(&m) : -ESRCH;
}

static int answer(const struct call *c, int r)
{
	struct seccomp_notif_resp resp = { .id = c->id };

	if (r == CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else
		resp.error = r;
	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

static int one(int listener, const struct state *st, const struct spec *spec,
	       struct shift_error *err)
{
	_cleanup_free_ struct seccomp_notif *req = NULL;
	_cleanup_free_ struct call *c = calloc(1, sizeof(*c));
	struct seccomp_notif_sizes sizes;
	char path[64];
	int r;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return shift_err_set(err, errno, "seccomp user notification");
	req = calloc(1, sizes.seccomp_notif > sizeof(*req) ?
		     sizes.seccomp_notif : sizeof(*req));
	if (!req || !c)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	c->proc = -1;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, req) < 0)
		return errno == ENOENT ? 0 :
			shift_err_set(err, errno, "seccomp user notification");
	c->listener = listener;
	c->id = req->id;
	snprintf(path, sizeof(path), "/proc/%u", req->pid);
	c->proc = req->pid ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (req->data.nr != SYS_mount || c->proc < 0 || !is_waiting(c)) {
		r = CONTINUE;
	} else {
		uint64_t args[6];

		for (int i = 0; i < 6; i++)
			args[i] = req->data.args[i];
		r = read_call(c, args);
		r = r < 0 ? CONTINUE : carry_out(c, st, spec);
	}
	answer(c, r);
	if (r < 0)
		shift_err_set(err, -r, "the pod %s cannot mount %s at %s",
			      st->name, c->source, c->target);
	if (r < 0 && *c->why)
		shift_err_hint(err, "%s", c->why + (*c->why == SANDBOX_FAILED));
	if (c->proc >= 0)
		close(c->proc);
	return 0;
}

int intercept_cmd(int argc, char **argv, struct shift_error *err)
{
	struct state st = STATE_INIT;
	struct spec spec = { 0 };
	int r;

	if (argc != 2)
		return 125;
	r = state_load(&st, argv[1], err);
	if (r >= 0)
		r = state_load_spec(&st, &spec, err);
	if (r >= 0)
		r = one(0, &st, &spec, err);
	spec_clear(&spec);
	state_clear(&st);
	return r < 0 ? 125 : 0;
}
