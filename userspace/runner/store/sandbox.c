/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <linux/close_range.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/digest.h"
#include "cleanup.h"
#include "store/sandbox_calls.h"
#include "store/sandbox_root.h"
#include "userns.h"

#define FDS_MAX 8

#ifndef __SANITIZE_ADDRESS__
/* What unpacking takes; a hostile header can ask for more. */
#define MEMORY_MAX (2ULL << 30)
#endif

int sandbox_userns(void)
{
	_cleanup_free_ struct shift_idmap *map = calloc(1, sizeof(*map));

	if (!map || shift_idmap_add(map, SHIFT_BOTH, 0, 0, UINT32_MAX, NULL) < 0)
		return -1;
	return shift_userns_create(map, NULL);
}

static int take_descriptors(const struct sandbox *s)
{
	int n = (int)s->n, null, high[FDS_MAX + 1];

	/* Out of the way first: they may be in each other's place. */
	for (int i = 0; i < n; i++)
		if ((high[i] = fcntl(s->fds[i], F_DUPFD, 100)) < 0)
			return -1;
	for (int i = 0; i < n; i++)
		if (dup2(high[i], 3 + i) < 0)
			return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -1;
#ifndef __SANITIZE_ADDRESS__
	if (dup2(null, 2) < 0)
		return -1;
#endif
	return close_range(3U + (unsigned int)n, ~0U, 0);
}

static int limit(int what, uint64_t most)
{
	struct rlimit l = { most, most };

	return setrlimit((__rlimit_resource_t)what, &l);
}

static int set_limits(const struct sandbox *s)
{
#ifdef MEMORY_MAX
	/*
	 * What is written in Go reserves far more than it uses.  A checker takes
	 * what the device's size asks for: see prefer_to_kill().
	 */
	if (s->role != SANDBOX_CHECK &&
	    limit(s->role == SANDBOX_SKOPEO ? RLIMIT_DATA : RLIMIT_AS,
		  MEMORY_MAX) < 0)
		return -1;
#endif
	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NOFILE, 128) < 0)
		return -1;
	return s->file_max ? limit(RLIMIT_FSIZE, s->file_max) : 0;
}

/* Where memory is short it is the first to go. */
static void prefer_to_kill(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "1000", 4);
		close(fd);
	}
}

