/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runner's own seccomp profile lets through, asked of the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup/security.h"
#include "spec/seccomp.h"
#include "spec/security_option.h"
#include "tap.h"

static int filter = -1;

/* The filter of a pod with the default capabilities and @caps. */
static void with(const char *const caps[])
{
	struct shift_error err = SHIFT_ERROR_INIT;
	struct spec spec;
	int r;

	if (filter >= 0)
		close(filter);
	filter = -1;
	r = spec_init(&spec, &err);
	for (size_t i = 0; r >= 0 && caps && caps[i]; i++)
		r = security_change_caps(&spec.process.capabilities, caps[i],
					 true, &err);
	if (r >= 0)
		r = seccomp_apply(&spec, NULL, &err);
	if (r >= 0)
		r = seccomp_compile(spec.linux_.seccomp, &filter, &err);
	ok(r >= 0, "a filter: %s", r < 0 ? shift_err_text(&err) : "compiled");
	spec_clear(&spec);
	shift_err_clear(&err);
}

/* The errno of a call under the filter, 0: none. */
static int call(long nr, ...)
{
	long a[6];
	int status;
	va_list ap;
	pid_t pid;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (security_seccomp(filter, NULL) < 0)
			_exit(200);
		errno = 0;
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#define CALL(...) call(__VA_ARGS__, 0L, 0L, 0L, 0L, 0L, 0L)

static void test_ordinary(void)
{
	with(NULL);
	is_int(CALL((long)SYS_getpid), 0, "getpid");
	is_int(CALL((long)SYS_openat, (long)AT_FDCWD, (long)"/", (long)O_RDONLY), 0, "openat");
	is_int(CALL((long)SYS_socket, (long)AF_UNIX, (long)SOCK_STREAM), 0, "a socket");
	is_int(CALL((long)SYS_socket, 38L, (long)SOCK_SEQPACKET), ENOSYS, "AF_ALG");
	is_int(CALL((long)SYS_socket, 40L, (long)SOCK_STREAM), ENOSYS, "AF_VSOCK");
	is_int(CALL((long)SYS_unshare, (long)CLONE_FS), 0, "unshare without a namespace");
	is_int(CALL((long)SYS_unshare, (long)CLONE_NEWUSER), EPERM, "a user namespace");
	is_int(CALL((long)SYS_unshare, 0x80L), EPERM, "a time namespace");
	is_int(CALL((long)SYS_unshare, (long)(CLONE_FS | CLONE_NEWNET)), EPERM, "a network namespace with more");
	is_int(CALL((long)SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD)), EPERM, "clone of a user namespace");
	is_int(CALL((long)SYS_clone3), ENOSYS, "clone3");
	is_int(CALL((long)SYS_mount), EPERM, "mount");
	is_int(CALL((long)SYS_bpf), EPERM, "bpf");
	is_int(CALL((long)SYS_keyctl), EPERM, "keyctl");
	is_int(CALL((long)SYS_mbind), EPERM, "mbind");
	is_int(CALL((long)SYS_io_uring_setup), EPERM, "io_uring_setup");
	is_int(CALL((long)SYS_personality, 0xffffffffL), 0, "personality, asked");
	is_int(CALL((long)SYS_personality, (long)READ_IMPLIES_EXEC), ENOSYS, "READ_IMPLIES_EXEC");
	is_int(CALL((long)SYS_chroot, (long)"/nosuch"), geteuid() ? EPERM : ENOENT, "chroot, whose capability it has");
	is_int(CALL(1000L), ENOSYS, "a call of a later kernel");
#ifdef __x86_64__
	is_int(CALL(0x40000000L | SYS_getpid), ENOSYS, "x32");
#endif
}

static void test_more(void)
{
	static const char *const admin[] = { "sys_admin", NULL };
	static const char *const others[] = {
		"sys_nice", "sys_ptrace", "sys_boot", NULL
	};

	with(admin);
	is_int(CALL((long)SYS_mount, (long)"none", (long)"/nosuch"), ENOENT, "mount with CAP_SYS_ADMIN");
	is_int(CALL((long)SYS_clone3), EINVAL, "clone3");
	is_int(CALL((long)SYS_unshare, (long)CLONE_NEWUTS), 0, "a namespace");
	is_int(CALL((long)SYS_keyctl, 999L), EOPNOTSUPP, "keyctl");
	is_int(CALL((long)SYS_kexec_load), EPERM, "kexec_load");
	is_int(CALL((long)SYS_reboot), EPERM, "reboot");
	with(others);
	is_int(CALL((long)SYS_mbind, 0L, 0L, 99L), EINVAL, "mbind with CAP_SYS_NICE");
	is_int(CALL((long)SYS_kcmp, 0L), ESRCH, "kcmp with CAP_SYS_PTRACE");
	is_int(CALL((long)SYS_reboot), EINVAL, "reboot with CAP_SYS_BOOT");
	is_int(CALL((long)SYS_mount), EPERM, "mount without CAP_SYS_ADMIN");
}

int main(void)
{
	test_ordinary();
	test_more();
	if (filter >= 0)
		close(filter);
	return tap_done();
}
