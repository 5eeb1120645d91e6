/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup/security.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/util.h"
#include "cleanup.h"
#include "syscalls.h"

#define SELINUX_DIR "/sys/fs/selinux"
#define DEFAULT_FILE_LABEL "system_u:object_r:container_file_t:s0"

/* Takes effect at the next execve(2). */
static int exec_attribute(const char *file, const char *text,
			  struct shift_error *err)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	_cleanup_close_ int proc = -1, fd = -1;
	struct statfs fs;

	/* A file elsewhere would take the text and mean nothing by it. */
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || fstatfs(proc, &fs) < 0 ||
	    fs.f_type != PROC_SUPER_MAGIC)
		return shift_err_set(err, 0, "cannot set the label '%s': /proc is no procfs",
				     text);
	fd = sys_openat2(proc, file, &how);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return shift_err_set(err, errno, "cannot set the label '%s'",
				     text);
	return 0;
}

int security_label(const struct spec *spec, struct shift_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = 0;

	if (spec->process.selinux_label)
		r = exec_attribute("thread-self/attr/exec",
				   spec->process.selinux_label, err);
	if (r < 0 || !spec->process.apparmor_profile)
		return r;
	r = strf(&text, err, "exec %s", spec->process.apparmor_profile);
	return r < 0 ? r :
		exec_attribute("thread-self/attr/apparmor/exec", text, err);
}

int security_bounding(const struct spec *spec, struct shift_error *err)
{
	for (cap_value_t c = 0; c < cap_max_bits(); c++)
		if (!(spec->process.capabilities.bounding & (1ULL << c)) &&
		    cap_drop_bound(c) < 0)
			return shift_err_set(err, errno,
					     "cannot drop capability %d", c);
	return 0;
}

static int flags(cap_t caps, cap_flag_t flag, uint64_t set)
{
	int r = 0;

	for (cap_value_t c = 0; !r && c < cap_max_bits(); c++)
		if (set & (1ULL << c))
			r = cap_set_flag(caps, flag, 1, &c, CAP_SET);
	return r;
}

int security_capabilities(const struct spec *spec, bool unprivileged,
			  struct shift_error *err)
{
	const struct spec_capabilities *want = &spec->process.capabilities;
	uint64_t limit = unprivileged ? want->ambient : ~0ULL;
	cap_t caps = cap_init();
	int r = caps ? 0 : -1;

	if (!r)
		r = flags(caps, CAP_PERMITTED, want->permitted & limit);
	if (!r)
		r = flags(caps, CAP_EFFECTIVE, want->effective & limit);
	if (!r)
		r = flags(caps, CAP_INHERITABLE, want->inheritable);
	if (!r)
		r = cap_set_proc(caps);
	for (cap_value_t c = 0; !r && c < cap_max_bits(); c++)
		if (want->ambient & (1ULL << c))
			r = cap_set_ambient(c, CAP_SET);
	if (r)
		r = shift_err_set(err, errno,
				  "cannot set the pod's capabilities");
	cap_free(caps);
	return r;
}

int security_seccomp(int fd, struct shift_error *err)
{
	_cleanup_free_ struct sock_filter *filter = NULL;
	struct sock_fprog prog;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return shift_err_set(err, errno, "cannot read the seccomp filter");
	filter = malloc((size_t)st.st_size);
	if (!filter)
		return shift_err_set(err, ENOMEM, "cannot allocate memory");
	if (pread(fd, filter, (size_t)st.st_size, 0) != st.st_size)
		return shift_err_set(err, errno, "cannot read the seccomp filter");
	prog.len = (unsigned short)((size_t)st.st_size / sizeof(*filter));
	prog.filter = filter;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return shift_err_set(err, errno, "cannot load the seccomp filter");
	return 0;
}

#if defined(__x86_64__)
# define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
# define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

int security_listen(int *ret, struct shift_error *err)
{
#ifdef OWN_ARCH
	/* Calls of another architecture are the kernel's to answer. */
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsopen, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_fprog prog = { sizeof(insns) / sizeof(insns[0]), insns };
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);

	if (fd < 0)
		return shift_err_set(err, errno, "cannot listen to mount(2) of the pod");
	*ret = (int)fd;
	return 0;
#else
	(void)ret;
	return shift_err_set(err, ENOTSUP, "--intercept-mount is not known on this architecture");
#endif
}

/* Where the level begins, in a context of USER:ROLE:TYPE[:LEVEL]. */
static const char *level_of(const char *context)
{
	for (int i = 0; context && i < 3; i++) {
		context = strchr(context, ':');
		if (context)
			context++;
	}
	return context;
}

int security_file_label(const struct spec *spec, bool of_this_pod,
			char **ret, struct shift_error *err)
{
	const char *files = spec->linux_.mount_label ?: DEFAULT_FILE_LABEL;
	const char *own = level_of(spec->process.selinux_label);
	const char *level = level_of(files);

	*ret = NULL;
	if (access(SELINUX_DIR "/enforce", F_OK) < 0)
		return 0;
	if (!of_this_pod || !own || !level)
		return str_replace(ret, files, err);
	return strf(ret, err, "%.*s%s", (int)(level - files), files, own);
}

int security_mount_label(const struct spec *spec, char **ret,
			 struct shift_error *err)
{
	*ret = NULL;
	if (!spec->process.selinux_label && !spec->linux_.mount_label)
		return 0;
	return security_file_label(spec, true, ret, err);
}