/* After the user namespace, in which a process has all capabilities at first. */
static int drop_capabilities(enum sandbox_role role, uid_t id)
{
	static const cap_value_t unpack[] = {
		CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP,
	};
	static const cap_value_t read[] = { CAP_DAC_READ_SEARCH };
	const cap_value_t *keep = role == SANDBOX_UNPACK ? unpack : read;
	int n = role == SANDBOX_UNPACK ? 5 :
		role == SANDBOX_READ || role == SANDBOX_CHECK ? 0 : 1, r;
	cap_t caps;

	/* A program that is executed has what is in the bounding set. */
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if ((role != SANDBOX_SKOPEO || i != CAP_DAC_READ_SEARCH) &&
		    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EINVAL)
			return -1;
	if (role == SANDBOX_CHECK &&
	    (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 ||
	     setresuid(id, id, id) < 0 ||
	     prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	     prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		return -1;
	caps = cap_init();
	r = !caps ||
	    (n && (cap_set_flag(caps, CAP_PERMITTED, n, keep, CAP_SET) ||
		   cap_set_flag(caps, CAP_EFFECTIVE, n, keep, CAP_SET))) ||
	    cap_set_proc(caps);
	cap_free(caps);
	return r ? -1 : prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/*
 * Threads and no processes: the C library and Go use clone(2) where clone3(2)
 * does not exist, whose flags no filter sees.
 */
static int allow_threads(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
#ifdef __s390__
				SCMP_A1(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
#else
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
#endif
}

/* A call that is not listed does not exist: libraries try another one then. */
static int filter(enum sandbox_role role)
{
	static const char *const *const lists[] = {
		[SANDBOX_READ] = sandbox_calls_read,
		[SANDBOX_UNPACK] = sandbox_calls_unpack,
		[SANDBOX_PACK] = sandbox_calls_pack,
		[SANDBOX_SKOPEO] = sandbox_calls_skopeo,
		[SANDBOX_CHECK] = sandbox_calls_check,
	};
#ifdef __SANITIZE_ADDRESS__
	/* What the sanitizer itself does to report, and to scan memory. */
	static const char *const sanitizer[] = {
		"getpid", "gettid", "sigaltstack", "readlink", "openat", "write",
		"rt_sigprocmask", "rt_sigaction", "prctl", "sched_yield", "pread64",
		NULL,
	};
#endif
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = ctx ? 0 : -ENOMEM;

	for (const char *const *p = lists[role]; !r && *p; p++) {
		int call = seccomp_syscall_resolve_name(*p);

		if (call != __NR_SCMP_ERROR && call >= 0)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0);
	}
	if (!r && (role == SANDBOX_SKOPEO || role == SANDBOX_CHECK))
		r = allow_threads(ctx);
#ifdef __SANITIZE_ADDRESS__
	for (const char *const *p = sanitizer; !r && *p; p++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
				     seccomp_syscall_resolve_name(*p), 0);
#endif
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -r;
	return r < 0 ? -1 : 0;
}

/*
 * What libraries load by a path is loaded before the root changes, or it would
 * be looked for in the image: tables of characters, implementations of sha256.
 */
void sandbox_warm_up(void)
{
	iconv_t conv = iconv_open("ANSI_X3.4-1968", "UTF-8");
	char hex[DIGEST_HEX + 1];

	if (conv != (iconv_t)-1)
		iconv_close(conv);
	digest_buf("", 0, hex, NULL);
}

static const char *set_up(const struct sandbox *s)
{
	static const char *const names[] = {
		[SANDBOX_READ] = "sandbox-read",
		[SANDBOX_UNPACK] = "sandbox-unpack",
		[SANDBOX_PACK] = "sandbox-pack",
		[SANDBOX_SKOPEO] = "sandbox-skopeo",
		[SANDBOX_CHECK] = "sandbox-check",
	};
	sigset_t none;

	/* Or who waits for the store's lock would wait for this too. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NAME, names[s->role], 0, 0, 0) < 0 || setsid() < 0)
		return "a session of its own";
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP && i != 32 && i != 33)
			signal(i, SIG_DFL);
#ifndef __SANITIZE_ADDRESS__
	clearenv();
#endif
	umask(022);
	if (s->role == SANDBOX_CHECK)
		prefer_to_kill();
	sandbox_warm_up();
	if (take_descriptors(s) < 0)
		return "its descriptors";
	if (sandbox_enter_root(s) < 0)
		return "its root";
	return NULL;
}

int sandbox_confine(enum sandbox_role role, struct shift_error *err)
{
	const struct sandbox none = { .role = role };

	if (set_limits(&none) < 0 || drop_capabilities(role, 0) < 0 ||
	    filter(role) < 0)
		return shift_err_set(err, errno, "cannot make a sandbox in the pod");
	return 0;
}

static const char *confine(const struct sandbox *s, int userns)
{
	if (userns >= 0 && setns(userns, CLONE_NEWUSER) < 0)
		return "its user namespace";
	if (userns >= 0)
		close(userns);
	/* A change of namespace resets both. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    set_limits(s) < 0)
		return "its limits";
	if (drop_capabilities(s->role, s->id) < 0)
		return "giving up its capabilities";
	return filter(s->role) < 0 ? "its seccomp filter" : NULL;
}

pid_t sandbox_fork(const struct sandbox *s, struct shift_error *err)
{
	const unsigned long flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
				    CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNS;
	struct sandbox own = *s;
	int fds[FDS_MAX + 1];
	const char *failed;
	pid_t pid;

	if (s->n > FDS_MAX || !s->n)
		return shift_err_set(err, EINVAL, "cannot make a sandbox");
	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return shift_err_set(err, errno, "cannot make a process with namespaces of its own");
	if (pid)
		return pid;
	memcpy(fds, s->fds, s->n * sizeof(*fds));
	own.fds = fds;
	if (s->userns >= 0)
		fds[own.n++] = s->userns;
	failed = set_up(&own);
	if (!failed)
		failed = confine(s, s->userns >= 0 ? 3 + (int)s->n : -1);
	if (failed) {
		dprintf(3 + (int)s->n - 1, "%ccannot make a sandbox for what a stranger wrote: %s: %s",
			SANDBOX_FAILED, failed, strerror(errno));
		_exit(1);
	}
	return 0;
}
